"""What a training of weights hands over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from forge.agent import Agent
from forge.evaluate import Comparison, Evaluation
from functions.errors import ForgeError
from rl.policy import Policy

StopReason = Literal["done", "interrupted"]


@dataclass(frozen=True)
class PPOResult:
    """The agent with the policy that did best on the validation streams, and how it got there.

    `baseline` and `validation` are greedy evaluations of the first and of that policy there, None without validation
    streams. Since the best is chosen by them, judge it on others. `history` has the figures of every update.
    """

    agent: Agent
    baseline: Evaluation | None
    validation: Evaluation | None
    comparison: Comparison | None
    history: tuple[Mapping[str, float], ...]
    best_update: int  # 0 is the policy that training began with
    stop: StopReason
    rollouts: int
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def policy(self) -> Policy:
        policy: Policy = self.agent.model
        return policy

    @property
    def score(self) -> float | None:
        """Total score on the validation streams: accuracy minus the cost of advice."""
        return None if self.validation is None else self.validation.reward

    @property
    def interval(self) -> tuple[float, float] | None:
        """A 95% interval for the mean total score, over streams."""
        return None if self.validation is None else self.validation.reward_interval

    def plot(self, path: str | Path) -> Path:
        """Draw reward, advice rate and divergence over the updates, as a PNG.

        Raises:
            ForgeError: no update was made, or the file cannot be written.
        """
        if not self.history:
            raise ForgeError("there is nothing to draw: no update was made")
        from rl.plot import training_curves

        return training_curves(path, self.history)
