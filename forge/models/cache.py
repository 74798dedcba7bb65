"""Replies kept on disk by the exact request, so that nothing is paid for twice."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

from forge.models.chat import ChatRequest, Reply
from forge.session import Usage
from functions.errors import ForgeError


class ReplyCache:
    """A folder of replies; safe to share between threads and processes. Only whole replies without error are kept.

    Raises:
        ForgeError: the folder cannot be made or written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ForgeError(f"cannot make the cache folder {folder}: {error.strerror}") from error

    def get(self, key: str) -> Reply | None:
        """The reply, with what it costs to have it again: nothing."""
        path = self._path(key)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            reply = reply_from(json.loads(text))
        except (ValueError, TypeError, KeyError):
            warnings.warn(f"the cached reply {path} is damaged and is asked for again", stacklevel=2)
            return None
        return replace(reply, usage=Usage(cached_calls=1))

    def put(self, key: str, reply: Reply) -> None:
        path = self._path(key)
        try:
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
                json.dump(asdict(reply), file)
            os.replace(file.name, path)
        except OSError as error:
            raise ForgeError(f"cannot write the cache folder {self.folder}: {error.strerror}") from error

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def request_key(request: ChatRequest, model: Mapping[str, Any]) -> str:
    """A content hash of a request and of what identifies the model it goes to."""
    text = json.dumps([model, asdict(request)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def reply_from(data: Any) -> Reply:  # what json.loads gave
    """The reply that `dataclasses.asdict` took apart; raises ValueError, TypeError or KeyError if it is none."""
    from pydantic import ValidationError

    try:
        reply: Reply = _adapter().validate_python(data)
        return reply
    except ValidationError as error:
        raise ValueError(str(error)) from error


@cache
def _adapter() -> Any:  # a pydantic TypeAdapter[Reply]
    from pydantic import TypeAdapter

    return TypeAdapter(Reply)
