"""The folder of one training: an append-only event log, the best library so far, and the result."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from forge.session import Session
from functions import Library
from functions.errors import ForgeError, FunctionError


class RunFolderError(ForgeError):
    """The folder of a run cannot be used, or not any more: not writable, or its disk is full."""


Reporter = Callable[[Mapping[str, Any]], None]


class Run:
    """Where a training writes. Mutable; use it as a context manager, so that the folder is locked while it is used.

    Args:
        path: the folder, made if need be; None keeps nothing on disk and only reports.
        fresh: replace what an earlier run left in the folder; without it a folder that holds a run is refused.
        report_to: each hears of every event as it is logged.
    """

    def __init__(
        self, path: str | Path | None = None, *, fresh: bool = False, report_to: Iterable[Reporter] = ()
    ) -> None:
        self.path = None if path is None else Path(path)
        self._fresh = fresh
        self._reporters = tuple(report_to)
        self._log: IO[str] | None = None
        self._lock: IO[str] | None = None
        self._began = time.time()

    @classmethod
    @contextmanager
    def open(cls, run: Run | str | Path | None) -> Iterator[Run]:
        """The run to write to, opened; one that is open already stays open."""
        record = run if isinstance(run, Run) else cls(run)
        if record._log is not None:
            yield record
        else:
            with record:
                yield record

    def __enter__(self) -> Run:
        if self.path is not None:
            with self._writing():
                self.path.mkdir(parents=True, exist_ok=True)
                self._lock = _locked(self.path / ".lock")
                self._make_room()
                self._log = (self.path / "events.jsonl").open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._log, self._lock):
            if file is not None:
                file.close()
        self._log = self._lock = None

    def log(self, kind: str, **data: Any) -> None:
        """Append one event: JSON values by name. It is on disk when this returns."""
        event = {"kind": kind, "seconds": round(time.time() - self._began, 3), **data}
        for report in self._reporters:
            report(event)
        if self._log is not None:
            with self._writing():
                self._log.write(json.dumps(event, ensure_ascii=True) + "\n")
                self._log.flush()

    def failed(self, why: str) -> None:
        """Tell of an error that ends the training; reporters hear of it even where it cannot be logged."""
        with suppress(ForgeError):
            self.log("failed", why=why)

    def session(self, session: Session) -> None:
        """Append one scored session to `sessions.jsonl`; reporters hear of its task and score."""
        if self.path is not None:
            with self._writing(), (self.path / "sessions.jsonl").open("a", encoding="utf-8") as file:
                file.write(session.to_json() + "\n")
        for report in self._reporters:
            report({"kind": "session", "task": session.task_id, "score": session.score})

    def save_library(self, library: Library, name: str) -> None:
        """Keep a library as readable files in the run's folder, in place of what had that name."""
        if self.path is not None:
            try:
                library.save(self.path / name)
            except FunctionError as error:
                raise RunFolderError(f"cannot keep the library: {error}") from error

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a JSON file whole or not at all."""
        if self.path is None:
            return
        with self._writing():
            partial = self.path / f".{name}.partial"
            partial.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
            os.replace(partial, self.path / name)

    def events(self) -> list[dict[str, Any]]:
        """What was logged, from disk; a last line cut off by a crash is left out."""
        if self.path is None:
            return []
        with self._writing():
            lines = (self.path / "events.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def _make_room(self) -> None:
        assert self.path is not None
        if not (self.path / "events.jsonl").exists():
            return
        if not self._fresh:
            raise ForgeError(f"{self.path} holds a run already: choose another folder, or replace it with "
                             f"forge.Run({str(self.path)!r}, fresh=True), --overwrite on the command line")  # fmt: skip
        for name in ("events.jsonl", "sessions.jsonl", "result.json"):
            (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / "library", ignore_errors=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunFolderError(
                f"cannot use the run folder {self.path}: {error.strerror or error}. Give a folder that can be written, "
                "with room on its disk"
            ) from error


def _locked(path: Path) -> IO[str]:
    """An open, locked file: as long as it is open, nobody else gets it."""
    file = path.open("a", encoding="utf-8")
    try:
        import fcntl
    except ImportError:  # Windows keeps a file that is open from being removed, and has no flock
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ForgeError(f"{path.parent} is in use by another training: wait for it, or choose another") from None
    return file
