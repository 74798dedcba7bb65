"""Intervals and probabilities for mean scores: pure functions of numbers, seeded where they draw."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import cache

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

    All-or-nothing scores: P(p > 1/2) for the share p of wins among the pairs that differ, under a uniform prior.
    Graded scores: the Bayesian bootstrap (Rubin, 1981) with one imagined win and one imagined loss of the mean size.
    """
    moved = [d for d in differences if d != 0]
    if not moved:
        return 0.5
    if all(abs(d) == 1 for d in moved):
        wins = sum(d > 0 for d in moved)
        return _more_wins(wins, len(moved) - wins)
    size = math.fsum(map(abs, moved)) / len(moved)
    values = [*moved, size, -size]
    exponential = random.Random("bayesian bootstrap").expovariate
    above = sum(math.fsum(exponential(1.0) * value for value in values) > 0 for _ in range(DRAWS))
    return above / DRAWS


@cache
def _more_wins(wins: int, losses: int) -> float:
    n = wins + losses + 1
    return sum(math.comb(n, k) for k in range(wins + 1)) / float(2**n)


BETS = tuple((place + 0.5) / 20 for place in range(20))


def e_value(differences: Sequence[float], above: float = 0.0) -> float:
    """Evidence that the mean of differences in [-1, 1] is larger than `above`; 1 is none.

    The wealth of a bettor who starts with 1, spread evenly over 20 fixed stakes (Waudby-Smith and Ramdas, "Estimating
    means of bounded random variables by betting", 2024). If the mean is at most `above`, the chance that it is ever
    `1 / alpha` or more, however often one looks, is at most alpha (Ville's inequality).
    """
    gains = [(d - above) / (1 + above) for d in differences if d != above]
    return math.fsum(math.prod(1 + bet * gain for gain in gains) for bet in BETS) / len(BETS)


def always_valid_interval(differences: Sequence[float], alpha: float = 0.05) -> tuple[float, float]:
    """An interval for the mean of differences in [-1, 1] that holds at any moment one chooses to stop.

    The means that neither of two bettors (see `e_value`), at alpha / 2 each, has ruled out.
    """
    low = _least(lambda mean: e_value(differences, mean) < 2 / alpha)
    high = -_least(lambda mean: e_value([-d for d in differences], mean) < 2 / alpha)
    return (low, high)


def _least(holds: Callable[[float], bool]) -> float:
    """The smallest mean in [-1, 1] that is not ruled out; what is ruled out is a range from -1 upwards."""
    low, high = -1 + 1e-9, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return low if low > -1 + 1e-6 else -1.0


def detectable_difference(pairs: int, *, differing: float = 0.3, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest mean difference that `e_value` finds among so many pairs with that power; 1.0 if there is none.

    Args:
        pairs: tasks on which two agents are compared, right or wrong.
        differing: the share of tasks on which they differ; a larger difference needs at least its own share.
    """
    reach = _reach(pairs, 1 / alpha)
    low, high = 0.0, 1.0
    if _power(1.0, 1.0, reach) < power:
        return 1.0
    for _ in range(12):
        middle = (low + high) / 2
        enough = _power(middle, max(differing, middle), reach) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def _reach(pairs: int, wealth: float) -> list[int]:
    """For each number of losses, the wins from which on the wealth is reached, as far as `pairs` goes."""
    needed, wins = [], 0
    for losses in range(pairs + 1):
        while wins + losses <= pairs and _wealth(wins, losses) < wealth:
            wins += 1
        needed.append(wins)
        if wins + losses > pairs:
            break
    return needed + [pairs + 1] * (pairs + 1 - len(needed))


@cache
def _wealth(wins: int, losses: int) -> float:
    return math.fsum((1 + bet) ** wins * (1 - bet) ** losses for bet in BETS) / len(BETS)


def _power(difference: float, differing: float, reach: Sequence[int]) -> float:
    """The chance that the needed wins are met within `len(reach) - 1` pairs: a walk over wins and losses."""
    pairs, win, loss = len(reach) - 1, (differing + difference) / 2, (differing - difference) / 2
    tie = 1 - differing
    if tie > 1e-12:  # how many pairs differ is binomial; the walk goes over those alone
        walks = _arrivals(pairs, win / differing, reach)
        counts = _binomial(pairs, differing)
        return math.fsum(count * walk for count, walk in zip(counts, walks, strict=True))
    return _arrivals(pairs, win / (win + loss), reach)[-1]


def _arrivals(steps: int, win: float, reach: Sequence[int]) -> list[float]:
    """The chance to have met the needed wins after 0, 1, ..., `steps` pairs that differ."""
    alive, met = {0: 1.0}, 0.0  # chance by number of losses, so far without having met them
    found = [0.0]
    for step in range(1, steps + 1):
        following: dict[int, float] = {}
        for losses, chance in alive.items():
            wins = step - losses
            if wins >= reach[losses]:
                met += chance * win
            else:
                following[losses] = following.get(losses, 0.0) + chance * win
            following[losses + 1] = following.get(losses + 1, 0.0) + chance * (1 - win)
        alive = {losses: chance for losses, chance in following.items() if chance > 1e-9}
        found.append(met)
    return found


def _binomial(count: int, share: float) -> list[float]:
    logs = (math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) for k in range(count + 1))
    hit, miss = math.log(share), math.log1p(-share)
    return [math.exp(log + k * hit + (count - k) * miss) for k, log in enumerate(logs)]
