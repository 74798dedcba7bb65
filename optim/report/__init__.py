"""One self-contained page that tells a training: verdict, curve, versions, edits, use, cost, baselines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from functions.errors import ForgeError
from optim.report import charts, page, parts

if TYPE_CHECKING:
    from optim.ablation import Ablation
    from optim.baselines import Baselines
    from optim.result import Result


def write_report(
    result: Result, path: str | Path, *, ablation: Ablation | None = None, baselines: Baselines | None = None
) -> Path:
    """Write the page; nothing in it is loaded from elsewhere.

    Raises:
        ForgeError: the file cannot be written.
    """
    sections = [
        parts.verdict(result),
        ("Learning curve", charts.learning_curve(result)),
        ("Versions", charts.tree(result)),
        ("Edits", parts.edits(result)),
        ("Functions", parts.functions(result, ablation)),
        ("Cost", parts.cost(result)),
        ("What the same tokens buy without training", parts.equal_tokens(result, baselines)),
        ("Free filters", parts.filters(result)),
    ]
    text = page.page(f"Training of {result.measured.name}", sections)
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ForgeError(f"cannot write {path}: {error.strerror}") from error
    return Path(path)
