"""Small typed programs: their values, their Python text, and their enumeration."""

import math
import statistics

import pytest
from forging import PlainSandbox
from hypothesis import given
from hypothesis import strategies as st

from functions import Function, SandboxError
from optim.operators import ARITHMETIC, LISTS, TABLES, TEXTS
from optim.programs import DIGITS, FAILED, Grammar, Program, enumerate_programs
from optim.shapes import ANSWERS, DEEP_SHAPES, SHAPES
from optim.writing import name_of, source_of

VALUES = {
    "number": [3, 12.5, 7, 40, 0.5],
    "numbers": [[3, 5, 8], [2.5, 1, 9, 4], [7, 7], [10, 3, 2, 1, 6], [4, 0]],
    "table": [
        [{"item": "pen", "price": 2, "stock": 7}, {"item": "ink", "price": 4.5, "stock": 3}],
        [{"item": "cup", "price": 9, "stock": 1}, {"item": "pan", "price": 30, "stock": 2}],
        [{"item": "fig", "price": 1, "stock": 5}, {"item": "nut", "price": 0.5, "stock": 90}],
        [{"item": "hat", "price": 12, "stock": 5}, {"item": "cap", "price": 8, "stock": 9}],
        [{"item": "oak", "price": 70, "stock": 4}, {"item": "elm", "price": 60, "stock": 4}],
    ],
    "column": ["price", "price", "stock", "stock", "price"],
    "text": ["banana", "Red fox", "a", "Otter", "level"],
    "texts": [["fig", "Apple"], ["b", "a", "c"], ["one", "three"], ["x"], ["kiwi", "kiwi"]],
}
ITEMS = {"item": ["pen", "pan", "fig", "hat", "elm"], "other": ["ink", "cup", "nut", "cap", "oak"]}


def inputs_of(shape):
    """Five sets of inputs of a shape; numbers differ from parameter to parameter."""
    given_inputs = {}
    for place, (name, kind) in enumerate(shape.parameters.items()):
        values = ITEMS[name] if kind == "item" else VALUES[kind]
        rotated = values[place % 5 :] + values[: place % 5] if kind in ("number", "text") else values
        given_inputs[name] = (kind, rotated)
    return given_inputs


def small(shape):
    """The shape's grammar, bounded so that a test is quick."""
    return Grammar(
        shape.grammar.operators, shape.grammar.constants, shape.grammar.free_cost, shape.grammar.max_cost, 1500
    )


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(shape.parameters))
def test_the_python_text_of_every_program_computes_what_the_program_computes(shape):
    inputs = inputs_of(shape)
    for behaviour in enumerate_programs(inputs, small(shape), answers=ANSWERS)[::7]:
        program = behaviour.program
        code = compile(program.python, "program", "eval")
        for place, value in enumerate(behaviour.values):
            arguments = {name: values[place] for name, (_, values) in inputs.items()}
            assert program.run(arguments) == value
            if value is not FAILED:
                world = {"math": math, "statistics": statistics, **arguments}
                found = eval(code, world)
                assert (tuple(found) if isinstance(found, list) else found) == value, program.python


@pytest.mark.parametrize("shape", [*SHAPES, *DEEP_SHAPES[:2]], ids=lambda shape: "-".join(shape.parameters))
def test_no_two_programs_behave_alike_and_cheaper_ones_come_first(shape):
    found = enumerate_programs(inputs_of(shape), small(shape), answers=ANSWERS)
    assert found
    seen = set()
    for behaviour in found:
        rounded = [round(value, DIGITS) if isinstance(value, float) else value for value in behaviour.values]
        key = (behaviour.program.gives, repr([float(v) if isinstance(v, int) else v for v in rounded]))
        assert key not in seen, behaviour.program.python
        seen.add(key)
    costs = [behaviour.program.cost for behaviour in found]
    assert costs == sorted(costs)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(shape.parameters))
