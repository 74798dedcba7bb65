"""Cells that differ in the seed alone make one row: means, intervals, and how much it is above another row."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks.bench.interval import Difference, Estimate, compare, total
from benchmarks.bench.outcome import Cell, Outcome
from benchmarks.bench.regimes import ALWAYS, BASE, NEVER, ORACLE, REGIMES

ORDER = (*REGIMES, NEVER, ALWAYS)  # then any others, and last what is possible at all


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of task: how often advice is sought, and how often the answer is right where it is not."""

    kind: str
    tasks: int
    advice_rate: float
    accuracy_answering: float | None  # None where advice is always sought


@dataclass(frozen=True, slots=True)
class Against:
    """The row that another is held against, and how much higher that other one's total score is."""

    label: str
    model: str
    difference: Difference


@dataclass(frozen=True, slots=True)
class Row:
    """All seeds of one training; everything but `seeds`, `tasks` and `streams` is a mean over seeds.

    The seed of `cell` says nothing. `against` is None where there is no row to hold it against, or it is that row.
    """

    cell: Cell
    model: str
    seeds: tuple[int, ...]
    tasks: int
    streams: int  # independent units: streams, and tasks that are in none
    accuracy: float
    advice_rate: float
    score: float
    total: Estimate
    against: Against | None
    kinds: tuple[Kind, ...]
    functions: float
    rollouts: float
    demonstrations: float
    tokens: float
    usd: float
    seconds: float
    cpu_seconds: float
    gpu_seconds: float
    test_tokens: float
    test_usd: float
    usd_per_1000: float  # answers to the test

    @property
    def ablated(self) -> bool:
        return ablated(self.cell)

    @property
    def label(self) -> str:
        return label(self.cell)

    @property
    def across_models(self) -> bool:
        """Whether the difference is one of systems, not of regimes."""
        return self.against is not None and self.against.model != self.model


