"""How often advice is sought as a stream of test tasks goes on, and whether that falls."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.bench.interval import Difference, difference
from benchmarks.bench.outcome import Answered, Outcome
from benchmarks.bench.rows import Row, groups, main, names

FIFTHS = 5
PLACES = 12  # points of a picture at most
Rates = Mapping[float, float]
Part = TypeVar("Part", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Asking:
    """Of one regime that chooses when to ask; rates are shares of tasks.

    Args:
        fifths: the mean over seeds in each fifth of the streams.
        fall: the rate in the first half of a stream less that in the second, paired by stream and seed.
        seeds: the rate by the place in the stream, counted from 1.
        mean: the same, over seeds.
    """

    label: str
    regime: str
    fifths: tuple[float, ...]
    fall: Difference
    seeds: Mapping[int, Rates]
    mean: Rates

    @property
    def statement(self) -> str:
        """What the rate does from the first half to the second, and how sure that is."""
        found = self.fall
        seeds = f"it falls in {found.above} of {found.seeds} {'seed' if found.seeds == 1 else 'seeds'}"
        course = "stays the same" if not found.mean else "falls" if found.mean > 0 else "rises"
        by = f" by {abs(found.mean):.3f}" if found.mean else ""
        told = "" if found.told_apart else ", which is not told apart from 0"
        return (
            f"{self.label}: from the first half of a stream to the second the advice rate {course}{by} (first less "
            f"second: {found.low:+.3f} to {found.high:+.3f}){told}; {seeds}."
        )


def asking(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> tuple[Asking, ...]:
    """Each main row that asks about some tasks and not about all, if its streams have a task for each fifth."""
    played, shown = groups(outcomes), main(rows)
    longest = {row: [max(_lengths(each).values(), default=0) for each in played[row.cell]] for row in shown}
    width = -(-max(map(max, longest.values()), default=1) // PLACES)
    return tuple(
        _asking(label, row, played[row.cell], width)
        for label, row in zip(names(shown), shown, strict=True)
        if 0 < row.advice_rate < 1 and min(longest[row]) >= FIFTHS
    )


def _asking(label: str, row: Row, outcomes: Sequence[Outcome], width: int) -> Asking:
    def middle(task: Answered, length: int) -> float:  # of its part of so many places
        return task.place // width * width + (width + 1) / 2

    fifths = _mean([_rates(outcome, lambda task, length: FIFTHS * task.place // length) for outcome in outcomes])
    seeds = {outcome.cell.seed: _rates(outcome, middle) for outcome in outcomes}
    falls = {outcome.cell.seed: _falls(outcome) for outcome in outcomes}
    return Asking(
        label, row.cell.regime, tuple(fifths.values()), difference(falls, (-1.0, 1.0)), seeds,
        _mean(list(seeds.values())),
    )  # fmt: skip


def _falls(outcome: Outcome) -> dict[tuple[str, str], list[float]]:
    """By stream: the advice rate of its first half less that of its second. One task has no halves."""
    rates = _rates(outcome, lambda task, length: (task.stream, 2 * task.place // length))
    lengths = _lengths(outcome)
    return {(stream, ""): [rates[stream, 0] - rates[stream, 1]] for stream, length in lengths.items() if length > 1}


def _rates(outcome: Outcome, part: Callable[[Answered, int], Part]) -> dict[Part, float]:
    """The share of tasks in which advice was sought, by part of the stream; tasks in no stream are left out."""
    lengths = _lengths(outcome)
    asked: dict[Part, list[bool]] = {}
    for task in sorted(outcome.tasks, key=lambda task: task.place):
        if task.stream:
            asked.setdefault(part(task, lengths[task.stream]), []).append(task.advice > 0)
    return {place: statistics.fmean(found) for place, found in asked.items()}


def _lengths(outcome: Outcome) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for task in outcome.tasks:
        if task.stream:
            lengths[task.stream] = max(lengths.get(task.stream, 0), task.place + 1)
    return lengths


def _mean(seeds: Sequence[Rates]) -> dict[float, float]:
    places = sorted({place for rates in seeds for place in rates})
    return {place: statistics.fmean(rates[place] for rates in seeds if place in rates) for place in places}
