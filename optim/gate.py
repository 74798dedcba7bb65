"""The release gate on a search: start and versions play the held-out tasks, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from forge.task import Dataset
from optim.acceptance import Pair
from optim.release import Certificate, Release, certify
from optim.rollouts import BudgetSpent, streams_of
from optim.search import Search

PAIRED = 20  # held-out streams played by both sides in turn, so that a budget that ends leaves pairs


def gate(release: Release, search: Search, holdout: Dataset | None) -> tuple[Certificate, int]:
    """The certificate, and the place of what is shipped, counted back from the finish; -1 is the start."""
    if len(search.line) == 1:
        return Certificate("start", "search kept nothing"), -1
    if holdout is None:
        return Certificate("start", "there are too few tasks to certify anything; what search "
                           "found is result.candidate"), -1  # fmt: skip
    streams = streams_of(holdout)
    stream_of = {task.id: task.stream for task in holdout}

    def play(place: int, count: int) -> Sequence[Pair]:
        asked, tasks = [], 0
        for stream in streams:
            if tasks < count:
                asked.append(stream)
                tasks += len(stream.tasks)
        start, version = search.line[0], search.line[-1 - place]
        try:
            for first in range(0, len(asked), PAIRED):
                search.rollouts.play(start, asked[first : first + PAIRED])
                search.rollouts.play(version, asked[first : first + PAIRED])
        except BudgetSpent:
            pass
        before = {session.task_id: session for session in search.rollouts.known(start, asked)}
        after = search.rollouts.known(version, asked)
        return [
            Pair(
                session.task_id,
                before[session.task_id].score or 0.0,
                session.score or 0.0,
                stream=stream_of[session.task_id],
            )
            for session in after
            if session.task_id in before
        ]

    return certify(release, len(search.line) - 1, len(holdout), play)
