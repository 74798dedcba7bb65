"""What a docstring says: the description, and each parameter's, from Google, NumPy or Sphinx style."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

_PARAMETER_SECTIONS = {
    "args",
    "arguments",
    "parameters",
    "params",
    "keyword args",
    "keyword arguments",
    "other parameters",
}
_OTHER_SECTIONS = {
    "returns",
    "return",
    "raises",
    "yields",
    "yield",
    "attributes",
    "warns",
}  # left out of the description
_GOOGLE_HEADER = re.compile(r"(?P<title>[A-Za-z][A-Za-z ]*):")
_GOOGLE_ITEM = re.compile(r"\*{0,2}(?P<name>\w+)\s*(\([^()]*(\([^()]*\)[^()]*)*\))?\s*:\s*(?P<text>.*)")
_NUMPY_ITEM = re.compile(r"(?P<names>\*{0,2}\w+(\s*,\s*\*{0,2}\w+)*)\s*(:.*)?")
_SPHINX_ITEM = re.compile(r":(?P<role>\w+)(?P<rest>[^:]*):\s*(?P<text>.*)")
_SPHINX_PARAMETER_ROLES = {"param", "parameter", "arg", "argument", "key", "keyword"}
_SPHINX_ROLES = _SPHINX_PARAMETER_ROLES | {
    "return",
    "returns",
    "rtype",
    "type",
    "raise",
    "raises",
    "except",
    "exception",
}


@dataclass(frozen=True, slots=True)
class Docstring:
    """`description` keeps everything but the sections on parameters, results and errors; examples stay in it."""

    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def read_docstring(text: str | None) -> Docstring:
    """Read a docstring as written in the source; None and "" read as an empty one."""
    kept: list[str] = []
    parameters: dict[str, str] = {}
    lines = inspect.cleandoc(text or "").split("\n")
    position = 0
    while position < len(lines):
        position, is_section = _read_section(lines, position, parameters)
        if not is_section:
            kept.append(lines[position])
            position += 1
    description = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    return Docstring(description, parameters)


def _read_section(lines: list[str], start: int, parameters: dict[str, str]) -> tuple[int, bool]:
    """The position after the section that starts here, and whether one does; its parameters are added."""
    if (title := _numpy_title(lines, start)) is not None:
        end = _numpy_end(lines, start + 2)
        if title in _PARAMETER_SECTIONS:
            _read_numpy(lines[start + 2 : end], parameters)
        return end, True
    if (title := _google_title(lines, start)) is not None:
        end = _block_end(lines, start + 1)
        if title in _PARAMETER_SECTIONS:
            _read_google(lines[start + 1 : end], parameters)
        return end, True
    if (item := _SPHINX_ITEM.fullmatch(lines[start])) is not None and item["role"] in _SPHINX_ROLES:
        end = _block_end(lines, start + 1)
        words = item["rest"].split()
        if item["role"] in _SPHINX_PARAMETER_ROLES and words:
            parameters[words[-1].lstrip("*")] = _join([item["text"], *lines[start + 1 : end]])
        return end, True
    return start, False


def _google_title(lines: list[str], start: int) -> str | None:
    header = _GOOGLE_HEADER.fullmatch(lines[start].rstrip())
    title = header["title"].lower() if header else ""
    return title if title in _PARAMETER_SECTIONS | _OTHER_SECTIONS else None


def _numpy_title(lines: list[str], start: int) -> str | None:
    title = lines[start].strip().lower()
    underlined = start + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[start + 1].strip()) is not None
    return title if underlined and title in _PARAMETER_SECTIONS | _OTHER_SECTIONS else None


def _block_end(lines: list[str], start: int) -> int:
    """The first line after `start` that is neither blank nor indented."""
    end = start
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith((" ", "\t"))):
        end += 1
    return end


def _numpy_end(lines: list[str], start: int) -> int:
    """NumPy sections run to the next underlined title."""
    end = start
    while end < len(lines) and not (end + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[end + 1].strip())):
        end += 1
    return end


def _read_google(block: list[str], parameters: dict[str, str]) -> None:
    indents = [len(line) - len(line.lstrip()) for line in block if line.strip()]
    item_indent = min(indents, default=0)
    name = None
    for line in block:
        item = _GOOGLE_ITEM.fullmatch(line.strip()) if len(line) - len(line.lstrip()) == item_indent else None
        if item is not None:
            name = item["name"]
            parameters[name] = item["text"].strip()
        elif name is not None:
            parameters[name] = _join([parameters[name], line])


def _read_numpy(block: list[str], parameters: dict[str, str]) -> None:
    names: list[str] = []
    for line in block:
        item = _NUMPY_ITEM.fullmatch(line.rstrip()) if not line.startswith((" ", "\t")) else None
        if item is not None:
            names = [name.strip().lstrip("*") for name in item["names"].split(",")]
            parameters.update(dict.fromkeys(names, ""))
        for name in names if item is None else ():
            parameters[name] = _join([parameters[name], line])


def _join(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines if line.strip())
