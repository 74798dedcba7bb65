"""How incumbent and candidate are compared, look by look."""

import pytest

from forge.session import Session
from forge.task import Task
from optim.acceptance import Posterior
from optim.comparison import compared


def session(task, score):
    return Session(task_id=task.id, question=task.question, answer=None, steps=(), stop="submitted", score=score)


@pytest.mark.parametrize("length", [1, 5, 10, 25])
def test_a_gain_in_every_stream_is_kept_however_long_the_streams_are(length):
    tasks = [Task(f"{stream}-{n}", "how much?", 1, stream=str(stream)) for stream in range(12) for n in range(length)]
    batches = []

    def play(streams):
        batches.append(len(streams))
        return [
            (session(task, 0.0), session(task, float(place == 0)))
            for stream in streams
            for place, task in enumerate(stream.tasks)
        ]

    pairs, verdict = compared(Posterior(looks=(6, 12, 20, 30, 44, 60, 100)), tasks, play, purpose="test")
    assert verdict == "keep"
    assert 0 not in batches
    assert len(pairs) == sum(batches) * length
