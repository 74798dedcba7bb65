"""The parts of the synthesis: what a program explains, how tasks are grouped, and what the functions look like."""

import random

import pytest
from forging import PlainSandbox
from hypothesis import given
from hypothesis import strategies as st

from forge.metrics import Score, exact_match, numeric
from forge.models.matching import examples_of, features
from forge.models.reading import read
from forge.task import Task
from functions import Function
from optim.clusters import cluster, covering
from optim.explanations import Explained, Judge, explanations
from optim.programs import Program
from optim.shapes import SHAPES
from optim.writing import MAX_EXAMPLE_BYTES, Example, source_of, with_examples

TWO = SHAPES[1]
ADD = Program("number", 1, operator=TWO.grammar.operators[0],
              arguments=(Program("number", 0, name="first"), Program("number", 0, name="second")))  # fmt: skip


def tasks_of(pairs, words, solve):
    return [Task(f"{words}{a}-{b}", f"{words} {a} and {b}?", solve(a, b)) for a, b in pairs]


PAIRS = [(3, 8), (12, 5), (40, 9), (7, 21), (16, 4), (33, 2)]
SUMS = tasks_of(PAIRS, "How many pens together are", lambda a, b: a + b)
PRODUCTS = tasks_of(PAIRS, "How big is a field of", lambda a, b: a * b)


def found_in(tasks, metric=None):
    readings = [read(task.question) for task in tasks]
    found = explanations(tasks, readings, Judge(metric or numeric(1e-6)), SHAPES)
    return found, [features(reading) for reading in readings]


def test_tasks_of_two_kinds_become_two_groups_with_the_right_programs():
    groups = cluster(*found_in(SUMS + PRODUCTS))
    assert [(group.explanation.program.python, group.tasks) for group in groups] == [
        ("first + second", (0, 1, 2, 3, 4, 5)),
        ("first * second", (6, 7, 8, 9, 10, 11)),
    ]


def test_a_task_that_two_programs_explain_goes_to_the_one_its_words_resemble():
    coincidence = Task("c", "How big is a field of 2 and 2?", 4)
    groups = cluster(*found_in([*SUMS, *PRODUCTS, coincidence]))
    (owner,) = [group.explanation.program.python for group in groups if len(SUMS + PRODUCTS) in group.tasks]
    assert owner == "first * second"


@pytest.mark.parametrize("seed", range(1, 6))
def test_what_could_be_a_coincidence_is_not_chosen(seed):
    source = random.Random(seed)
    numbers = [(source.randint(2, 60), source.randint(2, 60), source.randint(1, 200)) for _ in range(40)]
    explained, _ = found_in([Task(str(n), f"Say {a} and {b}?", answer) for n, (a, b, answer) in enumerate(numbers)])
    assert sum(len(one.right) > 1 for one in explained.found) >= 1  # some programs do fit more than one
    assert sum(len(one.right) for one in covering(explained)) <= 4


def test_nothing_to_explain_gives_no_group():
    assert cluster(Explained((), ()), []) == []
    assert cluster(*found_in([Task("t", "No number here", "x")])) == []


def test_the_metric_decides_what_is_right_and_is_asked_once_for_a_value():
    asked = []

    def metric(task, session):
        asked.append((task.id, repr(session.answer)))
        return Score(float(session.answer == task.answer), "words")

    found_in(SUMS, metric)
    assert len(asked) == len(set(asked))
    half, _ = found_in(SUMS, lambda task, session: 0.5)
    assert half.found == ()


def test_a_value_is_judged_as_the_router_submits_it():
    judge = Judge(lambda task, session: type(session.answer) is int)
    assert judge.right(SUMS[0], 11.0)
    assert not judge.right(SUMS[0], 11.5)
    assert not Judge(exact_match).right(SUMS[0], None)


TEXT = st.text(max_size=80) | st.sampled_from(
    ['"""', "a \\ b", 'ends in "', "\x00\ud800", "x\n- y -> z\n  q", "{0} %s"]
)


@given(st.lists(st.tuples(TEXT, st.integers() | TEXT), max_size=5))
def test_any_question_can_be_an_example_and_the_function_stays_sound(pairs):
    examples = [Example(question, answer) for question, answer in pairs]
    source = source_of("total", TWO, ADD, "First plus second.", examples)
    for text in (source, with_examples(source_of("total", TWO, ADD, "First.", ()), "total", examples)):
        function = Function.from_source(text, "total")
        assert function.problems() == []
        assert next(PlainSandbox().map(function, [{"first": 2, "second": 3}])) == 5


def test_examples_come_back_from_the_docstring_as_they_went_in():
    questions = ['He said "5\\6" and 7?', "item | price\npen | 2\nHow much?", "2 -> 3 and 4?"]
    source = source_of("total", TWO, ADD, "Adds.", [Example(question, 9.0) for question in questions])
    prose, found = examples_of(Function.from_source(source).description)
    assert (prose, found) == ("Adds.", questions)
    assert "-> 9\n" in source


def test_more_examples_join_those_that_are_there_and_the_code_stays():
    source = (
        'import math\n\n\ndef total(first: float, second: float) -> float:\n    """Adds.\n\n    Examples:\n'
        '        - 2 and 3? -> 5\n    """\n    # a comment\n    return math.fsum([first, second])\n'
    )
    longer = with_examples(source, "total", [Example("6 and 7?", 13), Example("8 and 9?", 17)])
    assert examples_of(Function.from_source(longer).description)[1] == ["2 and 3?", "6 and 7?", "8 and 9?"]
    assert longer.startswith("import math\n\n\ndef total(")
    assert longer.endswith("    # a comment\n    return math.fsum([first, second])\n")


@pytest.mark.parametrize("docstring", ["", '    "Adds."\n', '    """Adds.\n\n    Args:\n        first: one\n    """\n'])
def test_a_function_without_examples_gets_its_first(docstring):
    source = f"def total(first: float, second: float) -> float:\n{docstring}    return first + second\n"
    function = Function.from_source(with_examples(source, "total", [Example("6 and 7?", 13)]))
    assert examples_of(function.description)[1] == ["6 and 7?"]
    assert next(PlainSandbox().map(function, [{"first": 2, "second": 3}])) == 5


def test_examples_stop_where_the_source_would_grow_too_large():
    many = [Example(f"{n} " + "long words " * 60, n) for n in range(400)]
    source = source_of("total", TWO, ADD, "Adds.", many)
    assert MAX_EXAMPLE_BYTES * 0.9 < len(source.encode()) < 64 * 1024
    grown = with_examples(source, "total", [Example(f"x{n} " + "long words " * 60, n) for n in range(400)])
    assert len(grown.encode()) < 64 * 1024
    assert Function.from_source(grown).problems() == []
