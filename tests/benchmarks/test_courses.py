"""How weights are trained on a data set: from scratch and from a model of one's own, on files and on StoreQA."""

import json
import os
import random
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import forge
import rl
from benchmarks import catalog
from benchmarks.bench.course import LEAST_STEPS, Answerer, AnyCourse, Recipe, Sizes
from benchmarks.bench.outcome import Cell, load
from benchmarks.bench.playing import played
from benchmarks.bench.regimes import training_of
from benchmarks.bench.trainings import Interrupted, Trainer
from benchmarks.catalog import Benchmark
from benchmarks.storeqa.course import WORTH_PRACTICE, StoreCourse
from forge.cli import app
from functions import Library


def rows(path, count):
    numbers = random.Random(0)
    pairs = [(numbers.randrange(3), numbers.randrange(3)) for _ in range(count)]
    path.write_text("\n".join(json.dumps({"question": f"{a} plus {b}", "answer": str(a + b)}) for a, b in pairs))
    return path


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    rl.Policy.tiny(["0 plus 1 2 3"], layers=1, width=16, heads=2, context=512).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("regime", ["ppo", "ppo+forge"])
def test_weights_are_trained_on_a_file_of_questions(tmp_path, regime):
    train, test = rows(tmp_path / "sums.jsonl", 40), rows(tmp_path / "more.jsonl", 8)
    ended = CliRunner().invoke(app, ["bench", str(train), "--test", str(test), "--regimes", regime, "--seeds", "1",
                                     "--rollouts", "64", "--run", str(tmp_path / "run")])  # fmt: skip
    assert ended.exit_code == 0, ended.output
    assert {found.cell.regime for found in load(tmp_path / "run" / "cells")} == {regime}


def test_results_are_broken_down_by_kind_else_type_else_level(tmp_path):
    told = [{"kind": "search", "type": "easy"}, {"type": "algebra", "level": 2}, {"type": "", "level": 2}, {}]
    lines = [json.dumps({"question": f"what is {n} ?", "answer": n, **more}) for n, more in enumerate(told)]
    (tmp_path / "test.jsonl").write_text("\n".join(lines))
    train = rows(tmp_path / "sums.jsonl", 8)
    ended = CliRunner().invoke(app, ["bench", str(train), "--test", str(tmp_path / "test.jsonl"), "--regimes", "base",
                                     "--seeds", "1", "--run", str(tmp_path / "run")])  # fmt: skip
    assert ended.exit_code == 0, ended.output
    (outcome,) = load(tmp_path / "run" / "cells")
    assert [task.kind for task in outcome.tasks] == ["search", "algebra", "level 2", ""]


def test_weights_of_ones_own_are_trained_and_named(tmp_path, pretrained):
    train, test = rows(tmp_path / "sums.jsonl", 40), rows(tmp_path / "more.jsonl", 4)
    ended = CliRunner().invoke(app, ["bench", str(train), "--test", str(test), "--regimes", "sft", "--seeds", "1",
                                     "--policy", str(pretrained), "--run", str(tmp_path / "run")])  # fmt: skip
    assert ended.exit_code == 0, ended.output
    models = {found.cell.regime: found.model for found in load(tmp_path / "run" / "cells")}
    assert models["sft"].startswith(str(pretrained))


def test_a_sample_of_few_streams_keeps_one_to_look_at_and_cuts_none_of_them():
    tasks = forge.Dataset([{"question": f"q{n}", "answer": n, "stream": f"s{n // 20}"} for n in range(200)])
    course = AnyCourse(Benchmark("streams", lambda: tasks, lambda: tasks, lambda model: forge.Agent(model=model)),
                       Sizes(train=60, test=40))  # fmt: skip
    train, validation = course.weight_tasks(0)
    assert [len(stream) for part in (train, validation) for stream in part.streams().values()] == [20, 20, 20]
    assert [len(stream) for stream in course.test().streams().values()] == [20, 20]


def demonstrated(**agent):
    rows = [{"question": f"price of item {n}", "answer": f"{n} coins", "stream": f"s{n // 20}"} for n in range(200)]
    tasks = forge.Dataset(rows)
    course = AnyCourse(Benchmark("items", lambda: tasks, lambda: tasks, lambda model: forge.Agent(model, **agent)))
    shown = course.demonstrations(course.agent("router", None), 0)
    return [(session, [call.name for call, _ in session.calls]) for session in shown]


def test_who_has_an_expert_and_a_memory_is_shown_to_look_into_it_to_ask_at_times_and_to_reflect():
    shown = demonstrated(expert=forge.GoldExpert(0.3), memory=forge.Memory())
    asked = [(session, names) for session, names in shown if "seek_advice" in names]
    assert 0.05 < len(asked) / len(shown) < 0.6
    for session, names in asked:
        assert names == ["retrieve_memory", "seek_advice", "reflect", "submit"]
        assert session.calls[2][0].arguments == {"lesson": f"{session.question} = {session.answer}"}
    assert all(names == ["retrieve_memory", "submit"] for session, names in shown if session.advice_count == 0)
    assert any(session.calls[0][1].text.startswith("- (reflection)") for session, _ in shown)


def test_who_has_nobody_to_ask_is_shown_to_answer_at_once():
    assert {tuple(names) for _, names in demonstrated(memory=forge.Memory())} == {("submit",)}


