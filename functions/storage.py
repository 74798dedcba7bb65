"""A library as files: one .py a function, and library.json, which names them in order with what source does not say."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions.errors import FunctionError
from functions.function import Function

if TYPE_CHECKING:
    from functions.library import Library

_MANIFEST = "library.json"
_FORMAT = 1
_FIELDS = {"name", "file", "description", "packages", "trainable", "version"}


def save_library(library: Library, directory: str | PathLike[str]) -> None:
    """Write the library; every file appears whole, the manifest last, and .py files of functions gone are deleted."""
    folder = Path(directory)
    files = dict(_file_names(library))
    manifest = {
        "format": _FORMAT,
        "version": library.version,
        "functions": [_entry(function, files[function.name]) for function in library.values()],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        former = _former_files(folder)
        for name, file in files.items():
            write_whole(folder / file, library[name].source)
        write_whole(folder / _MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        for file in former - set(files.values()):
            (folder / file).unlink(missing_ok=True)
    except OSError as error:
        raise FunctionError(f"cannot save the library in {folder}: {error.strerror or error}",
                            hint="choose a folder that you may write") from None  # fmt: skip


def load_library(directory: str | PathLike[str]) -> Library:
    """Read what `save_library` wrote, refusing what does not fit together."""
    from functions.library import Library

    folder = Path(directory)
    entries = _entries(folder)
    unlisted = sorted(path.name for path in folder.glob("*.py") if path.name not in {item["file"] for item in entries})
    if unlisted:
        raise FunctionError(f"{folder / unlisted[0]} is not listed in {_MANIFEST}",
                            hint="list it there, or move it elsewhere")  # fmt: skip
    return Library([_function(folder, item) for item in entries])


def write_whole(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        if path.exists():
            temporary.chmod(path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _file_names(library: Library) -> Iterator[tuple[str, str]]:
    """A file name for each function, also on file systems where Sum.py and sum.py are one file."""
    taken: set[str] = set()
    for name in library.names:
        file, number = f"{name}.py", 2
        while file.casefold() in taken:
            file, number = f"{name}-{number}.py", number + 1
        taken.add(file.casefold())
        yield name, file


def _entry(function: Function, file: str) -> dict[str, Any]:
    return {
        "name": function.name,
        "file": file,
        "description": function.own_description,
        "packages": list(function.packages),
        "trainable": function.trainable,
        "version": function.version,
    }


def _former_files(folder: Path) -> set[str]:
    """The files that the manifest in the folder lists; a folder without one holds none of ours."""
    if not (folder / _MANIFEST).exists():
        return set()
    try:
        return {item["file"] for item in _entries(folder)}
    except FunctionError:
        return set()  # a broken manifest is about to be replaced


def _entries(folder: Path) -> list[dict[str, Any]]:
    manifest = _manifest(folder / _MANIFEST)
    entries = manifest.get("functions")
    if manifest.get("format") != _FORMAT or not isinstance(entries, list):
        raise _broken(folder, f"is not of format {_FORMAT} with a list of functions")
    for item in entries:
        if not isinstance(item, dict) or not {"name", "file"} <= item.keys() <= _FIELDS:
            raise _broken(
                folder, f"has an entry that is not an object of {', '.join(sorted(_FIELDS))}: {str(item)[:80]}"
            )
        file = item["file"]
        if not isinstance(file, str) or Path(file).name != file or not file.endswith(".py"):
            raise _broken(folder, f"names {file!r}, which is no .py file in this folder")
        if not isinstance(item.get("trainable", True), bool) or not isinstance(item.get("description", ""), str):
            raise _broken(folder, f"has a trainable or description of a wrong type for {item['name']!r}")
    for field in ("name", "file"):
        values = [item[field] for item in entries]
        if len(set(map(str, values))) < len(values):
            raise _broken(folder, f"lists a {field} twice")
    return entries


def _manifest(path: Path) -> Mapping[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FunctionError(f"cannot read {path}: {error.strerror or error}", hint="is it a saved library?") from None
    except ValueError as error:
        raise _broken(path.parent, f"is not JSON ({error})") from None
    return manifest if isinstance(manifest, dict) else {}


def _broken(folder: Path, what: str) -> FunctionError:
    return FunctionError(f"{folder / _MANIFEST} {what}", hint="mend it by hand, or save the library anew")


def _function(folder: Path, item: Mapping[str, Any]) -> Function:
    path = folder / item["file"]
    try:
        source = path.read_text(encoding="utf-8")
        options = {key: item[key] for key in ("description", "packages", "trainable") if key in item}
        return Function.from_source(source, item["name"], **options)
    except OSError as error:
        raise FunctionError(f"cannot read {path}: {error.strerror or error}",
                            hint=f"restore it, or take it out of {_MANIFEST}") from None  # fmt: skip
    except UnicodeDecodeError:
        raise FunctionError(f"{path} is not UTF-8 text", hint="save it as UTF-8") from None
    except FunctionError as error:
        raise FunctionError(f"{path}: {error.reason}", line=error.line, hint=error.hint) from None
