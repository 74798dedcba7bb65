"""Tables and pictures of the cells: paired with the baselines, streams as units, seeds as spread."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.storeqa_ppo import shop
from benchmarks.storeqa_ppo.recipe import EVALUATION, VARIANTS

Rows = Sequence[Sequence[Any]]  # stream, place, kind, right, advice sought, memory read
Result = Mapping[str, Any]
OBJECTIVES = {
    "no session value": "a session alone",
    "heuristic": "the paper's heuristic, β = 0.1",
    "stronger heuristic": "the same with β = 0.3",
    "ppo": "fitted V",
}
KINDS = ("attribute", "search", "opinion, first", "opinion, again")
AGAIN = ("again, asked about before", "again, never asked about")


class Results:
    """The cells by variant, seed and cost, and the imitations that they began with."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._cells = {tuple(result["cell"]): result for result in results}
        self.seeds = sorted({seed for variant, seed, _ in self._cells if variant == "imitation"})

    def imitation(self, seed: int, *, memory: bool = True) -> Result:
        return self._cells["imitation" if memory else "imitation without memory", seed, None]

    def of(self, variant: str, cost: float) -> dict[int, Result]:
        """By seed."""
        return {seed: cell for (name, seed, at), cell in sorted(self._cells.items(), key=str)
                if name == variant and at == cost}  # fmt: skip

    @property
    def costs(self) -> list[float]:
        return sorted({cost for _, _, cost in self._cells if cost is not None})

    def best_constant(self, seed: int, cost: float) -> tuple[str, Rows]:
        """The best of imitation, never asking and always asking on these streams."""
        start = self.imitation(seed)
        choices = {"imitation": start["greedy"], "never": start["never"], "always": start["always"]}
        name = max(choices, key=lambda name: score(choices[name], cost))
        return name, choices[name]

    def best_threshold(self, seed: int, cost: float) -> tuple[float, Rows]:
        """The confidence below which asking would have been best on these very streams."""
        rows = self.imitation(seed)["thresholds"]
        best = max(rows, key=lambda name: score(rows[name], cost))
        return float(best), rows[best]


def score(rows: Rows, cost: float) -> float:
    """Total score: accuracy minus the cost of advice."""
    return statistics.fmean(row[3] - cost * row[4] for row in rows)


def asks(rows: Rows) -> float:
    return statistics.fmean(row[4] > 0 for row in rows) if rows else math.nan


def paired(rows: Rows, other: Rows, cost: float) -> tuple[float, float]:
    """Mean difference of total score and its standard error, clustered by stream."""
    by_stream: dict[str, list[float]] = defaultdict(list)
    for row, base in zip(rows, other, strict=True):
        by_stream[row[0]].append((row[3] - cost * row[4]) - (base[3] - cost * base[4]))
    means = [statistics.fmean(values) for values in by_stream.values()]
    return statistics.fmean(means), statistics.stdev(means) / math.sqrt(len(means))


def tables(results: Sequence[Result]) -> str:
    """Everything as Markdown."""
    seen = Results(results)
    parts = [_imitation(seen), _summary(seen), _main(seen), _kinds(seen), _variants(seen)]
    return "\n\n".join(part for part in parts if part)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _imitation(seen: Results) -> str:
    rows = []
    for seed in seen.seeds:
        cell = seen.imitation(seed)
        looks = cell["looks"]
        kinds = [f"{statistics.fmean(row[3] for row in _of(cell['greedy'], kind)):.3f}" for kind in KINDS]
        rows.append([str(seed), f"{cell['parameters']:,}", f"{cell['seconds']:.0f}", f"{looks[-1][0]}",
                     f"{max(look[2] for look in looks):.3f}", *kinds])  # fmt: skip
    header = ("seed", "parameters", "seconds", "steps", "held-out actions right", *(f"right: {kind}" for kind in KINDS))
    return "### Imitation (greedy, advice never sought unless it says so)\n\n" + _table(header, rows)


