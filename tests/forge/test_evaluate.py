"""Scores, intervals and comparisons, and the two drivers that must agree."""

import asyncio
import time

import pytest
from doubles import Awaited, Scripted, submit
from hypothesis import given
from hypothesis import strategies as st

import forge
from forge.evaluate import Evaluation
from forge.session import Action, Session
from forge.statistics import bootstrap, mean_interval, wilson
from functions import ForgeError


def dataset(count=6, metric=forge.metrics.exact_match, streams=0):
    rows = [{"id": f"t{n}", "question": f"say {n}", "answer": n, "stream": f"s{n % streams}" if streams else ""}
            for n in range(count)]  # fmt: skip
    return forge.Dataset(rows, metric=metric)


def echo(context):
    """Right on even numbers."""
    number = int(context.question.split()[-1])
    return submit(number if number % 2 == 0 else "odd")


def lucky(context):
    """Right by a coin that the seed throws."""
    return submit(int(context.question.split()[-1]) if context.seed % 2 else "no")


def sessions_of(evaluation):
    return [(s.task_id, s.repeat, s.answer, s.score) for s in evaluation.sessions]


@pytest.mark.parametrize("kind", [Scripted, Awaited])
def test_the_score_is_the_mean_of_the_metric(kind):
    evaluation = forge.evaluate(forge.Agent(model=kind(echo)), dataset())
    assert evaluation.score == evaluation.accuracy == 0.5
    assert evaluation.by_task["t0"] == 1
    assert evaluation.cost.calls == 6
    assert evaluation.complete


@pytest.mark.parametrize("streams", [0, 2])
def test_both_drivers_give_the_same_sessions_at_any_concurrency(streams):
    found = [
        sessions_of(forge.evaluate(forge.Agent(model=kind(lucky)), dataset(12, streams=streams), repeats=2, seed=3,
                                   concurrency=concurrency))
        for kind in (Scripted, Awaited) for concurrency in (1, 5, 32)
    ]  # fmt: skip
    assert all(sessions == found[0] for sessions in found)
    assert len({score for _, _, _, score in found[0]}) == 2


def test_repeats_meet_other_luck_and_seeds_repeat_it():
    agent = forge.Agent(model=Scripted(lucky))
    first, second, other = (sessions_of(forge.evaluate(agent, dataset(20), repeats=2, seed=s)) for s in (0, 0, 1))
    assert first == second != other
    assert [answer for _, repeat, answer, _ in first if repeat == 0] != [a for _, r, a, _ in first if r == 1]


def test_many_slow_replies_are_waited_for_at_the_same_time():
    class Slow(Awaited):
        async def act_async(self, context):
            await asyncio.sleep(0.2)
            return echo(context)

    began = time.monotonic()
    forge.evaluate(forge.Agent(model=Slow(echo)), dataset(32), concurrency=32)
    assert time.monotonic() - began < 3  # one after another it would be 6.4 s


def test_slow_metrics_are_waited_for_at_the_same_time_and_sessions_are_reported_one_by_one():
    inside, most, reported = [], [], []

    def slow(task, session):
        inside.append(task.id)
        time.sleep(0.1)
        most.append(len(inside))
        inside.remove(task.id)
        return 1

    def report(session):
        reported.append(session.task_id)

    forge.evaluate(forge.Agent(model=Awaited(echo)), dataset(16, metric=slow), concurrency=8, on_session=report)
    assert max(most) > 1
    assert sorted(reported) == sorted(f"t{n}" for n in range(16))


def test_evaluate_works_inside_a_running_event_loop():
    async def notebook():
        return forge.evaluate(forge.Agent(model=Awaited(echo)), dataset()).score

    assert asyncio.run(notebook()) == 0.5


