"""Append-only files of one JSON object a line: read with what a crash or a bad disk did to them told and mended."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def append(path: Path, line: str) -> None:
    """Append one line; it has left this process when this returns, so that killing it loses nothing.

    Raises:
        OSError: it could not be written whole; a part of it may be there.
    """
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def read(path: Path) -> list[dict[str, Any]]:
    """The objects of a file, in order; what is cut off or damaged is left out, and the file stays as it is.

    Raises:
        OSError: the file cannot be read.
    """
    lines = path.read_bytes().split(b"\n")  # a last one without its end may be whole, if a person wrote it
    return [value for value in map(_object, lines) if isinstance(value, dict)]


def recover(path: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """The objects of a file, in order, and what was wrong with it.

    A last line that was cut off is removed, so that more can be appended. A damaged line elsewhere is passed over and
    stays. A file that is not there is empty.

    Raises:
        OSError: the file cannot be read or mended.
    """
    if not path.exists():
        return [], []
    content = path.read_bytes()
    whole, newline, torn = content.rpartition(b"\n")
    told: list[str] = []
    if torn:
        os.truncate(path, len(whole) + len(newline))
        told.append(f"{path.name}: its last line was cut off after {len(torn)} bytes and was removed")
    objects = []
    for number, line in enumerate(whole.split(b"\n") if newline else [], start=1):
        value = _object(line)
        if isinstance(value, dict):
            objects.append(value)
        else:
            told.append(f"{path.name}: line {number} is damaged and was passed over ({value})")
    return objects, told


def _object(line: bytes) -> dict[str, Any] | str:
    """The object that a line holds, or why it holds none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return str(error)
    return value if isinstance(value, dict) else "it is no JSON object"
