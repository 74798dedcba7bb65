"""Learning curves: what a training reached on validation tasks by its rollouts, and on the test at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bench.outcome import Outcome
from benchmarks.bench.regimes import training_of
from benchmarks.bench.rows import Row, groups, main, names

GRID = 41  # places of a mean curve: those of PPO's looks among them
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """One regime's: pairs of rollouts and total score.

    Args:
        seeds: as measured on validation tasks; without those that measured nothing.
        mean: of the seeds.
        end: the rollouts that the regime took in all, and its total score on the test.
        after: the label of the curve that this one goes on from, "" if it goes on from none.
    """

    label: str
    regime: str
    seeds: Mapping[int, Points]
    mean: Points
    end: tuple[float, float]
    after: str = ""


def curves(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> tuple[Curve, ...]:
    """One for each row of the main table, in its order."""
    played, shown = groups(outcomes), main(rows)
    found: list[Curve] = []
    for label, row in zip(names(shown), shown, strict=True):
        seeds = {outcome.cell.seed: tuple(sorted(outcome.curve)) for outcome in played[row.cell] if outcome.curve}
        found.append(
            Curve(label, row.cell.regime, seeds, mean_curve(list(seeds.values())), (row.rollouts, row.total.mean),
                  _after(row, shown, {curve.label for curve in found if curve.mean}))
        )  # fmt: skip
    return tuple(found)


def mean_curve(seeds: Sequence[Points]) -> Points:
    """The mean of the seeds' curves at places evenly apart, from where all have begun to where the last one ends.

    Between its points a curve is straight, and a training that is over stays at its last value.
    """
    import numpy as np

    if not seeds:
        return ()
    places = np.linspace(max(curve[0][0] for curve in seeds), max(curve[-1][0] for curve in seeds), GRID)
    heights = [np.interp(places, [x for x, _ in curve], [y for _, y in curve]) for curve in seeds]
    return tuple(zip(places.tolist(), np.mean(heights, axis=0).tolist(), strict=True))


def _after(row: Row, shown: Sequence[Row], drawn: set[str]) -> str:
    """The nearest training that it builds on of which there is a curve."""
    training = training_of(row.cell)
    labels = {other.cell.regime: label for label, other in zip(names(shown), shown, strict=True)}
    earlier = reversed(training.chain[:-1] if training is not None else ())
    return next((labels[step.regime] for step in earlier if labels.get(step.regime) in drawn), "")
