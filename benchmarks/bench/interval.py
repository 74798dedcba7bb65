"""Means over seeds with intervals that hold the luck of training and of the test, and paired differences: pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from benchmarks.bench.outcome import Outcome

SURE = 0.95
NORMAL = statistics.NormalDist().inv_cdf((1 + SURE) / 2)
By = Literal["reward_by_task", "asked_by_task"]
Unit = tuple[str, str]
Values = Mapping[int, Mapping[Unit, Sequence[float]]]  # by seed, then by stream
Span = tuple[float, float]  # the least and the most that a mean can be


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


def estimate(values: Values, span: Span) -> Estimate:
    """The mean over seeds of each one's mean, and its t interval in a layout of seeds crossed with streams.

    Every seed meets the same streams, and both are drawn: the variance of the mean is that of the seeds' means plus
    that of the streams' means less what both hold, each with its n / (n - 1), and never below either. The t quantile
    has as many degrees of freedom as there are seeds or streams, whichever are fewer, less one (both: Cameron, Gelbach
    and Miller, 2011, for clusters of two ways). That is too wide where seeds hardly differ, and wide with two or three
    seeds. One seed says nothing about the spread of seeds; one stream says nothing about others, and its tasks are
    then taken for independent.

    The variance is never below that of as many independent tasks: streams whose means happen to agree say no more.

    Where all values are equal no variance is to be seen: Wilson's bound (1927) for as many tasks says how many others
    may differ, as far as `span` allows. The interval does not leave `span`.
    """
    low, high = span
    mean = statistics.fmean(_means(values).values())
    every = [value for units in values.values() for value in chain.from_iterable(units.values())]
    if max(every) - min(every) < 1e-12:
        tasks = max(sum(map(len, units.values())) for units in values.values())
        share = NORMAL**2 / (tasks + NORMAL**2)
        return Estimate(mean, mean - share * max(mean - low, 0.0), mean + share * max(high - mean, 0.0))
    variance, freedom = _spread(values)
    variance = max(variance, _of_tasks(values))
    reach = student(freedom) * math.sqrt(variance)
    return Estimate(mean, min(mean, max(mean - reach, low)), max(mean, min(mean + reach, high)))


def total(outcomes: Sequence[Outcome]) -> Estimate:
    """The total score of the seeds of one row."""
    values = {outcome.cell.seed: _by_unit(outcome, outcome.reward_by_task) for outcome in outcomes}
    return estimate(values, _span(outcomes, "reward_by_task"))


def compare(outcomes: Sequence[Outcome], reference: Sequence[Outcome], by: By = "reward_by_task") -> Difference | None:
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
    (low, high), (least, most) = _span(outcomes, by), _span(reference, by)
    return difference(differences, (low - most, high - least))


def difference(differences: Values, span: Span) -> Difference:
    """Differences by seed and stream in one."""
    found, means = estimate(differences, span), _means(differences)
    return Difference(found.mean, found.low, found.high, sum(mean > 0 for mean in means.values()), len(means))


def student(freedom: int) -> float:
    """The two-sided 95% quantile of Student's t.

    With t = sqrt(freedom) tan(angle) the density of the angle is cos(angle) ** (freedom - 1).
    """
    import numpy as np

    angles = np.linspace(0, math.pi / 2, 20_001)
    density = np.cos(angles) ** (freedom - 1)
    mass = np.concatenate(([0.0], np.cumsum(density[1:] + density[:-1])))
    return math.sqrt(freedom) * math.tan(float(np.interp(SURE * mass[-1], mass, angles)))


def _span(outcomes: Sequence[Outcome], by: By) -> Span:
    """What a mean of these can be: advice that nobody sought costs nothing."""
    if by == "asked_by_task":
        return 0.0, 1.0
    dearest = max((outcome.cell.advice_cost or 0.0) * task.advice for outcome in outcomes for task in outcome.tasks)
    return 0.0 - dearest, 1.0  # not -0.0


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


def _spread(values: Values) -> tuple[float, int]:
    """The variance of the mean over seeds, and its degrees of freedom.

    `added_sk` is what each stream of each seed moves the mean by: nothing over all streams of a seed.
    """
    import numpy as np

    means, units = _means(values), sorted({unit for by_unit in values.values() for unit in by_unit})
    if len(units) == 1:
        values = _by_task(values)
        units = sorted({unit for by_unit in values.values() for unit in by_unit})
    added_sk = np.array([
        [math.fsum(value - means[seed] for value in values[seed].get(unit, ())) for unit in units] for seed in values
    ])  # fmt: skip
    seeds, streams = added_sk.shape
    added_sk /= seeds * np.array([[sum(map(len, by_unit.values()))] for by_unit in values.values()])
    added_k = added_sk.sum(axis=0)
    of_streams = float((added_k**2).sum()) * streams / (streams - 1) if streams > 1 else 0.0
    if seeds == 1:
        return of_streams, streams - 1
    of_seeds = statistics.variance(means.values()) / seeds
    if streams == 1:
        return of_seeds, seeds - 1
    of_both = float(((added_sk - added_k / seeds) ** 2).sum()) * seeds * streams / ((seeds - 1) * (streams - 1))
    return max(of_seeds + of_streams - of_both, of_seeds, of_streams), min(seeds, streams) - 1


def _of_tasks(values: Values) -> float:
    """The variance of the mean if every task were drawn by itself; seeds that meet a task meet the same one."""
    seen: dict[tuple[Unit, int], list[float]] = {}
    for units in values.values():
        for unit, found in units.items():
            for place, value in enumerate(found):
                seen.setdefault((unit, place), []).append(value)
    means = [statistics.fmean(found) for found in seen.values()]
    return statistics.variance(means) / len(means) if len(means) > 1 else 0.0


def _by_task(values: Values) -> dict[int, dict[Unit, list[float]]]:
    """The tasks of a single stream as streams of their own."""
    return {
        seed: {("", f"{place:09}"): [value] for place, value in enumerate(chain.from_iterable(by_unit.values()))}
        for seed, by_unit in values.items()
    }
