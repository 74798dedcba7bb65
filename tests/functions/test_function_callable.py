"""A function from a live callable: it stays callable here, and its source stands alone elsewhere."""

import collections
import functools
import json as json_module
import math
import operator
import os.path
import random
import sys
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from math import pi, sqrt
from typing import List, Literal, Optional, TypedDict  # noqa: UP035

import pytest
from in_process import call

import functions
from functions import Function, FunctionError, function

RATE = 0.25
TABLE = {"pen": [1, 2.5], "ink": (3, None)}
NOTHING = float("inf")
Vector = list[float]
LOCK = threading.Lock()
Rows = list[dict[str, Optional[Vector]]]  # noqa: UP045
Mode = Literal["up", "down"]


@dataclass
class Item:
    price: float
    tags: list[str] = field(default_factory=list)


class Movie(TypedDict):
    title: str


def _taxed(price: float) -> float:
    return price * (1 + RATE)


def _helper_with_helper(price: float) -> float:
    return _taxed(price) + sqrt(4)


def alone(function: Function, arguments=None):
    """Run the source where nothing of this module is at hand."""
    return call(Function.from_source(function.source, function.name), arguments or {})


@function
def total(items: List[Item], mode: Optional[str] = None) -> float:  # noqa: UP006, UP045
    """Sum with tax.

    Args:
        items: what was bought
    """
    return sum(_helper_with_helper(item.price) for item in items)


@functions.function(trainable=False, packages=("numpy",))
def frozen() -> str:
    """Constants and imports."""
    counted = Counter(TABLE["pen"])
    path = os.path.join("a", "b")
    whole = reduce(operator.add, [1, 2], 0)
    return json_module.dumps([RATE, pi, math.floor(NOTHING - NOTHING if False else 1.5), len(counted), path, whole])


@function
def calls_another(price: float) -> float:
    """Uses a learnable function."""
    return frozen() and total([Item(price)])


def test_a_decorated_function_still_runs_in_process():
    assert total([Item(8.0)]) == 12.0
    assert isinstance(total, Function)


def test_its_source_stands_alone():
    assert alone(total, {"items": [{"price": 8}]}) == 12.0
    assert alone(frozen) == frozen()
    assert total.source.startswith("from ")
    assert "@" not in total.source.replace("@dataclass", "")


def test_the_decorators_arguments_arrive():
    assert (frozen.trainable, frozen.packages, total.trainable, total.packages) == (False, ("numpy",), True, ())


def test_another_learnable_function_is_left_to_the_library():
    assert calls_another.scope.free >= {"frozen", "total"}
    assert "def total" not in calls_another.source
    library = functions.Library([calls_another, total, frozen])
    assert {helper.name for helper in library.helpers("calls_another")} == {"total", "frozen"}
    assert library.undefined("calls_another") == ()


def test_decorating_twice_is_refused():
    with pytest.raises(FunctionError, match="'total' is a Function already"):
        function(total)


def test_a_plain_callable_given_to_a_library_becomes_a_function():
    assert functions.Library([_taxed])["_taxed"].validate({"price": "1"}) == {"price": 1.0}


def test_a_local_function_without_outer_variables_is_fine():
    @function(trainable=False)
    def local(vector: Vector, mode: Mode = "up", rows: Rows | None = None) -> float:
        """Local."""
        return vector[0] * RATE

    assert alone(local, {"vector": [2]}) == 0.5
    assert local.parameters["properties"]["vector"] == {"type": "array", "items": {"type": "number"}}
    assert local.parameters["properties"]["mode"]["enum"] == ["up", "down"]


def test_a_stdlib_function_that_hides_behind_a_c_module_is_imported_by_its_public_name():
    assert "from functools import reduce" in frozen.source
    assert "_functools" not in frozen.source


def test_submodules_reached_through_a_package_are_imported():
    def names(text: str) -> int:
        """Uses a submodule."""
        return len(collections.abc.__all__) and len(text)

    assert "import collections.abc" in Function.from_callable(names).source


def test_a_recursive_function_refers_to_itself():
    assert alone(factorial, {"n": 5}) == 120
    assert factorial(5) == 120


@function
def factorial(n: int) -> int:
    """n!"""
    return 1 if n < 2 else n * factorial(n - 1)


def uses_lock() -> bool:
    """Takes a lock."""
    return LOCK.locked()


class Holder:
    def method(self) -> int:
        return 1

    @staticmethod
    def static() -> int:
        return 1


@lru_cache
def cached(n: int) -> int:
    return n


def wrapping(inner):
    @functools.wraps(inner)
    def outer(*arguments):
        return inner(*arguments)

    return outer


@wrapping
def wrapped(n: int) -> int:
    return n


def registered(inner):
    return inner


@registered
def silently_decorated(n: int) -> int:
    return n


def make_closure():
    secret = object()

    def closure() -> str:
        return str(secret)

    return closure


uses_own_module = sys.modules[__name__]


def reaches_own_module() -> float:
    return uses_own_module.RATE


def coroutine_maker():
    async def coroutine() -> int:
        return 1

    return coroutine


REFUSED = [
    (uses_lock, "uses the global 'LOCK', a lock, which text cannot hold"),
    (lambda x: x, "a lambda has no name"),
    (len, "built in"),
    (Holder().method, "is a method"),
    (Holder.method, "is a method"),
    (Holder.static, "is a method"),
    (Holder, "is a class"),
    (cached, "is not a plain function"),
    (functools.partial(_taxed, 1), "is not a plain function"),
    (wrapped, "wrapped by another decorator"),
    (silently_decorated, "has the decorator 'registered'"),
    (make_closure(), "needs secret of the function around 'closure'"),
    (reaches_own_module, "is a module of your own"),
    (coroutine_maker(), "is an async def"),
    (eval("lambda: 1"), "lambda"),
    (random.Random(1).random, "built in"),
    (3, "is not a plain function"),
]


@pytest.mark.parametrize(("target", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_text_cannot_hold_is_refused_by_name(target, why):
    with pytest.raises(FunctionError) as caught:
        Function.from_callable(target)
    assert why in str(caught.value)


def test_a_function_made_by_exec_has_no_source_at_hand():
    namespace: dict = {}
    exec("def made():\n    return 1\n", namespace)
    with pytest.raises(FunctionError, match=r"not at hand.*Function\.from_source"):
        Function.from_callable(namespace["made"])


def test_constants_are_taken_as_they_are_when_decorated():
    source = Function.from_callable(_taxed).source
    assert "RATE = 0.25" in source


def test_a_movie_typed_dict_comes_along():
    def titles(movies: list[Movie]) -> list[str]:
        """Titles."""
        return [movie["title"] for movie in movies]

    assert alone(Function.from_callable(titles), {"movies": [{"title": "M"}]}) == ["M"]
