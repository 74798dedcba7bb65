"""Figures that papers report, beside which ours stand."""

from __future__ import annotations

from typing import NamedTuple

AGENT_OPTIMIZER = "AgentOptimizer, arXiv 2402.11359"
AGILE = "AGILE, arXiv 2405.14751"


class Published(NamedTuple):
    """One row of a paper's table.

    Args:
        score: what the paper compares by: accuracy, or total score where advice costs.
        source: the paper, or the repository and its file.
    """

    score: float
    source: str
    accuracy: float | None = None
    advice_rate: float | None = None
