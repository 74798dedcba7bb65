"""Which names a source binds at its top level, and which it takes from outside: Python's own symbol tables tell."""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from functions.source import READING, top_level

_MODULE_NAMES = frozenset({"__name__", "__file__", "__doc__", "__builtins__", "__spec__", "__loader__", "__package__"})


@dataclass(frozen=True, slots=True)
class Scope:
    """`bound` says of each top-level name what binds it (equal words, equal things); `free` names come from outside."""

    bound: Mapping[str, str]
    free: frozenset[str]


def read_scope(source: str, tree: ast.Module) -> Scope:
    """The scope of a source that `functions.source.parse` accepted."""
    table = _module_table(source)
    bound: dict[str, str] = {}
    for statement in top_level(tree):
        for name, meaning in _bindings(statement):
            bound[name] = f"{bound[name]}\n{meaning}" if name in bound else meaning
    referenced: set[str] = set()
    for scope in _tables(table):
        for symbol in scope.get_symbols():
            is_outer = scope is table or symbol.is_global()
            if is_outer and symbol.is_referenced():
                referenced.add(symbol.get_name())
            if is_outer and (symbol.is_assigned() or symbol.is_imported()) and symbol.get_name() not in bound:
                bound[symbol.get_name()] = f"set by a statement of {source}"
    return Scope(bound, frozenset(referenced - bound.keys() - _MODULE_NAMES))


def imported_as(alias: ast.alias, module: str = "") -> tuple[str, str]:
    """The name that one import binds, and what it means: `import a.b` binds a to the module a."""
    if module:
        return alias.asname or alias.name, f"{alias.name} from {module}"
    whole = alias.name if alias.asname else alias.name.split(".")[0]
    return alias.asname or whole, f"module {whole}"


def imported_modules(source: str) -> set[str]:
    """The top-level names of all modules that a source imports, wherever the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
    return found


def inner_scopes(source: str) -> Iterator[symtable.SymbolTable]:
    """The symbol tables of all functions, classes and comprehensions in a source."""
    for child in _module_table(source).get_children():
        yield from _tables(child)


def _module_table(source: str) -> symtable.SymbolTable:
    with READING, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return symtable.symtable(source, "<function>", "exec")


def _bindings(statement: ast.stmt) -> Iterator[tuple[str, str]]:
    match statement:
        case ast.Import(names=names):
            yield from (imported_as(alias) for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            yield from (imported_as(alias, "." * level + (module or "")) for alias in names)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, ast.dump(statement)
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                for node in ast.walk(target):
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                        yield node.id, ast.dump(statement)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    waiting = [table]
    while waiting:
        scope = waiting.pop()
        yield scope
        waiting.extend(scope.get_children())
