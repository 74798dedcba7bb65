"""What a bench costs, in dollars and in time: told before and after, limited, and kept when it is cut off."""

import json
import re
import time
from types import SimpleNamespace

import pytest
from bench_runs import doubles, ran
from openai_server import Answer, OpenAIServer

import forge
import optim
from benchmarks import catalog
from benchmarks.bench import rows, spent
from benchmarks.bench.console import foretold
from benchmarks.bench.course import AnyCourse
from benchmarks.bench.jobs import Job
from benchmarks.bench.outcome import Cell, load
from benchmarks.bench.playing import AlwaysAsks
from benchmarks.bench.regimes import Training
from benchmarks.bench.spent import DONE, paid_in
from benchmarks.bench.trainings import Trainer, forging_curve
from benchmarks.catalog import Benchmark
from functions import ForgeError


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


def test_the_curve_of_forging_takes_off_what_advice_costs():
    tasks = forge.Dataset([{"question": f"What is {n}?", "answer": str(n)} for n in range(12)])
    agent = forge.Agent(model=AlwaysAsks(tasks), expert=forge.GoldExpert(0.3))
    result = forge.train(agent, tasks, optimizer=optim.SynthesisOptimizer(), release=None)
    start, *_, end = forging_curve(result)
    assert start == (0.0, pytest.approx(0.7))
    assert end == (float(result.rollouts), pytest.approx(0.7))


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


def test_what_was_trained_before_is_not_counted_among_what_a_model_will_be_asked(asked, tmp_path):
    arguments = (*asked[1], "--regimes", "forge", "--seeds", "1", "--optimizer", "synthesis", "--usd")
    ran(*arguments, "999")
    (tmp_path / "run" / "cells" / "own,forge,seed=0.json").unlink()
    told = ran(*arguments, "5").stderr
    assert "1 steps to do" in told
    assert "24 test tasks in 1 tests; for at most $5" in told


def test_what_no_limit_in_dollars_sees_is_told(tmp_path):
    tasks = forge.Dataset([{"question": f"What is {n}?", "answer": str(n)} for n in range(12)])
    benchmark = Benchmark("served", lambda: tasks, lambda: tasks, lambda model: forge.Agent(model=model),
                          unmetered="the customer")  # fmt: skip
    course = AnyCourse(benchmark)
    setup = SimpleNamespace(pays=lambda regime, *, trains: False, trainer=lambda folder: Trainer(course, tmp_path))
    job = Job(None, Cell("served", "base"))
    assert foretold(setup, [job], None) == "not counted, and not limited by --usd: the customer"
    assert foretold(setup, [], None) == ""
    assert all("the customer" in catalog.load(name).unmetered for name in ("tau-airline", "tau-retail"))
