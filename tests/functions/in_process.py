"""A double of the sandbox for sources that the tests wrote themselves: its calling contract, with no isolation."""

import json
import sys
import types
from typing import Any

from functions import Function


def call(function: Function, arguments: dict[str, Any], helpers: tuple[Function, ...] = ()) -> Any:
    """Run helpers and function in one namespace and call it as `Function.binding` says; JSON in, JSON out."""
    wire = json.loads(json.dumps(function.validate(arguments), allow_nan=False))
    module = types.ModuleType("forged")
    sys.modules["forged"] = module  # dataclasses look their module up
    namespace = vars(module)
    for source in (*helpers, function):
        exec(source.source, namespace)
    binding = function.binding
    decoded = {name: _decode(value, binding["decode"].get(name), namespace) for name, value in wire.items()}
    positional = [decoded.pop(name) for name in binding["positional"] if name in decoded]
    positional += decoded.pop(binding["var_positional"], []) if binding["var_positional"] else []
    return function.check_result(json.loads(json.dumps(namespace[function.name](*positional, **decoded))))


def _decode(value: Any, spec: Any, namespace: dict[str, Any]) -> Any:
    if spec is None:
        return value
    kind, inner = spec[0], spec[1]
    match kind:
        case "list":
            return [_decode(item, inner, namespace) for item in value]
        case "tuple*":
            return tuple(_decode(item, inner, namespace) for item in value)
        case "tuple":
            return tuple(_decode(item, part, namespace) for item, part in zip(value, inner, strict=True))
        case "set":
            return {_decode(item, inner, namespace) for item in value}
        case "frozenset":
            return frozenset(_decode(item, inner, namespace) for item in value)
        case "dict":
            return {name: _decode(item, inner, namespace) for name, item in value.items()}
        case "optional":
            return None if value is None else _decode(value, inner, namespace)
        case "enum":
            return namespace[inner](value)
        case "dataclass":
            fields = {name: _decode(item, spec[2].get(name), namespace) for name, item in value.items()}
            return namespace[inner](**fields)
    raise AssertionError(f"unknown spec {spec!r}")
