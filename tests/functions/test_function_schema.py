"""What a function takes and gives: schemas from annotations and docstrings, coercion, and checks of results."""

import time

import pytest
from in_process import call

from functions import ArgumentError, FunctionError, ResultTypeError, SandboxError
from functions.function import Function

PRELUDE = """
from __future__ import annotations
import collections.abc
import dataclasses
import enum
import typing
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import (Annotated, Any, Dict, FrozenSet, Iterable, List, Literal, NamedTuple, NotRequired, Optional, Required,
                    Set, Tuple, TypeAlias, TypedDict, Union)

Vector = list[float]
Grid: TypeAlias = "list[Vector]"

@dataclass
class Item:
    price: float
    count: int = 1
    tags: list[str] = field(default_factory=list)

@dataclass(kw_only=True)
class Special(Item):
    corner: tuple[int, int] = (0, 0)
    hidden: int = field(default=0, init=False)

class Movie(TypedDict):
    title: str
    year: NotRequired[int]

class Loose(TypedDict, total=False):
    a: int
    b: Required[str]

class Point(NamedTuple):
    x: int
    y: int = 0

class Color(Enum):
    RED = "red"
    BLUE = "blue"

class Plain:
    pass

@dataclass
class Node:
    next: Node | None = None
"""  # noqa: E501


def schema(annotation, default=""):
    """The schema of one parameter, and the problem it has, if any."""
    function = Function.from_source(f"{PRELUDE}\ndef f(x: {annotation}{default}) -> None:\n    '''Doc.'''\n")
    return function.parameters["properties"]["x"], function.problems(), function.binding["decode"].get("x")


NUMBER, INTEGER, STRING, NULL = {"type": "number"}, {"type": "integer"}, {"type": "string"}, {"type": "null"}
PAIR = {"type": "array", "minItems": 2, "maxItems": 2, "items": INTEGER}
ITEM = {
    "type": "object",
    "properties": {"price": NUMBER, "count": INTEGER, "tags": {"type": "array", "items": STRING}},
    "required": ["price"],
    "additionalProperties": False,
}
MEANINGS = [
    ("int", INTEGER, None),
    ("bool", {"type": "boolean"}, None),
    ("None", NULL, None),
    ("Any", {}, None),
    ("t.Any", {}, None),
    ("object", {}, None),
    ("list", {"type": "array", "items": {}}, None),
    ("List[int]", {"type": "array", "items": INTEGER}, None),
    ("t.List[t.Dict[str, int]]", {"type": "array", "items": {"type": "object", "additionalProperties": INTEGER}}, None),
    ("Sequence[float]", {"type": "array", "items": NUMBER}, None),
    ("collections.abc.Iterable[str]", {"type": "array", "items": STRING}, None),
    ("dict", {"type": "object"}, None),
    ("Mapping[str, Any]", {"type": "object"}, None),
    ("dict[str, tuple[int, int]]", {"type": "object", "additionalProperties": PAIR}, ["dict", ["tuple", [None, None]]]),
    ("set[int]", {"type": "array", "items": INTEGER}, ["set", None]),
    ("FrozenSet[str]", {"type": "array", "items": STRING}, ["frozenset", None]),
    ("tuple", {"type": "array", "items": {}}, ["tuple*", None]),
    ("Tuple[int, ...]", {"type": "array", "items": INTEGER}, ["tuple*", None]),
    ("tuple[int, int]", PAIR, ["tuple", [None, None]]),
    (
        "tuple[int, str]",
        {"type": "array", "minItems": 2, "maxItems": 2, "items": {"anyOf": [INTEGER, STRING]}, "prefixItems": [INTEGER, STRING]},  # noqa: E501
        ["tuple", [None, None]],
    ),
    ("int | None", {"anyOf": [INTEGER, NULL]}, None),
    ("Optional[Set[int]]", {"anyOf": [{"type": "array", "items": INTEGER}, NULL]}, ["optional", ["set", None]]),
    ("Union[int, Union[str, int]]", {"anyOf": [INTEGER, STRING]}, None),
    ("int | Any", {}, None),
    ("Literal['a', 'b']", {"type": "string", "enum": ["a", "b"]}, None),
    ("Literal[1, 'b', None]", {"enum": [1, "b", None]}, None),
    ("Annotated[int, 'how many']", {**INTEGER, "description": "how many"}, None),
    ("'list[int]'", {"type": "array", "items": INTEGER}, None),
    ("Vector", {"type": "array", "items": NUMBER}, None),
    ("Grid", {"type": "array", "items": {"type": "array", "items": NUMBER}}, None),
    ("Item", ITEM, ["dataclass", "Item", {}]),
    ("list['Item']", {"type": "array", "items": ITEM}, ["list", ["dataclass", "Item", {}]]),
    (
        "Special",
        {**ITEM, "properties": {**ITEM["properties"], "corner": PAIR}},
        ["dataclass", "Special", {"corner": ["tuple", [None, None]]}],
    ),
    (
        "Movie",
        {"type": "object", "properties": {"title": STRING, "year": INTEGER}, "required": ["title"],
         "additionalProperties": False},
        None,
    ),
    (
        "Loose",
        {"type": "object", "properties": {"a": INTEGER, "b": STRING}, "required": ["b"], "additionalProperties": False},
        None,
    ),
    (
        "Point",
        {"type": "object", "properties": {"x": INTEGER, "y": INTEGER}, "required": ["x"], "additionalProperties": False},  # noqa: E501
        ["dataclass", "Point", {}],
    ),
    ("Color", {"type": "string", "enum": ["red", "blue"]}, ["enum", "Color"]),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "expected", "decode"), MEANINGS, ids=[row[0] for row in MEANINGS])
