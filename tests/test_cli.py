"""The command line as a person meets it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORGE = [sys.executable, "-m", "forge.cli"]


def forge(*arguments, cwd=ROOT, **environment):
    quiet = {
        name: value for name, value in os.environ.items() if not name.endswith("_API_KEY") and name != "FORGE_DATA"
    }
    quiet |= {"PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment}
    return subprocess.run(
        [*FORGE, *map(str, arguments)], cwd=cwd, env=quiet, capture_output=True, text=True, timeout=100
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that has learned functions."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    shown = forge("train", "--data", "word-problems", "--run", folder)
    assert shown.returncode == 0, shown.stderr
    return folder


def test_learned_functions_are_listed_shown_compared_and_exported(trained, tmp_path):
    library = trained / "library"
    name = forge("functions", "list", library).stdout.split("(")[0]
    assert f"def {name}(" in forge("functions", "show", library, name).stdout
    assert forge("functions", "diff", library, library).stdout.strip() == ""
    module = tmp_path / "tools.py"
    assert forge("functions", "export", library, module).returncode == 0
    subprocess.run([sys.executable, "-I", "-c", f"import runpy; runpy.run_path({str(module)!r})"], check=True)
    unknown = forge("functions", "show", library, name + "x")
    assert unknown.returncode == 1
    assert name in unknown.stderr


def rows(path, count=12):
    lines = [{"question": f"What is {n} plus {n + 3}?", "answer": 2 * n + 3} for n in range(1, count + 1)]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_training_on_a_file_writes_a_run_and_refuses_to_write_over_it(tmp_path):
    data, run = rows(tmp_path / "sums.jsonl"), tmp_path / "run"
    options = ("train", "--data", data, "--test", rows(tmp_path / "test.jsonl", 5), "--metric", "numeric", "--run", run)
    shown = forge(*options, "--export", tmp_path / "tools.py", "--no-release")
    assert shown.returncode == 0, shown.stderr
    assert "after:     1.000" in shown.stdout
    assert (tmp_path / "tools.py").exists()
    again = forge(*options)
    assert again.returncode == 1
    assert "holds a run already" in again.stderr
    assert "--overwrite" in again.stderr
    measured = forge("eval", "--data", data, "--test", data, "--metric", "numeric", "--library", run / "library")
    assert "score 1.000" in measured.stdout
    assert forge(*options, "--overwrite").returncode == 0
    resumed = forge(*options, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "too few tasks to certify anything" in resumed.stdout
    assert "candidate: 1.000" in resumed.stdout


def test_a_plan_says_what_a_budget_affords_and_spends_nothing(tmp_path):
    run = tmp_path / "run"
    shown = forge("train", "--data", "word-problems", "--rollouts", "400", "--run", run, "--plan")
    assert shown.returncode == 0, shown.stderr
    assert "proposals" in shown.stdout
    assert "a gain of" in shown.stdout
    assert not run.exists()


MISTAKES = {
    "an unknown data set": (("train", "--data", "mawp"), "mawps"),
    "a file that is not there": (("train", "--data", "none.jsonl"), "No such file"),
    "a model without a key": (("train", "--data", "word-problems", "--model", "openai/gpt-5-mini"), "OPENAI_API_KEY"),
    "a model of nobody": (("train", "--data", "word-problems", "--model", "opnai/gpt-5"), "openai"),
    "an unknown rule": (("train", "--data", "word-problems", "--acceptance", "paperr"), "paper"),
    "a budget of nothing": (("train", "--data", "word-problems", "--rollouts", "0"), "rollouts=0"),
    "a curve of words": (("train", "--data", "word-problems", "--curve", "a,b"), "--curve"),
    "a curve to be planned": (
        ("train", "--data", "word-problems", "--curve", "20", "--plan"),
        "--plan does not go with --curve",
    ),
    "a run to go on with, and none": (("train", "--data", "word-problems", "--resume"), "--resume needs --run"),
    "an option nobody knows": (("train", "--data", "word-problems", "--epoch", "3"), "--epoch"),
    "a seed that weights cannot have": (("quickstart", "--seed", "-1"), "--seed"),
    "a seed that weights cannot have, to train them": (("ppo", "--data", "storeqa", "--seed", "-1"), "--seed"),
    "a library that is not there": (("functions", "list", "nowhere"), "nowhere"),
}


def test_an_evaluation_needs_the_test_tasks_alone_and_shows_what_others_reached(tmp_path):
    (tmp_path / "svamp").mkdir()
    row = {"Body": "Ann has 3 pens.", "Question": "How many pens?", "Answer": 3.0, "Type": "Sum"}
    (tmp_path / "svamp" / "SVAMP.json").write_text(json.dumps([row]))
    shown = forge("eval", "--data", "svamp", cwd=tmp_path, FORGE_DATA=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert "on 1 tasks of svamp" in shown.stdout
    assert "published: " in shown.stdout
    assert "Graph2Tree with RoBERTa 0.438 (other models; source: arXiv 2103.07191)" in shown.stdout


def test_a_data_set_that_is_nowhere_and_no_network_is_told_with_the_ways_out(tmp_path):
    away = {"HTTPS_PROXY": "http://127.0.0.1:1", "XDG_CACHE_HOME": tmp_path / "cache"}
    shown = forge("train", "--data", "gsm8k", cwd=tmp_path, **{name: str(value) for name, value in away.items()})
    assert shown.returncode == 1
    for words in ("FORGE_DATA", "raw.githubusercontent.com/openai/grade-school-math", "put the file there"):
        assert words in shown.stderr
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_answered_with_one_message_and_no_traceback(mistake, tmp_path):
    arguments, words = MISTAKES[mistake]
    shown = forge(*arguments, cwd=tmp_path)
    assert shown.returncode in (1, 2)
    assert words in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_ends_a_training_cleanly_with_its_library_saved(tmp_path):
    run = tmp_path / "run"
    command = [*FORGE, "train", "--data", "word-problems", "--minibatch", "2", "--patience", "1000", "--epochs", "1000",
               "--acceptance", "ties", "--run", str(run)]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while '"trial"' not in (log.read_text() if (log := run / "events.jsonl").exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert json.loads((run / "result.json").read_text())["stopped"] == "interrupted"
    assert (run / "library").is_dir()


def test_a_budget_in_dollars_covers_the_measurement_too(tmp_path):
    from openai_server import Answer, OpenAIServer

    with OpenAIServer([Answer("7")]) as server:
        data = ("--data", rows(tmp_path / "d.jsonl"), "--metric", "numeric")
        model = ("--model", "openai/gpt-4o-mini", "--api-base", server.url)
        shown = forge("train", *data, *model, "--tokens", "40", "--concurrency", "1", "--least-proposals", "0")
    assert "not measured, since the budget is spent" in shown.stdout, shown.stderr
    assert len(server.requests) <= 4