def test_every_written_function_is_sound_and_agrees_with_its_program(shape):
    inputs = inputs_of(shape)
    box = PlainSandbox()
    for behaviour in enumerate_programs(inputs, small(shape), answers=ANSWERS)[::41]:
        program = behaviour.program
        function = Function.from_source(source_of(name_of(program, shape), shape, program, "Words.", ()))
        assert function.problems() == []
        rows = [{name: values[place] for name, (_, values) in inputs.items()} for place in range(5)]
        for value, result in zip(behaviour.values, box.map(function, rows), strict=True):
            if value is FAILED:
                assert isinstance(result, SandboxError) or abs(result) >= 1e12
            else:
                assert result == (list(value) if isinstance(value, tuple) else value), function.source


def test_names_differ_wherever_programs_or_shapes_differ():
    names = [
        name_of(behaviour.program, shape)
        for shape in SHAPES[:5]
        for behaviour in enumerate_programs(inputs_of(shape), small(shape), answers=ANSWERS)
        if behaviour.program.cost <= 2
    ]
    assert all(name.isidentifier() for name in names)
    assert len(set(names)) >= 0.97 * len(names)  # what still coincides gets a number in the library


def test_a_known_function_is_found_with_the_simplest_program():
    first, second = [4.0, 9.0, 12.0], [3.0, 20.0, 1.0]
    inputs = {"first": ("number", first), "second": ("number", second)}
    found = enumerate_programs(inputs, Grammar(ARITHMETIC), answers=ANSWERS)
    wanted = tuple((a + b) / 2 for a, b in zip(first, second, strict=True))
    match = [behaviour.program.python for behaviour in found if behaviour.values == wanted]
    assert match == ["(first + second) / 2"]


def test_a_program_that_fails_on_some_inputs_is_kept_and_one_that_mostly_fails_is_not():
    inputs = {"a": ("number", [1.0, 2.0, 3.0]), "b": ("number", [0.0, 1.0, 5.0])}
    texts = {
        found.program.python: found.values for found in enumerate_programs(inputs, Grammar(ARITHMETIC), answers=ANSWERS)
    }
    assert texts["a / b"] == (FAILED, 2.0, 0.6)
    inputs["b"] = ("number", [0.0, 0.0, 5.0])
    texts = {found.program.python for found in enumerate_programs(inputs, Grammar(ARITHMETIC), answers=ANSWERS)}
    assert "a / b" not in texts


@given(st.integers(1, 400))
def test_the_limit_bounds_the_enumeration(limit):
    shape = SHAPES[2]
    grammar = Grammar(shape.grammar.operators, limit=limit)
    assert len(enumerate_programs(inputs_of(shape), grammar, answers=ANSWERS)) <= limit


@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=6), st.text(max_size=12))
def test_an_operator_and_its_text_agree_on_any_input(numbers, text):
    world = {"math": math, "statistics": statistics, "n": numbers, "t": text, "a": numbers[0], "b": numbers[-1]}
    names = {"numbers": ["n"], "number": ["a", "b"], "text": ["t", "t"], "texts": ["w"]}
    world["w"] = text.split()
    for operator in ARITHMETIC + LISTS + TEXTS:
        taken = {kind: iter(names[kind]) for kind in names}
        arguments = [next(taken[kind]) for kind in operator.takes]
        if operator.name == "repeated":
            continue  # has a bound of its own
        direct = outcome(lambda: operator.apply(*(frozen(world[name]) for name in arguments)))  # noqa: B023
        written = outcome(lambda: eval(operator.template.format(*arguments), dict(world)))  # noqa: B023
        assert frozen(written) == frozen(direct) or written == pytest.approx(direct, nan_ok=True), operator.name


def test_every_table_operator_is_tried_by_a_shape():
    used = {operator.name for shape in SHAPES for operator in shape.grammar.operators}
    assert {operator.name for operator in ARITHMETIC + LISTS + TABLES + TEXTS} <= used


def test_a_constant_and_an_input_are_programs_too():
    assert Program("number", 0, name="a").run({"a": 3}) == 3
    assert Program("number", 0, constant=2).python == "2"


def outcome(compute):
    try:
        return compute()
    except (ArithmeticError, ValueError, TypeError, LookupError, StopIteration) as error:
        return type(error).__name__


def frozen(value):
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value