def test_an_annotation_becomes_a_schema_and_a_way_to_decode(annotation, expected, decode):
    assert schema(annotation) == (expected, [], decode)


UNKNOWN = ["np.ndarray", "bytes", "complex", "Decimal", "Lis[int]", "dict[int, str]", "Plain", "Node", "Callable", "'1 +'",  # noqa: E501
           "tuple[int, int] | list[int]", "Literal[1.5]", "list[int, int]", "3", "f(2)"]  # fmt: skip


@pytest.mark.parametrize("annotation", UNKNOWN)
def test_an_annotation_that_json_cannot_carry_takes_any_value_and_is_a_problem(annotation):
    found, problems, decode = schema(annotation)
    assert (found, decode) == ({}, None)
    assert len(problems) == 1
    assert problems[0].startswith("parameter 'x': ")


def test_a_typing_name_that_is_not_imported_is_a_problem():
    function = Function.from_source("def f(x: List[int]) -> int:\n    '''Doc.'''\n    return 1\n")
    assert "List[int] is not a type that JSON carries, or is not imported" in function.problems()[0]


def test_problems_name_what_an_optimizer_must_write():
    function = Function.from_source("def f(x, *rest, **more):\n    return x\n")
    assert function.problems() == [
        "it has no docstring",
        "parameter 'x' has no annotation",
        "parameter 'rest' has no annotation",
        "parameter 'more' has no annotation",
        "it has no return annotation",
    ]
    assert function.parameters["properties"]["x"] == {}
    assert function.validate({"x": {"any": [1, "json", None]}}) == {"x": {"any": [1, "json", None]}}


def test_results_that_are_not_json_are_problems_of_the_return_annotation():
    for annotation in ("set[int]", "Color", "np.ndarray"):
        function = Function.from_source(f"{PRELUDE}\ndef f() -> {annotation}:\n    '''Doc.'''\n")
        assert len(function.problems()) == 1, annotation
        assert function.returns is None


def test_defaults_make_parameters_optional_and_literal_ones_are_shown():
    function = Function.from_source(
        "def f(a: int, b: int = 2, c: str = None, d: list[int] = [], e: float = 1 / 3, g: tuple = ()) -> int:\n    return a\n"  # noqa: E501
    )
    properties = function.parameters["properties"]
    assert function.parameters["required"] == ["a"]
    assert properties["b"] == {"type": "integer", "default": 2}
    assert properties["c"] == {"anyOf": [STRING, NULL], "default": None}
    assert properties["d"]["default"] == []
    assert "default" not in properties["e"]
    assert "default" not in properties["g"]
    assert function.validate({"a": 1}) == {"a": 1}
    assert function.validate({"a": 1, "c": None}) == {"a": 1, "c": None}


