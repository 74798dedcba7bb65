"""Plays versions on tasks for a training: each version meets each task once a repeat, within the budget."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from forge.agent import Agent
from forge.budget import Meter
from forge.drive import Stream, drive
from forge.evaluate import score
from forge.metrics import Metric
from forge.session import Session
from forge.task import Task
from optim.version import Version


class BudgetSpent(Exception):
    """The budget ran out before all the sessions asked for were played; the message says which limit."""


@dataclass(slots=True)
class Rollouts:
    """Mutable: remembers every session it has played, by content of version, stream and agent.

    Args:
        stored: sessions of an earlier process by key; each is used, and counted as spent, as if it were played now.
        keep: hears of each session with its key as it is scored.
    """

    agent: Agent
    metric: Metric
    meter: Meter
    concurrency: int
    seed: int
    keep: Callable[[str, Session], None]
    stored: Mapping[str, Session] = field(default_factory=dict)
    reused: int = 0  # sessions that came from `stored`
    _played: dict[str, Session] = field(default_factory=dict)
    _by_version: dict[str, dict[tuple[str, str], Session]] = field(default_factory=dict)

    def play(self, version: Version, streams: Sequence[Stream]) -> tuple[Session, ...]:
        """The scored session of every task, in order; only what was not played before costs rollouts.

        Raises:
            BudgetSpent: sessions are missing because the budget is spent; those that were played are remembered.
        """
        missing = [stream for stream in streams if not self._has(version, stream)]
        missing = [stream for stream in missing if not self._restore(version, stream)]
        if missing:
            if reason := self.meter.exhausted:
                raise BudgetSpent(reason)
            self._drive(version, missing)
        sessions = self.known(version, streams)
        if len(sessions) < sum(len(stream.tasks) for stream in streams):
            raise BudgetSpent(self.meter.exhausted or "no session could start")
        return sessions

    def known(self, version: Version, streams: Iterable[Stream]) -> tuple[Session, ...]:
        """The sessions already played, in the order of the tasks."""
        keys = (key for stream in streams for key in self._keys(version, stream))
        return tuple(self._played[key] for key in keys if key in self._played)

    def of(self, version: Version) -> Mapping[tuple[str, str], Session]:
        """All sessions of a version, by id and question of the task; of its repeats, the latest."""
        return self._by_version.get(version.key, {})

    def _drive(self, version: Version, streams: Sequence[Stream]) -> None:
        keys = {
            (task.id, task.question, stream.repeat): (key, task)
            for stream in streams
            for task, key in zip(stream.tasks, self._keys(version, stream), strict=True)
        }
        lock = threading.Lock()

        def done(session: Session) -> None:
            key, task = keys[session.task_id, session.question, session.repeat]
            scored = score(task, session, self.metric)
            with lock:
                self._remember(version, key, scored)
                self.keep(key, scored)

        drive(
            version.on(self.agent), streams, seed=self.seed, concurrency=self.concurrency, meter=self.meter, done=done
        )

    def _restore(self, version: Version, stream: Stream) -> bool:
        """Take the stream's sessions from an earlier process, as far as the budget allows; only whole streams count."""
        keys = self._keys(version, stream)
        if not all(key in self.stored for key in keys) or self.meter.exhausted:
            return False
        for key in keys:
            session = self.stored[key]
            self.meter.add(session.usage, rollouts=1)
            self._remember(version, key, session)
            self.reused += 1
        return True

    def _remember(self, version: Version, key: str, session: Session) -> None:
        self._played[key] = session
        self._by_version.setdefault(version.key, {})[session.task_id, session.question] = session

    def _has(self, version: Version, stream: Stream) -> bool:
        return all(key in self._played for key in self._keys(version, stream))

    def _keys(self, version: Version, stream: Stream) -> list[str]:
        """A content hash for each task of a stream, over all that its session depends on."""
        memory = self.agent.memory.digest if self.agent.memory is not None else ""
        told = f"{version.key}\0{memory}\0{self.seed}\0{stream.repeat}"
        keys = []
        for task in stream.tasks:  # a task's session depends on those before it in its stream
            told = hashlib.sha256(f"{told}\0{_digest(task)}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
            keys.append(told)
        return keys


def streams_of(tasks: Iterable[Task], repeat: int = 0) -> list[Stream]:
    """The tasks as streams, each in order; a task that names no stream is one of its own."""
    found: dict[str, list[Task]] = {}
    for task in tasks:
        found.setdefault(f"stream:{task.stream}" if task.stream else f"task:{task.id}", []).append(task)
    return [Stream(tuple(group), repeat) for group in found.values()]


def _digest(task: Task) -> str:
    return json.dumps([task.id, task.question, task.answer, task.stream], default=repr, sort_keys=True)
