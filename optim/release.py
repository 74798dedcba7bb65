"""The release gate: what is shipped must be shown to be better than the start, on tasks that nothing else has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from forge.statistics import always_valid_interval, detectable_difference, e_value, p_better
from functions.errors import ForgeError
from optim.acceptance import Pair, by_unit

Outcome = Literal["finish", "earlier", "start"]


@dataclass(frozen=True, slots=True)
class Release:
    """Ships the finish of a search, else an earlier version, else the start.

    Start and version are compared on held-out tasks by an anytime-valid test, a bettor's wealth
    (`forge.statistics.e_value`), so that it may stop as soon as it is sure. All versions together are wrongly found
    better than the start with a chance of at most `alpha`: the finish has half of it, the version before a quarter,
    and so on.

    Args:
        alpha: the chance of shipping what is no better than the start.
        versions: how many versions are tried at most, the finish first.
        share: of every limit of the budget that is held back for the gate, in (0, 1).
        looks: pairs after which to judge first, and again each time that many more are there; a verdict is never built
            on fewer, unless there are fewer tasks.
    """

    alpha: float = 0.05
    versions: int = 3
    share: float = 0.2
    looks: int = 20

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 0.5:
            raise ForgeError(f"Release(alpha={self.alpha}): above 0 and at most 0.5")
        if self.versions < 1 or self.looks < 1:
            raise ForgeError(f"Release(versions={self.versions}, looks={self.looks}): at least 1 each")
        if not 0 < self.share < 1:
            raise ForgeError(f"Release(share={self.share}): a share of the budget between 0 and 1")

    def level(self, place: int) -> float:
        """The chance of error that the version at this place may use, the finish being at 0."""
        return float(self.alpha / 2 ** (place + 1))

    def judge(self, differences: Sequence[float], left: int, place: int) -> Literal["ship", "hold", "more"]:
        """Whether the version is shown to be better, may still be shown so by `left` more pairs, or is given up."""
        wealth, needed = e_value(differences), 1 / self.level(place)
        if wealth >= needed:
            return "ship"
        if not left:
            return "hold"
        lost = len(differences) >= 2 * self.looks and p_better(differences) < 0.2
        return "hold" if lost or e_value([*differences, *[1.0] * left]) < needed else "more"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the gate found, and why that is shipped which is shipped.

    `difference` is the mean of shipped (or, where the start is shipped, of the finish) minus start on the held-out
    tasks; `interval` holds for it at 95% whenever the test stopped; `detectable` is the smallest difference that the
    pairs which the budget allows show four times out of five. All are None where nothing was played.
    """

    shipped: Outcome
    why: str
    pairs: tuple[Pair, ...] = ()
    tested: int = 0
    detectable: float | None = None

    @property
    def certified(self) -> bool:
        return self.shipped != "start"

    @property
    def difference(self) -> float | None:
        return sum(self._differences) / len(self._differences) if self.pairs else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return always_valid_interval(self._differences) if self.pairs else None

    @property
    def p_better(self) -> float | None:
        return p_better(self._differences) if self.pairs else None

    def summary(self) -> dict[str, Any]:
        """For a result file: JSON values only."""
        return {
            "shipped": self.shipped,
            "why": self.why,
            "pairs": len(self.pairs),
            "wins": sum(d > 0 for d in self._differences),
            "losses": sum(d < 0 for d in self._differences),
            "difference": self.difference,
            "interval": self.interval,
            "p_better": self.p_better,
            "e_value": min(e_value(self._differences), 1e12),
            "detectable": self.detectable,
        }

    @property
    def _differences(self) -> list[float]:
        return by_unit(self.pairs)


def certify(
    release: Release, versions: int, available: int, play: Callable[[int, int], Sequence[Pair]]
) -> tuple[Certificate, int]:
    """Test the versions of a search, the finish first, against the start.

    Args:
        versions: how many there are.
        available: held-out tasks.
        play: `play(place, count)`: start and version on the first `count` held-out tasks, paired; fewer where the
            budget ends.

    Returns:
        The certificate and the place of the version shipped, -1 for the start.
    """
    first: Sequence[Pair] = ()
    reach = available
    tested = min(versions, release.versions)
    for place in range(tested):
        pairs, verdict, cut_short = _tested(release, place, available, play)
        if place == 0:
            first, reach = pairs, len(pairs) if cut_short else available
        if verdict == "ship":
            outcome: Outcome = "finish" if place == 0 else "earlier"
            why, smallest = _shipped(place, pairs), _detectable(release, pairs, reach)
            return Certificate(outcome, why, tuple(pairs), place + 1, smallest), place
    smallest = _detectable(release, first, reach)
    return Certificate("start", _held(first, reach, smallest), tuple(first), tested, smallest), -1


def _tested(
    release: Release, place: int, available: int, play: Callable[[int, int], Sequence[Pair]]
) -> tuple[Sequence[Pair], str, bool]:
    """The pairs, the verdict, and whether the budget cut the test short."""
    count = min(release.looks, available)
    while True:
        pairs = play(place, count)
        cut_short = len(pairs) < count
        left = 0 if cut_short else available - count
        verdict = release.judge(by_unit(pairs), left, place)
        if verdict != "more":
            return pairs, verdict, cut_short
        count = min(count + release.looks, available)


def _detectable(release: Release, pairs: Sequence[Pair], reach: int) -> float | None:
    """What `reach` pairs would show, where as many differ as among those that were played."""
    if not pairs:
        return None
    units = by_unit(pairs)
    differing, reach = sum(d != 0 for d in units) / len(units), max(1, round(reach * len(units) / len(pairs)))
    return detectable_difference(reach, differing=max(differing, 1 / reach), alpha=release.level(0))


def _shipped(place: int, pairs: Sequence[Pair]) -> str:
    which = "what search ended with" if place == 0 else f"the version {place} before the last, since later ones failed,"
    return f"{which} is better than the start on {len(pairs)} held-out tasks{_score(pairs)}"


def _held(pairs: Sequence[Pair], reach: int, smallest: float | None) -> str:
    if not pairs or smallest is None:
        return "the budget was spent before the gate could play a single held-out task"
    wins, losses = sum(p.difference > 0 for p in pairs), sum(p.difference < 0 for p in pairs)
    found = "nothing" if smallest == 1.0 else f"a difference of {smallest:.2f} or more at the least"
    return (
        f"on {len(pairs)} held-out tasks the candidate won {wins} and lost {losses}"
        f"{_score(pairs)}, which does not show that it is better; {reach} such pairs can show {found}. The "
        "candidate is result.candidate"
    )


def _score(pairs: Sequence[Pair]) -> str:
    before = sum(pair.incumbent for pair in pairs) / len(pairs)
    after = sum(pair.candidate for pair in pairs) / len(pairs)
    return f" ({before:.3f} -> {after:.3f})"
