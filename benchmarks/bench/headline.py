"""What the numbers of the regimes say, in a few sentences that claim no more than their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.bench.interval import compare
from benchmarks.bench.outcome import Outcome
from benchmarks.bench.rows import BASE, LAST, Row, groups, main


def headline(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> tuple[str, ...]:
    """Who has the highest total score, by how much, and how sure that is; the oracle is no competitor."""
    regimes = main(rows)
    ranked = sorted((row for row in regimes if row.cell.regime != LAST), key=lambda row: -row.total.mean)
    if not ranked:
        return ("No regime was played whole.",)
    return tuple(_sentences(outcomes, ranked, [row for row in regimes if row.cell.regime == LAST]))


def _sentences(outcomes: Sequence[Outcome], ranked: Sequence[Row], oracles: Sequence[Row]) -> Iterable[str]:
    best = ranked[0]
    cost = "" if best.cell.advice_cost is None else f", advice at {best.cell.advice_cost:g}"
    of = f"the highest total score of {len(ranked)} regimes" if len(ranked) > 1 else "a total score"
    yield (
        f"{best.label} has {of}: {best.total.mean:.3f} (95% interval {best.total.low:.3f} to {best.total.high:.3f}) on "
        f"{best.tasks:,} test tasks{cost}, {_seeds(best)}."
    )
    others = [*ranked[1:2]] + [row for row in ranked[2:] if row.cell.regime == BASE]
    for other in others:
        yield _against(outcomes, best, other)
    for oracle in oracles:
        yield f"The {oracle.label} has {oracle.total.mean:.3f}."


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
