"""The file that comes with a task, read as text by tools. It shows no other file, and no picture or sound."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forge.tools import Tool, World
from functions.errors import ForgeError

PIECE = 6_000  # characters of a long text at a time: an agent is shown at most 8,000 of a result
LARGEST = 20_000_000  # bytes of a file that is read


def file_tools() -> tuple[Tool, ...]:
    """`list_files()` and `read_file(name, start)`: of the file at the path that the task's metadata has as "file"."""
    return (Tool(list_files), Tool(read_file))


def list_files(world: World) -> list[dict[str, str | int]]:
    """List the files that come with the question."""
    return [{"name": path.name, "bytes": path.stat().st_size} for path in _files(world).values()]


def read_file(name: str, world: World, start: int = 0) -> str:
    """Read a file that comes with the question, as text; a long one comes in pieces.

    Args:
        name: as the list of files has it.
        start: how many characters to leave out at the start.
    """
    files = _files(world)
    if name not in files:  # a name is compared and never made a path
        known = ", ".join(map(repr, files)) or "none"
        raise ForgeError(f"no file {name[:80]!r} comes with this question; there is: {known}")
    return piece(text_of(files[name]), start)


def piece(text: str, start: int = 0) -> str:
    """A long text from `start` on, as much as an agent is shown at once, and how to go on.

    Raises:
        ForgeError: the text has no such place.
    """
    if not 0 <= start < max(1, len(text)):
        raise ForgeError(f"start={start}: the text has {len(text)} characters; give 0 or more, and less than that")
    end = start + PIECE
    rest = f"\n[characters {start} to {end} of {len(text)}; start={end} goes on]" if end < len(text) else ""
    return f"{text[start:end]}{rest}"


def text_of(path: Path) -> str:
    """A text file as it is, a workbook as CSV, a PDF page by page.

    Raises:
        ForgeError: it is too large, holds no text, or needs a package that is not installed.
    """
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise ForgeError(f"{path.name} has {size:,} bytes: more than {LARGEST:,} are not read")
        content = path.read_bytes()
    except OSError as error:
        raise ForgeError(f"{path.name} cannot be read: {error.strerror}") from error
    reader = _READERS.get(path.suffix.lower())
    if reader is not None:
        return reader(content, path.name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ForgeError(f"{path.name} is not text: give the agent a forge.Tool of your own that reads such files")
    return text


def _files(world: World) -> dict[str, Path]:
    given = world.task.metadata.get("file")
    return {Path(given).name: Path(given)} if given else {}


def _workbook(content: bytes, name: str) -> str:
    """The sheets one after the other, the values of their formulas as CSV."""
    openpyxl = _package("openpyxl", name)
    written = io.StringIO()
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    for sheet in book.worksheets:
        written.write(f"## {sheet.title}\n")
        csv.writer(written, lineterminator="\n").writerows(sheet.iter_rows(values_only=True))
    return written.getvalue()


def _pdf(content: bytes, name: str) -> str:
    reader = _package("pypdf", name).PdfReader(io.BytesIO(content))
    return "\n".join(f"## page {number}\n{page.extract_text()}" for number, page in enumerate(reader.pages, start=1))


def _package(package: str, name: str) -> Any:  # a module without types, which need not be there
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ForgeError(f"reading {name} needs the package {package}: pip install {package}") from error


_READERS: Mapping[str, Callable[[bytes, str], str]] = {".xlsx": _workbook, ".xlsm": _workbook, ".pdf": _pdf}
