"""Failed sessions by what went wrong: which function, what kind of error, in which words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from forge.session import Session
from forge.task import Task

_SPECIFIC = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")  # quoted text and numbers tell one failure from another
SIGNATURE = 90  # characters of an error's words


@dataclass(frozen=True, slots=True)
class FailureCluster:
    """Failed sessions with one cause. `kind` is an observation's error, a stop reason, or "wrong answer"."""

    kind: str
    function: str
    words: str
    members: tuple[tuple[Task, Session], ...]

    @property
    def title(self) -> str:
        where = f" in {self.function}" if self.function else ""
        return f"{self.kind}{where}" + (f": {self.words}" if self.words else "")


def failure_clusters(tasks: Sequence[Task], sessions: Sequence[Session]) -> list[FailureCluster]:
    """The sessions below the full score, grouped by their last error, largest group first."""
    groups: dict[tuple[str, str, str], list[tuple[Task, Session]]] = defaultdict(list)
    for task, session in zip(tasks, sessions, strict=True):
        if (session.score or 0.0) < 1.0:
            groups[_cause(session)].append((task, session))
    clusters = [FailureCluster(*cause, tuple(members)) for cause, members in groups.items()]
    return sorted(clusters, key=lambda cluster: -len(cluster.members))


@dataclass(frozen=True, slots=True)
class FunctionUse:
    """How a function did over some sessions: its calls, how many failed, the seconds they took, tasks solved."""

    name: str
    calls: int
    failures: int
    seconds: float
    sessions: int
    solved: int


def function_use(names: Sequence[str], sessions: Sequence[Session]) -> list[FunctionUse]:
    """One entry a name, in order, whether it was called or not."""
    found = []
    for name in names:
        seen = [observed for session in sessions for call, observed in session.calls if call.name == name]
        using = [session for session in sessions if any(call.name == name for call, _ in session.calls)]
        failures = sum(bool(observed.error) for observed in seen)
        solved = sum((session.score or 0.0) >= 1.0 for session in using)
        seconds = sum(observed.seconds for observed in seen)
        found.append(FunctionUse(name, len(seen), failures, seconds, len(using), solved))
    return found


def _cause(session: Session) -> tuple[str, str, str]:
    """The last failed call; else why the session ended; else a wrong answer, by the last function that gave a value."""
    last = ""
    for call, seen in reversed(session.calls):
        if seen.error and seen.error != "no_call":
            return seen.error, call.name, _SPECIFIC.sub("…", seen.text)[:SIGNATURE]
        last = last or (call.name if call.name != "submit" else "")
    if session.stop != "submitted":
        return session.stop, "", _SPECIFIC.sub("…", session.error)[:SIGNATURE]
    return "wrong answer", last, ""
