"""Made-up cells of a bench, for its report: what a training may look like, drawn by seed."""

import json
import random
from pathlib import Path

from benchmarks.bench.outcome import Answered, Cell, Outcome

POLICY, ROUTER = "policy of 640,000 weights", "router, no LLM"
KINDS = ("attribute", "computation", "opinion", "rule", "search")
# regime: model, right when answering, share of opinions asked about at first, rollouts, validation from and to
REGIMES = {
    "base": (ROUTER, 0.35, 0.0, 0, None),
    "forge": (ROUTER, 0.62, 0.0, 1600, (0.35, 0.62)),
    "sft": (POLICY, 0.70, 0.3, 0, None),
    "ppo": (POLICY, 0.78, 0.7, 30_000, (0.66, 0.80)),
    "forge+ppo": (POLICY, 0.80, 0.7, 31_600, (0.68, 0.82)),
    "ppo+forge": (POLICY, 0.78, 0.7, 31_600, None),
    "never asks": (POLICY, 0.68, 0.0, 0, None),
    "always asks": (POLICY, 1.0, 1.0, 0, None),
    "oracle": ("the rules of the shop", 0.97, 0.5, 0, None),
}


def outcome(regime, seed=0, *, cost=0.3, without="", first=None, streams=12, length=24, dataset="storeqa"):
    """One cell: asking falls along the stream and with the cost; an ablation loses a little."""
    model, right, asks, rollouts, climb = REGIMES[regime]
    draw = random.Random(f"{regime} {seed} {without}")
    right = right - 0.08 * bool(without) + draw.gauss(0, 0.015) * (regime not in ("oracle", "always asks"))
    tasks = []
    for stream in range(streams):
        for place in range(length):
            kind = random.Random(f"{stream} {place}").choice(KINDS)
            wish = asks if regime == "always asks" else asks * (kind == "opinion") * (1.2 - cost) * (1 - place / 40)
            asked = draw.random() < wish
            score = float(asked or draw.random() < right - 0.1 * (kind == "opinion"))
            tasks.append(Answered(f"{stream}-{place}", f"shop {stream}", place, kind, score, int(asked)))
    curve = ()
    if climb:
        low, high = climb
        steps = 16
        begin = 1600 if regime == "forge+ppo" else 0  # forging before it
        curve = tuple((begin + (rollouts - begin) * step / steps,
                       low + (high - low) * (1 - 0.75**step) + draw.gauss(0, 0.01))
                      for step in range(steps + 1))  # fmt: skip
    return Outcome(
        cell=Cell(dataset, regime, without, cost, first, seed),
        model=model,
        functions=("unit_price", "total_of") if "forge" in regime else (),
        tasks=tuple(tasks),
        rollouts=rollouts,
        demonstrations=0 if model is ROUTER else 28_800,
        tokens=rollouts * 41,
        usd=0.0,
        seconds=rollouts / 110 + draw.random(),
        cpu_seconds=rollouts / 60,
        gpu_seconds=0.0,
        curve=curve,
        notes=(f"{regime} was drawn, not trained",),
    )


def bench(seeds=5):
    """All regimes, the ablations of one, and a sweep."""
    cells = [outcome(regime, seed) for regime in REGIMES for seed in range(seeds)]
    cells += [outcome("ppo", seed, without=part) for part in ("memory", "advice", "tools") for seed in range(seeds)]
    cells += [outcome("ppo", seed, first=200) for seed in range(seeds)]
    costs = (0.1, 0.2, 0.4, 0.5)
    cells += [outcome(regime, seed, cost=cost) for regime in ("ppo", "always asks") for cost in costs
              for seed in range(seeds)]  # fmt: skip
    return cells


def saved(folder: Path, outcomes, **more):
    """A bench folder with these cells."""
    for each in outcomes:
        each.save(folder / "cells")
    about = {"dataset": "storeqa", "commands": ["forge bench storeqa --seeds 5"], "versions": {"forge": "0.1.0"}}
    (folder / "bench.json").write_text(json.dumps(about | more))
    return folder