def _summary(seen: Results) -> str:
    rows = []
    for cost in seen.costs:
        cells = seen.of("ppo", cost)
        bases = {seed: seen.best_constant(seed, cost)[1] for seed in cells}
        unsure = {seed: seen.best_threshold(seed, cost)[1] for seed in cells}
        above = [paired(cell["greedy"], bases[seed], cost)[0] for seed, cell in cells.items()]
        if not cells:
            continue
        rows.append([f"{cost:g}", str(len(cells)), _spread([score(base, cost) for base in bases.values()]),
                     _spread([score(cell["greedy"], cost) for cell in cells.values()]),
                     _spread([asks(cell["greedy"]) for cell in cells.values()]), _signed(above), f"{min(above):+.3f}",
                     _signed([paired(cell["greedy"], unsure[seed], cost)[0] for seed, cell in cells.items()]),
                     _spread([score(cell["sampled"], cost) for cell in cells.values()])])  # fmt: skip
    header = ("c", "seeds", "best of imitation, never, always", "PPO", "asks", "PPO above it", "the least seed",
              "above the best confidence threshold, in hindsight", "PPO, sampled")  # fmt: skip
    return "### Total score, mean and standard deviation over seeds\n\n" + _table(header, rows)


def _main(seen: Results) -> str:
    rows = []
    for cost in seen.costs:
        differences = []
        for seed, cell in seen.of("ppo", cost).items():
            name, base = seen.best_constant(seed, cost)
            difference, error = paired(cell["greedy"], base, cost)
            threshold, unsure = seen.best_threshold(seed, cost)
            behind, behind_error = paired(cell["greedy"], unsure, cost)
            differences.append(difference)
            rows.append([f"{cost:g}", str(seed), f"{score(base, cost):.3f} ({name})",
                         f"{score(cell['greedy'], cost):.3f}", f"{asks(cell['greedy']):.3f}",
                         f"{score(cell['sampled'], cost):.3f}", f"{asks(cell['sampled']):.3f}",
                         f"{difference:+.3f} ({error:.3f})",
                         f"{score(unsure, cost):.3f} (below {threshold:g})", f"{behind:+.3f} ({behind_error:.3f})",
                         f"{cell['seconds']:.0f}"])  # fmt: skip
        if differences:
            rows.append([f"**{cost:g}**", "**mean**", "", "", "", "", "", f"**{_signed(differences)}**", "", "", ""])
    header = ("c", "seed", "best constant", "PPO", "asks", "PPO, sampled", "asks, sampled", "difference (SE)",
              "best confidence threshold, in hindsight", "difference (SE)", "seconds")  # fmt: skip
    return "### PPO against the best of imitation, never and always asking\n\n" + _table(header, rows)


def _kinds(seen: Results) -> str:
    rows = []
    for cost in seen.costs:
        cells = list(seen.of("ppo", cost).values())
        for kind in (*KINDS, *AGAIN) if cells else ():
            parts = [_of(_told_apart(cell["greedy"]) if kind in AGAIN else cell["greedy"], kind) for cell in cells]
            answering = [[row for row in part if not row[4]] for part in parts]
            rows.append([f"{cost:g}", kind, _spread([asks(part) for part in parts]),
                         _spread([statistics.fmean(row[3] for row in part) for part in answering if part]),
                         _spread([statistics.fmean(row[5] for row in part) for part in parts if part])])  # fmt: skip
    header = ("c", "kind", "advice rate", "accuracy when answering", "memory read")
    return "### By kind of question\n\n" + _table(header, rows)


def _variants(seen: Results) -> str:
    rows = []
    for cost in seen.costs:
        tried = [name for name in VARIANTS if seen.of(name, cost)]
        for name in tried if len(tried) > 1 else ():
            cells, full = seen.of(name, cost), seen.of("ppo", cost)
            shared = sorted(cells.keys() & full.keys())
            if not shared:
                continue
            differences = [paired(cells[seed]["greedy"], full[seed]["greedy"], cost)[0] for seed in shared]
            early = [asks([row for row in cells[seed]["greedy"] if row[1] < 8]) for seed in shared]
            late = [asks([row for row in cells[seed]["greedy"] if row[1] >= 16]) for seed in shared]
            scores = [score(cells[seed]["greedy"], cost) for seed in shared]
            rows.append([name, f"{cost:g}", str(len(shared)), _spread(scores), _signed(differences),
                         _spread(early), _spread(late)])  # fmt: skip
    header = ("variant", "c", "seeds", "total score", "against ppo, paired", "asks, first 8 of 24", "asks, last 8")
    return "### Parts taken away or exchanged\n\n" + _table(header, rows)


