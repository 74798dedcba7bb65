"""Training from the outside: splits, budgets, interruption, bad input, what the result says."""

import json
import subprocess
import sys

import pytest
from toy import Caller, Ladder, dataset, solve

import forge
import optim
from functions import ForgeError, Library
from functions.edits import Add


def train(reaches, data=None, **settings):
    settings.setdefault("acceptance", optim.Paper())
    settings.setdefault("release", None)
    settings.setdefault("filters", None)
    return forge.train(forge.Agent(model=Caller()), data or dataset(6), optimizer=Ladder(reaches), **settings)


def test_the_agent_it_was_given_stays_as_it_was():
    agent = forge.Agent(model=Caller())
    result = forge.train(agent, dataset(6), optimizer=Ladder([4]), acceptance=optim.Paper(), release=None)
    assert agent.library.names == ()
    assert result.start is agent
    assert result.agent.library.names == ("solve",)
    assert (result.baseline, result.score) == (0, pytest.approx(4 / 6))


def test_the_result_says_what_was_measured_and_how_it_came_about(tmp_path):
    result = train([2, 1, 5], run=tmp_path / "run")
    assert [trial.decision for trial in result.history[:3]] == ["keep", "drop", "keep"]
    assert result.lineage.number_of_nodes() == 4
    assert "+    return 2 * n if n < 5 else -1" in result.diff()
    assert result.interval[0] < result.score < result.interval[1]
    assert result.comparison.wins == 5
    assert not result.certified
    module = result.export(tmp_path / "tools.py")
    assert subprocess.check_output(
        [sys.executable, "-I", "-c", f"exec(open({str(module)!r}).read()); print(solve(3))"], text=True
    ) == "6\n"  # fmt: skip
    summary = json.loads((tmp_path / "run" / "result.json").read_text())
    assert summary["score"] == pytest.approx(result.score)
    assert Library.load(tmp_path / "run" / "library").version == result.library.version


def test_forty_tasks_and_more_are_split_and_the_optimizer_sees_no_validation_task():
    optimizer = Ladder([30, 35])
    result = forge.train(forge.Agent(model=Caller()), dataset(50), optimizer=optimizer)
    seen = {task.id for evidence in optimizer.evidence for task in evidence.tasks}
    compared = {pair.task_id for trial in result.history for pair in trial.pairs}
    assert (len(seen), len(compared), len(result.task_ids)) == (30, 10, 10)
    assert result.measured_on == "holdout"
    assert not seen & compared | seen & set(result.task_ids) | compared & set(result.task_ids)
    assert "10 tasks split off by seed are used for selection; 10 held out" in result.notes[0]


def test_fewer_tasks_are_not_split_and_the_result_says_so():
    result = forge.train(forge.Agent(model=Caller()), dataset(10), optimizer=Ladder([8]), release=None)
    assert (result.measured_on, result.score) == ("train", 0.8)
    assert "too few to split" in result.notes[0]


def test_a_valset_is_what_libraries_are_compared_and_scored_on():
    result = forge.train(
        forge.Agent(model=Caller()), dataset(10), dataset(8, offset=100), optimizer=Ladder([3]), release=None
    )
    assert len(result.history[0].pairs) == 8
    assert result.rollouts == 10 + 8 + 8 + 10  # equal ids in the two sets do not stand for each other
    assert result.notes == ()


def test_a_valset_that_shares_questions_is_said_to_be_too_easy():
    result = forge.train(forge.Agent(model=Caller()), dataset(6), dataset(6), optimizer=Ladder([3]), release=None)
    assert "shares 6 questions" in result.notes[0]


def test_the_posterior_rolls_back_what_is_not_probably_better():
    decisions = [trial.decision for trial in train([1, 6], acceptance=optim.Posterior()).history]
    assert decisions[:2] == ["drop", "keep"]


@pytest.mark.parametrize("rollouts", [1, 6, 7, 12, 13])
def test_a_budget_of_rollouts_is_kept_to_the_letter(rollouts):
    model = Caller()
    result = forge.train(
        forge.Agent(model=model),
        dataset(6),
        optimizer=Ladder([1, 2, 3, 4]),
        acceptance=optim.Paper(),
        release=None,
        budget=forge.Budget(rollouts=rollouts),
        schedule=optim.Schedule(least_proposals=0),
    )
    assert result.rollouts == rollouts
    assert "budget" in result.stopped
    assert (result.score is None) == (rollouts < 6)


def test_a_session_is_played_once_for_each_library_and_task():
    assert train([3, 3, 2, 3]).rollouts == 6 * 3  # the start, reach 3 and reach 2


def test_ctrl_c_keeps_the_best_library_and_says_so(tmp_path):
    class Interrupted(Ladder):
        def propose(self, library, evidence):
            if not self.reaches:
                raise KeyboardInterrupt
            return super().propose(library, evidence)

    result = forge.train(
        forge.Agent(model=Caller()),
        dataset(6),
        optimizer=Interrupted([4]),
        acceptance=optim.Paper(),
        release=None,
        run=tmp_path,
    )
    assert result.stopped == "interrupted"
    assert Library.load(tmp_path / "library").names == ("solve",)
    assert result.score == pytest.approx(4 / 6)


def test_a_disk_that_fills_up_ends_the_training_but_loses_nothing_learned(tmp_path):
    class Filling(Ladder):
        def propose(self, library, evidence):
            if not self.reaches:  # the folder goes away under the training, as a full disk would
                (tmp_path / "run" / "sessions.jsonl").unlink()
                (tmp_path / "run" / "sessions.jsonl").mkdir()
                self.reaches = [5]
            return super().propose(library, evidence)

    result = forge.train(
        forge.Agent(model=Caller()),
        dataset(6),
        optimizer=Filling([4]),
        acceptance=optim.Paper(),
        release=None,
        run=tmp_path / "run",
    )
    assert "run folder failed" in result.stopped
    assert result.score == pytest.approx(4 / 6)
    assert Library.load(tmp_path / "run" / "library").version == result.library.version


