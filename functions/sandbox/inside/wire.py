"""What may cross the boundary: frames of strict JSON, faithful or refused, never silently changed."""

import json
import struct
from json.encoder import c_make_encoder, encode_basestring_ascii

MAX_DEPTH, MAX_NODES, MAX_INTEGER_BITS = 64, 200_000, 4096
HEADER = struct.Struct("<I")

_int_text, _float_text, _join = int.__repr__, float.__repr__, "".join


class NotJSON(Exception):
    """The value has no faithful JSON."""


def dumps(value):
    """The JSON of a value made of exact built-in types; tuples go as lists, dataclasses as objects.

    Raises:
        NotJSON: with what is wrong and where.
    """
    return _join(_encode(plain(value), 0))


def _refuse(value):
    raise NotJSON(type(value).__name__)


# bound once: code that runs here later may replace what the json module holds
_encode = c_make_encoder(None, _refuse, encode_basestring_ascii, None, ": ", ", ", False, False, False)


def plain(value):
    """The value with tuples as lists, dataclasses and named tuples taken apart, enumerations as their values."""
    kind = type(value)
    if kind is str:
        return _text(value)
    if kind is int:
        return _integer(value)
    if kind is float:
        return _float(value)
    if kind is bool or value is None:
        return value
    return _tree(value, 0, [0])


def _tree(value, depth, count):
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


def _taken_apart(value, kind):
    members = type.__dict__["__dict__"].__get__(kind)
    if "__dataclass_fields__" in members:
        return {name: getattr(value, name) for name in kind.__dataclass_fields__}
    if "_fields" in members and tuple in type.__dict__["__mro__"].__get__(kind):
        return tuple.__getitem__(value, slice(None))
    if "_member_map_" in members:
        return value.value
    raise NotJSON(f"a {_name(kind)}")


def _name(kind):
    return type.__dict__["__name__"].__get__(kind)


def _key(key):
    if type(key) is not str:
        raise NotJSON(f"a key of type {_name(type(key))}: JSON has text keys only")
    return _text(key)


def _text(value):
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise NotJSON("text with a lone surrogate") from None
    return value


def _integer(value):
    if value.bit_length() > MAX_INTEGER_BITS:
        raise NotJSON(f"an integer of {value.bit_length()} bits, more than {MAX_INTEGER_BITS}")
    return value


def _float(value):
    if value != value or value in (_INFINITY, -_INFINITY):
        raise NotJSON(f"the number {_float_text(value)}, which JSON cannot write")
    return value


_INFINITY = float("inf")


def loads(data):
    """The value of a frame from an untrusted writer.

    Raises:
        ValueError: it is not strict JSON, or breaks the limits on depth and text.
    """
    try:
        value = _decode(data.decode("ascii"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH or b"\\ud" in data.lower():
        try:
            plain(value)
        except NotJSON as error:
            raise ValueError(str(error)) from None
    return value


def _constant(name):
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_constant).decode


def frame(payload):
    """Bytes with their length in front."""
    return HEADER.pack(len(payload)) + payload
