"""How a function is called: its parameters and result as JSON schemas, and the plan by which the sandbox calls it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from functions.annotations import Annotations, JSONType, Schema
from functions.docstring import Docstring, read_docstring
from functions.errors import ArgumentError, ResultTypeError
from functions.scope import Scope, read_scope
from functions.source import parse

if TYPE_CHECKING:
    from functions.json_schema import JSONSchema

_NO_DEFAULT = object()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as written: `kind` is "positional", "keyword", "*" or "**"; `default` is a literal's value."""

    name: str
    kind: str
    annotated: bool
    type: JSONType
    required: bool
    default: object = _NO_DEFAULT


class Signature:
    """The signature of one definition. It never changes; its schemas and checkers are built when first asked for."""

    def __init__(self, source: str, tree: ast.Module, definition: ast.FunctionDef) -> None:
        self._source = source
        self._name = definition.name
        self._docstring: Docstring = read_docstring(ast.get_docstring(definition, clean=False))
        annotations = Annotations(tree)
        self._parameters = list(_parameters(definition.args, annotations))
        self._has_return = definition.returns is not None
        self._result = annotations.of_result(definition.returns)

    @property
    def description(self) -> str:
        """What the docstring says about the function as a whole."""
        return self._docstring.description

    @cached_property
    def parameters(self) -> Schema:
        """The JSON schema of the arguments, an object."""
        named = [parameter for parameter in self._parameters if parameter.kind != "**"]
        schema: Schema = {
            "type": "object",
            "properties": {parameter.name: self._property(parameter) for parameter in named},
            "required": [parameter.name for parameter in named if parameter.required],
            "additionalProperties": False,
        }
        for parameter in self._parameters:
            if parameter.kind == "**":
                schema["additionalProperties"] = parameter.type.schema or True
        return schema

    @cached_property
    def returns(self) -> Schema | None:
        """The JSON schema of the result; None where nothing is promised."""
        return self._result.schema if self._has_return and not self._result.problem else None

    @cached_property
    def binding(self) -> dict[str, Any]:
        """The calling plan, plain JSON: see `Function.binding`."""
        of_kind = {
            kind: [parameter.name for parameter in self._parameters if parameter.kind == kind]
            for kind in ("positional", "keyword", "*", "**")
        }
        return {
            "positional": of_kind["positional"],
            "keyword": of_kind["keyword"],
            "var_positional": next(iter(of_kind["*"]), None),
            "var_keyword": next(iter(of_kind["**"]), None),
            "decode": {item.name: item.type.decode for item in self._parameters if item.type.decode is not None},
        }

    @cached_property
    def scope(self) -> Scope:
        """The names that the whole source binds, and those that it takes from outside."""
        return read_scope(self._source, parse(self._source))

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What a reader, a model or a checker misses in this signature."""
        return tuple(self._problems())

    def validate(self, arguments: Mapping[str, object]) -> dict[str, Any]:
        """The arguments checked and coerced.

        Raises:
            ArgumentError: they do not fit.
        """
        from functions.json_schema import validate_arguments

        coerced = validate_arguments(self._argument_schema, arguments, name=self._name)
        return coerced if all(name in coerced for name in self.binding["positional"]) else self._without_gap(coerced)

    def check_result(self, value: object) -> None:
        """Compare a result with the return annotation.

        Raises:
            ResultTypeError: it does not fit.
        """
        from functions.json_schema import MismatchError, type_words

        if self._result_schema is None:
            return
        try:
            self._result_schema.check(value)
        except MismatchError as mismatch:
            raise ResultTypeError(f"{self._name} returned what its annotation does not allow: {mismatch}",
                                  hint=f"declared result: {type_words(self.returns)}") from None  # fmt: skip

    @cached_property
    def _argument_schema(self) -> JSONSchema:
        from functions.json_schema import JSONSchema  # pydantic loads with the first call, not with the package

        return JSONSchema(self.parameters, closed=True)

    @cached_property
    def _result_schema(self) -> JSONSchema | None:
        from functions.json_schema import JSONSchema

        return JSONSchema(self.returns) if self.returns else None

    def _property(self, parameter: Parameter) -> Schema:
        schema = dict(parameter.type.schema)
        if parameter.kind == "*":
            schema = {"type": "array", "items": schema}
        if said := self._docstring.parameters.get(parameter.name):
            schema["description"] = said
        if parameter.default is not _NO_DEFAULT:
            schema["default"] = parameter.default
        return schema

    def _without_gap(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Fill in the default of a parameter that is passed by position and left out before one that is given."""
        filled = dict(arguments)
        positional = [parameter for parameter in self._parameters if parameter.kind == "positional"]
        later = {parameter.name for parameter in self._parameters if parameter.kind == "*"} & arguments.keys()
        for parameter in reversed(positional):
            if parameter.name not in filled and later:
                if parameter.default is _NO_DEFAULT:
                    raise ArgumentError(f"{self._name}: {parameter.name!r} must be given with {min(later)!r}",
                                        hint="it is passed by position")  # fmt: skip
                filled[parameter.name] = parameter.default
            elif parameter.name in filled:
                later.add(parameter.name)
        return filled

    def _problems(self) -> Iterator[str]:
        if not self._docstring.description:
            yield "it has no docstring"
        for parameter in self._parameters:
            if not parameter.annotated:
                yield f"parameter {parameter.name!r} has no annotation"
            elif parameter.type.problem:
                yield f"parameter {parameter.name!r}: {parameter.type.problem}"
        if not self._has_return:
            yield "it has no return annotation"
        elif self._result.problem:
            yield f"return annotation: {self._result.problem}"


