"""The generated problems: natural enough, solvable as labelled, and with a test split that is really unseen."""

import random
import re
import string

import pytest

from benchmarks.word_problem_kinds import DISTRACTORS, KINDS, Draw
from benchmarks.word_problems import generate, right
from forge.models.reading import read
from forge.session import Session
from functions.errors import ForgeError


def masked(question):
    """A question without its table, numbers, quoted words and capitalised names."""
    prose = " ".join(line for line in question.splitlines() if "|" not in line and not re.fullmatch(r"\w+,\w+", line))
    return re.sub(r'"\w+"|\$?\d[\d.,]*%?|\b[A-Z]\w+', "_", prose)


def test_no_sentence_of_the_test_split_occurs_in_training():
    for kind in KINDS:
        assert set(kind.train).isdisjoint(kind.test), kind.name
        assert kind.train
        assert kind.test
    assert set(DISTRACTORS["train"]).isdisjoint(DISTRACTORS["test"])
    train = {masked(task.question) for task in generate(600, 1, "train")}
    test = {masked(task.question) for task in generate(600, 1, "test")}
    assert train.isdisjoint(test)


@pytest.mark.parametrize("name", ["few", "many", "price", "speed"])
def test_numbers_of_the_test_split_lie_above_the_ranges_of_training(name):
    seen, unseen = (getattr(Draw(random.Random(4), unseen=flag), name) for flag in (False, True))
    assert max(seen() for _ in range(2000)) < min(unseen() for _ in range(2000))


def test_problems_are_drawn_by_seed_and_differ():
    first, again, other = generate(120, 5), generate(120, 5), generate(120, 6)
    assert first.digest == again.digest != other.digest
    assert len({task.question for task in first}) == 120


def test_every_kind_has_its_share():
    counts = {}
    for task in generate(len(KINDS) * 4, 2):
        counts[task.metadata["kind"]] = counts.get(task.metadata["kind"], 0) + 1
    assert counts == {kind.name: 4 for kind in KINDS}


def test_every_sentence_is_filled_completely():
    for split in ("train", "test"):
        for task in generate(400, 3, split):
            assert not re.search(r"[{}]|\bNone\b|\$\d+\.\d(?!\d)", task.question), task.question
            assert task.question[-1] in ".?"
            assert task.question[0] in string.ascii_uppercase + string.digits + "|$" or "," in task.question


def test_the_label_is_right_and_other_answers_are_not():
    for task in generate(200, 4, "test"):
        assert right(task, Session(task.id, task.question, answer=task.answer))
        assert not right(task, Session(task.id, task.question, answer=None))
        wrong = task.answer + "x" if isinstance(task.answer, str) else task.answer + 0.01 * max(1, task.answer)
        assert not right(task, Session(task.id, task.question, answer=wrong))


def test_labels_of_simple_kinds_follow_from_the_numbers_in_the_text():
    solve = {"total": lambda v: v[0] + v[1], "left": lambda v: v[0] - v[1], "product": lambda v: v[0] * v[1]}
    for task in generate(400, 8, "train"):
        kind = task.metadata["kind"]
        values = read(task.question).values
        if kind in solve and len(values) == 2:
            assert task.answer in (solve[kind](values), solve[kind](values[::-1]))


def test_bad_requests_are_refused():
    with pytest.raises(ForgeError, match="split='dev'"):
        generate(3, split="dev")
    with pytest.raises(ForgeError, match="count=0"):
        generate(0)
