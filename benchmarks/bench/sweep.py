"""What a higher cost of advice does to a regime: scores and advice rates by cost, and whether they go one way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.bench.interval import Difference, compare
from benchmarks.bench.outcome import Outcome
from benchmarks.bench.rows import Row, groups


@dataclass(frozen=True, slots=True)
class Sweep:
    """The rows of one regime at two costs or more, low costs first; `steps` is what the total score and the advice
    rate of each row are above those of the row before, paired by seed and task."""

    rows: tuple[Row, ...]
    steps: tuple[tuple[Difference | None, Difference | None], ...]

    @property
    def costs(self) -> tuple[float, ...]:
        return tuple(row.cell.advice_cost or 0.0 for row in self.rows)

    @property
    def statement(self) -> str:
        """What the numbers do from cost to cost; of a step up, whether it is more than luck."""
        totals, rates = zip(*self.steps, strict=True)
        total = _course(self.costs, [row.total.mean for row in self.rows], totals)
        rate = _course(self.costs, [row.advice_rate for row in self.rows], rates)
        said = f"{self.rows[0].cell.regime}: as advice costs more, the total score {total}; the advice rate {rate}."
        alike = len({row.seeds for row in self.rows}) == 1
        return said if alike else f"{said} Beware: the costs do not have the same seeds."


def sweeps(outcomes: Sequence[Outcome], rows: Iterable[Row]) -> tuple[Sweep, ...]:
    """Each regime that was trained whole at two costs or more."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.cell.advice_cost is not None and not row.ablated:
            found.setdefault((row.cell.dataset, row.cell.regime), []).append(row)
    ordered = (sorted(group, key=lambda row: row.cell.advice_cost or 0.0) for group in found.values())
    seeds = groups(outcomes)

    def step(low: Row, high: Row) -> tuple[Difference | None, Difference | None]:
        played = seeds[high.cell], seeds[low.cell]
        return compare(*played), compare(*played, by="asked_by_task")

    return tuple(
        Sweep(tuple(group), tuple(step(*pair) for pair in pairwise(group))) for group in ordered if len(group) > 1
    )


def _course(costs: Sequence[float], values: Sequence[float], differences: Sequence[Difference | None]) -> str:
    steps = [after - before for before, after in pairwise(values)]
    ends = f"({values[0]:.3f} at {costs[0]:g}, {values[-1]:.3f} at {costs[-1]:g})"
    if not any(steps):
        return f"stays the same {ends}"
    if all(step < 0 for step in steps):
        return f"falls at every step {ends}"
    if all(step > 0 for step in steps):
        return f"rises at every step {ends}"
    if all(step <= 0 for step in steps):
        return f"never rises {ends}"
    if all(step >= 0 for step in steps):
        return f"never falls {ends}"
    up = ", ".join(
        f"from {low:g} to {high:g}{_luck(difference)}"
        for (low, high), step, difference in zip(pairwise(costs), steps, differences, strict=True)
        if step > 0
    )
    return f"goes both ways {ends}, up {up}"


def _luck(difference: Difference | None) -> str:
    if difference is None:
        return ""
    told = "" if difference.told_apart else ", which is not told apart from 0"
    return f" by {difference.mean:.3f} ({difference.low:+.3f} to {difference.high:+.3f}){told}"
