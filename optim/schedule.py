"""How long training goes on, and on how much of the data each step looks."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from forge.task import Dataset, Task
from functions.errors import ForgeError


@dataclass(frozen=True, slots=True)
class Schedule:
    """Args:
    epochs: the E of Algorithm 2 (arXiv 2402.11359): the start counts as the first, so at most `epochs - 1`
        libraries are accepted on the whole set; with minibatches, that many for each batch of the data.
    minibatch: tasks shown to the optimizer a step; None is the whole training set, as in the paper.
    patience: the C of Algorithm 2: stop after more than this many failed steps in a row.
    """

    epochs: int = 10
    minibatch: int | None = None
    patience: int = 10

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ForgeError(f"Schedule(epochs={self.epochs}): at least 1")
        if self.patience < 0:
            raise ForgeError(f"Schedule(patience={self.patience}): 0 or more failed steps in a row")
        if self.minibatch is not None and self.minibatch < 1:
            raise ForgeError(f"Schedule(minibatch={self.minibatch}): at least 1 task, or None for the whole set")

    def steps_to_accept(self, tasks: int) -> int:
        """How many accepted libraries, the start included, end the training."""
        batches = 1 if self.minibatch is None else math.ceil(tasks / self.minibatch)
        return self.epochs * batches

    def batches(self, dataset: Dataset, *, seed: int) -> Iterator[tuple[Task, ...]]:
        """The tasks of each step, without end: the whole set, or shuffled minibatches of whole streams."""
        if self.minibatch is None or self.minibatch >= len(dataset):
            while True:
                yield dataset.tasks
        epoch = 0
        while True:
            streams = list(dataset.streams().values())
            random.Random(f"minibatch:{seed}:{epoch}").shuffle(streams)
            yield from _packed(streams, self.minibatch)
            epoch += 1


def _packed(streams: list[tuple[Task, ...]], size: int) -> Iterator[tuple[Task, ...]]:
    batch: list[Task] = []
    for stream in streams:
        if batch and len(batch) + len(stream) > size:
            yield tuple(batch)
            batch = []
        batch.extend(stream)
    if batch:
        yield tuple(batch)
