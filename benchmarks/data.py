"""Reads the shared data sets: folders of gzipped JSON lines under $FORGE_DATA."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from functions.errors import ForgeError


def data_folder(name: str) -> Path:
    """The folder of one data set.

    Raises:
        ForgeError: $FORGE_DATA is not set, or has no such folder.
    """
    root = os.environ.get("FORGE_DATA")
    if not root:
        raise ForgeError("FORGE_DATA is not set: let it name the folder of the data sets")
    folder = Path(root) / name
    if not folder.is_dir():
        raise ForgeError(f"{folder} is no folder: FORGE_DATA must name the folder that holds {name}/")
    return folder


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a .jsonl or .jsonl.gz file.

    Raises:
        ForgeError: it cannot be read.
    """
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as stream:
            yield from (json.loads(line) for line in stream if line.strip())
    except (OSError, ValueError) as error:
        raise ForgeError(f"cannot read {path}: {error}") from None
