"""Training curves as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from functions.errors import ForgeError

PANELS = (
    ("total score", ("reward", "validation_reward")),
    ("right, and advice sought", ("score", "advice_rate")),
    ("divergence (nats a token)", ("kl", "kl_reference", "kl_old")),
)
LABELS = {
    "reward": "training, sampled",
    "validation_reward": "validation, greedy",
    "score": "right",
    "advice_rate": "advice rate",
    "kl": "from the first policy",
    "kl_reference": "from the first policy (drawn tokens)",
    "kl_old": "within an update",
}


def training_curves(path: str | Path, history: Sequence[Mapping[str, float]]) -> Path:
    """Three panels over rollouts: total score, shares, divergences.

    Raises:
        ForgeError: the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, names) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
        for name in names:
            points = [(row["rollouts"], row[name]) for row in history if name in row]
            if points:
                marker = "o" if name.startswith("validation") else None
                axes.plot(*zip(*points, strict=True), label=LABELS[name], marker=marker, markersize=4, linewidth=1.4)
        axes.set_title(title)
        axes.set_xlabel("rollouts")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    target = Path(path)
    try:
        figure.savefig(target, dpi=150)
    except (OSError, ValueError) as error:
        raise ForgeError(f"cannot write {target}: {error}") from error
    return target
