"""Calls that an agent has made, made again with other code: what was right must stay, what failed should succeed."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge.session import Session
from functions import Function, Library, Sandbox, SandboxError
from functions.errors import ArgumentError, FunctionError
from functions.export_tests import Example

MOST_FAILURES = 20  # failing calls that are tried again: each may take the whole time limit


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call of a function, by JSON values. `error` is the kind of failure; `right`: it served a solved task."""

    arguments: Mapping[str, Any]
    value: Any = None
    error: str = ""
    right: bool = False


def recorded_calls(
    library: Library, played: Iterable[tuple[Library, Iterable[Session]]]
) -> dict[str, list[RecordedCall]]:
    """Every distinct call of each function of `library`, in sessions of any library that held it in the same code."""
    found: dict[str, dict[str, RecordedCall]] = {name: {} for name in library.names}
    for other, sessions in played:
        same = {name for name in library.names if name in other and _closure(other, name) == _closure(library, name)}
        for session in sessions:
            right = (session.score or 0.0) >= 1.0
            for call, seen in session.calls:
                if call.name in same and not call.error and seen.error != "malformed":
                    key = json.dumps(call.arguments, sort_keys=True, default=repr)
                    before = found[call.name].get(key)
                    right_call = (right and not seen.error) or (before is not None and before.right)
                    found[call.name][key] = RecordedCall(call.arguments, seen.value, seen.error, right_call)
    return {name: list(calls.values()) for name, calls in found.items()}


def right_examples(library: Library, sessions: Iterable[Session]) -> dict[str, list[Example]]:
    """The calls, by function, of the sessions that solved their task: what an exported module is tested with."""
    calls = recorded_calls(library, [(library, sessions)])
    return {name: [Example(c.arguments, c.value) for c in found if c.right] for name, found in calls.items()}


def require_same_where_right(
    before: Library, after: Library, calls: Mapping[str, Sequence[RecordedCall]], sandbox: Sandbox
) -> int:
    """Replay the recorded calls of every function whose code differs; returns how many were made.

    Arguments that a new signature refuses are passed over, and so are functions that draw random numbers.

    Raises:
        FunctionError: a call that was right changed its value or fails, or no failing call succeeds; with the call.
    """
    made = 0
    for name in before.names:
        if name in after and calls.get(name) and _code(before, name) != _code(after, name):
            made += _replay(after, after[name], calls[name], sandbox)
    return made


def _replay(after: Library, function: Function, calls: Sequence[RecordedCall], sandbox: Sandbox) -> int:
    helpers = after.helpers(function.name)
    if any("random" in part.source for part in (function, *helpers)):
        return 0
    right = [call for call in calls if call.right]
    failed = [call for call in calls if call.error and call.error != ArgumentError.kind][:MOST_FAILURES]
    for call, now in zip(right, sandbox.map(function, _arguments(right), helpers=helpers), strict=True):
        if isinstance(now, ArgumentError):
            continue
        was = f"{_written(function, call)} served a solved task and gave {_short(call.value)}"
        if isinstance(now, SandboxError):
            raise FunctionError(f"{was}; now it fails ({now.kind}): {now}")
        if not same(call.value, now):
            raise FunctionError(f"{was}; now it gives {_short(now)}")
    outcomes = list(sandbox.map(function, _arguments(failed), helpers=helpers))
    errors = [outcome for outcome in outcomes if isinstance(outcome, SandboxError)]
    if errors and len(errors) == len(outcomes) and not any(isinstance(error, ArgumentError) for error in errors):
        raise FunctionError(f"none of the {len(failed)} recorded calls that failed succeeds now, such as "
                            f"{_written(function, failed[0])}: {errors[0].kind}: {errors[0]}")  # fmt: skip
    return len(right) + len(failed)


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, numbers up to rounding."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def _arguments(calls: Sequence[RecordedCall]) -> list[dict[str, Any]]:
    return [dict(call.arguments) for call in calls]


def _closure(library: Library, name: str) -> tuple[str, ...]:
    return tuple(part.version for part in (*library.helpers(name), library[name]))


def _code(library: Library, name: str) -> list[str]:
    """The syntax of a function and its helpers, without docstrings: what decides its values."""
    return [_without_docstrings(part.source) for part in (*library.helpers(name), library[name])]


def _without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def _written(function: Function, call: RecordedCall) -> str:
    return f"{function.name}(**{_short(call.arguments)})"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-60:]}"
