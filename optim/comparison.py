"""Incumbent and candidate on the same tasks, look by look, until the acceptance rule has seen enough."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from forge.drive import Stream
from forge.session import Session
from forge.task import Task
from optim.acceptance import Acceptance, Pair, Verdict, looks_of, repeats_of
from optim.rollouts import streams_of

Play = Callable[[Sequence[Stream]], Sequence[tuple[Session, Session]]]


def compared(rule: Acceptance, tasks: Sequence[Task], play: Play, *, purpose: str) -> tuple[tuple[Pair, ...], Verdict]:
    """The pairs that were played, and the verdict.

    Args:
        play: incumbent's and candidate's sessions on the tasks of some streams.
        purpose: decides the order in which the tasks come, where the rule looks more than once.
    """
    streams = [stream for repeat in range(repeats_of(rule)) for stream in _shuffled(tasks, repeat, purpose)]
    looks = looks_of(rule)
    if not looks:
        whole = streams_of(tasks)
        pairs = _paired(whole, play(whole))
        return pairs, _decided(rule.judge(pairs))
    pairs, taken = (), 0
    for look in looks:
        batch: list[Stream] = []
        while taken < len(streams) and len(pairs) + sum(len(stream.tasks) for stream in batch) < look:
            batch.append(streams[taken])
            taken += 1
        if not batch and taken < len(streams):
            continue  # a stream longer than a look has brought more pairs than it asks for
        if not batch:
            break
        pairs += _paired(batch, play(batch))
        if (verdict := rule.judge(pairs)) != "more":
            return pairs, verdict
    return pairs, "drop"


def _shuffled(tasks: Sequence[Task], repeat: int, purpose: str) -> list[Stream]:
    streams = streams_of(tasks, repeat)
    random.Random(f"look:{purpose}:{repeat}").shuffle(streams)
    return streams


def _paired(streams: Sequence[Stream], played: Sequence[tuple[Session, Session]]) -> tuple[Pair, ...]:
    tasks = [task for stream in streams for task in stream.tasks]
    return tuple(
        Pair(task.id, before.score or 0.0, after.score or 0.0, before.repeat, task.stream)
        for task, (before, after) in zip(tasks, played, strict=True)
    )


def _decided(verdict: Verdict) -> Verdict:
    return "drop" if verdict == "more" else verdict
