"""The terms of PPO's loss (arXiv 1707.06347), one number a token; pure functions of tensors."""

from __future__ import annotations

from typing import Literal

import torch

Estimator = Literal["k1", "k2", "k3", "exact", "imitation"]


def policy_loss(
    log_probs_n: torch.Tensor,
    old_log_probs_n: torch.Tensor,
    advantages_n: torch.Tensor,
    *,
    clip: float,
    dual_clip: float | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The clipped surrogate, to be minimised, and which tokens were clipped.

    Args:
        dual_clip: for negative advantages the loss grows to this many times their size at most (arXiv 1912.09729).
    """
    ratio = (log_probs_n - old_log_probs_n).exp()
    free = ratio * advantages_n
    held = ratio.clamp(1 - clip, 1 + clip) * advantages_n
    surrogate = torch.minimum(free, held)
    clipped = held < free
    if dual_clip is not None:
        floor = dual_clip * advantages_n
        below = (advantages_n < 0) & (surrogate < floor)
        surrogate, clipped = torch.where(below, floor, surrogate), clipped | below
    return -surrogate, clipped


def value_loss(
    values_n: torch.Tensor, returns_n: torch.Tensor, old_values_n: torch.Tensor, *, clip: float | None = None
) -> torch.Tensor:
    """Half the squared error; with `clip` the worse of it and that of a value held near the old one."""
    loss = (values_n - returns_n).square()
    if clip is not None:
        held = old_values_n + (values_n - old_values_n).clamp(-clip, clip)
        loss = torch.maximum(loss, (held - returns_n).square())
    return 0.5 * loss


def entropy(logits_nv: torch.Tensor) -> torch.Tensor:
    """Of the distribution over the vocabulary, in nats."""
    log_probs = torch.log_softmax(logits_nv, -1)
    return -(log_probs.exp() * log_probs.clamp(min=torch.finfo(log_probs.dtype).min)).sum(-1)


def sampled_kl(log_probs_n: torch.Tensor, reference_n: torch.Tensor, estimator: Estimator) -> torch.Tensor:
    """An estimate of KL(policy || reference) from each drawn token (Schulman, "Approximating KL divergence", 2020).

    k1 is unbiased and may be negative, k2 has the right gradient, k3 is unbiased and never negative.
    """
    difference = reference_n - log_probs_n
    if estimator == "k1":
        return -difference
    if estimator == "k2":
        return 0.5 * difference.square()
    return difference.exp() - 1 - difference


def exact_kl(logits_nv: torch.Tensor, reference_nv: torch.Tensor, *, forward: bool = False) -> torch.Tensor:
    """KL(policy || reference) over the whole vocabulary; `forward`: KL(reference || policy), which imitates it."""
    log_probs, reference = torch.log_softmax(logits_nv, -1), torch.log_softmax(reference_nv, -1)
    if forward:
        log_probs, reference = reference, log_probs
    terms = log_probs.exp() * (log_probs - reference)
    return torch.where(log_probs.exp() > 0, terms, torch.zeros_like(terms)).sum(-1)


def importance(old_log_probs_n: torch.Tensor, rollout_n: torch.Tensor, *, cap: float) -> torch.Tensor:
    """How much more likely the learner finds what the engine drew, capped: 1 where both agree (truncated importance
    sampling)."""
    return (old_log_probs_n - rollout_n).exp().clamp(max=cap)
