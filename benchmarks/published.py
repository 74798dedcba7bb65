"""Figures that papers report, beside which ours stand."""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """One row of a paper's table; its source stands where it is written down.

    Args:
        score: what the paper compares by: accuracy, or total score where advice costs.
    """

    score: float
    accuracy: float | None = None
    advice_rate: float | None = None
