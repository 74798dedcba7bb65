"""`forge ppo` as a person meets it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small import policy

import forge
import rl
from benchmarks import catalog
from forge.session import Action, Call

ROOT = Path(__file__).parents[2]


def forge_ppo(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "OMP_NUM_THREADS": "1",
                   "HF_HUB_OFFLINE": "1"}  # fmt: skip
    return subprocess.run([sys.executable, "-m", "forge.cli", "ppo", *map(str, arguments)], cwd=cwd, env=environment,
                          capture_output=True, text=True, timeout=110)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    policy(constrained=True).save_pretrained(tmp_path / "policy")
    words = [*["red", "green", "blue", "one", "two", "three", "left", "right", "box", "colour"]] * 3
    rows = [{"question": f"what is {word} ?", "answer": word, "stream": f"s{n}"} for n, word in enumerate(words)]
    (tmp_path / "tasks.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path


def test_a_policy_is_trained_measured_and_written(folder):
    given = ("--data", "tasks.jsonl", "--policy", "policy", "--advice-cost", 0.2, "--rollouts", 60, "--run", "run")
    shown = forge_ppo(*given, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    for words in ("before:", "after:", "change:", " rollouts in ", "training.png"):
        assert words in shown.stdout
    assert (folder / "run" / "training.png").read_bytes().startswith(b"\x89PNG")
    assert "it/s" not in shown.stderr  # no progress bars of others
    assert rl.Policy.from_pretrained(folder / "run" / "policy").constrained
    again = forge_ppo(*given, cwd=folder)
    assert again.returncode == 1
    assert "--resume" in again.stderr
    resumed = forge_ppo(*given, "--resume", cwd=folder)
    assert resumed.returncode == 0, resumed.stderr
    assert [line for line in resumed.stdout.splitlines() if line.startswith("after")] == [
        line for line in shown.stdout.splitlines() if line.startswith("after")
    ]


def test_an_adapter_is_trained_after_demonstrations_and_the_run_goes_on(folder):
    class Teacher:
        name = "teacher"

        def act(self, contexts):
            return [Action(calls=(Call("submit", {"answer": "red"}, text="red"),)) for _ in contexts]

    rows = [{"question": f"what is {word} ?", "answer": "red"} for word in ("red", "green", "blue", "one")]
    seen = forge.evaluate(forge.Agent(model=Teacher()), forge.Dataset(rows))
    (folder / "sessions.jsonl").write_text("\n".join(session.to_json() for session in seen.sessions))
    given = ("--data", "tasks.jsonl", "--policy", "policy", "--lora", 2, "--demonstrations", "sessions.jsonl",
             "--advice-cost", 0.2, "--run", "run", "--rollouts")  # fmt: skip
    shown = forge_ppo(*given, 30, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert "imitation of 4 sessions" in shown.stdout
    assert "Warning" not in shown.stderr
    resumed = forge_ppo(*given, 60, "--resume", cwd=folder)
    assert resumed.returncode == 0, resumed.stderr
    assert "imitation of" not in resumed.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "tasks.jsonl"), "needs --policy"),
        (("--data", "storqa"), ", ".join(["storeqa", *catalog.names()])),
        (("--data", "tasks.jsonl", "--policy", "nowhere"), "no causal language model"),
        (("--data", "tasks.jsonl", "--policy", "policy", "--dialect", "chatt"), "function-tokens, chat"),
        (("--data", "tasks.jsonl", "--policy", "policy", "--dialect", "chat"), "no chat template"),
        (("--data", "tasks.jsonl", "--policy", "policy", "--advice-cost", 7), "must lie in"),
    ],
)
def test_mistakes_are_one_line_that_names_the_fix(folder, arguments, message):
    shown = forge_ppo(*arguments, cwd=folder)
    assert shown.returncode == 1
    assert message in shown.stderr
    assert "Traceback" not in shown.stderr
