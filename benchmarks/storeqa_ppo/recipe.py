"""What is trained and how: the settings of imitation and PPO, and what each ablation changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import forge
import rl
from benchmarks.storeqa_ppo import shop

COSTS = (0.1, 0.3, 0.5)
ABLATED_AT = 0.3  # the cost at which parts are taken away
DEMONSTRATIONS, TRAIN, VALIDATION, EVALUATION = 1_200, 1_300, 80, 90  # streams of 24 questions
ROLLOUTS = 30_000

IMITATION = rl.Imitation(epochs=3, batch=64, learning_rate=2e-3, patience=4, least_accuracy=0.8)
PPO = rl.PPO(
    batch=600,
    minibatch=128,
    epochs=2,
    learning_rate=1e-3,
    value_learning_rate=3e-3,
    detach_value=True,
    gamma=1.0,
    lam=1.0,
    advantages="scale",
    learn="choices",
    kl=rl.KL((0.2, 0.02), estimator="imitation", on="all"),
    critic_warmup=2,
    validate_every=5,
)
CHOICES = rl.Sampling(greedy_arguments=True)  # what to do is drawn, what to write is not


# What PPO begins with, and what it remembers in.
STARTS: Mapping[str, bool | forge.Memory] = {
    "imitation": True,
    "imitation without memory": False,
    "imitation with memory by words": forge.Memory(),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to train, and at which costs and with how many policy seeds it is tried."""

    ppo: rl.PPO = PPO
    sessions: Any = rl.FittedValue(threshold=shop.SAME, embed=shop.embed)  # a session objective, or None
    sampling: rl.Sampling = CHOICES
    start: str = "imitation"
    costs: tuple[float, ...] = (ABLATED_AT,)
    seeds: int = 3


VARIANTS: Mapping[str, Variant] = {
    "ppo": Variant(costs=COSTS, seeds=5),
    "no session value": Variant(sessions=None, costs=(0.3, 0.5), seeds=5),
    "heuristic": Variant(sessions=rl.Heuristic(beta=0.1, threshold=shop.SAME, embed=shop.embed), costs=(0.3, 0.5)),
    "stronger heuristic": Variant(
        sessions=rl.Heuristic(beta=0.3, threshold=shop.SAME, embed=shop.embed), costs=(0.3, 0.5)
    ),
    "no memory": Variant(start="imitation without memory", sessions=None),
    "memory by words": Variant(start="imitation with memory by words"),
    "every token drawn": Variant(ppo=replace(PPO, learn="all"), sampling=rl.Sampling()),
    "no KL": Variant(ppo=replace(PPO, kl=None)),
    "value through the trunk": Variant(ppo=replace(PPO, detach_value=False)),
}


def policy(seed: int) -> rl.Policy:
    """A policy from scratch."""
    return rl.Policy.tiny(shop.vocabulary(), words=True, layers=2, width=128, heads=8, max_new_tokens=24, seed=seed)


def agent(model: Any, *, cost: float = ABLATED_AT, memory: bool | forge.Memory = True) -> forge.Agent:
    return shop.agent(model, advice_cost=cost, memory=memory)