def groups(outcomes: Iterable[Outcome]) -> dict[Cell, tuple[Outcome, ...]]:
    """The outcomes by their cell with seed 0, in the order in which rows are shown; seeds in order."""
    found: dict[Cell, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(replace(outcome.cell, seed=0), []).append(outcome)
    return {
        cell: tuple(sorted(found[cell], key=lambda outcome: outcome.cell.seed)) for cell in sorted(found, key=_place)
    }


def rows(outcomes: Iterable[Outcome]) -> tuple[Row, ...]:
    """One row for each training, in the order in which they are shown, whatever the order of the cells."""
    by_cell = groups(outcomes)
    return tuple(_row(cell, by_cell) for cell in by_cell)


def main(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows that can be held side by side: whole ones whose advice has no cost, or the cost of the bench.

    That is the cost at which most trainings were run; of several such costs the one nearest to their middle.
    """
    cost = main_cost(rows)
    return tuple(row for row in rows if not row.ablated and row.cell.advice_cost in (None, cost))


def main_cost(rows: Iterable[Row]) -> float | None:
    counts = Counter(row.cell.advice_cost for row in rows if row.cell.advice_cost is not None)
    most = sorted(cost for cost, count in counts.items() if count == max(counts.values()))
    return most[(len(most) - 1) // 2] if most else None


def ablated(cell: Cell) -> bool:
    """Whether a part was taken away, or the choice when to ask."""
    return bool(cell.without) or cell.advice_first is not None


def label(cell: Cell) -> str:
    """The training in words, without its data set and cost."""
    without = f" without {cell.without}" if cell.without else ""
    first = "" if cell.advice_first is None else f", asking in the first {cell.advice_first:,} sessions only"
    return f"{cell.regime}{without}{first}"


def names(rows: Sequence[Row]) -> tuple[str, ...]:
    """The labels, with the cost of advice where two would be the same."""
    counts = Counter(row.label for row in rows)
    return tuple(row.label if counts[row.label] == 1 else f"{row.label}, {_cost(row.cell)}" for row in rows)


def _cost(cell: Cell) -> str:
    return "free advice" if cell.advice_cost is None else f"advice at {cell.advice_cost:g}"


def _row(cell: Cell, by_cell: Mapping[Cell, Sequence[Outcome]]) -> Row:
    seeds = by_cell[cell]

    def mean(value: Callable[[Outcome], float]) -> float:
        return statistics.fmean(value(outcome) for outcome in seeds)

    return Row(
        cell=cell,
        model=_model(seeds),
        seeds=tuple(outcome.cell.seed for outcome in seeds),
        tasks=len({task.id for outcome in seeds for task in outcome.tasks}),
        streams=len({task.unit for outcome in seeds for task in outcome.tasks}),
        accuracy=mean(lambda outcome: outcome.accuracy),
        advice_rate=mean(lambda outcome: outcome.advice_rate),
        score=mean(lambda outcome: outcome.score),
        total=total(seeds),
        against=_against(cell, by_cell),
        kinds=_kinds(seeds),
        functions=mean(lambda outcome: len(outcome.functions)),
        rollouts=mean(lambda outcome: outcome.rollouts),
        demonstrations=mean(lambda outcome: outcome.demonstrations),
        tokens=mean(lambda outcome: outcome.tokens),
        usd=mean(lambda outcome: outcome.usd),
        seconds=mean(lambda outcome: outcome.seconds),
        cpu_seconds=mean(lambda outcome: outcome.cpu_seconds),
        gpu_seconds=mean(lambda outcome: outcome.gpu_seconds),
        test_tokens=mean(lambda outcome: outcome.test_tokens),
        test_usd=mean(lambda outcome: outcome.test_usd),
        usd_per_1000=mean(lambda outcome: 1000 * outcome.test_usd / len(outcome.tasks)),
    )


def _against(cell: Cell, by_cell: Mapping[Cell, Sequence[Outcome]]) -> Against | None:
    reference = _reference(cell, by_cell)
    if reference is None or reference == cell:
        return None
    difference = compare(by_cell[cell], by_cell[reference])
    return Against(label(reference), _model(by_cell[reference]), difference) if difference else None


def _reference(cell: Cell, by_cell: Mapping[Cell, Sequence[Outcome]]) -> Cell | None:
    """For an ablation what has all that it has and the part that it lacks, at the same cost; for others base at the
    same cost.

    Base at another cost does as well if it never sought advice: its total score is the same at any cost.
    """
    if ablated(cell):
        whole = replace(cell, without="", advice_first=None)
        return whole if whole in by_cell else None
    wanted = replace(cell, regime=BASE)
    if wanted in by_cell:
        return wanted
    free = (
        other for other, seeds in by_cell.items()
        if replace(other, advice_cost=wanted.advice_cost) == wanted
        and not any(task.advice for outcome in seeds for task in outcome.tasks)
    )  # fmt: skip
    return next(free, None)


def _kinds(seeds: Sequence[Outcome]) -> tuple[Kind, ...]:
    names = sorted({task.kind for outcome in seeds for task in outcome.tasks})
    return tuple(_kind(name, seeds) for name in names)


def _kind(name: str, seeds: Sequence[Outcome]) -> Kind:
    parts = [[task for task in outcome.tasks if task.kind == name] for outcome in seeds]
    parts = [part for part in parts if part]
    answering = [[task for task in part if not task.advice] for part in parts]
    right = [statistics.fmean(task.score >= 1.0 for task in part) for part in answering if part]
    return Kind(
        kind=name,
        tasks=len({task.id for part in parts for task in part}),
        advice_rate=statistics.fmean(statistics.fmean(task.advice > 0 for task in part) for part in parts),
        accuracy_answering=statistics.fmean(right) if right else None,
    )


def _model(seeds: Sequence[Outcome]) -> str:
    return "; ".join(sorted({outcome.model for outcome in seeds}))


def _place(cell: Cell) -> tuple[str, int, str, float, str, float]:
    """Where a row stands: known regimes first, the oracle last; the whole before its parts; low costs first."""
    known = {name: place for place, name in enumerate(ORDER)} | {ORACLE: len(ORDER) + 1}
    cost = -1.0 if cell.advice_cost is None else cell.advice_cost
    first = -1.0 if cell.advice_first is None else cell.advice_first
    return (cell.dataset, known.get(cell.regime, len(ORDER)), cell.regime, cost, cell.without, first)
