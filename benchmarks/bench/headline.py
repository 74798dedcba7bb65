"""What the numbers of the regimes say, in a few sentences that claim no more than their intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from benchmarks.bench.interval import compare
from benchmarks.bench.outcome import Outcome
from benchmarks.bench.regimes import ALWAYS, BASE, NEVER, ORACLE
from benchmarks.bench.rows import Row, groups, main

REFERENCES = (NEVER, ALWAYS, ORACLE)  # what the regimes are held against: no competitors


def headline(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> tuple[str, ...]:
    """Which regime has the highest total score, by how much, and how sure that is; then what they are held against."""
    regimes = main(rows)
    ranked = sorted((row for row in regimes if row.cell.regime not in REFERENCES), key=lambda row: -row.total.mean)
    if not ranked:
        return ("No regime was played whole.",)
    return tuple(_sentences(outcomes, ranked, [row for row in regimes if row.cell.regime in REFERENCES]))


def _sentences(outcomes: Sequence[Outcome], ranked: Sequence[Row], references: Sequence[Row]) -> Iterable[str]:
    best = ranked[0]
    first = _tied(ranked, best)
    cost = "" if best.cell.advice_cost is None else f", advice at {best.cell.advice_cost:g}"
    tasks = f"{best.tasks:,} test {'task' if best.tasks == 1 else 'tasks'}"
    yield (
        f"{_first(first, len(ranked))}: {best.total.mean:.3f} (95% interval {best.total.low:.3f} to "
        f"{best.total.high:.3f}) on {tasks}{cost}, {_seeds(best)}."
    )
    rest = ranked[len(first) :]
    others = _tied(rest, rest[0]) if rest else []
    others += [row for row in rest if row.cell.regime == BASE and row not in others]
    for other in others:
        yield _against(outcomes, best, other)
    if references:
        yield f"To hold them against: {', '.join(_reference(row, best) for row in references)}."


def _tied(rows: Sequence[Row], with_: Row) -> list[Row]:
    return [row for row in rows if math.isclose(row.total.mean, with_.total.mean, abs_tol=1e-9)]


def _first(first: Sequence[Row], regimes: int) -> str:
    if regimes == 1:
        return f"{first[0].label} has a total score"
    if len(first) == 1:
        return f"{first[0].label} has the highest total score of {regimes} regimes"
    names = f"{', '.join(row.label for row in first[:-1])} and {first[-1].label}"
    others = "" if len(first) == regimes else f", the highest of {regimes} regimes"
    return f"{names} have the same total score{others}"


def _reference(row: Row, best: Row) -> str:
    above = row.cell.regime != ORACLE and row.total.mean > best.total.mean
    return f"{row.label} {row.total.mean:.3f}{' (higher than any regime)' if above else ''}"


def _against(outcomes: Sequence[Outcome], best: Row, other: Row) -> str:
    """The paired difference, with the words that its interval allows."""
    seeds = groups(outcomes)
    found = compare(seeds[best.cell], seeds[other.cell])
    begin = f"{other.label} has {other.total.mean:.3f}"
    if found is None:
        return f"{begin}, on other tasks."
    words = (
        f"{begin}; the difference is {found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f}), above 0 in "
        f"{found.above} of {found.seeds} {'seed' if found.seeds == 1 else 'seeds'}"
    )
    apart = "" if found.told_apart else ", which does not tell the two apart"
    if best.model == other.model:
        return f"{words}{apart}."
    return f"{words}{apart}. They run on {best.model} and on {other.model}: this compares systems, not regimes."


def _seeds(row: Row) -> str:
    return "one seed" if len(row.seeds) == 1 else f"mean of {len(row.seeds)} seeds"
