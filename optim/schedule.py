"""How long training goes on, and on how much of the data each step looks."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from forge.task import Dataset, Task
from functions.errors import ForgeError


@dataclass(frozen=True, slots=True)
class Schedule:
    """Args:
    epochs: the E of Algorithm 2 (arXiv 2402.11359): the start counts as the first, so at most `epochs - 1`
        libraries are accepted on the whole set; with minibatches, that many for each batch of the data.
    minibatch: tasks shown to the optimizer a step; None is the whole training set, as in the paper.
    patience: the C of Algorithm 2: stop after more than this many failed steps in a row; None never stops early.
    sticky: steps in a row that a minibatch is shown while what is proposed for it fails, before the next one.
    merge: try two proposals together that each won tasks, but not the same ones, and too few.
    least_proposals: a budget of rollouts that affords fewer is refused before anything is spent; 0 refuses none.
    """

    epochs: int = 10
    minibatch: int | None = None
    patience: int | None = 10
    sticky: int = 3
    merge: bool = True
    least_proposals: int = 3

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ForgeError(f"Schedule(epochs={self.epochs}): at least 1")
        if self.patience is not None and self.patience < 0:
            raise ForgeError(f"Schedule(patience={self.patience}): 0 or more failed steps in a row, or None")
        if self.minibatch is not None and self.minibatch < 1:
            raise ForgeError(f"Schedule(minibatch={self.minibatch}): at least 1 task, or None for the whole set")
        if self.sticky < 1 or self.least_proposals < 0:
            raise ForgeError(f"Schedule(sticky={self.sticky}, least_proposals={self.least_proposals}): at least 1 "
                             "step, and 0 or more proposals")  # fmt: skip

    def steps_to_accept(self, tasks: int) -> int:
        """How many accepted libraries, the start included, end the training."""
        batches = 1 if self.minibatch is None else math.ceil(tasks / self.minibatch)
        return self.epochs * batches

    def batches(
        self, dataset: Dataset, *, seed: int, stratum: Callable[[Task], str] = lambda task: ""
    ) -> Iterator[tuple[Task, ...]]:
        """The tasks of each step, without end: the whole set, or shuffled minibatches of whole streams.

        Args:
            stratum: which kind a task is, asked at the start of each epoch: every minibatch gets its share of each.
        """
        if self.minibatch is None or self.minibatch >= len(dataset):
            while True:
                yield dataset.tasks
        epoch = 0
        while True:
            streams = list(dataset.streams().values())
            random.Random(f"minibatch:{seed}:{epoch}").shuffle(streams)
            yield from _dealt(streams, self.minibatch, stratum)
            epoch += 1


def _dealt(
    streams: Sequence[tuple[Task, ...]], size: int, stratum: Callable[[Task], str]
) -> Iterator[tuple[Task, ...]]:
    """Single tasks are dealt out, stratum by stratum, like cards; longer streams are packed as they come."""
    if any(len(stream) > 1 for stream in streams):
        yield from _packed(streams, size)
        return
    by_stratum = sorted((task for (task,) in streams), key=stratum)  # stable: shuffled within each stratum
    hands = math.ceil(len(by_stratum) / size)
    for hand in range(hands):
        yield tuple(by_stratum[hand::hands])


def _packed(streams: Sequence[tuple[Task, ...]], size: int) -> Iterator[tuple[Task, ...]]:
    batch: list[Task] = []
    for stream in streams:
        if batch and len(batch) + len(stream) > size:
            yield tuple(batch)
            batch = []
        batch.extend(stream)
    if batch:
        yield tuple(batch)
