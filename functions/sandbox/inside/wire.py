"""What may cross the boundary: frames of strict JSON, faithful or refused, never silently changed."""

import json
import struct
from json import encoder
from typing import Any

MAX_DEPTH, MAX_NODES, MAX_INTEGER_BITS = 64, 200_000, 4096
HEADER = struct.Struct("<I")
OUT_OF_MEMORY = 71  # exit code of a process that could not even say so

_float_text, _join = float.__repr__, "".join


class NotJSON(Exception):
    """The value has no faithful JSON."""


def dumps(value: Any) -> str:
    """The JSON of a value made of exact built-in types; tuples go as lists, dataclasses as objects.

    Raises:
        NotJSON: with what is wrong and where.
    """
    return _join(_encode(plain(value), 0))


def _refuse(value: Any) -> Any:
    raise NotJSON(type(value).__name__)


# bound once: code that runs here later may replace what the json module holds
_encode = getattr(encoder, "c_make_encoder")(  # noqa: B009 - the type stubs leave it out
    None, _refuse, encoder.encode_basestring_ascii, None, ": ", ", ", False, False, False
)


def plain(value: Any, depth: int = 0) -> Any:
    """The value with tuples as lists, dataclasses and named tuples taken apart, enumerations as their values.

    `depth` is where the value stands; -1 for a dict of values that may each have the full depth.

    Raises:
        NotJSON: with what is wrong.
    """
    return _tree(value, depth, [0])


def _tree(value: Any, depth: int, count: list[int]) -> Any:
    count[0] += 1
    if count[0] > MAX_NODES:
        raise NotJSON(f"more than {MAX_NODES} values")
    kind = type(value)
    if kind is str:
        return _text(value)
    if kind is int:
        return _integer(value)
    if kind is float:
        return _float(value)
    if kind is bool or value is None:
        return value
    if depth >= MAX_DEPTH:
        raise NotJSON(f"nested deeper than {MAX_DEPTH}, or containing itself")
    if kind is list or kind is tuple:
        return [_tree(item, depth + 1, count) for item in value]
    if kind is dict:
        return {_key(key): _tree(item, depth + 1, count) for key, item in value.items()}
    return _tree(_taken_apart(value, kind), depth + 1, count)


def _taken_apart(value: Any, kind: Any) -> Any:
    members = type.__dict__["__dict__"].__get__(kind)
    if "__dataclass_fields__" in members:
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    if "_fields" in members and tuple in type.__dict__["__mro__"].__get__(kind):
        return tuple.__getitem__(value, slice(None))
    if "_member_map_" in members:
        return value.value
    raise NotJSON(f"a {_name(kind)}")


def _name(kind: type) -> str:
    name: str = type.__dict__["__name__"].__get__(kind)
    return name


def _key(key: Any) -> str:
    if type(key) is not str:
        raise NotJSON(f"a key of type {_name(type(key))}: JSON has text keys only")
    return _text(key)


def _text(value: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotJSON("text with a lone surrogate") from None
    return value


def _integer(value: int) -> int:
    if value.bit_length() > MAX_INTEGER_BITS:
        raise NotJSON(f"an integer of {value.bit_length()} bits, more than {MAX_INTEGER_BITS}")
    return value


def _float(value: float) -> float:
    if value != value or value in (_INFINITY, -_INFINITY):
        raise NotJSON(f"the number {_float_text(value)}, which JSON cannot write")
    return value


_INFINITY = float("inf")


def loads(data: bytes) -> Any:
    """The value of a frame. What an untrusted writer sent must go through `plain` as well.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return _decode(data.decode("ascii"))
    except RecursionError:
        raise ValueError("nested too deep") from None


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_constant).decode


def frame(payload: bytes) -> bytes:
    """Bytes with their length in front."""
    return HEADER.pack(len(payload)) + payload