@cache
def _subjects() -> Mapping[tuple[str, int], tuple[str, str]]:
    """What each opinion question of the evaluation is about, by stream and place."""
    streams = shop.streams(EVALUATION, seed="evaluation").streams()
    return {
        (stream, place): (task.metadata["name"], task.metadata["topic"])
        for stream, tasks in streams.items()
        for place, task in enumerate(tasks)
        if task.metadata["kind"] == "opinion"
    }


def _told_apart(rows: Rows) -> Rows:
    """Opinions that come again by whether an expert was asked before, so that memory can know."""
    asked: set[tuple[str, tuple[str, str]]] = set()
    told = []
    for stream, place, kind, right, advice, read in sorted(rows, key=lambda row: (row[0], row[1])):
        subject = (stream, _subjects().get((stream, place), ("", "")))
        told.append((stream, place, AGAIN[subject not in asked] if kind == KINDS[3] else kind, right, advice, read))
        if advice:
            asked.add(subject)
    return told


def _of(rows: Rows, kind: str) -> list[Sequence[Any]]:
    return [row for row in rows if row[2] == kind]


def _spread(values: Sequence[float]) -> str:
    """Mean and standard deviation over seeds."""
    values = [value for value in values if not math.isnan(value)]
    if not values:
        return "–"
    return _signed(values) if min(values) < 0 else _signed(values).removeprefix("+")


def _signed(values: Sequence[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):+.3f} ± {deviation:.3f}"


def plots(results: Sequence[Result], folder: Path) -> list[Path]:
    """Curves of training, and how asking falls as a stream goes on."""
    seen = Results(results)
    found = [_curves(seen, folder / "training.png")]
    compared = [cost for cost in seen.costs if all(seen.of(name, cost) for name in OBJECTIVES)]
    if compared:
        found.append(_asking(seen, compared, folder / "asking.png"))
    return found


def _curves(seen: Results, path: Path) -> Path:
    figure, save = _figure(path, 4.2 * len(seen.costs))
    for axes, cost in zip(figure.subplots(1, len(seen.costs), squeeze=False)[0], seen.costs, strict=True):
        for seed, cell in seen.of("ppo", cost).items():
            points = [(row["rollouts"], row["validation_reward"]) for row in cell["history"]
                      if "validation_reward" in row]  # fmt: skip
            axes.plot(*zip(*points, strict=True), color="C0", alpha=0.7, label="PPO, validation" if not seed else None)
        constant = statistics.fmean(score(seen.best_constant(seed, cost)[1], cost) for seed in seen.seeds)
        unsure = statistics.fmean(score(seen.best_threshold(seed, cost)[1], cost) for seed in seen.seeds)
        axes.axhline(constant, color="0.4", linestyle="--", label="best constant policy")
        axes.axhline(unsure, color="C1", linestyle=":", label="best confidence threshold")
        axes.set_title(f"advice costs {cost:g}")
        axes.set_xlabel("rollouts")
        axes.set_ylabel("total score")
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=3)
    return save()


def _asking(seen: Results, costs: Sequence[float], path: Path) -> Path:
    figure, save = _figure(path, 4.8 * len(costs))
    for axes, cost in zip(figure.subplots(1, len(costs), squeeze=False, sharey=True)[0], costs, strict=True):
        for name, label in OBJECTIVES.items():
            streams = [cell["greedy"] for cell in seen.of(name, cost).values()]
            places = sorted({row[1] // 3 for rows in streams for row in rows})
            rates = [statistics.fmean(asks([row for row in rows if row[1] // 3 == place]) for rows in streams)
                     for place in places]  # fmt: skip
            axes.plot([3 * place + 2 for place in places], rates, marker="o", markersize=3, label=label)
        axes.set_title(f"advice costs {cost:g}")
        axes.set_xlabel("question of the stream, in threes")
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].set_ylabel("advice rate")
    figure.axes[0].legend(frameon=False)
    return save()


def _figure(path: Path, width: float) -> tuple[Any, Callable[[], Path]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.8), layout="constrained")
    FigureCanvasAgg(figure)

    def save() -> Path:
        figure.savefig(path, dpi=150)
        return path

    return figure, save
