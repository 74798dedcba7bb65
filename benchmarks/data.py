"""Finds and reads the files of data sets: under $FORGE_DATA, in the user's cache, else at their pinned source."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.errors import ForgeError

_HOST = "https://raw.githubusercontent.com"


@dataclass(frozen=True, slots=True)
class Source:
    """A repository on GitHub at a commit.

    Args:
        repository: owner/name.
        commit: 40 hexadecimal digits.
        licence: of the data, by its SPDX name.
    """

    repository: str
    commit: str
    licence: str


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a data set.

    Args:
        folder: of the data set, under $FORGE_DATA and in the cache.
        name: of the file there; name.gz is taken as well.
        source: from where it is downloaded if it is in neither; None is a file that must be there.
        path: in the source.
        blob: what git calls the content (`git rev-parse <commit>:<path>`): a download that is anything else is
            refused.
        page: where its authors give it out, if it cannot be downloaded here.
    """

    folder: str
    name: str
    source: Source | None = None
    path: str = ""
    blob: str = ""
    page: str = ""

    @property
    def url(self) -> str:
        return f"{_HOST}/{self.source.repository}/{self.source.commit}/{self.path}" if self.source else ""

    def find(self, folder: Path | None = None) -> Path:
        """Where it is, after a download if need be.

        Args:
            folder: look here and nowhere else.

        Raises:
            ForgeError: it is nowhere, and cannot be downloaded, or the download is not what it should be.
        """
        return find_any(self, folder=folder)

    def places(self, folder: Path | None = None) -> list[Path]:
        """The folders that it may be in.

        Raises:
            ForgeError: FORGE_DATA names no folder.
        """
        if folder is not None:
            return [folder]
        own = cache() / self.folder
        return [own] if (root := _root()) is None else [root / self.folder, own]

    def at_hand(self, folder: Path | None = None) -> Path | None:
        """Where it is without a download."""
        named = (place / name for place in self.places(folder) for name in (self.name, f"{self.name}.gz"))
        return next((path for path in named if path.is_file()), None)

    def download(self) -> Path:
        """Fetch it into the cache, and check that it is what was pinned.

        Raises:
            ForgeError: it does not come, is something else, or cannot be kept.
        """
        import httpx

        path, size = cache() / self.folder / self.name, 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        except OSError as error:
            raise ForgeError(f"{self.folder}: {self.name} cannot be kept in {path.parent}: {error}") from error
        try:
            with os.fdopen(handle, "wb") as stream:
                for part in _fetched(self.url, f"{self.folder}/{self.name}"):
                    size += stream.write(part)
            if _blob(Path(partial), size) != self.blob:
                raise ForgeError(f"{self.url} is not what it was when it was pinned (git blob {self.blob}): download "
                                 f"it by hand and put it there: {path}")  # fmt: skip
            os.replace(partial, path)
        except (httpx.HTTPError, OSError) as error:
            why = str(error).partition("\n")[0] or type(error).__name__
            raise ForgeError(f"{self.folder}: {self.name} is not in {_listing(self.places(), ' nor in ')}, and "
                             f"{self.url} cannot be downloaded ({why}). Without a network, "
                             f"put the file there: {path}") from error  # fmt: skip
        finally:
            Path(partial).unlink(missing_ok=True)
        return path


def find_any(*files: DataFile, folder: Path | None = None) -> Path:
    """Where the first of several files is that hold the same questions; if none is at hand, the last is downloaded.

    Args:
        folder: look here and nowhere else.

    Raises:
        ForgeError: none is at hand, and the last cannot be downloaded.
    """
    for file in files:
        if (path := file.at_hand(folder)) is not None:
            return path
    last = files[-1]
    if last.source is not None and folder is None:
        try:
            return last.download()
        except ForgeError as error:
            held = _listing([f"{file.folder}/{file.name}" for file in files], " or ")
            raise ForgeError(f"{error}. Or let FORGE_DATA name the folder that holds {held}") from error
    names, page = _listing([file.name for file in files], " or "), next((f.page for f in files if f.page), "")
    raise ForgeError(f"{last.folder}: no {names} in {_listing(last.places(folder), ' or ')}, gzipped or not: put it "
                     f"there{f', from {page}' if page else ''}, or let FORGE_DATA name the folder of the data "
                     "sets")  # fmt: skip


