"""`forge bench`: which cells there are, what they are trained on, and that a bench ends, resumes and refuses."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_server import Answer, OpenAIServer
from typer.testing import CliRunner

import forge
import functions
import optim
from benchmarks import storeqa
from benchmarks.bench import regimes, rows, spent
from benchmarks.bench.bench import begin
from benchmarks.bench.course import AnyCourse
from benchmarks.bench.early_asking import AsksFirst
from benchmarks.bench.jobs import Job, do, jobs_for, local_workers
from benchmarks.bench.outcome import Cell, load
from benchmarks.bench.playing import AlwaysAsks
from benchmarks.bench.regimes import Training, planned, training_of
from benchmarks.bench.setup import Setup
from benchmarks.bench.spent import DONE, paid_in
from benchmarks.bench.trainings import LIBRARY, Trainer, ablated, forging_curve
from benchmarks.catalog import Benchmark
from benchmarks.storeqa.course import StoreCourse
from forge.cli import app
from forge.run import locked
from forge.session import Action, Call
from functions import ForgeError, Library

WHOLE = Cell("storeqa", "ppo", "", 0.3, None, 0)


def ran(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)])


def doubles(path, count, first=0):
    rows = [{"question": f"What is {n} and {n}?", "answer": str(2 * n)} for n in range(first, first + count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


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


def test_early_advice_needs_somebody_who_gives_it(tmp_path):
    doubles(tmp_path / "own.jsonl", 20)
    result = ran(tmp_path / "own.jsonl", "--regimes", "sft", "--advice-first", "3", "--run", tmp_path / "run")
    assert "own has no expert: give --advice-cost" in str(result.exception)


def test_weights_need_enough_tasks_and_how_many_is_told(tmp_path):
    doubles(tmp_path / "own.jsonl", 3)
    result = ran(tmp_path / "own.jsonl", "--regimes", "base,sft", "--run", tmp_path / "run")
    assert "--regimes sft: own has 2 training tasks in 2 streams. Weights need 3 in 2 at least" in str(result.exception)
    train = forge.Dataset([{"question": f"{n}?", "answer": n} for n in range(3)])
    course = AnyCourse(Benchmark("own", lambda: train, lambda: train, lambda model: forge.Agent(model=model)))
    assert [len(tasks) for tasks in course.weight_tasks(0)] == [2, 1]


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


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("storeqa", "--regimes", "base,fogre"), "--regimes fogre: one of base, forge, sft"),
        (("storeqa", "--regimes", ","), "--regimes names none: one of base, forge, sft"),
        (("storeqa", "--without", "memmory"), "--without memmory: one of memory"),
        (("storeqa", "--without-at-test", "rl"), "--without-at-test rl: one of memory, reflection, advice, tools"),
        (("storeqa", "--regimes", "base", "--without-at-test", "memory"), "none of base trains weights"),
        (("storqa",), "no data set is called 'storqa'"),
        (("storeqa", "--advice-cost", "a lot"), "numbers from 0 to 1 with commas"),
        (("storeqa", "--advice-cost", "3"), "costs lie in [0, 1]"),
        (("storeqa", "--seeds", "0"), "--seeds 0: at least 1"),
        (("storeqa", "--test-tasks", "0"), "--test-tasks 0: at least 1"),
        (("storeqa", "--usd", "0"), "--usd 0: more than 0"),
        (("storeqa", "--advice-first", "0"), "--advice-first 0: at least 1"),
        (("storeqa", "--workers", "0"), "--workers 0: at least 1"),
        (("storeqa", "--test", "held.jsonl"), "--test held.jsonl does not apply to storeqa"),
        (("productqa", "--metric", "numeric"), "--metric numeric does not apply to productqa"),
        (("storeqa", "--optimizer", "synthetic"), "no provider is known for the model 'synthetic'"),
    ],
)
def test_bad_arguments_are_told_before_anything_is_done(tmp_path, arguments, told):
    result = ran(*arguments, "--run", tmp_path / "run")
    assert isinstance(result.exception, ForgeError)
    assert told in str(result.exception)
    assert not (tmp_path / "run").exists()


SMALL = ("storeqa", "--regimes", "base,forge", "--seeds", "2", "--test-tasks", "2", "--workers", "1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bench") / "run"
    result = ran(*SMALL, "--run", folder)
    assert result.exit_code == 0, result.output
    return folder


def test_functions_raise_the_score_and_the_oracle_is_above_all(finished):
    total = {(each.cell.regime, each.cell.seed): each.total for each in load(finished / "cells")}
    for seed in (0, 1):
        assert total["base", seed] == 0
        assert 0.1 < total["forge", seed] < total["oracle", seed]
        assert total["always asks", seed] == pytest.approx(0.7)


def test_a_bench_writes_a_table_and_a_page(finished):
    for name in ("results.md", "results.csv", "results.json", "report.html", "curves.png"):
        assert (finished / name).stat().st_size > 100
    assert json.loads((finished / "bench.json").read_text())["settings"]["test_tasks"] == 2


def test_finished_cells_are_not_done_again_and_more_can_be_asked_for(finished, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["forge", "bench", "--more"])
    before = {path: path.stat().st_mtime_ns for path in (finished / "cells").iterdir()}
    result = ran(*SMALL[:3], "--regimes", "base", "--seeds", "3", "--test-tasks", "2", "--run", finished)
    assert result.exit_code == 0, result.output
    after = {path: path.stat().st_mtime_ns for path in (finished / "cells").iterdir()}
    assert {path: after[path] for path in before} == before
    assert len(after) == len(before) + 3  # the base, always asking, and the oracle, for one seed
    assert json.loads((finished / "bench.json").read_text())["commands"][-1] == "forge bench --more"
    assert "| command 2 | forge bench --more |" in (finished / "results.md").read_text()


def test_what_finished_cells_were_trained_on_is_not_needed_any_more(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run", ignore=shutil.ignore_patterns("trainings"))
    result = ran(*SMALL, "--run", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "run" / "trainings").exists()


def test_a_folder_of_another_bench_is_refused_and_stays(finished):
    before = sorted(path.name for path in (finished / "cells").iterdir())
    result = ran("storeqa", "--regimes", "base", "--seeds", "1", "--test-tasks", "3", "--run", finished)
    assert "test_tasks=2" in str(result.exception)
    assert sorted(path.name for path in (finished / "cells").iterdir()) == before


@pytest.mark.parametrize("text", ["[]", "{}", "3", "{", '{"settings": []}', '{"settings": {}, "cells": 3}'])
def test_a_damaged_description_of_a_bench_is_told_and_stays(tmp_path, text):
    (tmp_path / "bench.json").write_text(text)
    result = ran("storeqa", "--regimes", "base", "--seeds", "1", "--test-tasks", "2", "--run", tmp_path)
    assert isinstance(result.exception, ForgeError)
    assert re.search(r"bench.json is damaged.*--overwrite", str(result.exception))
    assert (tmp_path / "bench.json").read_text() == text


def test_two_benches_do_not_work_in_one_folder_at_the_same_time(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    with locked(folder / ".lock"):
        result = ran(*SMALL, "--overwrite", "--run", folder)
    assert isinstance(result.exception, ForgeError)
    assert f"{folder} is in use" in str(result.exception)
    assert len(load(folder / "cells")) == len(load(finished / "cells"))
    assert ran(*SMALL, "--run", folder).exit_code == 0


def test_a_damaged_cell_is_told_before_anything_else_is_done(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    first, second = sorted((folder / "cells").glob("*.json"))[:2]
    first.write_text("{")
    second.unlink()
    result = ran(*SMALL, "--run", folder)
    assert isinstance(result.exception, ForgeError)
    assert f"{first} is no finished cell" in str(result.exception)
    assert not second.exists()


def test_cells_that_nothing_tells_the_settings_of_are_not_reused(finished, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / "bench.json").unlink()
    result = ran(*SMALL, "--run", folder)
    assert isinstance(result.exception, ForgeError)
    assert "bench.json" in str(result.exception)
    assert "--overwrite" in str(result.exception)
    kept = {path: path.stat().st_mtime_ns for path in (folder / "cells").iterdir()}
    assert ran(*SMALL, "--overwrite", "--run", folder).exit_code == 0
    assert all(path.stat().st_mtime_ns != kept[path] for path in (folder / "cells").iterdir())


def test_cells_of_tasks_that_have_changed_are_not_reused(tmp_path):
    data, folder = tmp_path / "own.jsonl", tmp_path / "run"
    doubles(data, 20)
    arguments = (str(data), "--regimes", "base", "--seeds", "1", "--workers", "1", "--run", str(folder))
    assert ran(*arguments).exit_code == 0
    before = (folder / "bench.json").read_text()
    doubles(data, 24)
    command = [sys.executable, "-m", "forge.cli", "bench", *arguments]
    again = subprocess.run(command, capture_output=True, text=True)
    assert again.returncode == 1, again.stdout
    assert "have changed since" in again.stderr
    assert "--overwrite" in again.stderr
    assert (folder / "bench.json").read_text() == before
    replaced = subprocess.run([*command, "--overwrite"], capture_output=True, text=True)
    assert replaced.returncode == 0, replaced.stderr
    assert json.loads((folder / "bench.json").read_text())["data"] != json.loads(before)["data"]


def test_a_bench_that_does_not_tell_its_tasks_is_gone_on_with_and_tells_them_then(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    told = json.loads((finished / "bench.json").read_text())
    data = told.pop("data")
    (tmp_path / "run" / "bench.json").write_text(json.dumps(told))
    result = ran(*SMALL, "--run", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "run" / "bench.json").read_text())["data"] == data


def test_tasks_that_change_while_a_bench_is_at_work_are_not_played(tmp_path):
    doubles(tmp_path / "own.jsonl", 20)
    setup, cell = Setup(str(tmp_path / "own.jsonl")), Cell("own", "base")
    (tmp_path / "run").mkdir()
    begin(tmp_path / "run", setup, [cell.name], overwrite=False)
    doubles(tmp_path / "own.jsonl", 24)
    with local_workers(1) as pool:
        done = pool.submit(do, setup, tmp_path / "run", Job(None, cell), 1).result()
    assert "have changed" in done.error
    assert not (tmp_path / "run" / "cells").exists()


def test_a_training_that_fails_is_told_and_the_others_go_on(tmp_path):
    data = tmp_path / "own.jsonl"
    doubles(data, 60)
    result = ran(data, "--regimes", "base,forge", "--without", "progressive", "--seeds", "1", "--workers", "1",
                 "--run", tmp_path / "run")  # fmt: skip
    assert result.exit_code == 1
    assert "only a language model as optimizer updates progressively" in result.output
    assert {each.cell.without for each in load(tmp_path / "run" / "cells")} == {""}
    assert result.stderr.count("failed  own,forge,without=progressive") == 1  # the training, and not its cell again


def test_what_nobody_expected_fails_one_job_and_the_page_is_written(tmp_path):
    doubles(tmp_path / "own.jsonl", 60)
    name, folder = "own,forge,seed=0", tmp_path / "run"
    (folder / "trainings").mkdir(parents=True)
    (folder / "trainings" / name).write_text("in the way of a folder")
    result = ran(tmp_path / "own.jsonl", "--regimes", "base,forge", "--seeds", "2", "--workers", "1", "--run", folder)
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)
    assert f"failed:  {name}: FileExistsError" in result.stdout
    assert f"(traceback: {folder / 'errors' / name}.txt)" in result.stdout
    assert "Traceback (most recent call last)" in (folder / "errors" / f"{name}.txt").read_text()
    assert {(each.cell.regime, each.cell.seed) for each in load(folder / "cells")} == {
        ("base", 0), ("base", 1), ("forge", 1)
    }  # fmt: skip
    assert (folder / "report.html").exists()


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, "-m", "forge.cli", "bench", *SMALL, "--run", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    deadline = time.monotonic() + 120
    while not list(folder.glob("cells/*.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "interrupted: what is done is kept" in output
    assert "Traceback" not in output
    kept = set((folder / "cells").glob("*.json"))
    assert kept
    result = ran(*SMALL, "--run", folder)
    assert result.exit_code == 0, result.output
    assert kept < set((folder / "cells").glob("*.json"))
    assert not list((folder / "cells").glob("*.partial"))


STARTING = """
import signal
import time
from benchmarks.bench.jobs import local_workers

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background has it ignored
    try:
        with local_workers(2) as pool:
            pool.submit(time.sleep, 0)
            print("starting", flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        print("put away")
"""


def test_ctrl_c_while_processes_start_shows_nothing_of_their_insides(tmp_path):
    (tmp_path / "starting.py").write_text(STARTING)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "starting.py")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert process.stdout.readline() == "starting\n"
    time.sleep(0.3)  # the process is at its imports
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    output, _ = process.communicate(timeout=100)
    assert output == "put away\n"


def test_a_training_that_goes_on_has_taken_the_time_of_all_its_parts(tmp_path):
    tries = []

    def function_tasks(seed):
        time.sleep(0.3)
        tries.append(seed)
        if len(tries) == 1:
            raise KeyboardInterrupt
        return forge.Dataset([{"question": f"What is {n} and {n}?", "answer": str(2 * n)} for n in range(12)]), None

    course = SimpleNamespace(agent=lambda model, cost: forge.Agent(model=model), function_tasks=function_tasks)
    trainer, training = Trainer(course, tmp_path), Training(Cell("own", "forge"))
    with pytest.raises(KeyboardInterrupt):
        trainer.train(training, 0)
    assert not (tmp_path / training.name / DONE).exists()
    began = time.monotonic()
    spent = trainer.train(training, 0)
    assert spent.seconds >= 0.3 + (time.monotonic() - began) - 0.1
    assert spent.gpu_seconds == 0
    assert trainer.train(training, 0) == spent


@pytest.fixture
def asked(tmp_path):
    """A server whose model answers every question with 4, a data set of 80 questions, and how it is benched."""
    doubles(tmp_path / "own.jsonl", 80)
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0}  # $0.15 a call, as listed
    with OpenAIServer([Answer("4", usage=usage)]) as server:
        yield server, (tmp_path / "own.jsonl", "--model", "openai/gpt-4o-mini", "--api-base", server.url, "--workers",
                       "1", "--run", tmp_path / "run")  # fmt: skip


def test_what_playing_the_test_costs_is_told(asked, tmp_path):
    server, arguments = asked
    result = ran(*arguments, "--regimes", "base", "--seeds", "1")
    assert result.exit_code == 0, result.output
    (cell,) = load(tmp_path / "run" / "cells")
    assert len(server.requests) == len(cell.tasks) == 24
    assert (cell.test_tokens, cell.test_usd) == (24_000_000, pytest.approx(3.6))
    assert (cell.tokens, cell.usd) == (0, 0)  # nothing was trained
    (row,) = rows.rows([cell])
    assert row.usd_per_1000 == pytest.approx(150)
    assert "| $ for 1,000 answers |" in (tmp_path / "run" / "results.md").read_text()
    assert "usd_per_1000" in (tmp_path / "run" / "results.csv").read_text()


def test_what_a_model_will_be_asked_is_told_before(asked):
    _, arguments = asked
    told = ran(*arguments, "--regimes", "base", "--seeds", "2").stderr
    assert "to ask of openai/gpt-4o-mini: 48 test tasks in 2 tests; no limit in dollars is set (--usd)" in told


def test_dollars_limit_all_tests_together_and_more_of_them_go_on(asked, tmp_path):
    arguments = (*asked[1], "--regimes", "base", "--seeds", "3")
    first = ran(*arguments, "--usd", "4")  # a test costs $3.60
    assert first.exit_code == 1
    assert "for at most $4" in first.stderr
    assert re.search(r"own,base,seed=1: usd [\d.]+ of 0.4 left of --usd is spent after \d+ of 24 test", first.stdout)
    assert "own,base,seed=2: not begun, as the $4 of --usd are spent" in first.stdout
    assert [cell.cell.seed for cell in load(tmp_path / "run" / "cells")] == [0]
    assert (tmp_path / "run" / "report.html").exists()
    second = ran(*arguments, "--usd", "9")
    assert second.exit_code == 0, second.output
    assert len(load(tmp_path / "run" / "cells")) == 3


def test_what_a_training_may_spend_is_what_is_left_and_what_it_spent_counts(asked, tmp_path):
    server, arguments = asked
    result = ran(*arguments, "--regimes", "forge", "--seeds", "1", "--usd", "2", "--optimizer", "synthesis")
    assert result.exit_code == 1
    assert paid_in(tmp_path / "run" / "trainings" / "own,forge,seed=0") == pytest.approx(0.15 * len(server.requests))
    assert 2 <= 0.15 * len(server.requests) < 2 + 0.15 * 16  # what is in flight
    assert "own,forge,seed=0 is not finished, budget spent" in result.stdout
    training = tmp_path / "run" / "trainings" / "own,forge,seed=0" / DONE
    assert not training.exists()  # else one seed of a row would be trained on less than the others for good
    assert (
        ran(*arguments, "--regimes", "forge", "--seeds", "1", "--usd", "999", "--optimizer", "synthesis").exit_code == 0
    )
    assert "budget spent" not in training.read_text()


def test_where_answers_cost_nothing_the_table_does_not_speak_of_it(finished):
    assert "answers |" not in (finished / "results.md").read_text()


def test_jobs_have_names_that_differ(tmp_path):
    found = planned("storeqa", regimes.DEFAULT, seeds=range(2), costs=[0.1, 0.3], without=["memory"], calls_tools=False)
    jobs = jobs_for(found)
    assert len({(job.name, job.cell is None) for job in jobs}) == len(jobs)
    assert all(isinstance(job, Job) for job in jobs)


def test_the_curve_of_forging_takes_off_what_advice_costs():
    tasks = forge.Dataset([{"question": f"What is {n}?", "answer": str(n)} for n in range(12)])
    agent = forge.Agent(model=AlwaysAsks(tasks), expert=forge.GoldExpert(0.3))
    result = forge.train(agent, tasks, optimizer=optim.SynthesisOptimizer(), release=None)
    start, *_, end = forging_curve(result)
    assert start == (0.0, pytest.approx(0.7))
    assert end == (float(result.rollouts), pytest.approx(0.7))


def test_a_file_with_columns_of_its_own_is_played_and_a_known_data_set_has_none(tmp_path):
    data = tmp_path / "own.jsonl"
    data.write_text("".join(json.dumps({"prompt": f"{n} plus 1", "label": str(n + 1)}) + "\n" for n in range(12)))
    ended = ran(data, "--regimes", "base", "--seeds", 1, "--columns", "question=prompt,answer=label", "--run",
                tmp_path / "run")  # fmt: skip
    assert ended.exit_code == 0, ended.output
    assert "--columns" in str(ran("storeqa", "--columns", "question=prompt", "--run", tmp_path / "other").exception)


@pytest.mark.parametrize(("step", "paid"), [("forge", True), ("ppo+forge", True), ("forge+sft", False), ("ppo", False)])
def test_of_a_chain_just_the_step_that_forges_asks_the_optimizer(step, paid):
    assert Setup("storeqa", optimizer="openai/gpt-5-mini").pays(step, trains=True) is paid


def test_the_time_of_a_training_is_put_away_while_it_goes_on_since_it_may_be_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(spent, "NOTED_EVERY", 0.01)
    path = tmp_path / "times.json"
    path.write_text(json.dumps({"seconds": 100.0, "cpu_seconds": 50.0, "gpu_seconds": 0.0}), encoding="utf-8")
    with spent.timed(path, on_gpu=True):
        until = time.monotonic() + 30
        while json.loads(path.read_text(encoding="utf-8"))["seconds"] <= 100.0 and time.monotonic() < until:
            time.sleep(0.01)
        during = json.loads(path.read_text(encoding="utf-8"))
    after = json.loads(path.read_text(encoding="utf-8"))
    assert 100.0 < during["seconds"] <= after["seconds"] < 130.0
    assert 0.0 < during["gpu_seconds"] <= after["gpu_seconds"]
    assert after["cpu_seconds"] >= 50.0


def test_what_ends_a_training_is_told_though_its_time_cannot_be_put_away_either(tmp_path):
    folder = tmp_path / "training"
    folder.mkdir()

    def cut_off():
        with spent.timed(folder / "times.json", on_gpu=False):
            folder.rmdir()
            raise ForgeError("no room")

    with pytest.raises(ForgeError, match="no room"):
        cut_off()