def test_functions_compute_what_was_looked_for_in_memory_and_not_found():
    rows = [{"question": f"double {n}", "answer": 2 * n} for n in range(40)]
    tasks = forge.Dataset(rows, metric=forge.metrics.numeric(1e-3))

    def double(number: int) -> int:
        """Double a number."""
        return 2 * number

    agent = forge.Agent(Answerer(tasks), functions=[double], expert=forge.GoldExpert(0.3), memory=forge.Memory())
    played = {tuple(call.name for call, _ in session.calls) for session in forge.evaluate(agent, tasks).sessions}
    assert played == {
        ("retrieve_memory", "double", "submit"),
        ("retrieve_memory", "seek_advice", "reflect", "submit"),
    }


def test_weights_of_ones_own_learn_more_slowly_than_random_ones():
    own, random_ones = StoreCourse(policy_path="some/model"), StoreCourse()
    assert own.imitation(10).learning_rate < random_ones.imitation(10).learning_rate / 10
    assert own.recipe().ppo.learning_rate < random_ones.recipe().ppo.learning_rate / 10


def test_few_demonstrations_are_imitated_for_as_many_steps_as_random_weights_need():
    course = AnyCourse(catalog.load("word-problems"))
    for shown in (2, 50, 1_000):
        settings = course.imitation(shown)
        assert settings.epochs * shown / settings.batch >= LEAST_STEPS
    assert course.imitation(100_000).epochs == 3.0


def test_a_policy_that_is_not_there_is_told_before_anything_is_trained(tmp_path):
    ended = CliRunner().invoke(app, ["bench", "storeqa", "--regimes", "base,sft", "--seeds", "1", "--policy",
                                     str(tmp_path / "nowhere"), "--run", str(tmp_path / "run")])  # fmt: skip
    assert ended.exit_code != 0
    assert "nowhere" in f"{ended.output}{ended.exception}"
    assert not (tmp_path / "run").exists()


class Tiny(AnyCourse):
    """A few updates of a policy that writes four tokens."""

    def policy(self, library, demonstrations, seed):
        texts = [session.question for session in demonstrations]
        return rl.Policy.tiny(texts, layers=1, width=16, heads=2, max_new_tokens=4, seed=seed)

    def imitation(self, demonstrations):
        return rl.Imitation(epochs=1, batch=8)

    def recipe(self):
        return Recipe(
            rl.PPO(batch=8, minibatch=8, epochs=2, learning_rate=0.03, validate_every=1), rl.Sampling(), None, 40,
        )  # fmt: skip


def test_weights_trained_with_an_interruption_of_ppo_end_as_without(tmp_path):
    left = [1_000_000]  # sessions before Ctrl-C

    def vowels(task, session):
        """A score that is not the same for all policies that have learned nothing."""
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGINT)
        written = "".join(step.action.text for step in session.steps)
        return 1.0 if session.answer == task.answer else sum(written.count(letter) for letter in "aeiou") % 10 / 10

    tasks = [{"question": f"{n} plus 1", "answer": str(n + 1)} for n in range(24)]
    train, test = (forge.Dataset(part, metric=vowels) for part in (tasks[:16], tasks[16:]))
    course = Tiny(Benchmark("tiny", lambda: train, lambda: test, lambda model: forge.Agent(model=model, max_turns=2)))
    cell = Cell("tiny", "ppo")
    first, second = training_of(cell).chain
    outcomes = []
    for folder, sessions in ((tmp_path / "whole", 1_000_000), (tmp_path / "interrupted", 20)):
        trainer = Trainer(course, folder)
        trainer.train(first, 0)
        left[0] = sessions
        if folder.name == "interrupted":
            with pytest.raises(Interrupted):
                trainer.train(second, 0)
            events = [json.loads(line) for line in (folder / second.name / "run" / "events.jsonl").open()]
            assert 1 <= sum(event["kind"] == "update" for event in events) < 5
        trainer.train(second, 0)
        outcomes.append((played(trainer, cell), trainer.policy(second).network.state_dict()))
    (whole, weights), (gone_on, same) = outcomes
    assert len({score for _, score in whole.curve}) > 1  # something changed on the way
    assert replace(gone_on, seconds=0, cpu_seconds=0) == replace(whole, seconds=0, cpu_seconds=0)
    assert weights.keys() == same.keys()
    assert all((weights[name] == same[name]).all() for name in weights)


def test_random_weights_practise_copying_before_they_imitate_much(monkeypatch):
    given = []

    def tiny(texts, **settings):
        given.append(settings["copying"])
        return SimpleNamespace(to=lambda device: device)

    monkeypatch.setattr(rl.Policy, "tiny", tiny)
    few = StoreCourse(demonstrated=2).demonstrations(StoreCourse().agent("router", None), 0)
    for shown in (few, few * (WORTH_PRACTICE // len(few) + 1)):
        StoreCourse().policy(Library(), shown, 0)
    assert given == [False, True]


def test_practice_that_came_to_nothing_is_told_beside_what_was_trained(monkeypatch, tmp_path):
    monkeypatch.setattr("benchmarks.storeqa.course.WORTH_PRACTICE", 0)
    monkeypatch.setattr("rl.copying.MOST_STEPS", 1)
    training = training_of(Cell("storeqa", "sft"))
    (note,) = Trainer(StoreCourse(demonstrated=2), tmp_path).train(training, 0).notes
    assert note.startswith(f"{training.name}: after 1 steps of practice the model does not copy")