def cache() -> Path:
    """The user's folder for downloads: `forge` in $XDG_CACHE_HOME, else in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "forge"


def data_folder(name: str) -> Path:
    """The folder of one data set that is not downloaded.

    Raises:
        ForgeError: $FORGE_DATA is not set, or has no such folder.
    """
    root = _root()
    if root is None:
        raise ForgeError("FORGE_DATA is not set: let it name the folder of the data sets")
    if not (root / name).is_dir():
        raise ForgeError(f"{root / name} is no folder: FORGE_DATA must name the folder that holds {name}/")
    return root / name


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of JSON lines, of a JSON list, or of a CSV file with a header; gzipped or not.

    Raises:
        ForgeError: it cannot be read, or holds something else.
    """
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            for place, row in enumerate(_parsed(text, path.name.removesuffix(".gz"))):
                if not isinstance(row, dict):
                    raise ValueError(f"row {place} is {json.dumps(row):.40}, and no object")
                yield row
    except (*_DAMAGED, csv.Error) as error:
        raise ForgeError(f"cannot read {path}: {error}") from None


def whole_text(path: Path) -> str:
    """What a file holds, gzipped or not.

    Raises:
        ForgeError: it cannot be read.
    """
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except _DAMAGED as error:
        raise ForgeError(f"cannot read {path}: {error}") from error


_DAMAGED = (OSError, EOFError, zlib.error, ValueError, RecursionError)


def _parsed(text: io.TextIOWrapper, name: str) -> Iterator[Any]:  # JSON
    if name.endswith(".csv"):
        yield from csv.DictReader(text)
    elif name.endswith(".json"):
        yield from _listed(json.load(text))
    else:
        for number, line in enumerate(text, start=1):
            if line.strip():
                yield _loaded(line, number)


def _loaded(line: str, number: int) -> Any:  # JSON
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {number}: {error}") from error


def _listed(value: Any) -> Iterator[Any]:
    """What a list holds; what an object holds, each with its key as "id"."""
    if isinstance(value, Mapping):
        yield from ({"id": key, **row} if isinstance(row, Mapping) else row for key, row in value.items())
    elif isinstance(value, list):
        yield from value
    else:
        raise ValueError(f"it holds {json.dumps(value):.40}, and neither a list nor an object")


def _root() -> Path | None:
    """The folder of the data sets, if FORGE_DATA names one."""
    named = os.environ.get("FORGE_DATA")
    if named and not Path(named).is_dir():
        raise ForgeError(f"FORGE_DATA={named} is no folder: let it name the folder of the data sets, or unset it")
    return Path(named) if named else None


def _listing(names: Sequence[object], between: str) -> str:
    return between.join(map(str, names))


def _fetched(url: str, name: str) -> Iterator[bytes]:
    """The parts of a download, with a bar on the terminal."""
    import httpx
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("downloading {task.description}"), BarColumn(), DownloadColumn())
    with (
        httpx.stream("GET", url, follow_redirects=True, timeout=30) as response,
        Progress(*columns, console=Console(stderr=True), transient=True) as progress,
    ):
        response.raise_for_status()
        size = response.headers.get("Content-Length") if "Content-Encoding" not in response.headers else None
        task = progress.add_task(name, total=int(size) if size else None)
        for part in response.iter_bytes():
            yield part
            progress.advance(task, len(part))


def _blob(path: Path, size: int) -> str:
    """The name that git gives a content."""
    digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
