"""Means over seeds with intervals that resample seeds and streams, and paired differences: pure, seeded."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from benchmarks.bench.outcome import Outcome

DRAWS, BLOCK = 2000, 100
Unit = tuple[str, str]
Values = Mapping[int, Mapping[Unit, Sequence[float]]]  # by seed, then by stream


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds with its 95% interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher a mean reward or rate is than another's on the same tasks; `above` of `seeds` seeds are."""

    mean: float
    low: float
    high: float
    above: int
    seeds: int

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def estimate(values: Values) -> Estimate:
    """The mean over seeds of each one's mean, and the percentile bootstrap that draws seeds and streams anew.

    Both are drawn with replacement, independently, since every seed meets the same streams (the pigeonhole bootstrap;
    Owen, 2007): a little too wide rather than too narrow. One seed says nothing about the spread of seeds.
    """
    mean = statistics.fmean(_means(values).values())
    means = _bootstrap(values)
    low, high = means[int(0.025 * len(means))], means[math.ceil(0.975 * len(means)) - 1]
    return Estimate(mean, min(low, mean), max(high, mean))  # rounding must not put the mean outside


def total(outcomes: Sequence[Outcome]) -> Estimate:
    """The total score of the seeds of one row."""
    return estimate({outcome.cell.seed: _by_unit(outcome, outcome.reward_by_task) for outcome in outcomes})


def compare(
    outcomes: Sequence[Outcome],
    reference: Sequence[Outcome],
    by: Literal["reward_by_task", "asked_by_task"] = "reward_by_task",
) -> Difference | None:
    """The seeds of one row against those of another, task by task; None if they have no task in common.

    A seed that the reference lacks is held against the mean of the reference's seeds.
    """
    held: dict[int, dict[str, float]] = {outcome.cell.seed: getattr(outcome, by) for outcome in reference}
    differences: dict[int, Mapping[Unit, Sequence[float]]] = {}
    for outcome in outcomes:
        own: dict[str, float] = getattr(outcome, by)
        against = held.get(outcome.cell.seed) or _mean_by_task(held)
        changed = {task: value - against[task] for task, value in own.items() if task in against}
        if changed:
            differences[outcome.cell.seed] = _by_unit(outcome, changed)
    if not differences:
        return None
    found, means = estimate(differences), _means(differences)
    return Difference(found.mean, found.low, found.high, sum(mean > 0 for mean in means.values()), len(means))


def _by_unit(outcome: Outcome, values: Mapping[str, float]) -> dict[Unit, list[float]]:
    units: dict[Unit, list[float]] = {}
    for task in outcome.tasks:
        if task.id in values:
            units.setdefault(task.unit, []).append(values[task.id])
    return units


def _mean_by_task(seeds: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for by_task in seeds.values():
        for task, value in by_task.items():
            found.setdefault(task, []).append(value)
    return {task: statistics.fmean(values) for task, values in found.items()}


def _means(values: Values) -> dict[int, float]:
    return {seed: statistics.fmean(chain.from_iterable(units.values())) for seed, units in values.items()}


def _bootstrap(values: Values) -> list[float]:
    """Means of samples drawn anew, in order; a seed that has none of the streams drawn is left out of that sample."""
    import numpy as np

    seeds, units = sorted(values), sorted({unit for by_unit in values.values() for unit in by_unit})
    sums = np.array([[math.fsum(values[seed].get(unit, ())) for unit in units] for seed in seeds])
    counts = np.array([[len(values[seed].get(unit, ())) for unit in units] for seed in seeds])
    random = np.random.default_rng(list(b"seeds and streams"))
    means: list[float] = []
    for _ in range(DRAWS // BLOCK):
        times = random.multinomial(len(units), np.full(len(units), 1 / len(units)), size=BLOCK)
        weights = random.multinomial(len(seeds), np.full(len(seeds), 1 / len(seeds)), size=BLOCK)
        drawn_sums, drawn_counts = times @ sums.T, times @ counts.T
        weights = weights * (drawn_counts > 0)
        seed_means = drawn_sums / np.maximum(drawn_counts, 1)
        kept = weights.sum(axis=1) > 0
        means += ((weights * seed_means).sum(axis=1)[kept] / weights.sum(axis=1)[kept]).tolist()
    return sorted(means)
