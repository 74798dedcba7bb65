"""Intervals and probabilities for mean scores: pure functions of numbers, seeded where they draw."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

NORMAL_975 = 1.959963984540054
DRAWS = 2000


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """A 95% interval for the mean of independent values in [0, 1].

    Wilson's score interval where all are 0 or 1; otherwise the percentile bootstrap, widened to Wilson's for the same
    mean and number where all values are equal, since a sample without spread says nothing about spread.
    """
    if not values:
        return (0.0, 1.0)
    mean = math.fsum(values) / len(values)
    if all(value in (0.0, 1.0) for value in values) or len(set(values)) == 1:
        return wilson(mean, len(values))
    low, high = bootstrap(values)
    return (max(0.0, low), min(1.0, high))


def wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95% score interval (1927) for a share of `count` trials."""
    z2 = NORMAL_975**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL_975 / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return (max(0.0, middle - half), min(1.0, middle + half))


def bootstrap(values: Sequence[float]) -> tuple[float, float]:
    """The 95% percentile bootstrap interval of the mean (Efron, 1979)."""
    draw = random.Random("bootstrap").choices
    count = len(values)
    means = sorted(math.fsum(draw(values, k=count)) / count for _ in range(DRAWS))
    return (means[int(0.025 * DRAWS)], means[int(0.975 * DRAWS) - 1])


def p_better(differences: Sequence[float]) -> float:
    """The posterior probability that the mean of paired differences is above 0.

    All-or-nothing scores: P(p > 1/2) for the share of wins among the pairs that differ, under a uniform prior.
    Graded scores: the Bayesian bootstrap (Rubin, 1981) with one imagined win and one imagined loss of the mean size.
    """
    moved = [d for d in differences if d != 0]
    if not moved:
        return 0.5
    if all(abs(d) == 1 for d in moved):
        wins, n = sum(d > 0 for d in moved), len(moved) + 1
        return sum(math.comb(n, k) for k in range(wins + 1)) / float(2**n)
    size = math.fsum(map(abs, moved)) / len(moved)
    values = [*moved, size, -size]
    exponential = random.Random("bayesian bootstrap").expovariate
    above = sum(math.fsum(exponential(1.0) * value for value in values) > 0 for _ in range(DRAWS))
    return above / DRAWS
