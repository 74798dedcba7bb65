"""Typed arguments from a text: what a JSON schema asks for is taken from what a `Reading` found, in order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge.models.reading import Number, Reading
from forge.models.words import POSITIONAL, SYMBOL_WORDS, stem

_WHOLE_TEXT = frozenset({"question", "text", "prompt", "problem", "sentence", "passage"})
_WRITTEN_BY_A_MODEL = frozenset({"code", "source", "script", "sql", "query", "expression", "command", "program"})
_COLUMN = frozenset({"column", "field", "header"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as the filling sees it: `kind` says where in a text its argument is looked for."""

    name: str
    kind: str  # number, integer, numbers, strings, table, string, column, question, choice, or "" (cannot be filled)
    required: bool
    cues: frozenset[str]  # stems of the words of its name and description
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a function, read once from its JSON schema."""

    parameters: tuple[Parameter, ...]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> Signature:
        required = frozenset(schema.get("required", ()))
        properties: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
        return cls(tuple(_parameter(name, part, name in required) for name, part in properties.items()))


@dataclass(frozen=True, slots=True)
class Filling:
    """Arguments, and how much of what the text gives (numbers, quoted strings, a table) they leave unused."""

    arguments: dict[str, Any]
    unused: int


def fill(signature: Signature, reading: Reading) -> Filling | None:
    """The arguments that a text gives for a signature; None where a required one is not in the text."""
    supply = _Supply(reading)
    scalars = [parameter for parameter in signature.parameters if parameter.kind in ("number", "integer")]
    arguments = supply.take_numbers(scalars)
    if arguments is None:
        return None
    for parameter in signature.parameters:
        if parameter.name in arguments or parameter in scalars:
            continue
        value = supply.take(parameter)
        if value is not None:
            arguments[parameter.name] = value
        elif parameter.required:
            return None
    ordered = {p.name: arguments[p.name] for p in signature.parameters if p.name in arguments}
    return Filling(ordered, supply.unused())


class _Supply:
    """What is left of a reading while arguments are taken from it. Mutable, for one filling."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._numbers_left = len(reading.numbers)
        self._quotes = list(reading.quotes)
        self._cells: list[str] | None = None
        self._columns: list[str] | None = None
        self._table_left = reading.table is not None
        self._whole = False

    def unused(self) -> int:
        return 0 if self._whole else self._numbers_left + len(self._quotes) + int(self._table_left)

    def take_numbers(self, parameters: Sequence[Parameter]) -> dict[str, Any] | None:
        """Numbers for all scalar parameters; None if the text has too few for the required ones."""
        numbers = self._reading.numbers
        needed = sum(parameter.required for parameter in parameters)
        if needed > len(numbers):
            return None
        wanted = [p for p in parameters if p.required]
        spare = len(numbers) - needed
        for parameter in parameters:
            if not parameter.required and spare:
                wanted.append(parameter)
                spare -= 1
        chosen, ignored = self._chosen(len(wanted))
        self._numbers_left -= len(wanted) + ignored
        return _assigned([p for p in parameters if p in wanted], chosen, self._reading)

    def _chosen(self, count: int) -> tuple[list[Number], int]:
        """`count` numbers in order, those next to words of the question if exactly as many do; and how many
        of the others the text itself marks as beside the point."""
        numbers = self._reading.numbers
        if 1 < count < len(numbers) and sum(self._reading.relevant) == count:
            chosen = [n for n, near in zip(numbers, self._reading.relevant, strict=True) if near]
            return chosen, len(numbers) - count
        return list(numbers[:count]), 0

    def take(self, parameter: Parameter) -> Any:
        """The argument of one parameter that is no scalar number; None if the text has none. Any: JSON values."""
        match parameter.kind:
            case "numbers":
                return self._take_list()
            case "strings":
                return self._take_strings()
            case "table":
                return self._take_table()
            case "column":
                return self._take_column()
            case "question":
                self._whole = not self._quotes
                return self._quotes.pop(0) if self._quotes else self._reading.text
            case "choice":
                return _mentioned(parameter.choices, self._reading)
            case "string":
                return self._take_string()
        return None

    def _take_list(self) -> list[Any] | None:
        reading = self._reading
        if reading.numbers:
            self._numbers_left = 0
            return [_plain(value) for value in reading.values]
        column = self._take_column()
        if column is None or reading.table is None:
            return None
        place = reading.table.columns.index(column)
        values = [row[place] for row in reading.table.rows]
        self._table_left = False
        return values if not any(isinstance(value, str) for value in values) else None

    def _take_strings(self) -> list[str] | None:
        found = list(self._reading.items) or (self._quotes if len(self._quotes) > 1 else [])
        self._quotes = []
        return found or None

    def _take_table(self) -> list[dict[str, Any]] | None:
        if self._reading.table is None:
            return None
        self._table_left = False
        return [dict(record) for record in self._reading.table.records()]

    def _take_column(self) -> str | None:
        """A column of numbers that the text names; else the only column of numbers; else any that it names."""
        table = self._reading.table
        if table is None:
            return None
        if self._columns is None:
            named, countable = self._reading.mentioned_columns(), table.number_columns()
            first = [column for column in named if column in countable]
            self._columns = first or list(countable if len(countable) == 1 else named)
        return self._columns.pop(0) if self._columns else None

    def _take_string(self) -> str | None:
        if self._quotes:
            return self._quotes.pop(0)
        if self._cells is None:
            self._cells = list(self._reading.mentioned_cells())
        return self._cells.pop(0) if self._cells else None


