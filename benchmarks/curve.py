"""Train on more and more tasks under several seeds, and measure each on held-out tasks: the learning curve."""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import forge
import optim
from benchmarks.catalog import Benchmark
from benchmarks.plots import Point, learning_curve
from functions.errors import ForgeError


@dataclass(frozen=True, slots=True)
class Cell:
    """One training: how many tasks, which seed, and the held-out scores before and after, in [0, 1]."""

    size: int
    seed: int
    baseline: float
    score: float
    functions: int
    rollouts: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """All seeds of one size: mean and spread of the held-out score, with a 95% t interval over seeds."""

    size: int
    seeds: int
    baseline: float
    score: float
    deviation: float
    low: float
    high: float
    functions: float
    seconds: float


def cells(
    benchmark: Benchmark,
    train: Callable[[forge.Dataset, int], optim.Result],
    *,
    sizes: Sequence[int],
    seeds: int,
) -> Iterable[Cell]:
    """Each training with its held-out scores, as it ends; `train(dataset, seed)` runs one."""
    if seeds < 1 or not sizes or min(sizes) < 1:
        raise ForgeError(f"sizes={list(sizes)}, seeds={seeds}: at least one size of at least 1 task, and one seed")
    for size in sizes:
        for seed in range(seeds):
            began = time.monotonic()
            result = train(benchmark.train.sample(size, seed=seed), seed)
            seconds = time.monotonic() - began
            before = forge.evaluate(result.start, benchmark.test, seed=seed)
            after = forge.evaluate(result.agent, benchmark.test, seed=seed)
            learned = len(result.library) - len(result.start.library)
            yield Cell(size, seed, before.score, after.score, learned, result.rollouts, seconds)


def rows(cells: Iterable[Cell]) -> list[Row]:
    """The cells by size."""
    by_size: dict[int, list[Cell]] = {}
    for cell in cells:
        by_size.setdefault(cell.size, []).append(cell)
    return [_row(size, group) for size, group in sorted(by_size.items())]


def _row(size: int, group: Sequence[Cell]) -> Row:
    scores = [cell.score for cell in group]
    mean = statistics.fmean(scores)
    deviation = statistics.stdev(scores) if len(scores) > 1 else 0.0
    half = student_975(len(scores) - 1) * deviation / math.sqrt(len(scores)) if len(scores) > 1 else 0.0
    return Row(
        size=size,
        seeds=len(group),
        baseline=statistics.fmean(cell.baseline for cell in group),
        score=mean,
        deviation=deviation,
        low=max(0.0, mean - half),
        high=min(1.0, mean + half),
        functions=statistics.fmean(cell.functions for cell in group),
        seconds=statistics.fmean(cell.seconds for cell in group),
    )


def student_975(freedom: int) -> float:
    """The 97.5% quantile of Student's t."""
    table = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
    return table[freedom - 1] if freedom <= len(table) else 1.96 + 2.5 / freedom


def save(folder: Path, name: str, all_cells: Sequence[Cell]) -> Path:
    """Write `curve.json` (every cell) and `curve.png` into the folder; returns the picture's path."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "curve.json").write_text(json.dumps([asdict(cell) for cell in all_cells], indent=1))
    except OSError as error:
        raise ForgeError(f"cannot write into {folder}: {error.strerror}") from error
    table = rows(all_cells)
    seeds = table[0].seeds
    points = [Point(row.size, row.score, row.low, row.high) for row in table]
    return learning_curve(
        folder / "curve.png",
        {f"after training (mean of {seeds} seeds, 95% interval)": points},
        title=f"{name}: held-out score by training tasks",
        x_label="training tasks",
        y_label="score on held-out tasks",
        level=("before training", table[-1].baseline),
        logarithmic=True,
    )
