"""Small typed programs, enumerated by cost: one for each behaviour on the given inputs (observational equivalence)."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optim.operators import FAILURES, Operator, Value

FAILED = None  # the value of a program on inputs for which it raises
LARGEST = 1e12  # numbers beyond this are no answers to questions that people ask
SPENT = frozenset({"number", "text", "item"})  # inputs that large programs use only once
DIGITS = 9  # decimals to which two numbers count as the same behaviour


@dataclass(frozen=True, slots=True)
class Program:
    """An expression: an input, a constant, or an operator on programs. `cost` is the number of operations, weighted."""

    gives: str
    cost: int
    name: str = ""  # of an input
    constant: int | None = None
    operator: Operator | None = None
    arguments: tuple[Program, ...] = ()

    def run(self, inputs: Mapping[str, Any]) -> Value:  # Any: JSON values
        """The value on one set of inputs; FAILED where it raises or leaves what is sensible."""
        try:
            return _sensible(self._value({name: _frozen(value) for name, value in inputs.items()}))
        except FAILURES:
            return FAILED

    def _value(self, inputs: Mapping[str, Value]) -> Value:
        if self.operator is None:
            return inputs[self.name] if self.constant is None else self.constant
        return self.operator.apply(*(argument._value(inputs) for argument in self.arguments))

    @property
    def python(self) -> str:
        """A Python expression of the same meaning, over the names of the inputs."""
        return ast.unparse(ast.parse(self._text(), mode="eval"))

    def _text(self) -> str:
        if self.operator is None:
            return self.name or str(self.constant)
        return self.operator.template.format(*(f"({argument._text()})" for argument in self.arguments))

    @property
    def phrase(self) -> str:
        """The program in words."""
        if self.operator is None:
            return f"`{self.name}`" if self.name else str(self.constant)
        parts = (f"({a.phrase})" if a.operator and a.operator.cost else a.phrase for a in self.arguments)
        return self.operator.phrase.format(*parts)

    @property
    def imports(self) -> frozenset[str]:
        own = frozenset(self.operator.imports if self.operator else ())
        return own.union(*(argument.imports for argument in self.arguments))

    def inputs(self) -> Iterator[str]:
        """The names of the inputs, as often as they occur."""
        if self.name:
            yield self.name
        for argument in self.arguments:
            yield from argument.inputs()


@dataclass(frozen=True, slots=True)
class Behaviour:
    """A program with its values on all the inputs that it was enumerated on."""

    program: Program
    values: tuple[Value, ...]
    uses: Mapping[str, int] = field(default_factory=dict)  # how often each input, and "" for constants, occurs


@dataclass(frozen=True, slots=True)
class Grammar:
    """What programs are made of, and how large they get.

    `constants` maps a number to its cost; a program holds at most one. Up to `free_cost` an input may be used any
    number of times; from there to `max_cost` numbers and texts at most once and no constant, which keeps the number
    of programs small. `limit` bounds it.
    """

    operators: tuple[Operator, ...]
    constants: Mapping[int, int] = field(default_factory=lambda: {1: 0, 2: 0})
    free_cost: int = 2
    max_cost: int = 3
    limit: int = 20_000


def enumerate_programs(
    inputs: Mapping[str, tuple[str, Sequence[Any]]], grammar: Grammar, *, answers: frozenset[str]
) -> list[Behaviour]:
    """All behaviours that the grammar reaches, cheapest first, one program for each; those that give an answer.

    Args:
        inputs: for each input its type and its values, one for each task.
        grammar: the operations, the constants and the bounds.
        answers: the types that an answer can have.
    """
    search = _Search(grammar)
    for name, (kind, values) in inputs.items():
        uses = {name: 1} if kind in SPENT else {}
        search.add(Program(kind, 0, name=name), tuple(map(_frozen, values)), uses)
    tasks = len(next(iter(inputs.values()))[1])
    for constant, cost in grammar.constants.items():
        search.add(Program("number", cost, constant=constant), (constant,) * tasks, {"": 1})
    for cost in range(grammar.max_cost + 1):
        search.grow(cost)
    return [found for found in search.found if found.program.gives in answers and found.program.operator]


class _Search:
    """The enumeration under way: what was found by type and cost, and which behaviours are known. Mutable."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._seen: set[tuple[str, tuple[Value, ...]]] = set()
        self._by_cost: dict[tuple[str, int], list[Behaviour]] = {}
        self.found: list[Behaviour] = []

    def add(self, program: Program, values: tuple[Value, ...], uses: Mapping[str, int]) -> None:
        """Keep a program unless its behaviour is known, or it fails on most inputs."""
        if values.count(FAILED) * 2 > len(values):
            return
        key = (program.gives, tuple(map(_rounded, values)))
        if key not in self._seen:
            self._seen.add(key)
            behaviour = Behaviour(program, values, uses)
            self.found.append(behaviour)
            self._by_cost.setdefault((program.gives, program.cost), []).append(behaviour)

    def grow(self, cost: int) -> None:
        """Add every program of exactly this cost."""
        once = cost > self._grammar.free_cost
        for operator in self._grammar.operators:
            if operator.cost == 0 or operator.cost <= cost:
                for arguments in list(self._arguments(operator, cost - operator.cost)):
                    if len(self.found) >= self._grammar.limit:
                        return
                    uses = _together(arguments)
                    if uses.get("", 0) <= (0 if once else 1) and (not once or max(uses.values(), default=0) <= 1):
                        program = Program(operator.gives, cost, operator=operator,
                                          arguments=tuple(a.program for a in arguments))  # fmt: skip
                        self.add(program, _applied(operator, arguments), uses)

    def _arguments(self, operator: Operator, cost: int) -> Iterator[tuple[Behaviour, ...]]:
        """All arguments for an operator whose costs add up; a commuting operator takes each pair once."""
        for costs in _compositions(cost, len(operator.takes)):
            kinds = zip(operator.takes, costs, strict=True)
            pools = [self._by_cost.get((kind, part), []) for kind, part in kinds]
            if operator.commutes and costs[0] < costs[1]:
                continue
            if operator.commutes and costs[0] == costs[1]:
                yield from itertools.combinations_with_replacement(pools[0], 2)
            else:
                yield from itertools.product(*pools)


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in _compositions(total - first, parts - 1):
            yield first, *rest


def _together(arguments: Sequence[Behaviour]) -> dict[str, int]:
    uses: dict[str, int] = {}
    for argument in arguments:
        for name, count in argument.uses.items():
            uses[name] = uses.get(name, 0) + count
    return uses


def _applied(operator: Operator, arguments: Sequence[Behaviour]) -> tuple[Value, ...]:
    apply, columns, values = operator.apply, [argument.values for argument in arguments], []
    for row in zip(*columns, strict=True):
        try:
            values.append(_sensible(apply(*row)) if FAILED not in row else FAILED)
        except FAILURES:
            values.append(FAILED)
    return tuple(values)


def _sensible(value: Value) -> Value:
    """The value, or FAILED if it is a number that is not finite or too large."""
    if isinstance(value, float | int) and not -LARGEST < value < LARGEST:
        return FAILED
    return value


def _rounded(value: Value) -> Value:
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, tuple):
        return tuple(map(_rounded, value))
    return id(value) if isinstance(value, dict) else value


def _frozen(value: Any) -> Value:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
