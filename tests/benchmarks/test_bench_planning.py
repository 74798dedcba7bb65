"""Which cells a bench has, what they are trained on, and what an ablated agent lacks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forge
import functions
from benchmarks import storeqa
from benchmarks.bench import regimes, rows
from benchmarks.bench.early_asking import AsksFirst
from benchmarks.bench.jobs import Job, jobs_for
from benchmarks.bench.outcome import Cell
from benchmarks.bench.regimes import planned, training_of
from benchmarks.bench.setup import Setup
from benchmarks.bench.trainings import LIBRARY, Trainer, ablated
from benchmarks.storeqa.course import StoreCourse
from forge.session import Action, Call
from functions import ForgeError, Library

WHOLE = Cell("storeqa", "ppo", "", 0.3, None, 0)


cells = st.builds(
    Cell,
    st.just("storeqa"),
    st.sampled_from([*regimes.REGIMES, regimes.NEVER, regimes.ALWAYS, regimes.ORACLE]),
    st.sampled_from(["", *regimes.AGENT_PARTS, *regimes.FORGE_PARTS, "memory at test"]),
    st.sampled_from([0.1, 0.3]),
    st.sampled_from([None, 5]),
    st.integers(0, 2),
)


@given(st.lists(cells, max_size=12))
def test_everything_that_a_job_needs_comes_before_it_and_nothing_is_done_twice(wanted):
    jobs = jobs_for(wanted)
    assert len(set(jobs)) == len(jobs)
    for place, job in enumerate(jobs):
        assert job.needs is None or job.needs in jobs[:place]
    assert {job.cell for job in jobs if job.cell} == set(wanted)


def test_imitation_is_shared_by_all_costs_and_ppo_is_not():
    cheap, dear = WHOLE, replace(WHOLE, advice_cost=0.5)
    assert training_of(cheap) != training_of(dear)
    assert training_of(cheap).before == training_of(dear).before


def test_the_stack_goes_from_functions_over_imitation_to_ppo():
    chain = training_of(replace(WHOLE, regime="forge+ppo")).chain
    assert [step.regime for step in chain] == ["forge", "forge+sft", "forge+ppo"]


def test_without_rl_the_imitation_is_what_is_played():
    assert training_of(replace(WHOLE, without="rl")) == training_of(replace(WHOLE, regime="sft"))
    stack = replace(WHOLE, regime="forge+ppo", without="rl")
    assert training_of(stack) == training_of(replace(WHOLE, regime="forge+sft"))


def test_without_tools_weights_are_trained_without_forged_functions(tmp_path):
    whole = training_of(replace(WHOLE, regime="forge+ppo"))
    for cell in (whole.cell, replace(whole.cell, without="tools")):
        library = Library([functions.Function.from_source("def double(x: int) -> int:\n    return 2 * x")])
        library.save(tmp_path / training_of(cell).chain[0].name / LIBRARY)
    trainer = Trainer(StoreCourse(), tmp_path)
    assert trainer.library(whole).names
    assert not trainer.library(training_of(replace(whole.cell, without="tools"))).names
    assert not trainer.library(training_of(replace(whole.cell, without="tools")).before).names


def test_a_part_of_forging_does_not_touch_what_is_not_forged():
    assert training_of(replace(WHOLE, regime="sft", without="rollback")) == training_of(replace(WHOLE, regime="sft"))


def test_parts_are_taken_away_at_the_first_cost_only():
    found = planned(
        "storeqa", ["sft", "ppo"], seeds=range(2), costs=[0.3, 0.1], without=["memory", "rl"], calls_tools=False
    )
    gone = [cell for cell in found if cell.without]
    assert {cell.advice_cost for cell in gone} == {0.3}
    assert sum(cell.without == "memory" for cell in gone) == 4
    assert sum(cell.without == "rl" for cell in gone) == 2  # imitation has no reinforcement to take away
    assert sum(not cell.without for cell in found) == 8


def test_parts_are_taken_away_at_the_default_cost_where_the_sweep_has_it():
    swept = {"seeds": range(1), "without": ["memory"], "without_at_test": ["tools"], "advice_first": 5}
    for costs, expected in (([0.1, 0.3, 0.5], 0.3), ([0.1, 0.5], 0.1)):
        found = planned("storeqa", ["ppo"], costs=costs, default_cost=0.3, calls_tools=False, **swept)
        gone = [cell for cell in found if rows.ablated(cell)]
        assert {cell.advice_cost for cell in gone} == {expected}
        assert {cell.without for cell in gone} == {"", "memory", "tools at test"}


def test_asking_in_the_first_tasks_only_is_planned_beside_the_whole_and_its_references_are_not():
    found = planned(
        "storeqa", ["base", "ppo"], seeds=range(1), costs=[0.3], without=["memory", "advice"], advice_first=10,
        references=[regimes.ALWAYS, regimes.NEVER, regimes.ORACLE], calls_tools=False,
    )  # fmt: skip
    assert {cell.regime for cell in found if cell.advice_first is None and not cell.without} == {
        "base", "ppo", regimes.ALWAYS, regimes.NEVER, regimes.ORACLE
    }  # fmt: skip
    early = [cell for cell in found if cell.advice_first is not None]
    assert [(cell.regime, cell.without) for cell in early] == [("ppo", "")]
    assert training_of(early[0]) == training_of(WHOLE)  # nothing more is trained
    assert replace(WHOLE, without="advice") in found


def test_who_never_seeks_advice_has_none_in_the_first_tasks_only():
    with pytest.raises(ForgeError, match="--advice-first 10: none of base, forge seeks advice"):
        planned("storeqa", ["base", "forge"], seeds=range(1), costs=[0.3], advice_first=10, calls_tools=False)


def test_what_is_missing_at_test_alone_is_trained_as_the_whole_and_has_a_row_of_its_own():
    found = planned(
        "storeqa", ["base", "ppo"], seeds=range(2), costs=[0.3, 0.1], without_at_test=["memory"], calls_tools=False
    )
    gone = [cell for cell in found if cell.without]
    assert [(cell.regime, cell.advice_cost, regimes.lacking(cell)) for cell in gone] == [("ppo", 0.3, "memory")] * 2
    assert training_of(gone[0]) == training_of(WHOLE)
    assert gone[0].name == "storeqa,ppo,without=memory_at_test,cost=0.3,seed=0"


def test_the_router_calls_no_tools_so_that_none_can_be_taken_from_it():
    with pytest.raises(ForgeError, match="--without memory: none of base, forge has that part"):
        planned("storeqa", ["base", "forge"], seeds=range(1), costs=[0.3], without=["memory"], calls_tools=False)
    assert (
        planned("storeqa", ["base"], seeds=range(1), costs=[0.3], without=["memory"], calls_tools=True)[1].without
        == "memory"
    )


@pytest.mark.parametrize("part", regimes.AGENT_PARTS)
def test_an_ablated_agent_lacks_that_part_and_keeps_the_others(part):
    agent = storeqa.agent("router")
    lacking = ablated(agent, part)
    names = {tool.name for tool in lacking.all_tools}
    assert (lacking.memory is None) == (part == "memory")
    assert (lacking.expert is None) == (part == "advice")
    assert ("reflect" in names) == (part not in ("reflection", "memory"))
    assert ("search" in names) == (part != "tools")
    assert (lacking.instructions == agent.instructions) == (part != "planning")


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_whether_it_would_or_not_advice_is_sought_in_the_first_tasks_of_each_stream_and_never_after(share):
    tasks = storeqa.streams(2, seed="early", length=10)
    asker = AsksFirst(storeqa.Demonstrator(tasks, asks=(share, share, share)), tasks, 4)
    seen = forge.evaluate(storeqa.agent(asker, advice_cost=0.5), tasks)
    early = [place < 4 for stream in tasks.streams().values() for place, _ in enumerate(stream)]
    assert [session.advice_count for session in seen.sessions] == [int(each) for each in early]
    assert seen.accuracy == 1.0  # what it does else is its own
    looked = [[call.name for call, _ in session.calls][:2] for session in seen.sessions if session.advice_count]
    assert ["retrieve_memory", "seek_advice"] in looked


def test_who_would_look_into_its_memory_again_and_again_asks_after_the_first_look():
    class Looks:
        name = "looks"

        def act(self, contexts):
            return [Action(calls=(Call("retrieve_memory"),)) for _ in contexts]

    tasks = storeqa.streams(1, seed="early", length=10)
    seen = forge.evaluate(storeqa.agent(AsksFirst(Looks(), tasks, 4)), tasks)
    assert [session.advice_count for session in seen.sessions] == [1] * 4 + [0] * 6
    assert [call.name for call, _ in seen.sessions[0].calls][:2] == ["retrieve_memory", "seek_advice"]


def test_jobs_have_names_that_differ(tmp_path):
    found = planned("storeqa", regimes.DEFAULT, seeds=range(2), costs=[0.1, 0.3], without=["memory"], calls_tools=False)
    jobs = jobs_for(found)
    assert len({(job.name, job.cell is None) for job in jobs}) == len(jobs)
    assert all(isinstance(job, Job) for job in jobs)


@pytest.mark.parametrize(("step", "paid"), [("forge", True), ("ppo+forge", True), ("forge+sft", False), ("ppo", False)])
def test_of_a_chain_just_the_step_that_forges_asks_the_optimizer(step, paid):
    assert Setup("storeqa", optimizer="openai/gpt-5-mini").pays(step, trains=True) is paid