def test_an_edit_that_cannot_be_applied_or_is_unsound_costs_no_rollout():
    class Careless(Ladder):
        def propose(self, library, evidence):
            bad = [
                "import os\n" + solve(6),
                "def solve(n):\n    return n\n",
                solve(6).replace("def solve", "def other"),
            ]
            self.evidence.append(evidence)
            return [Add(name="solve", source=bad[len(self.evidence) - 1])]

    result = forge.train(
        forge.Agent(model=Caller()),
        dataset(6),
        optimizer=Careless([]),
        acceptance=optim.Paper(),
        release=None,
        schedule=optim.Schedule(patience=2),
    )
    assert [trial.decision for trial in result.history] == ["refuse"] * 3
    assert [word in trial.reason for word, trial in zip(("os", "annot", "solve"), result.history, strict=True)] == [
        True
    ] * 3
    assert result.rollouts == 6


def test_a_deterministic_optimizer_with_nothing_to_propose_ends_the_training():
    result = forge.train(forge.Agent(model=Caller()), dataset(6), optimizer=Ladder([], deterministic=True),
                         acceptance=optim.Paper(), release=None)  # fmt: skip
    assert len(result.history) == 1
    assert "nothing to improve" in result.stopped


def test_minibatches_are_compared_on_themselves():
    result = train([2, 3, 4, 5, 6], dataset(6), schedule=optim.Schedule(epochs=1, minibatch=2), seed=1)
    assert all(len(trial.pairs) in (0, 2) for trial in result.history)


def test_any_object_with_a_verdict_is_an_acceptance_rule():
    class Stubborn:
        def judge(self, pairs):
            return "keep" if sum(pair.candidate for pair in pairs) == len(pairs) else "more"

    result = forge.train(forge.Agent(model=Caller()), dataset(50), optimizer=Ladder([20, 50]), acceptance=Stubborn())
    assert [(trial.decision, len(trial.pairs)) for trial in result.history[:2]] == [("drop", 10), ("keep", 10)]


def test_repeats_make_up_a_look_with_fresh_luck_and_count_as_one_task_each():
    class Lucky(Caller):
        def _one(self, context):
            if any(tool.name == "solve" for tool in context.tools) and context.seed % 2:
                return forge.Action(calls=(forge.Call("submit", {"answer": "unlucky"}, "s"),))
            return super()._one(context)

    result = forge.train(forge.Agent(model=Lucky()), dataset(50), optimizer=Ladder([50]), release=None,
                         acceptance=optim.Posterior(looks=(30,), repeats=3), valset=dataset(10, offset=90))  # fmt: skip
    pairs = result.history[0].pairs
    assert len(pairs) == 30
    assert {pair.repeat for pair in pairs} == {0, 1, 2}
    by_task = {task: [p.candidate for p in pairs if p.task_id == task] for task in {p.task_id for p in pairs}}
    assert any(0 < sum(scores) < 3 for scores in by_task.values())
    assert result.history[0].summary()["table"]["wins"] <= 10


def test_streams_are_compared_and_certified_whole():
    rows = [{"id": f"t{n}", "question": f"twice {n}", "answer": 2 * n, "stream": f"s{n // 4}"} for n in range(200)]
    agent = forge.Agent(model=Caller(), memory=forge.Memory())
    result = forge.train(agent, forge.Dataset(rows), optimizer=Ladder([200]), seed=2)
    for played in (result.history[0].pairs, result.release.pairs):
        by_stream = {}
        for pair in played:
            by_stream.setdefault(int(pair.task_id[1:]) // 4, []).append(pair.task_id)
        assert all(len(tasks) == 4 for tasks in by_stream.values())
    assert result.certified


BAD = {
    "no agent": (lambda: forge.train("gpt", dataset(3)), "forge.Agent"),
    "no dataset": (lambda: forge.train(forge.Agent(model=Caller()), [1]), "forge.Dataset"),
    "a valset that is none": (lambda: forge.train(forge.Agent(model=Caller()), dataset(3), [1]), "forge.Dataset"),
    "a release gate": (lambda: train([1], release=object()), "release"),
    "no concurrency": (lambda: train([1], concurrency=0), "concurrency"),
    "an unknown provider": (
        lambda: forge.train(forge.Agent(model="opnai/gpt-5"), dataset(3), optimizer=Ladder([1])),
        "opnai/gpt-5",
    ),
    "an optimizer without a key": (
        lambda: train([1]) and forge.train(forge.Agent(model=Caller()), dataset(3),
                                           optimizer=optim.AgentOptimizer("anthropic/claude-sonnet-4-5")),
        "ANTHROPIC_API_KEY",
    ),
    "a model that cannot write functions": (
        lambda: forge.train(forge.Agent(model=Caller()), dataset(3)),
        "AgentOptimizer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_the_fix(case, monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    attempt, words = BAD[case]
    with pytest.raises(ForgeError, match=words):
        attempt()


def test_a_run_folder_that_cannot_be_written_is_refused_before_anything_is_played(tmp_path):
    (tmp_path / "file").write_text("")
    model = Caller()
    with pytest.raises(ForgeError, match="cannot use the run folder"):
        forge.train(forge.Agent(model=model), dataset(3), optimizer=Ladder([1]), run=tmp_path / "file" / "run")
    assert model.turns == 0
