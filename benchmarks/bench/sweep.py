"""What a higher cost of advice does to a regime: scores and advice rates by cost, and whether they go one way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from benchmarks.bench.rows import Row


@dataclass(frozen=True, slots=True)
class Sweep:
    """The rows of one regime at two costs or more, low costs first."""

    rows: tuple[Row, ...]

    @property
    def costs(self) -> tuple[float, ...]:
        return tuple(row.cell.advice_cost or 0.0 for row in self.rows)

    @property
    def statement(self) -> str:
        """What the numbers do from cost to cost, as measured; the words say nothing about luck."""
        total = _course(self.costs, [row.total.mean for row in self.rows])
        rate = _course(self.costs, [row.advice_rate for row in self.rows])
        return f"{self.rows[0].cell.regime}: as advice costs more, the total score {total}; the advice rate {rate}."


def sweeps(rows: Iterable[Row]) -> tuple[Sweep, ...]:
    """Each regime that was trained whole at two costs or more."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.cell.advice_cost is not None and not row.ablated:
            found.setdefault((row.cell.dataset, row.cell.regime), []).append(row)
    ordered = (sorted(group, key=lambda row: row.cell.advice_cost or 0.0) for group in found.values())
    return tuple(Sweep(tuple(group)) for group in ordered if len(group) > 1)


def _course(costs: Sequence[float], values: Sequence[float]) -> str:
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
        f"from {low:g} to {high:g}" for (low, high), step in zip(pairwise(costs), steps, strict=True) if step > 0
    )
    return f"goes both ways {ends}, up {up}"