def _assigned(parameters: Sequence[Parameter], numbers: Sequence[Number], reading: Reading) -> dict[str, Any] | None:
    """Each parameter its number: by the words that both share where there are any, the rest in order."""
    left = list(numbers)
    arguments: dict[str, Any] = {}
    if any(parameter.cues for parameter in parameters):
        surroundings = {number.place: _surroundings(number, reading.tokens) for number in left}
        pairs = [
            (-len(parameter.cues & surroundings[number.place]), place, order)
            for place, parameter in enumerate(parameters)
            for order, number in enumerate(numbers)
        ]
        for strength, place, order in sorted(pairs):
            if strength < 0 and parameters[place].name not in arguments and numbers[order] in left:
                arguments[parameters[place].name] = numbers[order]
                left.remove(numbers[order])
    for parameter in parameters:
        if parameter.name not in arguments:
            whole = (n for n in left if parameter.kind == "number" or n.value.is_integer())
            number = next(whole, None)
            if number is None:
                return None
            arguments[parameter.name] = number
            left.remove(number)
    return {name: _plain(number.value) for name, number in arguments.items()}


def _surroundings(number: Number, tokens: Sequence[str]) -> frozenset[str]:
    """Stems of the words up to two before and three after a number, and the words that its symbol stands for."""
    before = tokens[max(0, number.place - 2) : number.place]
    after: list[str] = []
    for token in tokens[number.place + 1 : number.place + 4]:
        if not token[0].isalpha():
            break
        after.append(token)
    return frozenset(stem(token) for token in (*before, *after)) | SYMBOL_WORDS[number.symbol]


def _plain(value: float) -> int | float:
    return int(value) if value.is_integer() else value


def _mentioned(choices: Sequence[str], reading: Reading) -> str | None:
    prose = reading.text.lower()
    places = [(prose.find(choice.lower()), choice) for choice in choices]
    return min(((place, choice) for place, choice in places if place >= 0), default=(0, None))[1]


def _parameter(name: str, schema: Mapping[str, Any], required: bool) -> Parameter:
    if options := [part for part in schema.get("anyOf", ()) if part.get("type") != "null"]:
        schema = {**options[0], "description": schema.get("description", "")}
    words = _words(name) | _words(str(schema.get("description", "")))
    choices = tuple(str(choice) for choice in schema.get("enum", ()))
    return Parameter(name, _kind(name, schema), required, frozenset(words - POSITIONAL), choices)


def _kind(name: str, schema: Mapping[str, Any]) -> str:
    match schema.get("type"):
        case "number" | "integer" as kind:
            return str(kind)
        case "array":
            items = schema.get("items", {}).get("type")
            return {"number": "numbers", "integer": "numbers", "string": "strings", "object": "table"}.get(items, "")
        case "string":
            words = _words(name)
            if "enum" in schema:
                return "choice"
            if words & _WRITTEN_BY_A_MODEL:
                return ""
            return "column" if words & _COLUMN else "question" if words & _WHOLE_TEXT else "string"
    return ""


def _words(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower())}
