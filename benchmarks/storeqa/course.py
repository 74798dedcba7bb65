"""StoreQA for both regimes: which streams are for what, and how a policy from random weights is trained on them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import forge
from benchmarks.bench.course import TOGETHER, Recipe, device
from benchmarks.storeqa.assistant import SAME, agent, embed
from benchmarks.storeqa.demonstrator import Demonstrator
from benchmarks.storeqa.oracle import Oracle
from benchmarks.storeqa.streams import streams, texts
from forge.session import Session
from functions import Library

if TYPE_CHECKING:
    import rl

COST = 0.3
VOCABULARY, LAYERS, WIDTH, HEADS, NEW_TOKENS = 800, 2, 96, 3, 40
# Demonstrations have more of what must be copied from the question than there is in a stream.
SHOWN = {"look-up": 0.4, "search": 0.15, "computation": 0.2, "opinion": 0.15, "rule": 0.1}
WORTH_PRACTICE = 5_000  # demonstrations; practising copying takes longer than to imitate fewer
SHORT = 10  # questions a stream where functions are forged: they remember nothing, and many streams certify sooner


@dataclass(frozen=True, slots=True)
class StoreCourse:
    """Args:
    demonstrated, trained, validated, tested: streams of 50 questions.
    rollouts: of PPO.
    policy_path: a folder or hub id of a causal language model; None is a small policy from scratch.
    """

    demonstrated: int = 900
    trained: int = 600
    validated: int = 20
    tested: int = 40
    rollouts: int = 15_000
    policy_path: str | None = None
    name: str = "storeqa"

    def agent(self, model: Any, cost: float | None) -> forge.Agent:
        return agent(model, advice_cost=COST if cost is None else cost)

    def function_tasks(self, seed: int) -> tuple[forge.Dataset, forge.Dataset | None]:
        return (
            streams(60, seed=f"functions-{seed}", length=SHORT),
            streams(100, seed=f"functions-{seed}", split="validation", length=SHORT),
        )

    def demonstrations(self, agent: forge.Agent, seed: int) -> tuple[Session, ...]:
        tasks = streams(self.demonstrated, seed=f"demonstrations-{seed}", shares=SHOWN)
        shown = forge.evaluate(replace(agent, model=Demonstrator(tasks)), tasks, seed=seed, concurrency=TOGETHER)
        return tuple(session for session in shown.sessions if session.score == 1)

    def weight_tasks(self, seed: int) -> tuple[forge.Dataset, forge.Dataset]:
        return (
            streams(self.trained, seed=f"ppo-{seed}"),
            streams(min(self.validated, self.tested), seed=f"ppo-{seed}", split="validation"),
        )

    def test(self) -> forge.Dataset:
        return streams(self.tested, seed="test", split="test")

    def policy(self, library: Library, demonstrations: tuple[Session, ...], seed: int) -> rl.Policy:
        import rl

        if self.policy_path is not None:
            return rl.Policy.from_pretrained(self.policy_path, functions=library.names, seed=seed)
        calls = (call for session in demonstrations[:5_000] for call, _ in session.calls)
        shown = [*texts(), *(json.dumps(call.arguments) for call in calls if len(call.arguments) > 1)]
        policy = rl.Policy.tiny(
            shown,
            layers=LAYERS,
            width=WIDTH,
            heads=HEADS,
            tied=True,
            copying=len(demonstrations) > WORTH_PRACTICE,
            vocabulary=VOCABULARY,
            max_new_tokens=NEW_TOKENS,
            seed=seed,
        )
        return policy.to(device())

    def imitation(self, demonstrations: int) -> rl.Imitation:
        import rl

        rate = 3e-3 if self.policy_path is None else 1e-5
        return rl.Imitation(epochs=1.6, batch=16, learning_rate=rate, every=200, patience=4, least_accuracy=0.8)

    def recipe(self) -> Recipe:
        import rl

        scratch = self.policy_path is None
        return Recipe(
            rl.PPO(
                batch=600, minibatch=128, epochs=2, learning_rate=1e-3 if scratch else 1e-6,
                value_learning_rate=3e-3 if scratch else 1e-3, detach_value=True,
                gamma=1.0, lam=1.0, advantages="scale", learn="choices",
                kl=rl.KL(0.4, estimator="imitation", on="all"), critic_warmup=2, validate_every=5,
            ),
            rl.Sampling(greedy_arguments=True),
            # A value fitted to what agents do has a trap here: asking about what is nearly sure pays while later
            # sessions would ask about it, too. The paper's heuristic looks at what comes back, not at what they do.
            rl.Heuristic(beta=0.1, threshold=SAME, embed=embed),
            self.rollouts,
        )  # fmt: skip

    def oracle(self, cost: float) -> Any:
        return Oracle(self.test(), cost)
