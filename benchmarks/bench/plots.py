"""Pictures of a bench: learning curves of all regimes, asking along a stream, and what the cost of advice does."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench.curves import Curve, Points, curves
from benchmarks.bench.outcome import Outcome
from benchmarks.bench.regimes import ALWAYS, NEVER, ORACLE
from benchmarks.bench.rows import Row
from benchmarks.bench.stream import Asking, asking
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
END: Mapping[str, Any] = {"markersize": 8, "markeredgecolor": "white", "markeredgewidth": 1.0}  # of a training
APART = 0.055  # of the height: the least distance of two labels


@dataclass(frozen=True, slots=True)
class Line:
    """A mean over seeds as it is drawn; `styled` is the place of its regime among all."""

    label: str
    regime: str
    styled: int
    mean: Points

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
    styles, learned = styles_of(rows), curves(outcomes, rows)
    if any(curve.mean for curve in learned):
        drawn.append(_saved(_curves(learned, styles), folder / "curves.png"))
    if asked := asking(outcomes, rows):
        drawn.append(_saved(_asking(asked, styles), folder / "asking.png"))
    if found := sweeps(outcomes, rows):
        drawn.append(_saved(_costs(found, styles), folder / "costs.png"))
    return tuple(drawn)


def styles_of(rows: Sequence[Row]) -> dict[str, int]:
    """The same place for a regime in every picture."""
    regimes = dict.fromkeys(row.cell.regime for row in rows if row.cell.regime not in GREYS)
    return {regime: place for place, regime in enumerate([*regimes, *GREYS])}


def _curves(found: Sequence[Curve], styles: Mapping[str, int]) -> Figure:
    figure, (axes,) = _figure(1, (8.6, 5.2))
    reaches = [curve.end[0] for curve in found if curve.end[0] > 0]
    far = max([1, *reaches, *(curve.mean[-1][0] for curve in found if curve.mean)])
    if min(reaches, default=far) * 20 < far:  # a training by rollouts beside one by few: ratios, or few are not seen
        axes.set_xscale("symlog", linthresh=min(x for curve in found for x, _ in (*curve.mean, curve.end) if x > 0))
    lines = {curve.label: Line(curve.label, curve.regime, styles[curve.regime], curve.mean) for curve in found}
    ends = []
    for curve in found:
        line, (x, height) = lines[curve.label], curve.end
        for seed in curve.seeds.values() if len(curve.seeds) > 1 else ():
            axes.plot(*zip(*seed, strict=True), color=line.color, linewidth=0.7, alpha=0.35)
        if curve.mean:
            axes.plot(*zip(*curve.mean, strict=True), color=line.color, linestyle=line.dashes, linewidth=2.2)
        if curve.after:
            passage = (lines[curve.after].mean[-1], curve.mean[0] if curve.mean else curve.end)
            axes.plot(*zip(*passage, strict=True), color=line.color, linestyle=":", linewidth=1.4)
        if not x:
            axes.axhline(height, color=line.color, linewidth=0.6, alpha=0.6)
        axes.plot(x, height, color=line.color, marker=line.marker, clip_on=False, zorder=3, **END)
        ends.append((line, x or far, height))
    axes.set_xlim(0, far)
    axes.set_xlabel("rollouts")
    axes.set_ylabel("total score")
    axes.set_title("Learning curves", fontsize=10)
    _explain(figure, several=any(len(curve.seeds) > 1 for curve in found), passed=any(curve.after for curve in found))
    _label_ends(axes, ends)
    return figure


def _explain(figure: Figure, *, several: bool, passed: bool) -> None:
    """What the lines and marks of learning curves are, below them."""
    from matplotlib.lines import Line2D

    ink = "#444444"
    curve = "validation tasks, mean of seeds (thin: each)" if several else "validation tasks"
    signs = [
        (curve, Line2D([], [], color=ink, linewidth=2.2)),
        ("test tasks, at the end of training", Line2D([], [], color=ink, marker="o", linestyle="", **END)),
        ("trained without rollouts, or not at all", Line2D([], [], color=ink, linewidth=0.6)),
    ]
    if passed:
        signs.append(("goes on from that training; not measured between", Line2D([], [], color=ink, linestyle=":")))
    figure.legend([sign for _, sign in signs], [words for words, _ in signs], loc="outside lower left", ncols=2,
                  fontsize=8, frameon=False)  # fmt: skip


def _asking(found: Sequence[Asking], styles: Mapping[str, int]) -> Figure:
    figure, (axes,) = _figure(1, (8.6, 4.2))
    ends = []
    for asked in found:
        line = Line(asked.label, asked.regime, styles[asked.regime], tuple(asked.mean.items()))
        if len(asked.seeds) > 1:
            heights = [[rates[x] for rates in asked.seeds.values() if x in rates] for x in asked.mean]
            axes.fill_between([*asked.mean], list(map(min, heights)), list(map(max, heights)), color=line.color,
                              alpha=0.12, linewidth=0)  # fmt: skip
        axes.plot(*zip(*line.mean, strict=True), color=line.color, linestyle=line.dashes, linewidth=2,
                  marker=line.marker, markersize=5)  # fmt: skip
        ends.append((line, *line.mean[-1]))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("question of the stream")
    axes.set_ylabel("advice rate")
    band = ", band: least to most of the seeds" if any(len(asked.seeds) > 1 for asked in found) else ""
    axes.set_title(f"How often advice is sought as a stream goes on (mean of seeds{band})", fontsize=10)
    _label_ends(axes, ends)
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
