"""Settings are checked where they are given: one that is out of range is refused by its name."""

from __future__ import annotations

import math
from types import UnionType

from functions.errors import ForgeError


def require_number(owner: str, settings: object, name: str, least: float, most: float | None = None) -> None:
    """Args:
        most: None is any finite number.

    Raises:
        ForgeError: the setting is no number in this range.
    """
    value = getattr(settings, name)
    if not _is(value, int | float) or not least <= value or (value == math.inf if most is None else value > most):
        bound = f"from {least:g} up" if most in (None, math.inf) else f"from {least:g} to {most:g}"
        raise ForgeError(f"{owner}({name}={value!r}): give a number {bound}")


def require_whole(owner: str, settings: object, name: str, least: int) -> None:
    """Raises:
    ForgeError: the setting is no whole number, or too small.
    """
    value = getattr(settings, name)
    if not _is(value, int) or value < least:
        raise ForgeError(f"{owner}({name}={value!r}): give a whole number from {least} up")


def require_choice(owner: str, settings: object, name: str, choices: tuple[str, ...]) -> None:
    """Raises:
    ForgeError: the setting is none of these.
    """
    if getattr(settings, name) not in choices:
        raise ForgeError(f"{owner}({name}={getattr(settings, name)!r}): one of {', '.join(map(repr, choices))}")


def _is(value: object, kind: type | UnionType) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)  # True is an int to Python
