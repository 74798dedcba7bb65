"""An immutable set of functions: the agent's parameters that are text."""

from __future__ import annotations

import builtins
import difflib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from functions.call_graph import CallGraph, ConflictError
from functions.edits import Add, Edit, Remove, Revise, Terminate
from functions.errors import EditError, FunctionError
from functions.function import Function
from functions.source import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from functions.export_tests import Example
    from functions.sandbox.sandbox import Sandbox


class Library(Mapping[str, Function]):
    """Functions by name, in the order given. Equal, and of one version, whenever the functions are equal in any order.

    Args:
        functions: `Function`s, live callables (see `functions.function`), or another library.

    Raises:
        FunctionError: a name twice, a circle of calls, or sources that cannot run in one namespace.
    """

    __slots__ = ("_functions", "_graph", "version")

    version: str
    """Content hash over the functions' versions, whatever their order."""

    def __init__(self, functions: Iterable[Function | Callable[..., Any]] | Library = ()) -> None:
        self._functions: dict[str, Function] = {}
        for item in functions.values() if isinstance(functions, Library) else functions:
            function = item if isinstance(item, Function) else Function.from_callable(item)
            if function.name in self._functions:
                raise FunctionError(f"two functions are named {function.name!r}", hint="rename one, or leave one out")
            self._functions[function.name] = function
        self._graph = CallGraph(self._functions)
        versions = sorted(function.version for function in self._functions.values())
        self.version = hashlib.sha256(" ".join(versions).encode()).hexdigest()

    def __getitem__(self, name: str) -> Function:
        return self._functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def __hash__(self) -> int:
        return hash(self.version)

    def __repr__(self) -> str:
        return f"Library({', '.join(self._functions) or 'empty'})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Library, (tuple(self._functions.values()),))

    @property
    def names(self) -> tuple[str, ...]:
        """The functions' names, in order."""
        return tuple(self._functions)

    def apply(self, edits: Iterable[Edit]) -> Library:
        """The library after the edits, in order, up to a `Terminate`; this one stays as it is.

        Calls between functions are judged when all edits are done, so that functions which need each other can be
        added or removed in one list.

        Raises:
            EditError: which edit is wrong, and how to mend it; nothing is applied then.
        """
        functions = dict(self._functions)
        applied: list[Edit] = []
        for index, edit in enumerate(edits):
            if isinstance(edit, Terminate):
                break
            _apply(edit, functions, index)
            applied.append(edit)
        _require_no_orphans(applied, functions)
        try:
            return Library(functions.values())
        except ConflictError as error:
            raise EditError(error.reason, index=_last_touching(applied, error.names), hint=error.hint) from None

    def helpers(self, name: str) -> tuple[Function, ...]:
        """The functions that `name` calls, directly or through others, helpers first; what a sandbox call needs.

        Raises:
            FunctionError: the library has no such function.
        """
        self._require(name)
        return tuple(self._functions[helper] for helper in self._graph.helpers(name))

    def undefined(self, name: str) -> tuple[str, ...]:
        """Names that a function uses and nobody defines: its source, the library, Python. A NameError in waiting.

        Raises:
            FunctionError: the library has no such function.
        """
        self._require(name)
        scope = self._functions[name].scope
        if "*" in scope.bound:
            return ()  # from ... import *: nobody can tell
        known = self._functions.keys() | vars(builtins).keys()
        return tuple(sorted(scope.free - known))

    @property
    def call_graph(self) -> CallGraph:
        """Who calls whom."""
        return self._graph

    def tool_schemas(self) -> list[dict[str, Any]]:
        """Every function as a tool of the OpenAI protocol."""
        return [function.tool_schema() for function in self._functions.values()]

    def diff(self, other: Library) -> str:
        """A unified diff from this library to the other, function by function; "" when they are equal."""
        names = [*self.names, *(name for name in other.names if name not in self)]
        return "".join(_diff(name, self.get(name), other.get(name)) for name in names)

    def save(self, directory: str | PathLike[str]) -> None:
        """Write one readable .py a function and a manifest into a folder, which is made if need be.

        Raises:
            FunctionError: the folder cannot be written.
        """
        from functions.storage import save_library

        save_library(self, directory)

    @classmethod
    def load(cls, directory: str | PathLike[str]) -> Library:
        """Read a folder that `save` wrote. Sources edited by hand are welcome and get a version of their own.

        Raises:
            FunctionError: what is missing, broken or contradictory, by file.
        """
        from functions.storage import load_library

        return load_library(directory)

    def export(
        self,
        path: str | PathLike[str],
        *,
        examples: Mapping[str, Sequence[Example]] | None = None,
        sandbox: Sandbox | None = None,
    ) -> Path:
        """Write all functions as one importable module that needs nothing of this package; returns its path.

        Args:
            examples: calls with their values, by function: those that hold become test_<module>.py beside the module.
            sandbox: where the examples are tried; None makes one.

        Raises:
            FunctionError: a file cannot be written, a function imports what it does not declare, or private names
                clash in a way that cannot be undone.
        """
        from functions.export import export_library
        from functions.export_tests import export_tests
        from functions.sandbox.sandbox import Sandbox

        written = export_library(self, path)
        if examples:
            if sandbox is not None:
                export_tests(self, written, examples, sandbox)
            else:
                with Sandbox(mode="per_batch") as box:
                    export_tests(self, written, examples, box)
        return written

    def _require(self, name: str) -> None:
        if name not in self._functions:
            raise FunctionError(f"the library has no function {name!r}", hint=did_you_mean(name, self.names))


