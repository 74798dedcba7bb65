"""Functions and libraries in the real sandbox: decoded arguments, helpers, checks on both sides, one code a name."""

import pytest

import functions
from functions import Add, ArgumentError, Function, FunctionError, Library, Remove, ResultTypeError, Sandbox

TYPED = '''
from __future__ import annotations
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypedDict

class Color(Enum):
    RED = "red"

@dataclass
class Item:
    price: float
    corner: tuple[int, int] = (0, 0)
    tags: list[str] = field(default_factory=list)

class Point(NamedTuple):
    x: int
    y: int = 0

class Movie(TypedDict):
    title: str

def f(first: int, /, items: list[Item], color: Color, *rest: tuple[int, int], ids: set[int] | None = None,
      point: Point | None = None, movie: Movie | None = None, names: frozenset[str] = frozenset(), **more: int) -> list:
    """Every kind of parameter."""
    assert all(isinstance(item, Item) and isinstance(item.corner, tuple) for item in items)
    assert color is Color.RED and all(isinstance(pair, tuple) for pair in rest)
    assert ids is None or isinstance(ids, set)
    assert isinstance(names, frozenset)
    return [first, [item.price for item in items], list(rest), sorted(ids or ()), point.y if point else None, movie,
            sorted(names), more]
'''


@pytest.fixture(scope="module")
def box():
    with Sandbox(timeout=5, mode="worker") as box:
        yield box


def test_arguments_arrive_with_the_types_that_the_source_says(box):
    arguments = {
        "first": "1", "items": [{"price": 2, "corner": [1, 2]}, {"price": "3"}], "color": "red",
        "rest": [[1, 2], [3, 4]], "z": "7",
        "ids": [2, 1, 2], "point": {"x": 1}, "movie": {"title": "M"}, "names": ["b", "a"],
    }  # fmt: skip
    expected = [1, [2.0, 3.0], [[1, 2], [3, 4]], [1, 2], 0, {"title": "M"}, ["a", "b"], {"z": 7}]
    function = Function.from_source(TYPED)
    assert function.problems() == []
    assert box.call(function, arguments) == expected
    assert box.call(function, {"first": 1, "items": [], "color": "red"}) == [1, [], [], [], None, None, [], {}]


def test_arguments_and_results_are_checked_on_the_way(box):
    liar = Function.from_source("def f(x: int) -> int:\n    return str(x)\n")
    with pytest.raises(ArgumentError, match="x must be a valid integer"):
        box.call(liar, {"x": "three"})
    with pytest.raises(ResultTypeError, match=r'f returned what its annotation does not allow.*not "3"'):
        box.call(liar, {"x": 3})


def test_helpers_run_beside_the_function(box):
    library = Library().apply(
        [
            Add(name="total", source="def total(x: float) -> float:\n    return tax(x) + base(x)\n"),
            Add(name="tax", source="def tax(x: float) -> float:\n    return base(x) * RATE\n\nRATE = 2\n"),
            Add(name="base", source="import math\n\ndef base(x: float) -> float:\n    return math.floor(x)\n"),
        ]
    )
    assert box.call(library["total"], {"x": 1.5}, helpers=library.helpers("total")) == 3


def test_every_name_runs_its_own_code(box):
    library = Library([Function.from_source(f"def f{n}() -> int:\n    return {n}\n") for n in range(5)])
    executors = {name: (lambda function=library[name]: box.call(function, {})) for name in library}
    assert [executors[name]() for name in library] == list(range(5))
    after = library.apply([Remove(name="f4")])
    with pytest.raises(FunctionError, match="no function 'f4'"):
        after.helpers("f4")


@functions.function
def live(prices: list[float], rate: float = 0.5) -> dict[str, float]:
    """Sum and share."""
    return {"sum": sum(prices), "share": sum(prices) * rate}


def test_a_live_function_gives_the_same_in_process_and_in_the_sandbox(box):
    assert box.call(live, {"prices": [1, "2"]}) == live([1.0, 2.0])
