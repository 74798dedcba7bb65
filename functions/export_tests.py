"""Tests for an exported module, made from calls that were recorded: plain pytest, nothing of this package."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.errors import FunctionError, SandboxError
from functions.scope import imported_modules
from functions.storage import write_whole

if TYPE_CHECKING:
    from functions.function import Function
    from functions.library import Library
    from functions.sandbox.sandbox import Sandbox

MOST = 20  # cases a function


@dataclass(frozen=True, slots=True)
class Example:
    """A call of a function by its arguments by name, with the value it gave: JSON values both."""

    arguments: Mapping[str, Any]
    value: Any


@dataclass(frozen=True, slots=True)
class ExportedTests:
    """What became of the recorded calls: the test file, its number of cases, and what was left out, by function."""

    path: Path | None
    cases: int
    left_out: Mapping[str, str] = field(default_factory=dict)


def export_tests(
    library: Library, module: Path, examples: Mapping[str, Sequence[Example]], sandbox: Sandbox
) -> ExportedTests:
    """Write test_<module>.py beside an exported module; nothing is written where there is no case.

    Each example is run once more in the sandbox, and is a case only if it gives the same value. Functions that draw
    random numbers, or whose arguments JSON cannot write as Python takes them (tuples, sets, data classes), have none.
    """
    cases: dict[str, list[Example]] = {}
    left_out: dict[str, str] = {}
    for name in library.names:
        if reason := _unfit(library, name):
            left_out[name] = reason
            continue
        distinct = dict(_checked(library[name], example) for example in examples.get(name, ()))
        chosen = [distinct[key] for key in sorted(distinct)][:MOST]
        same = _reproduced(library, name, chosen, sandbox)
        if len(same) < len(chosen):
            left_out[name] = f"{len(chosen) - len(same)} of {len(chosen)} recorded calls give another value now"
        if same:
            cases[name] = same
    if not cases:
        return ExportedTests(None, 0, left_out)
    path = module.with_name(f"test_{module.stem}.py")
    try:
        write_whole(path, _text(module.stem, cases))
    except OSError as error:
        raise FunctionError(f"cannot write {path}: {error.strerror or error}",
                            hint="choose a folder that you may write") from None  # fmt: skip
    return ExportedTests(path, sum(map(len, cases.values())), left_out)


def require_declared(library: Library) -> None:
    """Every import is of the standard library or of a package that the function declares.

    Raises:
        FunctionError: one is not.
    """
    for function in library.values():
        declared = {package.partition(".")[0].replace("-", "_").lower() for package in function.packages}
        for module in imported_modules(function.source):
            if module not in sys.stdlib_module_names and module.lower() not in declared:
                raise FunctionError(f"function {function.name!r} imports {module!r}, which is neither in the standard "
                                    "library nor among its packages", hint="declare it: packages=[...]")  # fmt: skip


def _checked(function: Function, example: Example) -> tuple[str, Example]:
    """The example as the function itself gets it ("3" where 3 is meant is 3), with what tells it from others."""
    try:
        arguments = function.validate(example.arguments)
    except SandboxError:
        arguments = dict(example.arguments)  # it will not be reproduced
    return json.dumps(arguments, sort_keys=True), Example(arguments, example.value)


def _unfit(library: Library, name: str) -> str:
    parts: list[Function] = [*library.helpers(name), library[name]]
    if any("random" in imported_modules(part.source) for part in parts):
        return "it draws random numbers"
    binding = library[name].binding
    if any(spec is not None for spec in binding["decode"].values()) or binding["var_positional"]:
        return "its arguments are more than JSON values"
    return ""


def _reproduced(library: Library, name: str, examples: Sequence[Example], sandbox: Sandbox) -> list[Example]:
    values = sandbox.map(library[name], [dict(e.arguments) for e in examples], helpers=library.helpers(name))
    return [
        example
        for example, value in zip(examples, values, strict=True)
        if not isinstance(value, SandboxError) and _same(value, example.value)
    ]


def _same(one: Any, other: Any) -> bool:  # JSON values
    if isinstance(one, float) and isinstance(other, int | float) and not isinstance(other, bool):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return bool(one == other)


def _text(module: str, cases: Mapping[str, Sequence[Example]]) -> str:
    blocks = [_HEAD.format(module=module)]
    for name, examples in cases.items():
        rows = "".join(f"        ({example.arguments!r}, {example.value!r}),\n" for example in examples)
        blocks.append(_CASE.format(name=name, rows=rows, module=module))
    return "\n\n\n".join(block.strip("\n") for block in blocks) + "\n"


_HEAD = '''"""Calls of {module} that were recorded while an agent solved its tasks with them."""
# ruff: noqa: E501

import math

import pytest

import {module}


def plain(value):
    """The value as JSON has it: tuples and sets as lists."""
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, dict):
        return {{str(key): plain(item) for key, item in value.items()}}
    return value


def same(one, other):
    """Equality, with numbers up to rounding."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return one == other
'''
_CASE = """
@pytest.mark.parametrize(
    ("arguments", "value"),
    [
{rows}    ],
)
def test_{name}(arguments, value):
    assert same(plain({module}.{name}(**arguments)), value)
"""
