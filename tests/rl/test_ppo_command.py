"""`forge ppo` as a person meets it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small import policy
from typer.testing import CliRunner

import forge
import rl
from benchmarks import catalog
from benchmarks.ppo_setting import benchmark_setting, storeqa_setting
from benchmarks.storeqa.course import StoreCourse
from forge.cli import app
from forge.session import Action, Call
from functions.errors import ForgeError

ROOT = Path(__file__).parents[2]


def forge_ppo(*arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "OMP_NUM_THREADS": "1",
                   "HF_HUB_OFFLINE": "1"}  # fmt: skip
    return subprocess.run([sys.executable, "-m", "forge.cli", "ppo", *map(str, arguments)], cwd=cwd, env=environment,
                          capture_output=True, text=True, timeout=110)  # fmt: skip


def shown_by(*arguments):
    """What `forge ppo` prints; its errors are raised. In this process, which is quicker."""
    return CliRunner().invoke(app, ["ppo", *map(str, arguments)], catch_exceptions=False).stdout


def write_demonstrations(path, answer="red"):
    class Teacher:
        name = "teacher"

        def act(self, contexts):
            return [Action(calls=(Call("submit", {"answer": answer}, text=answer),)) for _ in contexts]

    rows = [{"question": f"what is {word} ?", "answer": answer} for word in ("red", "green", "blue", "one")]
    seen = forge.evaluate(forge.Agent(model=Teacher()), forge.Dataset(rows))
    path.write_text("\n".join(session.to_json() for session in seen.sessions))


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path):
    torch.set_num_threads(1)  # two only wait for each other on so small a model where the machine is busy
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


def test_an_adapter_is_trained_after_demonstrations_and_the_run_goes_on_whatever_was_refused_meanwhile(folder):
    write_demonstrations(folder / "sessions.jsonl")
    given = ("--data", "tasks.jsonl", "--policy", "policy", "--lora", 2, "--demonstrations", "sessions.jsonl",
             "--advice-cost", 0.2, "--run", "run", "--rollouts")  # fmt: skip
    shown = forge_ppo(*given, 30, cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert "imitation of 4 sessions" in shown.stdout
    assert "Warning" not in shown.stderr
    before = contents(folder / "run")
    refused = forge_ppo(*given, 30, "--seed", 5, cwd=folder)
    assert "holds a run already" in refused.stderr
    assert "imitation of" not in refused.stdout
    assert contents(folder / "run") == before
    resumed = forge_ppo(*given, 60, "--resume", cwd=folder)
    assert resumed.returncode == 0, resumed.stderr
    assert "imitation of" not in resumed.stdout


IMITATED = ("--data", "tasks.jsonl", "--policy", "policy", "--demonstrations", "sessions.jsonl", "--no-memory")


def test_an_imitation_is_taken_up_only_by_what_made_it_and_replaced_with_its_run(folder, monkeypatch):
    monkeypatch.chdir(folder)
    write_demonstrations(folder / "sessions.jsonl")
    write_demonstrations(folder / "others.jsonl", answer="blue")
    policy(constrained=True, seed=7).save_pretrained(folder / "other policy")
    run = ("--run", "run", "--rollouts", 30)
    shown_by(*IMITATED, *run)
    before = contents(folder)
    for changed, difference in {
        ("--seed", 5): "seed was 0, and is now 5",
        ("--lora", 2): "lora was None, and is now 2",
        ("--demonstrations", "others.jsonl"): "demonstrations was 4 sessions, .* and is now 4 sessions, ",
        ("--policy", "other policy"): "policy was .* and is now ",
    }.items():
        with pytest.raises(ForgeError, match=f"run holds an imitation of another start: {difference}.*--overwrite"):
            shown_by(*IMITATED, *changed, *run, "--resume")
    with pytest.raises(ForgeError, match=r"run began with imitation.*--demonstrations"):
        shown_by(*IMITATED[:4], "--no-memory", *run, "--resume")
    assert contents(folder) == before
    assert "imitation of 4 sessions" in shown_by(*IMITATED, *run, "--seed", 5, "--overwrite")
    shutil.rmtree(folder / "run" / "imitation")
    with pytest.raises(ForgeError, match=r"run.imitation is gone.*--overwrite"):
        shown_by(*IMITATED, *run, "--seed", 5, "--resume")
    shown_by(*IMITATED[:4], "--no-memory", *run, "--overwrite")
    with pytest.raises(ForgeError, match="run began without imitation"):
        shown_by(*IMITATED, *run, "--resume")


def test_a_run_that_ended_before_its_first_update_is_told_of_like_any_other(folder, monkeypatch):
    monkeypatch.chdir(folder)
    shown = shown_by("--data", "tasks.jsonl", "--policy", "policy", "--seconds", 1e-9, "--run", "run")
    assert "spent:   0 rollouts" in shown
    assert "policy:  run/policy" in shown
    assert "plot:" not in shown


def test_words_about_a_run_are_refused_where_there_is_none(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for word in ("--resume", "--overwrite"):
        with pytest.raises(ForgeError, match=f"{word} needs --run"):
            shown_by(*IMITATED, "--rollouts", 30, word)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "storeqa", "--dialect", "nonsense"), "--dialect nonsense does not apply to --data storeqa"),
        (("--data", "storeqa", "--library", "nolib"), "--library nolib does not apply to --data storeqa"),
        (("--data", "storeqa", "--metric", "exact"), "--metric exact does not apply to --data storeqa"),
        (("--data", "mawps", "--metric", "nonsense"), "--metric nonsense does not apply to --data mawps"),
        (("--data", "mawps", "--test", "notest.jsonl"), "--test notest.jsonl does not apply to --data mawps"),
        (("--data", "tasks.jsonl", "--metric", "nonsense"), "--metric nonsense: one of exact"),
        (("--data", "tasks.jsonl", "--lora", 0), "--lora 0: a rank, 1 or more"),
        (("--data", "storeqa", "--lora", -4), "--lora -4: a rank, 1 or more"),
        (("--data", "tasks.jsonl", "--concurrency", 0), "--concurrency 0: at least 1"),
        (("--data", "tasks.jsonl", "--demonstrations", "nowhere.jsonl"), "nowhere.jsonl: cannot be read (No such file"),
        (("--data", "tasks.jsonl", "--demonstrations", "policy"), "sessions.jsonl: cannot be read (No such file"),
        (("--data", "tasks.jsonl", "--demonstrations", "tasks.jsonl"), "entry 1 is no session of Forge but has "
                                                                       "question, answer, stream"),
        (("--data", "tasks.jsonl", "--demonstrations", "policy/model.safetensors"), "holds no sessions"),
        (("--data", "tasks.jsonl", "--demonstrations", "one.jsonl"), "1 of 1 sessions is right, and 2 are needed"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_before_anything_else(folder, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    (folder / "one.jsonl").write_text(forge.session.Session("t", "q", score=1.0).to_json())
    with pytest.raises(ForgeError, match=re.escape(message)):
        shown_by(*arguments, "--policy", "policy", "--run", "run")
    assert not (folder / "run").exists()


def test_the_shop_is_that_of_the_bench_with_its_recipe(folder):
    course = StoreCourse(policy_path=str(folder / "policy"))
    setting = storeqa_setting(str(folder / "policy"), 0.5, True, None, 3)
    assert setting.agent.expert.cost == 0.5
    assert (setting.train.digest, setting.validation.digest) == tuple(part.digest for part in course.weight_tasks(3))
    assert setting.test.digest == course.test().digest
    assert (setting.ppo, setting.sessions, setting.rollouts) == (
        course.recipe().ppo, course.recipe().sessions, course.rollouts,
    )  # fmt: skip
    assert storeqa_setting(str(folder / "policy"), None, None, None, 3).sessions == course.recipe().sessions
    forgetful = storeqa_setting(str(folder / "policy"), 0.5, False, None, 3)
    assert (forgetful.agent.memory, forgetful.sessions) == (None, None)


def write_hotpotqa(folder):
    row = {"question": "Who wrote Blue Sand?", "answer": "Ada Fenn", "type": "bridge", "level": "easy",
           "supporting_facts": [], "context": [["Blue Sand", ["Blue Sand is a novel by Ada Fenn."]]]}  # fmt: skip
    (folder / "hotpotqa").mkdir()
    for split, count in {"train": 4, "dev": 2}.items():
        lines = [json.dumps({**row, "_id": f"{split}{number}"}) for number in range(count)]
        (folder / "hotpotqa" / f"{split}100_with_contexts.jsonl").write_text("\n".join(lines))


def write_gaia(folder):
    row = {"Question": "How many pens?", "Level": "1", "Final answer": "7", "file_name": ""}
    split = folder / "gaia" / "2023" / "validation"
    split.mkdir(parents=True)
    lines = [json.dumps({**row, "task_id": f"t{number}"}) for number in range(12)]
    (split / "metadata.jsonl").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("data", "write", "own"),
    [("hotpotqa", write_hotpotqa, {"search", "lookup", "seek_advice"}), ("gaia", write_gaia, {"python"})],
)
def test_the_functions_and_tools_of_a_data_set_are_its_policys_too(folder, monkeypatch, data, write, own):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FORGE_DATA", str(folder))
    write(folder)
    shown_by("--data", data, "--policy", "policy", "--lora", 2, "--rollouts", 1, "--run", "run")
    assert own <= set(rl.Policy.from_pretrained(folder / "run" / "policy").dialect.functions)


@pytest.mark.parametrize(
    ("cost", "memory", "expert", "remembers"),
    [(None, None, 0.3, False), (0.1, True, 0.1, True), (None, False, 0.3, False)],
)
def test_expert_and_memory_are_the_data_sets_own_unless_others_are_asked_for(
    folder, monkeypatch, cost, memory, expert, remembers
):
    monkeypatch.setenv("FORGE_DATA", str(folder))
    write_hotpotqa(folder)
    given = (None, "exact", None, str(folder / "policy"), "function-tokens", None, None)
    setting = benchmark_setting("hotpotqa", *given, cost, memory, 0)
    assert setting.agent.expert.cost == expert
    assert (setting.agent.memory is not None, setting.sessions is not None) == (remembers, remembers)


def test_a_file_has_no_expert_and_no_memory_unless_they_are_asked_for(folder):
    given = (str(folder / "tasks.jsonl"), None, "exact", None, str(folder / "policy"), "function-tokens", None, None)
    assert {tool.name for tool in benchmark_setting(*given, None, None, 0).agent.all_tools} == {"submit"}
    both = benchmark_setting(*given, 0.2, True, 0).agent
    assert {"seek_advice", "retrieve_memory"} <= {tool.name for tool in both.all_tools}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "tasks.jsonl"), "needs --policy"),
        (("--data", "storqa"), f"--data storqa: {', '.join(catalog.names())}"),
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