def _parameters(arguments: ast.arguments, annotations: Annotations) -> Iterator[Parameter]:
    by_place = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(by_place) - len(arguments.defaults)) + list(arguments.defaults)
    # parameters that stand before *args can only be reached by position when *args is given
    positional = len(by_place) if arguments.vararg else len(arguments.posonlyargs)
    for place, (argument, default) in enumerate(zip(by_place, defaults, strict=True)):
        yield _parameter(argument, "positional" if place < positional else "keyword", default, annotations)
    if arguments.vararg:
        yield _variadic(arguments.vararg, "*", annotations)
    for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield _parameter(argument, "keyword", keyword_default, annotations)
    if arguments.kwarg:
        yield _variadic(arguments.kwarg, "**", annotations)


def _parameter(argument: ast.arg, kind: str, default: ast.expr | None, annotations: Annotations) -> Parameter:
    meaning = annotations.of_argument(argument.annotation)
    value = _json_default(default)
    if value is None and meaning.schema:
        meaning = _or_null(meaning)  # `x: int = None` means int | None, as people and models write it
    return Parameter(argument.arg, kind, argument.annotation is not None, meaning, default is None, value)


def _variadic(argument: ast.arg, kind: str, annotations: Annotations) -> Parameter:
    meaning = annotations.of_argument(argument.annotation)
    if meaning.decode is not None and kind == "*":
        meaning = JSONType(meaning.schema, ["list", meaning.decode], meaning.problem)
    elif meaning.decode is not None:  # these arguments have no name by which the sandbox could find them
        meaning = JSONType({}, None, "only int, float, str, bool, list and dict can stand behind **")
    return Parameter(argument.arg, kind, argument.annotation is not None, meaning, required=False)


def _or_null(meaning: JSONType) -> JSONType:
    null = {"type": "null"}
    members = meaning.schema["anyOf"] if set(meaning.schema) == {"anyOf"} else [meaning.schema]
    if null in members:
        return meaning
    decode = (
        meaning.decode if meaning.decode is None or meaning.decode[0] == "optional" else ["optional", meaning.decode]
    )
    return JSONType({"anyOf": [*members, null]}, decode, meaning.problem)


def _json_default(default: ast.expr | None) -> object:
    """The default's value where it is a literal that JSON carries as it is; a tuple or set is not."""
    if default is None:
        return _NO_DEFAULT
    try:
        value = ast.literal_eval(default)
        same = json.loads(json.dumps(value, allow_nan=False)) == value
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _NO_DEFAULT
    return value if same else _NO_DEFAULT