def test_the_tasks_of_a_stream_share_a_memory_and_the_agents_own_stays_as_it_was():
    def behave(context):
        if not context.steps:
            return Action(calls=(forge.Call("retrieve_memory", {"query": "seen"}),))
        if len(context.steps) == 1:
            return Action(calls=(forge.Call("update_memory", {"text": "seen one"}),))
        return submit("nothing" in context.steps[0].observations[0].text)

    memory = forge.Memory()
    evaluation = forge.evaluate(forge.Agent(model=Scripted(behave), memory=memory), dataset(4, streams=2))
    assert [session.answer for session in evaluation.sessions] == [True, True, False, False]
    assert len(memory) == 0


@pytest.mark.parametrize("kind", [Scripted, Awaited])
def test_a_budget_of_rollouts_is_never_overrun(kind):
    evaluation = forge.evaluate(forge.Agent(model=kind(echo)), dataset(20), budget=forge.Budget(rollouts=7))
    assert len(evaluation.sessions) == 7
    assert not evaluation.complete


@pytest.mark.parametrize("kind", [Scripted, Awaited])
def test_a_budget_of_tokens_is_overrun_by_what_is_in_flight_at_most(kind):
    evaluation = forge.evaluate(
        forge.Agent(model=kind(echo)), dataset(40), concurrency=4, budget=forge.Budget(tokens=50)
    )
    assert 5 <= len(evaluation.sessions) <= 9  # ten tokens each


def nonsense(value):
    def metric(task, session):
        if isinstance(value, Exception):
            raise value
        return value

    return metric


@pytest.mark.parametrize("value", [None, float("nan"), 2.0, -0.1, "yes", KeyError("gone"), [1]])
@pytest.mark.parametrize("kind", [Scripted, Awaited])
def test_a_metric_that_raises_or_gives_nonsense_is_named_with_the_task(value, kind):
    with pytest.raises(ForgeError, match=r"'metric'.*'t0'"):
        forge.evaluate(forge.Agent(model=kind(echo)), dataset(2, metric=nonsense(value)), concurrency=1)


def test_a_score_carries_feedback():
    metric = lambda task, session: forge.Score(0.25, "too short")  # noqa: E731
    session = forge.evaluate(forge.Agent(model=Scripted(echo)), dataset(1, metric=metric)).sessions[0]
    assert (session.score, session.feedback) == (0.25, "too short")


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"concurrency": 0}])
def test_arguments_that_cannot_be_are_refused(wrong):
    with pytest.raises(ForgeError, match=next(iter(wrong))):
        forge.evaluate(forge.Agent(model=Scripted(echo)), dataset(), **wrong)


def evaluation(scores):
    sessions = tuple(Session(str(n), "q", score=score) for n, score in enumerate(scores))
    return Evaluation(sessions, ("",) * len(sessions), len(sessions))


pairs = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=20)


@given(pairs)
def test_comparing_the_other_way_round_changes_every_sign(values):
    before, after = evaluation([a for a, _ in values]), evaluation([b for _, b in values])
    there, back = forge.compare(before, after), forge.compare(after, before)
    assert there.difference == pytest.approx(-back.difference)
    assert (there.wins, there.losses, there.ties) == (back.losses, back.wins, back.ties)
    assert there.interval[0] <= there.difference + 1e-9
    assert there.interval[1] >= there.difference - 1e-9 or there.wins + there.losses == 0


def test_evaluations_of_different_tasks_cannot_be_compared():
    with pytest.raises(ForgeError, match="no partner"):
        forge.compare(evaluation([1.0]), evaluation([1.0, 0.0]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_an_interval_holds_the_mean_and_stays_in_range(values):
    low, high = mean_interval(values)
    assert 0 <= low <= sum(values) / len(values) + 1e-9
    assert sum(values) / len(values) - 1e-9 <= high <= 1


def test_wilsons_interval_is_the_published_one():
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)


def test_a_bootstrap_interval_narrows_with_more_data():
    few, many = bootstrap([0.0, 0.5, 1.0] * 3), bootstrap([0.0, 0.5, 1.0] * 100)
    assert many[1] - many[0] < few[1] - few[0]