GOOGLE = '''
    """Price of one item.

    Longer words about it.

    Args:
        total (float): what all cost,
            taxes included
        count: how many there are

    Returns:
        float: the price

    Example:
        >>> unit_price(10, 2)
        5.0
    """'''
NUMPY = '''
    """Price of one item.

    Longer words about it.

    Parameters
    ----------
    total : float
        what all cost,
        taxes included
    count : int, optional
        how many there are

    Returns
    -------
    float
        the price

    Example:
        >>> unit_price(10, 2)
        5.0
    """'''.replace("\n\n    Example", "\n\n    Examples\n    --------\n    Example")
SPHINX = '''
    """Price of one item.

    Longer words about it.

    :param float total: what all cost,
        taxes included
    :param count: how many there are
    :type count: int
    :returns: the price
    :raises ValueError: never

    Example:
        >>> unit_price(10, 2)
        5.0
    """'''


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_docstrings_of_three_styles_describe_the_function_and_its_parameters(docstring):
    function = Function.from_source(
        f"def unit_price(total: float, count: int) -> float:{docstring}\n    return total / count\n"
    )
    assert function.description.startswith("Price of one item.\n\nLonger words about it.")
    assert ">>> unit_price(10, 2)" in function.description
    for gone in ("Args", "Parameters", ":param", "Returns", "the price", "taxes"):
        assert gone not in function.description
    properties = function.parameters["properties"]
    assert properties["total"]["description"] == "what all cost, taxes included"
    assert properties["count"]["description"] == "how many there are"


def test_a_tool_schema_is_what_the_openai_protocol_asks_for():
    function = Function.from_source("def f(x: int = 1) -> int:\n    '''Doc.'''\n    return x\n")
    assert function.tool_schema() == {
        "type": "function",
        "function": {
            "name": "f",
            "description": "Doc.",
            "parameters": {
                "type": "object",
                "properties": {"x": {"type": "integer", "default": 1}},
                "required": [],
                "additionalProperties": False,
            },
        },
    }


COERCED = [
    ("int", "3", 3),
    ("int", 3.0, 3),
    ("int", 1e19, 10**19),
    ("int", " 3 ", 3),
    ("float", 3, 3.0),
    ("float", "3.5", 3.5),
    ("float", 2**60, float(2**60)),
    ("bool", "true", True),
    ("bool", 0, False),
    ("str", 3, "3"),
    ("int | str", "3", "3"),
    ("int | str", 3, 3),
    ("int | float", 3, 3),
    ("bool | int", True, True),
    ("int | None", None, None),
    ("int | None", "4", 4),
    ("list[int]", ["1", 2.0], [1, 2]),
    ("list[int]", "[1, 2]", [1, 2]),
    ("list[int]", (1, 2), [1, 2]),
    ("dict[str, float]", '{"a": "1"}', {"a": 1.0}),
    ("Item", '{"price": 2}', {"price": 2.0}),
    ("Item | None", {"price": 2, "tags": []}, {"price": 2.0, "tags": []}),
    ("tuple[int, str]", ["1", "a"], [1, "a"]),
    ("tuple[int, str]", (1, "a"), [1, "a"]),
    ("set[int]", [2, 1, 2], [2, 1, 2]),
    ("Literal[1, 'a']", 1, 1),
    ("Color", "red", "red"),
    ("Any", [{"a": (1,)}], [{"a": [1]}]),
    ("str", "[1]", "[1]"),
]


@pytest.mark.parametrize(("annotation", "given", "expected"), COERCED)
def test_arguments_are_coerced_where_nothing_is_lost(annotation, given, expected):
    function = Function.from_source(f"{PRELUDE}\ndef f(x: {annotation}) -> None:\n    pass\n")
    found = function.validate({"x": given})["x"]
    assert (found, type(found)) == (expected, type(expected))


