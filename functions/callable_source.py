"""A self-contained source for a live Python function: its own text, and what it refers to, brought along as text.

Constants are taken as they are at that moment. What text cannot hold (an open connection, a closure's variables) is
refused by name.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from functions.errors import FunctionError
from functions.scope import read_scope
from functions.source import normalise, parse

_FUTURE_ANNOTATIONS = "from __future__ import annotations"
_MAX_CONSTANT_CHARACTERS = 16_384


def self_contained_source(target: Callable[..., Any]) -> str:
    """The text of a module that defines the function and everything of the user's that it needs.

    Raises:
        FunctionError: it is not a plain function, its text is not at hand, or it needs what text cannot hold.
    """
    plain = _plain_function(target)
    gathered = _Gathered(plain.__name__)
    gathered.add_definition(plain.__name__, plain)
    return gathered.text()


@dataclass
class _Gathered:
    """Parts of the source under construction (mutable): each name's text, in the order in which they must stand."""

    owner: str
    imports: dict[str, None] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    meanings: dict[str, object] = field(default_factory=dict)  # what each name stood for where it was found
    future_annotations: bool = False

    def text(self) -> str:
        head = [_FUTURE_ANNOTATIONS] if self.future_annotations else []
        imports = "\n".join([*head, *sorted(self.imports, key=lambda line: (line.startswith("from "), line))])
        *constants_and_helpers, last = self.parts.values()
        return normalise(
            "\n\n\n".join(part.strip("\n") for part in (imports, *constants_and_helpers, last) if part.strip())
        )

    def add_definition(self, name: str, definition: types.FunctionType | type) -> None:
        """Add a function or class under the name it has in its own `def`, after everything that it refers to."""
        text = _definition_text(definition, self.owner)
        namespace = _globals_of(definition)
        if isinstance(definition, types.FunctionType):
            _require_no_closure(definition, self.owner)
            self.future_annotations |= bool(definition.__code__.co_flags & _future_flag())
        self.meanings[definition.__name__] = definition
        for used in sorted(_names_used(text) - {definition.__name__}):
            self._add_name(used, text, namespace)
        self.parts[definition.__name__] = text
        if name != definition.__name__:
            self.parts[name] = f"{name} = {definition.__name__}"

    def _add_name(self, name: str, text: str, namespace: dict[str, Any]) -> None:
        if name not in namespace:
            return  # a builtin, or a name that only the call will miss
        value = namespace[name]
        if name in self.meanings:
            if self.meanings[name] is not value:
                raise FunctionError(f"{self.owner!r} and its helpers mean different things by {name!r}",
                                    hint="rename one of them")  # fmt: skip
            return
        self.meanings[name] = value
        self._add_value(name, value, text, namespace)

    def _add_value(self, name: str, value: object, text: str, namespace: dict[str, Any]) -> None:
        from functions.function import Function

        if isinstance(value, Function):
            return  # another learnable function: the library brings it, in whatever version it then has
        if isinstance(value, types.ModuleType):
            self.imports.update(dict.fromkeys(_module_imports(name, value, text)))
        elif (imported := _import_of(name, value)) is not None:
            self.imports[imported] = None
        elif isinstance(value, (types.FunctionType, type)):
            self.add_definition(name, value)
        elif (alias := _type_alias(name, value, namespace)) is not None:
            for used in sorted(_names_used(alias)):
                self._add_name(used, alias, namespace)
            self.parts[name] = alias
        elif (literal := _literal(value)) is not None:
            self.parts[name] = f"{name} = {literal}"
        else:
            raise FunctionError(f"{self.owner!r} uses the global {name!r}, {_article(value)}, which text cannot hold",
                                hint="pass it as an argument, or make the function a forge.Tool")  # fmt: skip


def _plain_function(target: object) -> types.FunctionType:
    name = getattr(target, "__name__", type(target).__name__)
    hint = "decorate a plain top-level def"
    if isinstance(target, types.MethodType) or (inspect.isfunction(target) and _is_method(target)):
        raise FunctionError(f"{name!r} is a method, which depends on its object", hint=hint)
    if isinstance(target, type):
        raise FunctionError(f"{name!r} is a class, not a function", hint=hint)
    if isinstance(target, (types.BuiltinFunctionType, types.BuiltinMethodType)):
        raise FunctionError(f"{name!r} is built in and has no Python source", hint="call it from a def of your own")
    if not isinstance(target, types.FunctionType):
        raise FunctionError(f"{target!r:.80} is not a plain function", hint=hint)
    if target.__name__ == "<lambda>":
        raise FunctionError("a lambda has no name to be called by", hint="write a def")
    if hasattr(target, "__wrapped__"):
        raise FunctionError(f"{name!r} is wrapped by another decorator", hint="remove it; its effect would be lost")
    return target


def _is_method(target: types.FunctionType) -> bool:
    return re.search(r"(^|>\.)\w+\.", target.__qualname__) is not None and not target.__qualname__.endswith(
        f"<locals>.{target.__name__}"
    )


