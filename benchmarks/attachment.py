"""The file that comes with a task, read as text by tools. It shows no other file, and no picture or sound."""

from __future__ import annotations

import csv
import importlib
import io
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from forge.tools import Tool, World
from functions.errors import ForgeError

PIECE = 6_000  # characters of a long text at a time: an agent is shown at most 8,000 of a result
LARGEST = 20_000_000  # bytes of a file that is read, and of a part of one when it is unpacked


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
    """A text file as it is, a workbook as CSV, a PDF page by page, a document's paragraphs, slides by number.

    Of a zip archive, the names and sizes of what is in it. A workbook and a PDF need the `gaia` extra.

    Raises:
        ForgeError: it is too large, damaged, holds no text, or needs a package that is not installed.
    """
    try:
        if (size := path.stat().st_size) > LARGEST:
            raise ForgeError(f"{path.name} has {size:,} bytes: more than {LARGEST:,} are not read")
        content = path.read_bytes()
    except OSError as error:
        raise ForgeError(f"{path.name} cannot be read: {error.strerror}") from error
    reader = _READERS.get(path.suffix.lower())
    if reader is not None:
        try:
            return reader(content, path.name)
        except _DAMAGED as error:
            raise ForgeError(f"{path.name} is damaged, or no {path.suffix[1:]} at all ({error})") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:  # what Windows calls ANSI, where the name says that it is text
        text = content.decode("cp1252", "replace") if path.suffix.lower() in _WRITTEN else "\0"
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
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        for sheet in book.worksheets:
            written.write(f"## {sheet.title}\n")
            csv.writer(written, lineterminator="\n").writerows(sheet.iter_rows(values_only=True))
    except TypeError as error:  # what openpyxl makes of an attribute that it does not know
        raise ValueError(error) from error
    return written.getvalue()


def _pdf(content: bytes, name: str) -> str:
    pypdf = _package("pypdf", name)
    try:
        pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages]
    except (pypdf.errors.PyPdfError, pypdf.errors.DependencyError) as error:
        raise ForgeError(f"{name} is damaged, or encrypted ({error})") from error
    return "\n".join(f"## page {number}\n{text}" for number, text in enumerate(pages, start=1))


def _document(content: bytes, name: str) -> str:
    with ZipFile(io.BytesIO(content)) as archive:
        return "\n".join(_paragraphs(_xml(archive, "word/document.xml", name)))


def _slides(content: bytes, name: str) -> str:
    with ZipFile(io.BytesIO(content)) as archive:
        numbers = sorted(int(found[1]) for part in archive.namelist() if (found := _SLIDE.fullmatch(part)))
        shown = [_xml(archive, f"ppt/slides/slide{number}.xml", name) for number in numbers]
    texts = ("\n".join(_paragraphs(slide)) for slide in shown)
    return "\n".join(f"## slide {number}\n{text}" for number, text in zip(numbers, texts, strict=True))


def _listing(content: bytes, name: str) -> str:
    with ZipFile(io.BytesIO(content)) as archive:
        parts = [part for part in archive.infolist() if not part.is_dir()]
    return "\n".join([f"## files in {name}, name and bytes", *(f"{part.filename}\t{part.file_size}" for part in parts)])


def _paragraphs(element: ElementTree.Element) -> Iterator[str]:
    """Its paragraphs, and its tables a line for each row: Word and PowerPoint call them alike."""
    for child in element:
        kind = _kind(child)
        if kind == "p":
            said = (part for run in child if _kind(run) != "pPr" for part in run.iter())  # pPr: where tabs stop
            yield "".join({"t": part.text or "", "tab": "\t", "br": "\n"}.get(_kind(part), "") for part in said)
        elif kind == "tr":
            yield "\t".join(" ".join(_paragraphs(cell)) for cell in child if _kind(cell) == "tc")
        else:
            yield from _paragraphs(child)


def _kind(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _xml(archive: ZipFile, part: str, name: str) -> ElementTree.Element:
    if (size := archive.getinfo(part).file_size) > LARGEST:
        raise ForgeError(f"{name} has {size:,} bytes in {part}: more than {LARGEST:,} are not read")
    return ElementTree.fromstring(archive.read(part))


def _package(package: str, name: str) -> Any:  # a module without types, which need not be there
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ForgeError(f"reading {name} needs the package {package}: pip install 'forge-agents[gaia]'") from error


_WRITTEN = (".txt", ".csv", ".tsv", ".md", ".html", ".htm")
_SLIDE = re.compile(r"ppt/slides/slide(\d{1,6})\.xml", re.ASCII)
_DAMAGED = (BadZipFile, ElementTree.ParseError, zlib.error, KeyError, ValueError, EOFError, OSError, RuntimeError)
_READERS: Mapping[str, Callable[[bytes, str], str]] = {
    ".xlsx": _workbook,
    ".xlsm": _workbook,
    ".pdf": _pdf,
    ".docx": _document,
    ".pptx": _slides,
    ".zip": _listing,
}
