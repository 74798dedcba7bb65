"""The folder of one training: an append-only event log, the best library so far, and the result."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from forge.json_lines import append, read, recover
from forge.models.cache import reply_from
from forge.models.chat import Reply
from forge.session import Session
from forge.trackers import TrackerReport, tracker
from functions import Library
from functions.errors import ForgeError, FunctionError


class RunFolderError(ForgeError):
    """The folder of a run cannot be used, or not any more: not writable, or its disk is full."""


FORMAT = 1  # of the files in a run's folder
Reporter = Callable[[Mapping[str, Any]], None]


class Run:
    """Where a training writes. Mutable; use it as a context manager, so that the folder is locked while it is used.

    `events.jsonl` is append-only and `sessions.jsonl` holds every scored session under a content hash of all that it
    depends on. A training that was killed at any point goes on from them: it is done again from the start, with the
    sessions and proposals that are there already.

    Args:
        path: the folder, made if need be; None keeps nothing on disk and only reports.
        resume: go on with the run that lies in the folder, if there is one.
        fresh: replace it. Without either word a folder that holds a run is refused.
        report_to: each hears of every event as it is logged: functions, or trackers by name ("tensorboard", "wandb",
            "mlflow", "trackio").

    Raises:
        ForgeError: no path, both words at once, or no tracker of that name.
    """

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        resume: bool = False,
        fresh: bool = False,
        report_to: Iterable[Reporter | str] = (),
    ) -> None:
        if resume and fresh:
            raise ForgeError("Run(resume=True, fresh=True): either go on with the run in the folder, or replace it")
        if not isinstance(path, str | os.PathLike | None):
            raise ForgeError(f"run={path!r:.60}: give the path of a folder, a forge.Run, or None to keep nothing")
        self.path = None if path is None else Path(path)
        self.repairs: tuple[str, ...] = ()  # what was wrong with the files of a run that is resumed
        self.earlier: tuple[Mapping[str, Any], ...] = ()  # the events of a run that is resumed
        self._resume, self._fresh = resume, fresh
        if isinstance(report_to, str):
            raise ForgeError(f"report_to={report_to!r}: give a list, such as [{report_to!r}]")
        self._reporters: tuple[Reporter, ...] = tuple(
            tracker(each, self.path) if isinstance(each, str) else each for each in report_to
        )
        self._lock: IO[str] | None = None
        self._is_open = self._broken = False
        self._to_repeat: Counter[str] = Counter()
        self._began = time.time()

    @classmethod
    @contextmanager
    def open(cls, run: Run | str | Path | None) -> Iterator[Run]:
        """The run to write to, opened; one that is open already stays open."""
        record = run if isinstance(run, Run) else cls(run)
        if record._is_open:
            yield record
        else:
            with record:
                yield record

    def __enter__(self) -> Run:
        self._began, self._broken = time.time(), False
        if self.path is not None:
            with self._writing():
                self.path.mkdir(parents=True, exist_ok=True)
                self._lock = locked(self.path / ".lock")
                self._make_room()
        self._is_open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for report in self._reporters:
            if isinstance(report, TrackerReport):
                report.close()
        if self._lock is not None:
            self._lock.close()
        self._lock, self._is_open = None, False

    def begin(self, may_change: Iterable[str] = (), **settings: Any) -> None:
        """Log the start of a training; a run that is resumed must have been started with the same settings.

        Raises:
            ForgeError: a setting differs that is not among `may_change`.
        """
        settings = json.loads(json.dumps({"format": FORMAT, **settings}))
        before = next((event for event in self.earlier if event.get("kind") == "start"), None)
        if before is None:
            return self.log("start", **settings)
        for name in settings.keys() - set(may_change):
            if before.get(name) != settings[name]:
                raise ForgeError(
                    f"{self.path} holds another run: {name} was {_short(before.get(name))}, and is now "
                    f"{_short(settings[name])}. Choose another folder, or replace the run with fresh=True (--overwrite)"
                )
        self._to_repeat.subtract({_identity(before): 1})
        done = sum(event.get("kind") == "trial" for event in self.earlier)
        self.log("resume", steps=done, **{name: settings[name] for name in may_change})

    def log(self, kind: str, **data: Any) -> None:
        """Append one event: JSON values by name. It is on disk when this returns.

        What a resumed run logged already is not logged or told again.
        """
        event = {"kind": kind, "seconds": round(self.seconds, 3), **data}
        if self._to_repeat and self._to_repeat[identity := _identity(event)] > 0:
            self._to_repeat[identity] -= 1
            return
        for report in self._reporters:
            report(event)
        self._append("events.jsonl", json.dumps(event, ensure_ascii=True))

    def failed(self, why: str) -> None:
        """Tell of an error that ends the training; reporters hear of it even where it cannot be logged."""
        with suppress(ForgeError):
            self.log("failed", why=why)

    def session(self, key: str, session: Session) -> None:
        """Append one scored session under its key; reporters hear of its task and score."""
        self._append("sessions.jsonl", json.dumps({"key": key, **asdict(session)}))
        for report in self._reporters:
            report({"kind": "session", "task": session.task_id, "score": session.score})

    def sessions(self) -> dict[str, Session]:
        """The sessions of the run that is resumed, by key; those that a failing model ended are to be played again."""
        if self.path is None:
            return {}
        with self._writing():
            lines, told = recover(self.path / "sessions.jsonl")
        found: dict[str, Session] = {}
        for line in lines:
            try:
                session = Session.from_json(json.dumps({name: line[name] for name in line if name != "key"}))
                found[str(line["key"])] = session
            except (ForgeError, KeyError):
                told.append(f"sessions.jsonl: a line is no session and was passed over: {_short(line)}")
        self.repairs += tuple(told)
        return {key: session for key, session in found.items() if session.stop != "model_error"}

    def events(self) -> list[dict[str, Any]]:
        """What is in the log on disk; a last line cut off by a crash, and any damaged one, is left out."""
        if self.path is None:
            return []
        with self._writing():
            return read(self.path / "events.jsonl") if (self.path / "events.jsonl").exists() else []

    def reply(self, key: str, reply: Reply) -> None:
        """Append a reply that an optimizer's model gave, so that a resumed run need not ask again."""
        self._append("replies.jsonl", json.dumps({"key": key, "reply": asdict(reply)}))

    def replies(self) -> dict[str, Reply]:
        """The replies of the run that is resumed, by key."""
        if self.path is None:
            return {}
        with self._writing():
            lines, told = recover(self.path / "replies.jsonl")
        found: dict[str, Reply] = {}
        for line in lines:
            try:
                found[str(line["key"])] = reply_from(line["reply"])
            except (ValueError, TypeError, KeyError):
                told.append(f"replies.jsonl: a line is no reply and was passed over: {_short(line)}")
        self.repairs += tuple(told)
        return found

    @property
    def seconds(self) -> float:
        """Since the run began, over all processes that worked on it."""
        before = max((float(event.get("seconds", 0.0)) for event in self.earlier), default=0.0)
        return before + time.time() - self._began

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

    def _append(self, name: str, line: str) -> None:
        if self.path is None or not self._is_open:
            return
        if self._broken:
            raise RunFolderError(f"the run folder {self.path} failed before: nothing more is written to it")
        try:
            with self._writing():
                append(self.path / name, line)
        except RunFolderError:
            self._broken = True  # the line may be there in part: what came after it would be lost with it
            raise

    def _make_room(self) -> None:
        assert self.path is not None
        self.earlier, self.repairs = (), ()
        if not (self.path / "events.jsonl").exists():
            return
        if self._resume:
            events, told = recover(self.path / "events.jsonl")
            self.earlier, self.repairs = tuple(events), tuple(told)
            self._to_repeat = Counter(map(_identity, events))
            return
        if not self._fresh:
            raise ForgeError(f"{self.path} holds a run already: go on with it by forge.Run({str(self.path)!r}, "
                             "resume=True), or replace it by fresh=True (--resume and --overwrite on the command "
                             "line), or choose another folder")  # fmt: skip
        for name in ("events.jsonl", "sessions.jsonl", "replies.jsonl", "result.json"):
            (self.path / name).unlink(missing_ok=True)
        for name in ("library", "candidate", "imitation", "checkpoint", "policy"):
            shutil.rmtree(self.path / name, ignore_errors=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunFolderError(
                f"cannot use the run folder {self.path}: {error.strerror or error}. Give a folder that can be written, "
                "with room on its disk"
            ) from error


def locked(path: Path) -> IO[str]:
    """An open, locked file: as long as it is open, nobody else gets it.

    Raises:
        ForgeError: somebody has it.
    """
    file = path.open("a", encoding="utf-8")
    try:
        import fcntl
    except ImportError:  # Windows keeps a file that is open from being removed, and has no flock
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ForgeError(f"{path.parent} is in use by another process: wait for it, or choose another") from None
    return file


def _identity(event: Mapping[str, Any]) -> str:
    """What an event says, apart from when."""
    return json.dumps({name: event[name] for name in event if name != "seconds"}, sort_keys=True)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:60]} ... {text[-10:]}"
