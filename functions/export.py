"""A library as one plain Python module that needs nothing of this package."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from functions.errors import FunctionError
from functions.export_tests import require_declared
from functions.function import Function
from functions.scope import imported_as, inner_scopes
from functions.source import parse
from functions.storage import write_whole

if TYPE_CHECKING:
    from functions.library import Library


def export_library(library: Library, path: str | PathLike[str]) -> Path:
    """Write the module to `path`, whole or not at all."""
    target = Path(path)
    require_declared(library)
    text = module_text(library)
    try:
        write_whole(target, text)
    except OSError as error:
        raise FunctionError(f"cannot export to {target}: {error.strerror or error}",
                            hint="choose a file in a folder that exists and that you may write") from None  # fmt: skip
    return target


def module_text(library: Library) -> str:
    """The module's text: imports merged, helpers before their callers, clashing private names told apart.

    A private name that two functions use for different things becomes name_of_function in the later one, whose
    renamed statements lose their comments.
    """
    functions = [library[name] for name in library.call_graph.order]
    renames = _renames(functions)
    imports: dict[str, None] = {}
    emitted: set[str] = set()
    bodies = [_body(function, renames[function.name], imports, emitted) for function in functions]
    parts = [_head(functions), "\n".join(sorted(imports, key=_import_order)), *bodies, _exports(library)]
    return "\n\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def _head(functions: list[Function]) -> str:
    packages = sorted({package for function in functions for package in function.packages})
    needs = f" It needs {', '.join(packages)}." if packages else ""
    lines = [f'"""Functions forged for an agent, exported as plain Python.{needs}"""']
    if any("annotations from __future__" in function.scope.bound.get("annotations", "") for function in functions):
        lines += ["", "from __future__ import annotations"]
    return "\n".join(lines)


def _exports(library: Library) -> str:
    return "__all__ = [\n" + "".join(f'    "{name}",\n' for name in library.names) + "]"


def _import_order(line: str) -> tuple[bool, str]:
    return line.startswith("from "), line


def _renames(functions: list[Function]) -> dict[str, dict[str, str]]:
    """For each function, the private names that must change because the module has another meaning for them."""
    meanings = {function.name: function.scope.bound[function.name] for function in functions}
    used = {name for function in functions for name in function.scope.bound.keys() | function.scope.free}
    renames: dict[str, dict[str, str]] = {}
    for function in functions:
        private = {name: meaning for name, meaning in function.scope.bound.items() if name not in (function.name, "*")}
        foreign = {name for other in functions if other is not function for name in other.scope.free} - library_names(
            functions
        )
        clashing = {
            name for name, meaning in private.items() if meanings.get(name, meaning) != meaning or name in foreign
        }
        clashing = _with_dependents(function, clashing, meanings.keys() & private.keys())
        renames[function.name] = {name: _unused(f"{name}_of_{function.name}", used) for name in sorted(clashing)}
        meanings |= {name: meaning for name, meaning in private.items() if name not in clashing}
    return renames


def library_names(functions: list[Function]) -> set[str]:
    """The names that the functions are called by."""
    return {function.name for function in functions}


def _with_dependents(function: Function, clashing: set[str], shared: set[str]) -> set[str]:
    """Add shared definitions that use a clashing name: equal in text, they mean something else here."""
    whole = set(clashing)
    statements = parse(function.source).body
    while True:
        more = {
            name for statement in statements if whole & _names_in(statement) for name in shared & _bound_by(statement)
        } - whole
        if not more:
            return whole
        whole |= more


def _names_in(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}


def _bound_by(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _unused(name: str, used: set[str]) -> str:
    candidate, number = name, 2
    while candidate in used:
        candidate, number = f"{name}_{number}", number + 1
    used.add(candidate)
    return candidate


def _body(function: Function, renames: Mapping[str, str], imports: dict[str, None], emitted: set[str]) -> str:
    """The function's source without what the module has already; its plain imports go to the module's head."""
    tree = parse(function.source)
    _require_renameable(function, renames)
    kept: list[str] = []
    for statements, text in _segments(function.source, tree):
        if _is_text(statements):
            continue
        if (lifted := _lifted(statements, renames, function)) is not None:
            imports.update(dict.fromkeys(lifted))
            kept.append(_comments(text))
            continue
        meaning = _repeatable(statements, renames)
        if meaning is None or meaning not in emitted:
            kept.append(_rewritten(statements, text, renames))
        if meaning is not None:
            emitted.add(meaning)
    return "\n".join(part for part in kept if part)


def _segments(source: str, tree: ast.Module) -> Iterator[tuple[list[ast.stmt], str]]:
    """Top-level statements with their text and the comments before them; those that share a line stand together."""
    lines = source.split("\n")
    groups: list[list[ast.stmt]] = []
    for statement in tree.body:
        if groups and _first_line(statement) <= (groups[-1][-1].end_lineno or 0):
            groups[-1].append(statement)
        else:
            groups.append([statement])
    start = 0
    for place, group in enumerate(groups):
        end = (group[-1].end_lineno or 0) if place < len(groups) - 1 else len(lines)
        yield group, "\n".join(lines[start:end])
        start = end


def _first_line(statement: ast.stmt) -> int:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return min([statement.lineno, *(item.lineno for item in statement.decorator_list)])
    return statement.lineno


def _comments(text: str) -> str:
    """The comment lines before a statement whose own text does not stay."""
    lines = itertools.takewhile(lambda line: not line.strip() or line.startswith("#"), text.split("\n"))
    return "\n".join(lines).rstrip("\n")


def _is_text(statements: list[ast.stmt]) -> bool:
    return all(isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) for item in statements)


def _lifted(statements: list[ast.stmt], renames: Mapping[str, str], function: Function) -> list[str] | None:
    """The import lines that stand for these statements; None for anything that must stay where it is."""
    lines: list[str] = []
    for statement in statements:
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            return None
        module = "." * getattr(statement, "level", 0) + (getattr(statement, "module", None) or "")
        if module == "__future__":
            continue
        for alias in statement.names:
            name, meaning = imported_as(alias, module)
            if alias.name == "*" or function.scope.bound.get(name) not in (meaning, None):
                return None  # bound twice in its source: the order matters
            lines.append(_import_line(alias, module, renames.get(name)))
    return lines


def _import_line(alias: ast.alias, module: str, renamed: str | None) -> str:
    origin = f"from {module} import " if module else "import "
    if renamed is not None and not module and not alias.asname:
        top = alias.name.split(".")[0]
        return f"import {alias.name}\nimport {top} as {renamed}" if top != alias.name else f"import {top} as {renamed}"
    wanted = renamed or alias.asname
    return f"{origin}{alias.name}" + (f" as {wanted}" if wanted else "")


def _repeatable(statements: list[ast.stmt], renames: Mapping[str, str]) -> str | None:
    """What identifies a definition that need not stand twice in a module: code or a constant, never state."""
    if len(statements) != 1 or renames.keys() & (_names_in(statements[0]) | _bound_by(statements[0])):
        return None
    statement = statements[0]
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return ast.dump(statement)
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
        return ast.dump(statement)
    return None


def _require_renameable(function: Function, renames: Mapping[str, str]) -> None:
    """A private name is renamed wherever it stands, which is right only if it is no local name somewhere as well."""
    if not renames:
        return
    for scope in inner_scopes(function.source):
        for symbol in scope.get_symbols():
            if symbol.get_name() in renames and not symbol.is_global():
                raise FunctionError(f"{function.name!r} uses {symbol.get_name()!r} both at its top level and inside "
                                    f"{scope.get_name()!r}, and another function means something else by it",
                                    hint="rename it in one of them")  # fmt: skip


def _rewritten(statements: list[ast.stmt], text: str, renames: Mapping[str, str]) -> str:
    touched = [_Rename(renames) for _ in statements]
    renamed = [rename.visit(statement) for rename, statement in zip(touched, statements, strict=True)]
    if not any(rename.happened for rename in touched):
        return text
    try:
        lines = [ast.unparse(ast.fix_missing_locations(statement)) for statement in renamed]
    except RecursionError:
        raise FunctionError("a private name that two functions use differently stands in code that is nested too deep",
                            hint=f"rename {', '.join(renames)} in one of them") from None  # fmt: skip
    return "\n".join(part for part in (_comments(text), *lines) if part)


class _Rename(ast.NodeTransformer):
    """Replaces names in a statement, in place; `happened` tells whether any was there."""

    def __init__(self, renames: Mapping[str, str]) -> None:
        self._renames = renames
        self.happened = False

    def visit(self, node: ast.AST) -> ast.AST:
        match node:
            case ast.Name():
                node.id = self._renamed(node.id)
            case ast.Global():
                node.names = [self._renamed(name) for name in node.names]
            case ast.alias(asname=str(name)):
                node.asname = self._renamed(name)
            case ast.alias(name=name):
                node.asname = self._renamed(name) if name in self._renames else None
            case (
                ast.FunctionDef(name=str(name))
                | ast.AsyncFunctionDef(name=str(name))
                | ast.ClassDef(name=str(name))
                | ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                node.name = self._renamed(name)
        visited: ast.AST = self.generic_visit(node)
        return visited

    def _renamed(self, name: str) -> str:
        self.happened |= name in self._renames
        return self._renames.get(name, name)
