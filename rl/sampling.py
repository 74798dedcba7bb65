"""How the next token is drawn, and the log-probability of the distribution that it was drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rl.settings import require_number

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True, slots=True)
class Sampling:
    """Args:
    temperature: logits are divided by it; 0 takes the likeliest token.
    top_p: draw from the likeliest tokens that hold this much probability together (arXiv 1904.09751).
    greedy_arguments: draw only what chooses the function (a plan and its name); take the likeliest tokens after that.

    Raises:
        ForgeError: a value out of range.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    greedy_arguments: bool = False

    def __post_init__(self) -> None:
        require_number("Sampling", self, "temperature", 0.0)
        require_number("Sampling", self, "top_p", 1e-12, 1.0)


GREEDY = Sampling(temperature=0.0)


def draw(
    logits_bv: torch.Tensor, noise_b: torch.Tensor, sampling: Sampling, greedy_b: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and their log-probabilities under the distribution that was sampled: 0 where nothing was left to luck.

    Args:
        logits_bv: of the next token; -inf where a token is not allowed.
        noise_b: uniform in [0, 1), one number a row.
        greedy_b: rows that take the likeliest token.
    """
    import torch

    likeliest = logits_bv.argmax(-1)
    if sampling.temperature == 0 or (greedy_b is not None and bool(greedy_b.all())):
        return likeliest, torch.zeros(len(likeliest), device=logits_bv.device)
    log_probs = torch.log_softmax(logits_bv.float() / sampling.temperature, -1)
    if sampling.top_p < 1:
        log_probs = _nucleus(log_probs, sampling.top_p)
    cumulative = log_probs.exp().double().cumsum(-1)
    point = noise_b.double() * cumulative[:, -1]  # the sum is 1 but for rounding
    ids = torch.searchsorted(cumulative, point.unsqueeze(-1), right=True).squeeze(-1)
    ids = ids.clamp(max=logits_bv.shape[-1] - 1)
    chosen = log_probs.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
    if greedy_b is None:
        return ids, chosen
    return torch.where(greedy_b, likeliest, ids), torch.where(greedy_b, torch.zeros_like(chosen), chosen)


def _nucleus(log_probs: torch.Tensor, top_p: float) -> torch.Tensor:
    import torch

    ordered, places = log_probs.sort(descending=True, dim=-1)
    before = ordered.exp().cumsum(-1) - ordered.exp()
    cut = torch.zeros_like(log_probs, dtype=torch.bool).scatter(-1, places, before >= top_p)
    return torch.log_softmax(log_probs.masked_fill(cut, float("-inf")), -1)


_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def uniforms(seeds: Sequence[int], count: int) -> np.ndarray:
    """Random numbers in [0, 1), rows by count, that depend on each row's seed alone: SplitMix64 (Steele et al., 2014).

    Keyed by session and turn, so that neither the batch nor its order decides what is drawn.
    """
    import numpy as np

    with np.errstate(over="ignore"):
        start = _mixed(np.array([seed % 2**64 for seed in seeds], dtype=np.uint64) + np.uint64(_GOLDEN))
        state = start[:, None] + np.arange(1, count + 1, dtype=np.uint64)[None, :] * np.uint64(_GOLDEN)
        numbers: np.ndarray = (_mixed(state) >> np.uint64(11)) * (1.0 / 2**53)
    return numbers


def _mixed(state: np.ndarray) -> np.ndarray:
    import numpy as np

    state = (state ^ (state >> np.uint64(30))) * np.uint64(_FIRST)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(_SECOND)
    mixed: np.ndarray = state ^ (state >> np.uint64(31))
    return mixed
