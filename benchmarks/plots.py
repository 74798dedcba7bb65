"""Pictures of what was measured, as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from functions.errors import ForgeError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Point:
    """A measured score with its interval at some amount of data or rollouts."""

    x: float
    score: float
    low: float
    high: float


def learning_curve(
    path: str | Path,
    lines: Mapping[str, Sequence[Point]],
    *,
    title: str,
    x_label: str,
    y_label: str,
    level: tuple[str, float] | None = None,
    logarithmic: bool = False,
) -> Path:
    """Draw scores against `x`, a line each with its interval shaded, and save a PNG.

    Args:
        level: a labelled horizontal line, such as the score before training.
        logarithmic: space the x axis by ratios.

    Raises:
        ForgeError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for label, points in lines.items():
        xs = [point.x for point in points]
        (line,) = axes.plot(xs, [point.score for point in points], marker="o", markersize=4, label=label)
        axes.fill_between(
            xs, [p.low for p in points], [p.high for p in points], color=line.get_color(), alpha=0.18, linewidth=0
        )
    if level is not None:
        axes.axhline(level[1], color="0.45", linestyle="--", linewidth=1.2, label=level[0])
    if logarithmic:
        axes.set_xscale("log")
        ticks = sorted({point.x for points in lines.values() for point in points})
        axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        axes.set_xticks([], minor=True)
    axes.set(title=title, xlabel=x_label, ylabel=y_label, ylim=(-0.02, 1.02))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="best", frameon=False)
    return _saved(figure, path)


@dataclass(frozen=True, slots=True)
class Bar:
    """A labelled value with its interval and a note beside it."""

    label: str
    value: float
    low: float
    high: float
    note: str = ""


def grouped_bars(path: str | Path, panels: Mapping[str, Sequence[Bar]], *, columns: int, x_label: str) -> Path:
    """Draw a panel of horizontal bars for each title, on one scale, and save a PNG.

    Raises:
        ForgeError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.3 * rows + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, (title, bars) in zip(grid.flat, panels.items(), strict=False):
        places = range(len(bars))
        values = [bar.value for bar in bars]
        errors = [[bar.value - bar.low for bar in bars], [bar.high - bar.value for bar in bars]]
        axes.barh(places, values, xerr=errors, height=0.6, color="tab:blue", alpha=0.75, ecolor="0.25")
        for place, bar in zip(places, bars, strict=True):
            axes.annotate(bar.note, (max(bar.high, 0.0), place), xytext=(5, 0), textcoords="offset points",
                          va="center", fontsize=8, color="0.3")  # fmt: skip
        axes.set_yticks(list(places), [bar.label for bar in bars])
        axes.axvline(0, color="0.3", linewidth=0.8)
        axes.set_title(title, fontsize=10)
        axes.margins(x=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    grid[0][0].invert_yaxis()  # one axis for all panels: the first bar on top
    figure.supxlabel(x_label, fontsize=10)
    return _saved(figure, path)


def _saved(figure: Figure, path: str | Path) -> Path:
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise ForgeError(f"cannot write {path}: {error.strerror}") from error
    return Path(path)
