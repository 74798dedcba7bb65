"""The static policy: what a source may import, in words an LLM can act on. Cheap and early; not a boundary."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from functions.errors import FunctionError, PolicyError
from functions.source import parse

DEFAULT_IMPORTS: tuple[str, ...] = (
    "__future__", "abc", "array", "ast", "base64", "binascii", "bisect", "calendar", "cmath", "collections",
    "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum", "fractions", "functools",
    "hashlib", "heapq", "html", "io", "itertools", "json", "keyword", "locale", "math", "numbers", "operator", "pprint",
    "queue", "random", "re", "statistics", "string", "struct", "textwrap", "time", "timeit", "traceback", "types",
    "typing", "unicodedata", "uuid", "warnings", "zlib", "zoneinfo",
)  # fmt: skip
"""The part of the standard library that computes."""

SELDOM_USED = frozenset(
    ("ast", "csv", "difflib", "hashlib", "html", "locale", "pprint", "queue", "timeit", "traceback", "uuid", "zoneinfo")
)
"""Allowed, but loaded only when a function imports them: together they would double a process's memory."""


def check_source(source: str, imports: frozenset[str] | None) -> None:
    """Refuse a source that imports what it may not; `imports=None` allows everything.

    Raises:
        PolicyError: with line, reason and hint.
    """
    if imports is None:
        return
    try:
        tree = parse(source)
    except FunctionError as error:
        raise PolicyError(error.reason, line=error.line, hint=error.hint) from None
    for node in ast.walk(tree):
        for name in _imported(node):
            top = name.partition(".")[0]
            if top not in imports:
                raise PolicyError(
                    f"{name} may not be imported", line=getattr(node, "lineno", None), hint=_hint(top, imports)
                )


def _imported(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import():
            yield from (alias.name for alias in node.names)
        case ast.ImportFrom(level=0, module=str(name)):
            yield name
        case ast.ImportFrom():
            yield "." * node.level + (node.module or "")
        case ast.Call(func=ast.Name(id="__import__"), args=[ast.Constant(value=str(name)), *_]):
            yield name
        case _:
            return


def _hint(name: str, imports: frozenset[str]) -> str:
    instead = {"numpy": "plain Python lists and math", "os": "arguments instead of files and environment",
               "subprocess": "plain Python", "requests": "arguments: there is no network here"}.get(name)  # fmt: skip
    allowed = ", ".join(sorted(imports - {"__future__"})) or "nothing"
    return (f"use {instead}; " if instead else "") + f"allowed are {allowed}"
