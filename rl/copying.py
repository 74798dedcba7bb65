"""Practice at copying, for random weights: random tokens, said again and again."""

from __future__ import annotations

import math
import warnings
from collections import deque
from typing import Any

import torch

from functions.errors import ForgeError

BATCH, SHORTEST, LONGEST, TIMES = 32, 8, 16, 3  # sequences a step; how many tokens are said, and how often
COPIED, WINDOW = 0.5, 20  # nats a token that is said again, on average over so many steps
MOST_STEPS = 3_000
WARM_UP = 50


def practise_copying(causal: Any, seed: int = 0) -> int:
    """Train a causal language model in place to say random tokens again, until it can.

    Attention that finds what followed a token earlier (an induction head: Olsson et al. 2022, arXiv 2209.11895) forms
    suddenly and late, or by bad luck not at all, where few tokens show that it is needed. Here nearly all of them do.

    Args:
        causal: a model of transformers with random weights, trained on the device where it lies.
        seed: of the tokens.

    Returns:
        How many optimizer steps it took: some hundred for two layers, and at most 3,000; it warns where the model does
        not copy by then.

    Raises:
        ForgeError: the model has one layer, and what finds and what is found need one each; or the loss is no number.
    """
    if causal.config.num_hidden_layers < 2:
        raise ForgeError("practice at copying needs two layers at least: give layers=2, or copying=False")
    vocabulary = causal.config.vocab_size
    longest = min(LONGEST, vocabulary)
    rate = min(3e-3, 0.3 / causal.config.hidden_size)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(causal.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
    recent: deque[float] = deque(maxlen=WINDOW)
    step = 0
    causal.train()
    while len(recent) < WINDOW or sum(recent) / WINDOW > COPIED:
        if step == MOST_STEPS:
            warnings.warn(f"after {step:,} steps of practice the model does not copy ({sum(recent) / WINDOW:.2f} nats a"
                          " token), and what is copied from questions and tools may be learned late or not at all: try "
                          "tied=True, heads of 32 dimensions, or another seed", stacklevel=3)  # fmt: skip
            break
        step += 1
        count = int(torch.randint(min(SHORTEST, longest), longest + 1, (), generator=generator))
        rows = [torch.randperm(vocabulary, generator=generator)[:count] for _ in range(BATCH)]
        ids = torch.stack(rows).repeat(1, TIMES).to(causal.device)
        logits = causal(input_ids=ids).logits[:, count:-1]  # what is said first cannot be foretold
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, count + 1 :].flatten())
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, step / WARM_UP)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(causal.parameters(), 1.0)
        optimizer.step()
        recent.append(float(loss.detach()))
        if not math.isfinite(recent[-1]):
            raise ForgeError(f"practice at copying diverged at step {step} (loss {recent[-1]}): give another seed, or "
                             "copying=False")  # fmt: skip
    causal.eval()
    return step
