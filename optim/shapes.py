"""What a forged function may take: the typed inputs that are read from a question just as the router reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from forge.models.filling import Signature, fill
from forge.models.reading import Reading
from optim.operators import ARITHMETIC, LISTS, TABLES, TEXTS
from optim.programs import Grammar

ANSWERS = frozenset({"number", "text", "texts", "numbers", "answer"})
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_TEXT, _NUMBER = {"type": "string"}, {"type": "number"}
_SCHEMAS: Mapping[str, Mapping[str, Any]] = {
    "number": _NUMBER,
    "numbers": {"type": "array", "items": _NUMBER},
    "table": {"type": "array", "items": {"type": "object"}},
    "column": _TEXT,
    "item": _TEXT,
    "text": _TEXT,
    "texts": {"type": "array", "items": _TEXT},
}


@dataclass(frozen=True)
class Shape:
    """Parameters, by name and type in order, and the grammar of the programs over them."""

    parameters: Mapping[str, str]
    grammar: Grammar

    @cached_property
    def signature(self) -> Signature:
        """As the router sees these parameters."""
        properties = {name: _SCHEMAS[kind] for name, kind in self.parameters.items()}
        return Signature.of({"type": "object", "properties": properties, "required": list(properties)})

    def inputs(self, reading: Reading) -> Mapping[str, Any] | None:  # Any: JSON values
        """The arguments that a question gives; None unless it gives all of them and nothing else."""
        filling = fill(self.signature, reading)
        return filling.arguments if filling is not None and filling.unused == 0 else None


def _numbers(count: int) -> Shape:
    names = ("number",) if count == 1 else _ORDINALS[:count]
    operations = ARITHMETIC if count < 4 else ARITHMETIC[:4]
    return Shape(dict.fromkeys(names, "number"), Grammar(operations, max_cost=3 if count > 2 else 2))


_LISTS = Grammar(LISTS + ARITHMETIC, constants={}, max_cost=2)
_TABLES = Grammar(TABLES + LISTS + ARITHMETIC, constants={}, max_cost=3)
_TEXTS = Grammar(TEXTS, constants={}, max_cost=2)

SHAPES: tuple[Shape, ...] = (
    *(_numbers(count) for count in range(1, len(_ORDINALS) + 1)),
    Shape({"numbers": "numbers"}, _LISTS),
    Shape({"table": "table", "column": "column"}, _TABLES),
    Shape({"table": "table", "column": "column", "amount": "number"}, _TABLES),
    Shape({"table": "table", "column": "column", "item": "item"}, _TABLES),
    Shape({"table": "table", "column": "column", "item": "item", "amount": "number"}, _TABLES),
    Shape({"table": "table", "column": "column", "item": "item", "other": "item"}, _TABLES),
    Shape({"table": "table", "column": "column", "item": "item", "other": "item", "amount": "number",
           "rest": "number"}, _TABLES),
    Shape({"word": "text"}, _TEXTS),
    Shape({"word": "text", "other": "text"}, _TEXTS),
    Shape({"word": "text", "count": "number"}, _TEXTS),
    Shape({"items": "texts"}, _TEXTS),
)  # fmt: skip

_DEEP = Grammar(
    ARITHMETIC, constants=dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 20, 24, 30, 50, 52, 60, 100, 365, 1000), 1)
)
DEEP_SHAPES: tuple[Shape, ...] = tuple(
    Shape(shape.parameters, _DEEP if count < 3 else Grammar(ARITHMETIC, constants={}))
    for count, shape in enumerate(SHAPES[:4], start=1)
)