LOSSY = [
    ("int", 3.7), ("int", "3.7"), ("int", True), ("int", None), ("int", "three"), ("int", [3]), ("float", True),
    ("float", "abc"), ("float", float("nan")), ("float", "inf"), ("float", 2**53 + 1), ("float", 10**400), ("bool", 2),
    ("bool", "maybe"), ("str", True), ("str", None), ("str", ["a"]), ("list[int]", "1, 2"), ("list[int]", [1.5]),
    ("list[int]", 3), ("dict[str, int]", [1]), ("dict[str, int]", {1: 2}), ("Item", {}), ("Item", {"price": 1, "cost": 2}),  # noqa: E501
    ("tuple[int, str]", [1]), ("tuple[int, str]", [1, "a", 2]), ("Literal[1, 'a']", True), ("Literal['a']", "b"),
    ("Color", "green"), ("Any", {1, 2}.__class__), ("Any", float("inf")), ("Any", {1: 2}), ("Any", b"bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("annotation", "given"), LOSSY)
def test_arguments_that_would_lose_something_are_refused(annotation, given):
    function = Function.from_source(f"{PRELUDE}\ndef f(x: {annotation}) -> None:\n    pass\n")
    with pytest.raises(ArgumentError, match=r"^f: .*x.*\(parameters: x: "):
        function.validate({"x": given})


def test_an_argument_error_names_everything_that_is_wrong_and_what_is_right():
    function = Function.from_source("def price(total: float, count: int = 1) -> float:\n    return total\n")
    with pytest.raises(ArgumentError) as caught:
        function.validate({"totl": 3, "count": "many"})
    assert str(caught.value) == (
        "price: 'total' is missing; count must be a valid integer, not \"many\"; 'totl' is unknown, did you mean 'total'? "  # noqa: E501
        "(parameters: total: number, count: integer (optional))"
    )
    assert isinstance(caught.value, FunctionError)
    assert isinstance(caught.value, SandboxError)


def test_an_argument_error_stays_short_whatever_was_sent():
    function = Function.from_source("def f(x: list[int]) -> int:\n    return 1\n")
    with pytest.raises(ArgumentError) as caught:
        function.validate({"x": ["a" * 10_000] * 1_000, "y" * 10_000: 1})
    assert len(str(caught.value)) < 1_000


def test_an_argument_error_says_where_in_a_nested_value():
    function = Function.from_source(f"{PRELUDE}\ndef f(x: list[Item | None]) -> None:\n    pass\n")
    with pytest.raises(ArgumentError, match=r"x\[1\]\.price must be a valid number, not \"abc\""):
        function.validate({"x": [{"price": 1}, {"price": "abc"}]})


@pytest.mark.parametrize("arguments", [[1, 2], "x", None, 3])
def test_arguments_that_are_no_object_are_refused(arguments):
    with pytest.raises(ArgumentError, match="must be an object"):
        Function.from_source("def f(x: int) -> int:\n    return x\n").validate(arguments)


def test_a_value_within_itself_or_very_deep_is_refused_not_a_crash():
    function = Function.from_source("def f(x):\n    return x\n")
    loop: list = []
    loop.append(loop)
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    for value in (loop, deep):
        with pytest.raises(ArgumentError):
            function.validate({"x": value})


RESULTS = [
    ("int", [1, -5, 10**30], [1.0, "1", True, None]),
    ("float", [1.5, 2, 10**400], ["1.5", True, None]),
    ("str", ["", "3"], [3, None]),
    ("bool", [True], [1, "true"]),
    ("None", [None], [0, ""]),
    ("list[int]", [[], [1]], [["1"], "1", None]),
    ("tuple[int, str]", [[1, "a"]], [[1], ["1", "a"]]),
    ("Point", [[1, 2]], [{"x": 1, "y": 2}, [1]]),
    ("Item", [{"price": 1.5, "count": 2, "tags": []}], [{"price": "1"}, []]),
    ("dict[str, int]", [{}, {"a": 1}], [{"a": "1"}, []]),
    ("int | str", [1, "a"], [1.5, None]),
    ("Optional[float]", [None, 1], ["x"]),
    ("Any", [1, None, "a", [[]]], []),
    ("Literal['a']", ["a"], ["b"]),
]


@pytest.mark.parametrize(("annotation", "good", "bad"), RESULTS, ids=[row[0] for row in RESULTS])
def test_results_are_checked_against_the_return_annotation_and_handed_on_unchanged(annotation, good, bad):
    function = Function.from_source(f"{PRELUDE}\ndef f() -> {annotation}:\n    pass\n")
    for value in good:
        assert function.check_result(value) is value
    for value in bad:
        with pytest.raises(ResultTypeError, match="f returned what its annotation does not allow"):
            function.check_result(value)


def test_an_unannotated_result_may_be_anything():
    assert Function.from_source("def f():\n    pass\n").check_result("x") == "x"


def test_positional_and_variadic_parameters_reach_the_function():
    source = "def f(a: int, /, b: int = 2, *rest: int, key: str = 'k', **more: int) -> list:\n    return [a, b, rest, key, more]\n"  # noqa: E501
    function = Function.from_source(source)
    assert function.binding == {
        "positional": ["a", "b"], "keyword": ["key"], "var_positional": "rest", "var_keyword": "more", "decode": {},
    }  # fmt: skip
    assert call(function, {"a": 1, "rest": [5, 6], "z": "7"}) == [1, 2, [5, 6], "k", {"z": 7}]
    assert call(function, {"a": 1, "key": "x"}) == [1, 2, [], "x", {}]
    with pytest.raises(ArgumentError, match="z"):
        function.validate({"a": 1, "z": "no number"})


def test_a_gap_before_a_positional_argument_is_filled_or_named():
    with_default = Function.from_source("def f(a: int = 1, b: int = 2, /) -> list:\n    return [a, b]\n")
    assert call(with_default, {"b": 5}) == [1, 5]
    computed = Function.from_source("def f(a: int = 1 + 1, b: int = 2, /) -> list:\n    return [a, b]\n")
    assert call(computed, {}) == [2, 2]
    with pytest.raises(ArgumentError, match="'a' must be given with 'b'"):
        computed.validate({"b": 5})


def test_decoded_arguments_have_the_types_the_source_says():
    source = f"""{PRELUDE}
def f(item: Item, many: list[Special], ids: set[int], pair: tuple[int, int], color: Color, point: Point | None = None,
      movie: Movie | None = None) -> list:
    assert isinstance(item, Item) and isinstance(many[0], Special) and many[0].corner == (1, 2)
    assert isinstance(ids, set) and isinstance(pair, tuple) and color is Color.RED
    return [item.price * item.count, sorted(ids), point.y if point else None, movie]
"""
    arguments = {"item": {"price": 2}, "many": [{"price": 1, "corner": [1, 2]}], "ids": [3, 3, 1], "pair": [1, 2],
                 "color": "red", "point": {"x": 1}, "movie": {"title": "M"}}  # fmt: skip
    assert call(Function.from_source(source), arguments) == [2.0, [1, 3], 0, {"title": "M"}]


def test_keyword_arguments_that_need_decoding_are_a_problem():
    function = Function.from_source("def f(**pairs: tuple[int, int]) -> None:\n    '''Doc.'''\n")
    assert function.problems() == ["parameter 'pairs': only int, float, str, bool, list and dict can stand behind **"]
    assert function.binding["decode"] == {}


def test_classes_that_are_their_own_bases_are_a_problem_not_a_crash():
    text = "from dataclasses import dataclass\n{}class A(B):\n    x: int\n\nclass B(A):\n    y: int\n\ndef f(a: A) -> None:\n    pass\n"  # noqa: E501
    for decorator in ("", "@dataclass\n"):
        assert "parameter 'a': " in " ".join(Function.from_source(text.format(decorator)).problems())


def test_annotations_that_double_at_every_step_are_a_problem_not_a_hang():
    aliases = "".join(f"A{n} = tuple[A{n + 1}, A{n + 1}]\n" for n in range(60))
    function = Function.from_source(f"{aliases}A60 = int\n\ndef f(x: A0) -> A0:\n    pass\n")
    assert "too large" in " ".join(function.problems())


@pytest.mark.parametrize(
    "annotation", ["'" + "a." * 900 + "b'", "'" + "|".join(["int"] * 5000) + "'", "list[" * 60 + "int" + "]" * 60]
)
def test_deep_annotations_are_read_or_a_problem_never_a_crash(annotation):
    function = Function.from_source(f"def f(x: {annotation}) -> int:\n    return 1\n")
    function.problems()
    assert function.parameters["properties"].keys() == {"x"}


def test_a_long_list_of_wrong_values_costs_little():
    function = Function.from_source("def f(x: list[int]) -> int:\n    return 1\n")
    start = time.perf_counter()
    with pytest.raises(ArgumentError, match=r"x\[0\] must be"):
        function.validate({"x": ["a"] * 1_000_000})
    assert time.perf_counter() - start < 1