def _require_no_closure(target: types.FunctionType, owner: str) -> None:
    if free := target.__code__.co_freevars:
        raise FunctionError(f"{owner!r} needs {', '.join(free)} of the function around {target.__name__!r}",
                            hint="pass them as arguments, or move them to the top level")  # fmt: skip


def _definition_text(definition: types.FunctionType | type, owner: str) -> str:
    try:
        text = textwrap.dedent(inspect.getsource(definition))
    except (OSError, TypeError):
        raise FunctionError(f"the source text of {definition.__name__!r} (needed by {owner!r}) is not at hand",
                            hint="define it in a file, or use Function.from_source") from None  # fmt: skip
    node = parse(text).body[0]
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        raise FunctionError(f"{definition.__name__!r} is not written as a def or class of its own", hint="write a def")
    if isinstance(node, ast.ClassDef):
        return text
    if foreign := [item for item in node.decorator_list if not _is_ours(item)]:
        raise FunctionError(f"{node.name!r} has the decorator {ast.unparse(foreign[0])!r}", line=foreign[0].lineno,
                            hint="only @functions.function is taken off; remove the others")  # fmt: skip
    return "\n".join(text.split("\n")[node.lineno - 1 :])


def _is_ours(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called).rpartition(".")[2] == "function"


def _future_flag() -> int:
    import __future__

    return __future__.annotations.compiler_flag


def _globals_of(definition: types.FunctionType | type) -> dict[str, Any]:
    if isinstance(definition, types.FunctionType):
        return definition.__globals__
    module = sys.modules.get(definition.__module__)
    return vars(module) if module is not None else {}


def _names_used(text: str) -> frozenset[str]:
    tree = parse(text)
    return read_scope(text, tree).free | frozenset(_names_in_text_annotations(tree))


def _names_in_text_annotations(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for annotation in annotations:
            if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
                yield from re.findall(r"[A-Za-z_]\w*", annotation.value)


def _module_imports(name: str, module: types.ModuleType, text: str) -> Iterator[str]:
    """The import of a module under the name it has, and of its submodules that the text reaches through that name."""
    if _is_local(module.__name__):
        raise FunctionError(f"{name!r} is a module of your own, which a sandbox does not have",
                            hint=f"write: from {module.__name__} import the_function")  # fmt: skip
    yield f"import {name}" if module.__name__ == name else f"import {module.__name__} as {name}"
    for chain in re.findall(rf"(?<![\w.]){re.escape(name)}((?:\.\w+)+)", text):
        parts = module.__name__.split(".")
        for part in chain.strip(".").split("."):
            parts.append(part)
            if ".".join(parts) not in sys.modules:
                break
            if module.__name__ == name:
                yield f"import {'.'.join(parts)}"


def _import_of(name: str, value: object) -> str | None:
    """The statement that imports a value from a module that others have too; None for a value of the user's own."""
    own = getattr(value, "__name__", None) or getattr(value, "_name", None)
    module = getattr(value, "__module__", None)
    if not isinstance(own, str) or not isinstance(module, str) or _is_local(module):
        return None
    for place in (module.lstrip("_"), module):  # functools.reduce says that it lives in _functools
        if getattr(sys.modules.get(place), own, None) is value:
            return f"from {place} import {own}" + (f" as {name}" if own != name else "")
    return None


def _is_local(module: str) -> bool:
    """Whether a module is the user's own: neither of the standard library nor installed."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names and top != "__main__":
        return False
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return True
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec is not None else []
    return not any({"site-packages", "dist-packages"} & set(Path(place).parts) for place in places)


def _type_alias(name: str, value: object, namespace: dict[str, Any]) -> str | None:
    """The statement that makes a type alias such as `Rows = list[dict[str, Any]]`, from its module's text."""
    if not isinstance(value, (types.GenericAlias, types.UnionType)) and type(value).__module__ != "typing":
        return None
    try:
        text = inspect.getsource(sys.modules[namespace["__name__"]])
    except (OSError, TypeError, KeyError):
        return None
    for statement in ast.parse(text).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)]) | ast.AnnAssign(target=ast.Name(id=target)) if (
                target == name
            ):
                return ast.get_source_segment(text, statement)
    return None


def _literal(value: object) -> str | None:
    """Text that evaluates to an equal value, for constants."""
    if isinstance(value, float) and value - value != 0:
        return f"float({str(value)!r})"  # inf and nan have no literal
    text = (
        repr(value) if isinstance(value, (type(None), bool, int, float, str, list, dict, tuple, set, frozenset)) else ""
    )
    try:
        same = 0 < len(text) <= _MAX_CONSTANT_CHARACTERS and ast.literal_eval(text) == value
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return text if same and type(ast.literal_eval(text)) is type(value) else None


def _article(value: object) -> str:
    kind = type(value).__name__
    return f"an {kind}" if kind[:1].lower() in "aeiou" else f"a {kind}"
