"""The typed operations that small programs are made of: each with its meaning and with its Python text."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = Any  # a JSON value, with tuples for lists: a float, an int, a text, or a tuple of them, or a table
Record = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Operator:
    """`template` is Python text of the same meaning as `apply`; `phrase` says it in words.

    A failing `apply` raises one of `FAILURES`, as the Python text does.
    """

    name: str
    takes: tuple[str, ...]
    gives: str
    template: str
    apply: Callable[..., Value]
    phrase: str
    cost: int = 1
    commutes: bool = False
    imports: tuple[str, ...] = ()


FAILURES = (ArithmeticError, ValueError, TypeError, LookupError, StopIteration)


def _values(table: Sequence[Record], column: str) -> tuple[Value, ...]:
    return tuple(row[column] for row in table)


def _cell(table: Sequence[Record], item: str, column: str) -> Value:
    return next(row[column] for row in table if item in row.values())


def _label_of_highest(table: Sequence[Record], column: str) -> Value:
    return next(iter(max(table, key=lambda row: row[column]).values()))


def _label_of_lowest(table: Sequence[Record], column: str) -> Value:
    return next(iter(min(table, key=lambda row: row[column]).values()))


_TWO, _LIST, _TABLE = ("number", "number"), ("numbers",), ("table", "column")

ARITHMETIC = (
    Operator("add", _TWO, "number", "{0} + {1}", operator.add, "{0} plus {1}", commutes=True),
    Operator("subtract", _TWO, "number", "{0} - {1}", operator.sub, "{0} minus {1}"),
    Operator("multiply", _TWO, "number", "{0} * {1}", operator.mul, "{0} times {1}", commutes=True),
    Operator("divide", _TWO, "number", "{0} / {1}", operator.truediv, "{0} divided by {1}"),
    Operator("gap", _TWO, "number", "abs({0} - {1})", lambda a, b: abs(a - b), "the gap between {0} and {1}",
             commutes=True),
    Operator("ratio", _TWO, "number", "max({0}, {1}) / min({0}, {1})", lambda a, b: max(a, b) / min(a, b),
             "the larger of {0} and {1} divided by the smaller", cost=2, commutes=True),
    Operator("percent_of", _TWO, "number", "{0} * {1} / 100", lambda a, b: a * b / 100, "{1} percent of {0}",
             commutes=True),
    Operator("in_percent", _TWO, "number", "{0} / {1} * 100", lambda a, b: a / b * 100,
             "{0} in percent of {1}", cost=2),
    Operator("whole", _TWO, "number", "{0} // {1}", operator.floordiv, "how often {1} goes into {0}", cost=2),
    Operator("rest", _TWO, "number", "{0} % {1}", operator.mod, "what is left of {0} in groups of {1}", cost=2),
    Operator("groups", _TWO, "number", "-(-{0} // {1})", lambda a, b: -(-a // b),
             "groups of {1} that hold all of {0}", cost=2),
    Operator("larger", _TWO, "number", "max({0}, {1})", max, "the larger of {0} and {1}", cost=2, commutes=True),
    Operator("smaller", _TWO, "number", "min({0}, {1})", min, "the smaller of {0} and {1}", cost=2, commutes=True),
    Operator("exceeds", _TWO, "answer", '"yes" if {0} > {1} else "no"', lambda a, b: "yes" if a > b else "no",
             "whether {0} is more than {1}", cost=2),
    Operator("reaches", _TWO, "answer", '"yes" if {0} >= {1} else "no"', lambda a, b: "yes" if a >= b else "no",
             "whether {0} is at least {1}", cost=2),
)  # fmt: skip
LISTS = (
    Operator("sum", _LIST, "number", "sum({0})", sum, "the sum of {0}"),
    Operator("highest", _LIST, "number", "max({0})", max, "the highest of {0}"),
    Operator("lowest", _LIST, "number", "min({0})", min, "the lowest of {0}"),
    Operator("average", _LIST, "number", "sum({0}) / len({0})", lambda v: sum(v) / len(v), "the average of {0}"),
    Operator("count", _LIST, "number", "len({0})", len, "how many {0} there are", cost=2),
    Operator("product", _LIST, "number", "math.prod({0})", math.prod, "the product of {0}", cost=2, imports=("math",)),
    Operator("spread", _LIST, "number", "max({0}) - min({0})", lambda v: max(v) - min(v),
             "the range from the lowest to the highest of {0}"),
    Operator("second_highest", _LIST, "number", "sorted({0})[-2]", lambda v: sorted(v)[-2],
             "the second highest of {0}", cost=2),
    Operator("middle", _LIST, "number", "statistics.median({0})", lambda v: _median(v), "the middle of {0}", cost=2,
             imports=("statistics",)),
    Operator("ascending", _LIST, "numbers", "sorted({0})", lambda v: tuple(sorted(v)), "{0} from low to high"),
    Operator("descending", _LIST, "numbers", "sorted({0}, reverse=True)", lambda v: tuple(sorted(v, reverse=True)),
             "{0} from high to low"),
    Operator("first", _LIST, "number", "{0}[0]", lambda v: v[0], "the first of {0}"),
    Operator("last", _LIST, "number", "{0}[-1]", lambda v: v[-1], "the last of {0}"),
)  # fmt: skip
TABLES = (
    Operator("values", _TABLE, "numbers", "[row[{1}] for row in {0}]", _values, "all of a column", cost=0),
    Operator("cell", ("table", "item", "column"), "number",
             "next(row[{2}] for row in {0} if {1} in row.values())", _cell, "the value of {1}", cost=0),
    Operator("label_of_highest", _TABLE, "answer",
             "next(iter(max({0}, key=lambda row: row[{1}]).values()))", _label_of_highest,
             "which row has the highest value", cost=2),
    Operator("label_of_lowest", _TABLE, "answer",
             "next(iter(min({0}, key=lambda row: row[{1}]).values()))", _label_of_lowest,
             "which row has the lowest value", cost=2),
    Operator("above", ("numbers", "number"), "number", "sum(value > {1} for value in {0})",
             lambda v, n: sum(x > n for x in v), "how many of {0} are more than {1}"),
    Operator("below", ("numbers", "number"), "number", "sum(value < {1} for value in {0})",
             lambda v, n: sum(x < n for x in v), "how many of {0} are less than {1}"),
)  # fmt: skip
TEXTS = (
    Operator("length", ("text",), "number", "len({0})", len, "the number of characters of {0}"),
    Operator("reversed", ("text",), "text", "{0}[::-1]", lambda t: t[::-1], "{0} backwards"),
    Operator("upper", ("text",), "text", "{0}.upper()", str.upper, "{0} in capitals"),
    Operator("lower", ("text",), "text", "{0}.lower()", str.lower, "{0} in small letters"),
    Operator("words", ("text",), "texts", "{0}.split()", lambda t: tuple(t.split()), "the words of {0}", cost=0),
    Operator("letters", ("text",), "texts", "list({0})", tuple, "the letters of {0}"),
    Operator("occurrences", ("text", "text"), "number", "{0}.lower().count({1}.lower())",
             lambda t, p: t.lower().count(p.lower()), "how often {1} occurs in {0}"),
    Operator("vowels", ("text",), "number", 'sum(letter in "aeiou" for letter in {0}.lower())',
             lambda t: sum(letter in "aeiou" for letter in t.lower()), "the number of vowels in {0}", cost=2),
    Operator("initials", ("texts",), "text", '"".join(part[0] for part in {0})',
             lambda v: "".join(part[0] for part in v), "the first letters of {0}", cost=2),
    Operator("place", ("text", "number"), "text", "{0}[int({1}) - 1]", lambda t, n: t[int(n) - 1],
             "letter number {1} of {0}"),
    Operator("repeated", ("text", "number"), "text", "{0} * int({1})", lambda t, n: t * _few(n), "{0}, {1} times",
             cost=2),
    Operator("concatenated", ("text", "text"), "text", "{0} + {1}", operator.add, "{0} followed by {1}"),
    Operator("how_many", ("texts",), "number", "len({0})", len, "how many {0} there are"),
    Operator("in_order", ("texts",), "texts", "sorted({0}, key=str.lower)",
             lambda v: tuple(sorted(v, key=str.lower)), "{0} in alphabetical order"),
    Operator("front", ("texts",), "text", "{0}[0]", lambda v: v[0], "the first of {0}"),
    Operator("back", ("texts",), "text", "{0}[-1]", lambda v: v[-1], "the last of {0}"),
    Operator("longest", ("texts",), "text", "max({0}, key=len)", lambda v: max(v, key=len), "the longest of {0}"),
    Operator("shortest", ("texts",), "text", "min({0}, key=len)", lambda v: min(v, key=len), "the shortest of {0}"),
    Operator("joined", ("texts",), "answer", '", ".join({0})', ", ".join, "{0} in one line", cost=1),
    Operator("backwards", ("texts",), "texts", "{0}[::-1]", lambda v: v[::-1], "{0} in reverse order"),
)  # fmt: skip


def _median(values: Sequence[float]) -> float:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _few(count: float) -> int:
    if count > 1000:
        raise ValueError("too long")
    return int(count)
