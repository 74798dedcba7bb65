"""What an annotation means in JSON: its schema and how a decoded value is built, read from the syntax tree alone."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from functions.source import top_level

_Read = TypeVar("_Read")
Schema = dict[str, Any]  # a JSON schema is JSON: nothing narrower describes it
Spec = (
    list[Any] | None
)  # how the sandbox turns JSON into the value: None (as it is) or a tagged list, see `Function.binding`

_MAX_READS = 5_000
_SCALARS: dict[str, Schema] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "typing.Text": {"type": "string"},
}
_ANY = {"object", "typing.Any"}
_ARRAYS = {"list", "typing.List"} | {
    f"{module}.{name}"
    for module in ("typing", "collections.abc")
    for name in ("Sequence", "MutableSequence", "Iterable", "Collection")
}
_OBJECTS = {"dict", "typing.Dict"} | {
    f"{module}.{name}" for module in ("typing", "collections.abc") for name in ("Mapping", "MutableMapping")
}
_TUPLES = {"tuple", "typing.Tuple"}
_SETS = {
    "set",
    "typing.Set",
    "typing.AbstractSet",
    "typing.MutableSet",
    "collections.abc.Set",
    "collections.abc.MutableSet",
}
_FROZEN_SETS = {"frozenset", "typing.FrozenSet"}
_TYPED_DICTS = {"typing.TypedDict", "typing_extensions.TypedDict"}
_ENUMS = {f"enum.{name}" for name in ("Enum", "IntEnum", "StrEnum")}
_JSON_TYPE = {bool: "boolean", int: "integer", str: "string", type(None): "null"}


@dataclass(frozen=True, slots=True)
class JSONType:
    """One annotation in JSON: `problem` says why JSON cannot carry it, and then any JSON value is taken."""

    schema: Schema
    decode: Spec = None
    problem: str = ""


ANY_JSON = JSONType({})


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    annotation: ast.expr
    required: bool


class Annotations:
    """Reads the annotations of one source. Arguments and results differ in what can be decoded and encoded."""

    def __init__(self, tree: ast.Module) -> None:
        self._imports: dict[str, str] = {}
        self._aliases: dict[str, ast.expr] = {}
        self._classes: dict[str, ast.ClassDef] = {}
        self._open: list[str] = []  # classes and aliases being read, to notice recursion
        self._is_result = False
        self._reads = 0
        for statement in top_level(tree):
            self._learn(statement)

    def of_argument(self, annotation: ast.expr | None) -> JSONType:
        """What JSON values a parameter of this annotation takes."""
        self._is_result = False
        return self._whole(annotation)

    def of_result(self, annotation: ast.expr | None) -> JSONType:
        """What JSON values a function of this return annotation gives; sets and enums are not JSON."""
        self._is_result = True
        return self._whole(annotation)

    def _whole(self, annotation: ast.expr | None) -> JSONType:
        if annotation is None:
            return ANY_JSON
        try:
            return self._read(annotation)
        except _NotJSONError as error:
            return JSONType({}, None, str(error))
        except RecursionError:
            return JSONType({}, None, "the annotation is nested too deep; use dict or list")

    def _learn(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import(names=names):
                for alias in names:
                    self._imports[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            case ast.ImportFrom(module=str(module), names=names, level=0):
                for alias in names:
                    self._imports[alias.asname or alias.name] = f"{module}.{alias.name}"
            case ast.ClassDef(name=name):
                self._classes[name] = statement
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                self._aliases[name] = value

    def _dotted(self, node: ast.expr) -> str:
        """The full name that an expression stands for: `t.List` is "typing.List" after `import typing as t`."""
        match node:
            case ast.Constant(value=None):
                return "None"
            case ast.Name(id=name) if name in self._imports:
                return self._imports[name]
            case ast.Name(id=name) if (
                name not in self._classes and name not in self._aliases and hasattr(builtins, name)
            ):
                return name
            case ast.Attribute(value=value, attr=attribute) if owner := self._dotted(value):
                return f"{owner}.{attribute}"
        return ""

    def _read(self, node: ast.expr) -> JSONType:
        self._reads += 1
        if self._reads > _MAX_READS:  # aliases of aliases can double at every step
            raise _NotJSONError("the annotations of this source are too large; use dict or list")
        match node:
            case ast.Constant(value=str(text)):
                return self._read(_parsed(text))
            case ast.BinOp(op=ast.BitOr()):
                return self._union(_alternatives(node))
            case ast.Subscript(value=value, slice=inner):
                return self._generic(node, self._dotted(value), _elements(inner))
            case ast.Name(id=name) if name in self._classes:
                return self._guarded(name, lambda: self._class(self._classes[name]))
            case ast.Name(id=name) if name in self._aliases:
                return self._guarded(name, lambda: self._read(self._aliases[name]))
        return self._plain(node, self._dotted(node))

    def _guarded(self, name: str, read: Callable[[], _Read]) -> _Read:
        if name in self._open:
            raise _NotJSONError(f"type {name!r} refers to itself; use dict")
        self._open.append(name)
        try:
            return read()
        finally:
            self._open.pop()

    def _plain(self, node: ast.expr, name: str) -> JSONType:
        if name in _SCALARS:
            return JSONType(dict(_SCALARS[name]))
        if name in _ANY:
            return ANY_JSON
        if name in _ARRAYS | _OBJECTS | _TUPLES | _SETS | _FROZEN_SETS:
            return self._generic(node, name, [])
        raise _unknown(node)

    def _generic(self, node: ast.expr, name: str, inner: list[ast.expr]) -> JSONType:
        if name in _ARRAYS and len(inner) <= 1:
            return self._array(inner[0] if inner else None, "list")
        if name in _SETS | _FROZEN_SETS and len(inner) <= 1:
            if self._is_result:
                raise _NotJSONError(f"{ast.unparse(node)} is not JSON; return a sorted list")
            return self._array(inner[0] if inner else None, "set" if name in _SETS else "frozenset")
        if name in _OBJECTS and len(inner) in (0, 2):
            return self._object(node, inner)
        if name in _TUPLES:
            return self._tuple(inner)
        if name == "typing.Optional" and len(inner) == 1:
            return self._union([*inner, ast.Constant(value=None)])
        if name == "typing.Union" and inner:
            return self._union(inner)
        if name in ("typing.Literal", "typing_extensions.Literal") and inner:
            return _enumeration([_literal(value) for value in inner])
        if name in ("typing.Annotated", "typing_extensions.Annotated") and inner:
            return self._annotated(inner[0], inner[1:])
        if name.rpartition(".")[2] in ("Required", "NotRequired", "ReadOnly", "Final", "InitVar") and len(inner) == 1:
            return self._read(inner[0])
        raise _unknown(node)

    def _array(self, element: ast.expr | None, kind: str) -> JSONType:
        inner = self._read(element) if element is not None else ANY_JSON
        decode = None if kind == "list" and inner.decode is None else [kind, inner.decode]
        return JSONType({"type": "array", "items": inner.schema}, decode)

    def _object(self, node: ast.expr, inner: list[ast.expr]) -> JSONType:
        if not inner:
            return JSONType({"type": "object"})
        key, value = self._read(inner[0]).schema, self._read(inner[1])
        if key not in ({}, {"type": "string"}):
            raise _NotJSONError(f"{ast.unparse(node)} is not JSON, whose keys are text; use dict[str, ...]")
        schema: Schema = (
            {"type": "object", "additionalProperties": value.schema} if value.schema else {"type": "object"}
        )
        return JSONType(schema, None if value.decode is None else ["dict", value.decode])

    def _tuple(self, inner: list[ast.expr]) -> JSONType:
        match inner:
            case []:
                return JSONType({"type": "array", "items": {}}, ["tuple*", None])
            case [element, ast.Constant(value=value)] if value is Ellipsis:
                whole = self._array(element, "tuple*")
                return whole
            case [ast.Tuple(elts=[])]:  # tuple[()]
                return _fixed_array([])
        return _fixed_array([self._read(element) for element in inner])

    def _union(self, members: Sequence[ast.expr]) -> JSONType:
        kinds = [self._read(member) for member in members]
        schemas: list[Schema] = []
        for kind in kinds:
            parts = kind.schema["anyOf"] if set(kind.schema) == {"anyOf"} else [kind.schema]
            schemas.extend(part for part in parts if part not in schemas)
        decoded = [kind.decode for kind in kinds if kind.decode is not None]
        solid = [kind for kind in kinds if kind.schema != {"type": "null"}]
        if decoded and len(solid) > 1:
            raise _NotJSONError(
                f"{' | '.join(map(ast.unparse, members))} cannot be told apart in JSON; take one of them"
            )
        schema = {} if {} in schemas else schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        if not decoded:
            return JSONType(schema)
        return JSONType(schema, decoded[0] if decoded[0][0] == "optional" else ["optional", decoded[0]])

    def _annotated(self, inner: ast.expr, notes: list[ast.expr]) -> JSONType:
        kind = self._read(inner)
        words = [note.value for note in notes if isinstance(note, ast.Constant) and isinstance(note.value, str)]
        return JSONType({**kind.schema, "description": words[0]}, kind.decode) if words else kind

    def _class(self, node: ast.ClassDef) -> JSONType:
        bases = [self._dotted(base) for base in node.bases]
        if set(bases) & _ENUMS:
            return self._enum(node)
        if "typing.NamedTuple" in bases:
            return self._record(node, as_array=self._is_result)
        if self._is_typed_dict(node) or any(
            self._dotted(_called(item)) == "dataclasses.dataclass" for item in node.decorator_list
        ):
            return self._record(node, as_array=False)
        raise _NotJSONError(
            f"class {node.name!r} is no dataclass, TypedDict, NamedTuple or Enum; use one of them or dict"
        )

    def _enum(self, node: ast.ClassDef) -> JSONType:
        if self._is_result:
            raise _NotJSONError(f"a member of {node.name!r} is not JSON; return its value")
        values = [_literal(item.value) for item in node.body if isinstance(item, ast.Assign)]
        return JSONType(_enumeration(values).schema, ["enum", node.name])

    def _record(self, node: ast.ClassDef, *, as_array: bool) -> JSONType:
        fields = self._fields(node)
        kinds = {item.name: self._read(item.annotation) for item in fields}
        if as_array:
            return _fixed_array(list(kinds.values()))
        schema: Schema = {
            "type": "object",
            "properties": {name: kind.schema for name, kind in kinds.items()},
            "required": [item.name for item in fields if item.required],
            "additionalProperties": False,
        }
        decodes = {name: kind.decode for name, kind in kinds.items() if kind.decode is not None}
        if self._is_typed_dict(node) and not decodes:
            return JSONType(schema)  # a TypedDict is a dict already
        return JSONType(schema, ["dataclass", node.name, decodes])

    def _is_typed_dict(self, node: ast.ClassDef) -> bool:
        seen: list[ast.ClassDef] = [node]
        for ancestor in seen:  # grows while it is read
            if any(self._dotted(base) in _TYPED_DICTS for base in ancestor.bases):
                return True
            seen += [parent for parent in filter(None, map(self._parent, ancestor.bases)) if parent not in seen]
        return False

    def _parent(self, base: ast.expr) -> ast.ClassDef | None:
        return self._classes.get(base.id) if isinstance(base, ast.Name) else None

    def _fields(self, node: ast.ClassDef) -> list[_Field]:
        fields: dict[str, _Field] = {}
        for parent in filter(None, map(self._parent, node.bases)):
            inherited = self._guarded(f"{parent.name} as a base", partial(self._fields, parent))
            fields.update({item.name: item for item in inherited})
        total = not any(word.arg == "total" and _is_constant(word.value, False) for word in node.keywords)
        for statement in node.body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                name, annotation = statement.target.id, statement.annotation
                outer = (
                    self._dotted(annotation.value)
                    if isinstance(annotation, ast.Subscript)
                    else self._dotted(annotation)
                )
                if outer in ("typing.ClassVar", "dataclasses.KW_ONLY") or _has_no_init(statement.value):
                    continue
                optional = outer.endswith(".NotRequired") or (not total and not outer.endswith(".Required"))
                required = not optional and not _has_default(statement.value)
                fields[name] = _Field(name, annotation, required)
        return list(fields.values())


class _NotJSONError(Exception):
    """Why JSON cannot carry an annotation; never leaves this module."""


def _unknown(node: ast.expr) -> _NotJSONError:
    return _NotJSONError(f"{ast.unparse(node)[:80]} is not a type that JSON carries, or is not imported; "
                    "use int, float, str, bool, list, dict[str, ...], Literal or a dataclass")  # fmt: skip


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _NotJSONError(f"{text[:80]!r} is not an annotation") from None


def _alternatives(node: ast.expr) -> list[ast.expr]:
    members: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        members.append(node.right)
        node = node.left
    return [node, *reversed(members)]


def _elements(inner: ast.expr) -> list[ast.expr]:
    return list(inner.elts) if isinstance(inner, ast.Tuple) and inner.elts else [inner]


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _is_constant(node: ast.expr, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _has_default(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "field":
        return any(word.arg in ("default", "default_factory") for word in value.keywords)
    return value is not None


def _has_no_init(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and any(
        word.arg == "init" and _is_constant(word.value, False) for word in value.keywords
    )


def _literal(node: ast.expr) -> bool | int | str | None:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        raise _NotJSONError(f"{ast.unparse(node)[:80]} is not a literal value") from None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise _NotJSONError(f"{value!r} in a Literal or Enum is not text, a whole number, true, false or null")


def _enumeration(values: Sequence[bool | int | str | None]) -> JSONType:
    if not values:
        raise _NotJSONError("an Enum without members")
    kinds = {_JSON_TYPE[type(value)] for value in values}
    schema: Schema = {"enum": list(dict.fromkeys(values))}
    return JSONType({"type": kinds.pop(), **schema} if len(kinds) == 1 else schema)


def _fixed_array(kinds: list[JSONType]) -> JSONType:
    """A tuple of fixed length. `items` repeats what `prefixItems` says, since some tool protocols demand it."""
    schemas = [kind.schema for kind in kinds]
    distinct = [schema for place, schema in enumerate(schemas) if schema not in schemas[:place]]
    schema: Schema = {"type": "array", "minItems": len(kinds), "maxItems": len(kinds)}
    schema["items"] = (
        distinct[0] if len(distinct) == 1 else {} if {} in distinct or not distinct else {"anyOf": distinct}
    )
    if len(distinct) > 1:
        schema["prefixItems"] = schemas
    return JSONType(schema, ["tuple", [kind.decode for kind in kinds]])
