"""Generalized advantage estimation (arXiv 1506.02438) over action tokens alone.

Executor tokens are not part of the sequences here: they are no actions, so putting some in between changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import torch


def gae(
    rewards_bt: torch.Tensor,
    values_bt: torch.Tensor,
    lengths_b: torch.Tensor,
    *,
    gamma: float = 1.0,
    lam: float = 1.0,
    bootstrap_b: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Advantages and returns of sequences that are filled up on the right.

    Args:
        rewards_bt: given after each action.
        values_bt: of the state before each action.
        lengths_b: actions in each sequence; what lies behind gets 0.
        gamma: discount a step.
        lam: 1 weighs rewards to the end, 0 one step and the next value.
        bootstrap_b: value of the state after the last action: 0 (None) where the episode ended, not where it was cut.

    Returns:
        advantages_bt, and returns_bt = advantages + values: what the values are fitted to.
    """
    steps = rewards_bt.shape[1]
    mask = torch.arange(steps, device=rewards_bt.device) < lengths_b.unsqueeze(-1)
    advantages = torch.zeros_like(values_bt)
    after = torch.zeros_like(values_bt[:, 0]) if bootstrap_b is None else bootstrap_b
    carried = torch.zeros_like(after)
    next_value = after
    for step in reversed(range(steps)):
        inside = mask[:, step]
        delta = rewards_bt[:, step] + gamma * next_value - values_bt[:, step]
        carried = torch.where(inside, delta + gamma * lam * carried, carried)
        next_value = torch.where(inside, values_bt[:, step], next_value)
        advantages[:, step] = torch.where(inside, carried, torch.zeros_like(carried))
    return advantages, torch.where(mask, advantages + values_bt, torch.zeros_like(values_bt))


def whiten(
    values_n: torch.Tensor, *, center: bool = True, summed: Callable[[torch.Tensor], torch.Tensor] | None = None
) -> torch.Tensor:
    """Divided by the standard deviation, after the mean is taken off; equal values give 0, or themselves uncentered.

    Args:
        summed: adds up a number over all processes, whose values are whitened as one.
    """
    total = summed or _alone
    count = total(torch.tensor(float(len(values_n)), dtype=torch.float64)).clamp(min=1)
    mean = total(values_n.double().sum()) / count
    spread = float((total((values_n.double() - mean).square().sum()) / count).sqrt())
    shifted = values_n - mean.to(values_n.dtype) if center else values_n
    return shifted / (spread + 1e-8) if spread > 1e-8 else shifted


def _alone(value: torch.Tensor) -> torch.Tensor:
    return value
