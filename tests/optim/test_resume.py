"""A training that was killed goes on to the same end; a folder that is not its own, or is damaged, is told."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from toy import Caller, Ladder, dataset

import forge
import optim
from functions import ForgeError, Library

PROGRAM = Path(__file__).with_name("interrupted_training.py")
ROOT = PROGRAM.parent.parent.parent


def play(folder, *numbers):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(PROGRAM.parent)])}
    return subprocess.run(
        [sys.executable, PROGRAM, str(folder), *map(str, numbers or (0,))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def outcome(folder):
    """What a finished run left, apart from how long it took."""
    summary = json.loads((folder / "result.json").read_text())
    del summary["seconds"], summary["notes"]
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    told = [{name: event[name] for name in event if name != "seconds"} for event in events if event["kind"] != "resume"]
    libraries = [Library.load(folder / name).version for name in ("library", "candidate")]
    return summary, told, libraries


def cut(path, random_):
    """Take bytes from the end of a file, as a write that was not finished."""
    if path.exists() and path.stat().st_size > 1:
        lost = random_.randrange(1, min(80, path.stat().st_size))
        os.truncate(path, path.stat().st_size - lost)


@pytest.mark.timeout(300)
def test_killed_at_any_point_it_ends_with_the_same_library_as_uninterrupted(tmp_path):
    whole = play(tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    opened = int(whole.stdout.split()[0])
    expected = outcome(tmp_path / "whole")
    assert [event["decision"] for event in expected[1] if event["kind"] == "trial"].count("keep") >= 2
    random_, kills, chain = random.Random(7), 0, 0
    while kills < 24:
        folder, chain = tmp_path / f"chain {chain}", chain + 1
        while True:
            done = play(folder, random_.randrange(1, opened // 3))
            if done.returncode == 0:
                break
            assert done.returncode == -9, done.stderr
            kills += 1
            if random_.random() < 0.5:
                cut(folder / random_.choice(["sessions.jsonl", "events.jsonl"]), random_)
        summary, told, libraries = outcome(folder)
        assert (summary, libraries) == (expected[0], expected[2])
        assert told == expected[1]


@pytest.mark.parametrize("largest", [9_000, 40_000])
def test_a_disk_that_is_full_ends_the_training_and_with_more_room_it_goes_on_to_the_same_end(tmp_path, largest):
    whole = play(tmp_path / "whole")
    full = play(tmp_path / "full", 0, largest)
    assert full.returncode == 0, full.stderr
    assert "run folder failed" in full.stdout
    assert play(tmp_path / "full").returncode == 0
    assert outcome(tmp_path / "full")[::2] == outcome(tmp_path / "whole")[::2], whole.stderr


def trained(folder, reaches=(3, 5), **settings):
    settings = {"acceptance": optim.Paper(), "release": None, "filters": None, **settings}
    model = Caller()
    run = forge.Run(folder, resume=True)
    agent = settings.pop("agent", None) or forge.Agent(model=model)
    result = forge.train(agent, settings.pop("data", dataset(6)), optimizer=Ladder(reaches), run=run, **settings)
    return result, model


def test_a_finished_run_gives_its_result_again_at_no_cost(tmp_path):
    first, _ = trained(tmp_path, schedule=optim.Schedule(patience=0))
    again, model = trained(tmp_path, schedule=optim.Schedule(patience=0))
    assert model.turns == 0
    assert (again.library, again.score, again.rollouts) == (first.library, first.score, first.rollouts)


def test_a_larger_budget_goes_on_where_the_smaller_one_ended(tmp_path):
    few = {"budget": forge.Budget(rollouts=13), "schedule": optim.Schedule(least_proposals=0, patience=0)}
    assert "budget spent" in trained(tmp_path, **few)[0].stopped
    more, model = trained(tmp_path, reaches=(5,), **{**few, "budget": forge.Budget(rollouts=100)})
    assert more.score == pytest.approx(5 / 6)
    assert model.turns < 2 * more.rollouts


OTHER = {
    "model": {"agent": lambda: forge.Agent(model=type("Other", (Caller,), {"name": "other"})())},
    "agent": {"agent": lambda: forge.Agent(model=Caller(), instructions="Be brief.")},
    "data": {"data": lambda: dataset(7)},
    "acceptance": {"acceptance": optim.Ties},
    "seed": {"seed": lambda: 5},
    "schedule": {"schedule": lambda: optim.Schedule(patience=3)},
}


@pytest.mark.parametrize("name", OTHER)
def test_a_folder_of_another_training_is_refused_by_what_differs(name, tmp_path):
    trained(tmp_path)
    before = (tmp_path / "events.jsonl").read_bytes()
    with pytest.raises(ForgeError, match=rf"holds another run: \w*.*\b(?:{name}|tasks|version)\b was"):
        trained(tmp_path, **{key: make() for key, make in OTHER[name].items()})
    kept = (tmp_path / "events.jsonl").read_bytes()
    assert kept.startswith(before)


def test_a_folder_of_another_format_is_refused(tmp_path):
    trained(tmp_path)
    log = tmp_path / "events.jsonl"
    log.write_text(log.read_text().replace('"format": 1', '"format": 0', 1))
    with pytest.raises(ForgeError, match="format was 0, and is now 1"):
        trained(tmp_path)


def test_damaged_lines_are_told_and_only_what_they_held_is_played_again(tmp_path):
    first, _ = trained(tmp_path, schedule=optim.Schedule(patience=0))
    sessions, events = tmp_path / "sessions.jsonl", tmp_path / "events.jsonl"
    lines = sessions.read_text().splitlines(keepends=True)
    lines[2] = lines[2][:40] + "\x00garbage\n"
    lines[4] = '{"key": "k", "question": 3}\n'
    sessions.write_text("".join(lines) + '{"key": "cut o')
    events.write_text(events.read_text() + "[1, 2]\n")
    again, model = trained(tmp_path, schedule=optim.Schedule(patience=0))
    assert (again.library, again.score) == (first.library, first.score)
    assert 0 < model.turns <= 4
    told = " ".join(again.notes)
    for words in ("sessions.jsonl: line 3 is damaged", "is no session", "its last line was cut off", "no JSON object"):
        assert words in told


def test_a_session_that_the_model_failed_is_played_again(tmp_path):
    class Failing(Caller):
        def _one(self, context):
            if not self.failed:
                self.failed = True
                return forge.Action(text="no network", finish_reason="error")
            return super()._one(context)

        failed = False

    trained(tmp_path, agent=forge.Agent(model=Failing()), schedule=optim.Schedule(patience=0))
    lines = [json.loads(line) for line in (tmp_path / "sessions.jsonl").read_text().splitlines()]
    assert sum(line["stop"] == "model_error" for line in lines) == 1
    again, _ = trained(tmp_path, schedule=optim.Schedule(patience=0))
    assert all(session.stop != "model_error" for session in again.sessions + again.start_sessions)


def test_what_an_optimizer_was_told_before_it_was_interrupted_is_not_paid_for_again(tmp_path):
    from chat_double import ScriptedChat, act
    from toy import solve

    written = {"name": "solve", "example_arguments": {"n": 1}}
    replies = [act("add_function", source=solve(3), **written), act("revise_function", source=solve(60), **written)]

    class Interrupting(ScriptedChat):
        def complete_sync(self, request):
            if not self.replies:
                raise KeyboardInterrupt
            return super().complete_sync(request)

    def learned(chat):
        optimizer = optim.AgentOptimizer(chat)
        return forge.train(forge.Agent(model=Caller()), dataset(60), optimizer=optimizer,
                           schedule=optim.Schedule(epochs=2), run=forge.Run(tmp_path, resume=True))  # fmt: skip

    assert learned(Interrupting(replies)).stopped == "interrupted"
    chat = ScriptedChat([act("terminate")])
    result = learned(chat)
    assert len(chat.requests) == 1
    assert result.certified
    assert result.optimizer_cost.tokens == 3 * 15


def test_resume_and_fresh_at_once_are_refused(tmp_path):
    with pytest.raises(ForgeError, match="either go on"):
        forge.Run(tmp_path, resume=True, fresh=True)
