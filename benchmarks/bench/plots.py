"""Pictures of a bench: learning curves of all regimes, asking along a stream, and what the cost of advice does."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench.outcome import Outcome
from benchmarks.bench.regimes import ALWAYS, NEVER, ORACLE
from benchmarks.bench.rows import Row, groups, main, names
from benchmarks.bench.sweep import Sweep, sweeps
from functions.errors import ForgeError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# told apart by colour-blind readers (Okabe and Ito, 2008, without the yellow), and by dashes and markers
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A4A1E")
GREYS = {NEVER: "#8A8A8A", ALWAYS: "#5A5A5A", ORACLE: "#000000"}  # what the regimes are held against
DASHES = ("-", "--", "-.", ":")
MARKERS = "osD^vPX<>"
PLACES = 12  # points along a stream at most
APART = 0.055  # of the height: the least distance of two labels
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A mean over seeds, and the seeds it is the mean of; `styled` is the place of its regime among all."""

    label: str
    regime: str
    styled: int
    mean: Points
    seeds: tuple[Points, ...] = ()

    @property
    def color(self) -> str:
        return GREYS.get(self.regime) or COLORS[self.styled % len(COLORS)]

    @property
    def dashes(self) -> str:
        return DASHES[self.styled // 2 % len(DASHES)]

    @property
    def marker(self) -> str:
        return MARKERS[self.styled % len(MARKERS)]


def pictures(outcomes: Sequence[Outcome], rows: Sequence[Row], folder: Path) -> tuple[Path, ...]:
    """Draw those that there are numbers for, as PNG files in the folder.

    Raises:
        ForgeError: a file cannot be written.
    """
    drawn = []
    curves, levels = learning(outcomes, rows)
    if curves:
        drawn.append(_saved(_curves(curves, levels), folder / "curves.png"))
    if lines := asking(outcomes, rows):
        drawn.append(_saved(_asking(lines), folder / "asking.png"))
    if found := sweeps(outcomes, rows):
        drawn.append(_saved(_costs(found, _styles(rows)), folder / "costs.png"))
    return tuple(drawn)


def learning(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> tuple[tuple[Line, ...], Mapping[Line, float]]:
    """The curves of the regimes, and of those that have none a line without points and its total score."""
    seeds, styles = groups(outcomes), _styles(rows)
    shown = main(rows)
    curves, levels = [], {}
    for label, row in zip(names(shown), shown, strict=True):
        drawn = tuple(tuple(sorted(outcome.curve)) for outcome in seeds[row.cell] if outcome.curve)
        line = Line(label, row.cell.regime, styles[row.cell.regime], mean_curve(drawn), drawn)
        if drawn:
            curves.append(line)
        else:
            levels[line] = row.total.mean
    return tuple(curves), levels


def mean_curve(curves: Sequence[Points]) -> Points:
    """The mean of curves from where all have begun, joined straight; one that ends early goes on at its last value."""
    import numpy as np

    if not curves:
        return ()
    begin = max(curve[0][0] for curve in curves)
    places = sorted({x for curve in curves for x, _ in curve if x >= begin})
    heights = [np.interp(places, [x for x, _ in curve], [y for _, y in curve]) for curve in curves]
    return tuple(zip(places, np.mean(heights, axis=0).tolist(), strict=True))


def asking(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> tuple[Line, ...]:
    """How often advice is sought at each place of the streams, by the regimes that choose when to."""
    seeds, styles, shown = groups(outcomes), _styles(rows), main(rows)
    places = [task.place for row in shown for outcome in seeds[row.cell] for task in outcome.tasks if task.stream]
    if not places or max(places) == 0:
        return ()
    width = -(-(max(places) + 1) // PLACES)
    lines = []
    for label, row in zip(names(shown), shown, strict=True):
        rates = tuple(_rates(outcome, width) for outcome in seeds[row.cell])
        if 0 < row.advice_rate < 1 and all(rates):
            lines.append(Line(label, row.cell.regime, styles[row.cell.regime], mean_curve(rates), rates))
    return tuple(lines)


def _rates(outcome: Outcome, width: int) -> Points:
    """The advice rate of each part of so many places, by the middle of the part, counted from 1."""
    parts: dict[int, list[bool]] = {}
    for task in outcome.tasks:
        if task.stream:
            parts.setdefault(task.place // width, []).append(task.advice > 0)
    return tuple((part * width + (width + 1) / 2, statistics.fmean(asked)) for part, asked in sorted(parts.items()))


def _styles(rows: Sequence[Row]) -> dict[str, int]:
    """The same place for a regime in every picture."""
    regimes = dict.fromkeys(row.cell.regime for row in rows if row.cell.regime not in GREYS)
    return {regime: place for place, regime in enumerate([*regimes, *GREYS])}


def _curves(lines: Sequence[Line], levels: Mapping[Line, float]) -> Figure:
    figure, (axes,) = _figure(1, (8.6, 4.8))
    reaches = [line.mean[-1][0] for line in lines]
    far = max(max(reaches), 1)
    if min(reaches) * 20 < far:  # a training by rollouts beside one by few: ratios, or the few are not seen
        least = min((x for line in lines for x, _ in line.mean if x > 0), default=1)
        axes.set_xscale("symlog", linthresh=least)
    ends = []
    for line in lines:
        for seed in line.seeds if len(line.seeds) > 1 else ():
            axes.plot(*zip(*seed, strict=True), color=line.color, linewidth=0.7, alpha=0.35)
        few = len(line.mean) <= 20
        axes.plot(*zip(*line.mean, strict=True), color=line.color, linestyle=line.dashes, linewidth=2.2,
                  marker=line.marker if few else "", markersize=4.5)  # fmt: skip
        ends.append((line, line.mean[-1][0], line.mean[-1][1]))
    for line, height in levels.items():
        axes.axhline(height, color=line.color, linestyle=":", linewidth=1.4)
        ends.append((line, far, height))
    axes.set_xlim(0, far)
    axes.set_xlabel("rollouts")
    axes.set_ylabel("total score")
    words = "mean of seeds on validation tasks, thin: each seed" if any(len(line.seeds) > 1 for line in lines) else (
        "on validation tasks")  # fmt: skip
    axes.set_title(f"Learning curves ({words}{'; dotted: on test tasks' if levels else ''})", fontsize=10)
    _label_ends(axes, ends)
    return figure


def _asking(lines: Sequence[Line]) -> Figure:
    figure, (axes,) = _figure(1, (8.6, 4.2))
    for line in lines:
        xs = [x for x, _ in line.mean]
        if len(line.seeds) > 1:
            seen = [[dict(seed).get(x) for seed in line.seeds] for x in xs]
            heights = [[height for height in at if height is not None] for at in seen]
            axes.fill_between(xs, list(map(min, heights)), list(map(max, heights)), color=line.color, alpha=0.12,
                              linewidth=0)  # fmt: skip
        axes.plot(*zip(*line.mean, strict=True), color=line.color, linestyle=line.dashes, linewidth=2,
                  marker=line.marker, markersize=5)  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.set_xlabel("question of the stream")
    axes.set_ylabel("advice rate")
    band = ", band: least to most of the seeds" if any(len(line.seeds) > 1 for line in lines) else ""
    axes.set_title(f"How often advice is sought as a stream goes on (mean of seeds{band})", fontsize=10)
    _label_ends(axes, [(line, *line.mean[-1]) for line in lines])
    return figure


def _costs(found: Sequence[Sweep], styles: Mapping[str, int]) -> Figure:
    figure, panels = _figure(2, (10.5, 4.2))
    for axes, value, words in (
        (panels[0], lambda row: row.total.mean, "total score"),
        (panels[1], lambda row: row.advice_rate, "advice rate"),
    ):
        ends = []
        for sweep in found:
            regime = sweep.rows[0].cell.regime
            line = Line(regime, regime, styles[regime], list(zip(sweep.costs, map(value, sweep.rows), strict=True)))
            axes.plot(*zip(*line.mean, strict=True), color=line.color, linestyle=line.dashes, linewidth=2,
                      marker=line.marker, markersize=5)  # fmt: skip
            ends.append((line, *line.mean[-1]))
            if axes is panels[0]:
                axes.fill_between(sweep.costs, [row.total.low for row in sweep.rows],
                                  [row.total.high for row in sweep.rows], color=line.color, alpha=0.12,
                                  linewidth=0)  # fmt: skip
        axes.set_xticks(sorted({cost for sweep in found for cost in sweep.costs}))
        axes.set_xlabel("cost of advice")
        axes.set_title(words + (" (band: 95% interval)" if axes is panels[0] else ""), fontsize=10)
        _label_ends(axes, ends)
    return figure


def _label_ends(axes: Axes, ends: Sequence[tuple[Line, float, float]]) -> None:
    """Each line's name to the right of the picture, beside its end or moved up or down for its neighbours."""
    axes.autoscale_view()
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    ordered = sorted(ends, key=lambda end: end[2])
    shares = spread([(height - low) / (high - low) for _, _, height in ordered], APART)
    for (line, x, height), share in zip(ordered, shares, strict=True):
        axes.annotate(line.label, (x, height), (1.06, share), xycoords="data", textcoords="axes fraction",
                      va="center", fontsize=9, color=line.color, annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "color": line.color, "linewidth": 0.6, "alpha": 0.6,
                                  "shrinkA": 1, "shrinkB": 2})  # fmt: skip


def spread(places: Sequence[float], apart: float) -> list[float]:
    """Ascending places moved as little as need be so that neighbours are so far apart.

    Places that are too near make a group around their middle; groups that meet become one.
    """
    blocks: list[list[float]] = []  # each place less its rank: a group shares one such number, their mean
    for rank, place in enumerate(places):
        blocks.append([place - rank * apart])
        while len(blocks) > 1 and statistics.fmean(blocks[-2]) >= statistics.fmean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    starts = [statistics.fmean(block) for block in blocks for _ in block]
    return [start + rank * apart for rank, start in enumerate(starts)]


def _figure(panels: int, size: tuple[float, float]) -> tuple[Figure, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(1, panels, squeeze=False)[0]
    for axes in grid:
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, list(grid)


def _saved(figure: Figure, path: Path) -> Path:
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise ForgeError(f"cannot write {path}: {error.strerror}") from error
    return path