def _apply(edit: Add | Revise | Remove, functions: dict[str, Function], index: int) -> None:
    present = functions.get(edit.name)
    wanted = f"{edit.action} {edit.name[:80]!r}"
    if isinstance(edit, Add):
        if present is not None:
            raise EditError(
                f"{wanted}: the library has it already", index=index, hint="revise it, or choose another name"
            )
        functions[edit.name] = _built(edit, index, packages=edit.packages)
        return
    if present is None:
        otherwise = f"it has {', '.join(functions)}" if functions else "it is empty: add one"
        raise EditError(f"{wanted}: the library has no such function", index=index,
                        hint=did_you_mean(edit.name, functions, otherwise=otherwise))  # fmt: skip
    if not present.trainable:
        raise EditError(
            f"{wanted}: it is frozen", index=index, hint="leave it as it is, and add a function of your own"
        )
    if isinstance(edit, Remove):
        del functions[edit.name]
    else:
        functions[edit.name] = _built(
            edit, index, packages=present.packages if edit.packages is None else edit.packages
        )


def _built(edit: Add | Revise, index: int, *, packages: tuple[str, ...]) -> Function:
    try:
        return Function.from_source(edit.source, edit.name, description=edit.description, packages=packages)
    except FunctionError as error:
        raise EditError(f"{edit.action} {edit.name[:80]!r}: {error.reason}", index=index, line=error.line,
                        hint=error.hint) from None  # fmt: skip


def _require_no_orphans(edits: list[Edit], functions: Mapping[str, Function]) -> None:
    """No function that stays may need one that was removed."""
    for index, edit in enumerate(edits):
        if isinstance(edit, Remove) and edit.name not in functions:
            callers = [name for name, function in functions.items() if edit.name in function.scope.free]
            if callers:
                raise EditError(f"remove {edit.name!r}: {', '.join(callers)} would miss it", index=index,
                                hint="revise or remove its callers in the same list")  # fmt: skip


def _last_touching(edits: list[Edit], names: tuple[str, ...]) -> int:
    touching = [index for index, edit in enumerate(edits) if not isinstance(edit, Terminate) and edit.name in names]
    return touching[-1] if touching else len(edits) - 1


def _diff(name: str, before: Function | None, after: Function | None) -> str:
    old, new = (_rendered(function).splitlines(keepends=True) for function in (before, after))
    old_label = "/dev/null" if before is None else f"a/{name}.py"
    new_label = "/dev/null" if after is None else f"b/{name}.py"
    return "".join(difflib.unified_diff(old, new, old_label, new_label))


def _rendered(function: Function | None) -> str:
    if function is None:
        return ""
    notes = [f"# packages: {', '.join(function.packages)}"] if function.packages else []
    notes += [] if function.trainable else ["# frozen"]
    notes += [f"# {line}".rstrip() for line in function.own_description.splitlines()]
    return "\n".join([*notes, function.source])
