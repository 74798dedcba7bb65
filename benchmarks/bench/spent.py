"""What trainings took: rollouts, tokens, dollars and time, each counted once, interrupted tries included."""

from __future__ import annotations

import contextlib
import json
import resource
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forge.json_lines import read
from functions.errors import ForgeError
from functions.storage import write_whole

DONE = "training.json"  # of a finished training, in its folder
NOTED_EVERY = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Spent:
    """What one step of training took, interrupted tries included; its curve holds pairs of rollouts and the total score
    on validation tasks."""

    rollouts: int = 0
    demonstrations: int = 0
    tokens: int = 0
    usd: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    curve: tuple[tuple[float, float], ...] = ()
    notes: tuple[str, ...] = ()


def is_done(folder: Path) -> bool:
    """Whether the training of this folder is finished."""
    return (folder / DONE).exists()


def spent_in(folder: Path) -> Spent:
    """What the training of this folder spent.

    Raises:
        ForgeError: it is not finished, or its file is damaged.
    """
    try:
        found = json.loads((folder / DONE).read_text(encoding="utf-8"))
        curve = tuple((float(rollouts), float(score)) for rollouts, score in found.pop("curve"))
        return Spent(**found | {"curve": curve, "notes": tuple(found["notes"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ForgeError(f"{folder / DONE} is no finished training ({error}): remove its folder, and it is done "
                         "anew") from error  # fmt: skip


def paid_in(folder: Path) -> float:
    """US dollars of all sessions and proposals of the training in this folder, finished or not."""
    paid = 0.0
    for name, part in (("sessions.jsonl", None), ("replies.jsonl", "reply")):
        path = folder / "run" / name
        for line in read(path) if path.exists() else ():
            usage = (line if part is None else line.get(part) or {}).get("usage") or {}
            paid += float(usage.get("usd", 0.0))
    return paid


def summed(parts: Sequence[Spent]) -> Spent:
    """All steps of a chain; the curve is that of all of them in order."""
    return Spent(
        rollouts=sum(part.rollouts for part in parts),
        demonstrations=sum(part.demonstrations for part in parts),
        tokens=sum(part.tokens for part in parts),
        usd=sum(part.usd for part in parts),
        seconds=sum(part.seconds for part in parts),
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        gpu_seconds=sum(part.gpu_seconds for part in parts),
        curve=parts[-1].curve if parts else (),
        notes=tuple(note for part in parts for note in part.notes),
    )


@contextlib.contextmanager
def timed(path: Path, *, on_gpu: bool) -> Iterator[None]:
    """Add the time of what is done inside to that in the file, however it ends; a killed process loses some seconds."""
    before, wall, processor = times(path), time.monotonic(), _processor_seconds()
    ended = threading.Event()

    def note() -> None:
        seconds = time.monotonic() - wall
        took = {"seconds": seconds, "cpu_seconds": _processor_seconds() - processor,
                "gpu_seconds": seconds if on_gpu else 0.0}  # fmt: skip
        write_whole(path, json.dumps({name: before.get(name, 0.0) + value for name, value in took.items()}))

    def go_on() -> None:
        while not ended.wait(NOTED_EVERY):
            with contextlib.suppress(OSError):  # a full disk, which the training itself tells
                note()

    noting = threading.Thread(target=go_on, daemon=True)
    noting.start()
    try:
        try:
            yield
        finally:
            ended.set()
            noting.join()
    except BaseException:
        with contextlib.suppress(OSError):  # what ended it is told
            note()
        raise
    note()


def times(path: Path) -> dict[str, float]:
    """What `timed` has put away; nothing where there is no such file.

    Raises:
        ForgeError: the file is damaged.
    """
    try:
        found: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise ForgeError(f"{path} is damaged ({error}): remove it, and the time of earlier parts of this training is "
                         "not counted") from error  # fmt: skip
    return found


def _processor_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
