"""`forge bench`: a bench ends, resumes and refuses."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from bench_runs import doubles, ran

import forge
from benchmarks.bench.bench import begin
from benchmarks.bench.course import AnyCourse
from benchmarks.bench.jobs import Job, do, local_workers
from benchmarks.bench.outcome import Cell, load
from benchmarks.bench.setup import Setup
from benchmarks.catalog import Benchmark
from forge.run import locked
from functions import ForgeError


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


def test_a_bench_tells_of_all_versions_that_worked_on_it(finished, tmp_path, monkeypatch):
    shutil.copytree(finished, tmp_path / "run")
    told = json.loads((finished / "bench.json").read_text())["versions"]
    for _ in range(2):
        monkeypatch.setattr("benchmarks.bench.bench._versions", lambda: told | {"forge-agents": "9.9"})
        assert ran(*SMALL, "--run", tmp_path / "run").exit_code == 0
    both = f"{told['forge-agents']}, 9.9"
    assert json.loads((tmp_path / "run" / "bench.json").read_text())["versions"] == told | {"forge-agents": both}


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


@pytest.mark.parametrize(
    "text",
    ["[]", "{}", "3", "{", '{"settings": []}', '{"settings": {}, "cells": 3}', '{"settings": {}, "versions": []}'],
)
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


def test_where_answers_cost_nothing_the_table_does_not_speak_of_it(finished):
    assert "answers |" not in (finished / "results.md").read_text()


def test_a_file_with_columns_of_its_own_is_played_and_a_known_data_set_has_none(tmp_path):
    data = tmp_path / "own.jsonl"
    data.write_text("".join(json.dumps({"prompt": f"{n} plus 1", "label": str(n + 1)}) + "\n" for n in range(12)))
    ended = ran(data, "--regimes", "base", "--seeds", 1, "--columns", "question=prompt,answer=label", "--run",
                tmp_path / "run")  # fmt: skip
    assert ended.exit_code == 0, ended.output
    assert "--columns" in str(ran("storeqa", "--columns", "question=prompt", "--run", tmp_path / "other").exception)
