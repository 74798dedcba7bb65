"""ProductQA for both regimes: which streams are for what, and how a policy from random weights is trained on them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import forge
from benchmarks import productqa, productqa_short
from benchmarks.bench.course import TOGETHER, Recipe, device
from benchmarks.productqa_demonstrator import Demonstrator, pieces, worth_imitating
from forge.session import Session
from forge.task import Task
from functions import Library

if TYPE_CHECKING:
    import rl

COST = 0.3
NEW_TOKENS = 96
CONTEXT = {True: 512, False: 2048}  # of a policy from scratch, on shortened tasks and on others
KNOWN = 20_000  # demonstrations that its tokenizer is trained on


@dataclass(frozen=True, slots=True)
class Size:
    """Of a policy from scratch, with what learning takes at that size.

    Args:
        vocabulary: tokens.
        imitation_rate, ppo_rate: learning rates.
        epochs, batch: of imitation; segments an optimizer step.
        streams: played for an update of PPO.
        rollouts: of PPO.
    """

    layers: int
    width: int
    heads: int
    vocabulary: int
    imitation_rate: float
    ppo_rate: float
    epochs: int
    batch: int
    streams: int
    rollouts: int
    precision: Literal["fp32", "bf16"]


SMALL = Size(4, 128, 4, 2048, 2e-3, 1e-3, epochs=1, batch=16, streams=2, rollouts=4_000, precision="fp32")  # 1.1M
LARGE = Size(12, 1024, 16, 4096, 3e-4, 2e-5, epochs=3, batch=64, streams=16, rollouts=32_000, precision="bf16")  # 155M


@dataclass(frozen=True)
class ProductCourse:
    """Args:
    demonstrated, trained: questions of the train groups, as whole streams of about `length`. PPO plays streams that
        were not demonstrated, where the policy knows no answer by heart. None: four fifths are demonstrated, and PPO
        plays the rest.
    tested: the first questions of each test group; None is all of them.
    validated: questions on which PPO's policies are looked at, of a tenth that is for nothing else.
    rollouts: of PPO; None is the recipe's.
    policy_path: a folder or hub id of a causal language model; None is a policy from scratch.
    short: tasks as in `benchmarks.productqa_short`, for a policy from scratch.
    size: of a policy from scratch; None is large where there is a CUDA GPU, else small.
    folder: of the data set; None is wherever its files are found.
    """

    demonstrated: int | None = None
    trained: int | None = None
    tested: int | None = None
    validated: int = 300
    rollouts: int | None = None
    policy_path: str | None = None
    short: bool = True
    size: Size | None = None
    length: int = 100
    folder: Path | None = None
    name: str = "productqa"

    def agent(self, model: Any, cost: float | None) -> forge.Agent:
        make = productqa_short.agent if self.short else productqa.agent
        return make(model, advice_cost=COST if cost is None else cost)

    def function_tasks(self, seed: int) -> tuple[forge.Dataset, forge.Dataset | None]:
        """What is demonstrated, and what PPO's policies are looked at on."""
        demonstrated, _, validation = self._streams(seed)
        return self._dataset(demonstrated), self._dataset(validation)

    def demonstrations(self, agent: forge.Agent, seed: int) -> tuple[Session, ...]:
        tasks, _ = self.function_tasks(seed)
        model = Demonstrator(tasks, short=self.short)
        shown = forge.evaluate(replace(agent, model=model), tasks, seed=seed, concurrency=TOGETHER)
        return tuple(session for session in shown.sessions if worth_imitating(session))

    def weight_tasks(self, seed: int) -> tuple[forge.Dataset, forge.Dataset]:
        _, played, validation = self._streams(seed)
        return self._dataset(played), self._dataset(validation)

    def test(self) -> forge.Dataset:
        """The six test groups, each a stream in its order."""
        return self._test

    def policy(self, library: Library, demonstrations: tuple[Session, ...], seed: int) -> rl.Policy:
        import rl

        if self.policy_path is not None:
            return rl.Policy.from_pretrained(self.policy_path, functions=library.names, seed=seed, max_new_tokens=256)
        size = self._size
        seen = demonstrations[:: -(-len(demonstrations) // KNOWN)]
        written = (call.text for session in seen for call, _ in session.calls)
        policy = rl.Policy.tiny(
            [*(session.question for session in seen), *(text for text in written if text)],
            layers=size.layers,
            width=size.width,
            heads=size.heads,
            tied=True,
            context=CONTEXT[self.short],
            vocabulary=size.vocabulary,
            max_new_tokens=NEW_TOKENS,
            seed=seed,
        )
        return policy.to(device())

    def imitation(self, demonstrations: int) -> rl.Imitation:
        import rl

        size = self._size
        return rl.Imitation(
            epochs=size.epochs, batch=size.batch,
            learning_rate=size.imitation_rate if self.policy_path is None else 1e-5,
            every=200, patience=4, precision=size.precision, by_length=True,
        )  # fmt: skip

    def recipe(self) -> Recipe:
        import rl

        size, pretrained = self._size, self.policy_path is not None
        return Recipe(
            rl.PPO(
                batch=size.streams * self.length, minibatch=64, epochs=2,
                learning_rate=1e-6 if pretrained else size.ppo_rate, value_learning_rate=1e-3,
                detach_value=True, gamma=1.0, lam=1.0, advantages="scale", learn="choices",
                kl=rl.KL(0.4, estimator="imitation", on="all"), critic_warmup=1, validate_every=5,
                precision=size.precision,
            ),
            rl.Sampling(greedy_arguments=True),
            rl.Heuristic(beta=0.1, threshold=productqa_short.ALIKE, embed=productqa_short.embed),
            self.rollouts or size.rollouts,
        )  # fmt: skip

    def oracle(self, cost: float) -> None:
        return None

    @property
    def _size(self) -> Size:
        return self.size or (LARGE if device() == "cuda" else SMALL)

    @cached_property
    def _test(self) -> forge.Dataset:
        tasks = productqa.load("test", first=self.tested, folder=self.folder)
        return self._dataset([tasks.tasks])

    @cached_property
    def _pieces(self) -> list[list[Task]]:
        """The train groups in streams."""
        cut = pieces(productqa.load("train", folder=self.folder).tasks, self.length)
        return [[replace(task, stream=f"{task.stream}-{number}") for task in piece] for number, piece in enumerate(cut)]

    def _streams(self, seed: int) -> tuple[list[list[Task]], list[list[Task]], list[list[Task]]]:
        """What is demonstrated, what PPO plays, and what its policies are looked at on."""
        order = list(self._pieces)
        random.Random(f"productqa-{seed}").shuffle(order)
        aside = max(1, len(order) // 10)
        validation, rest = order[:aside], order[aside:]
        most = max(1, len(rest) - 2)  # so that PPO has two streams to play, as it needs
        shown = min(most, _count(self.demonstrated, self.length, len(rest) * 4 // 5))
        played = rest[shown:]
        played = played[: max(2, _count(self.trained, self.length, len(played)))]
        return rest[:shown], played, validation[: _count(self.validated, self.length, aside)]

    def _dataset(self, streams: Iterable[Iterable[Task]]) -> forge.Dataset:
        tasks = [task for stream in streams for task in stream]
        if self.short:
            return productqa_short.shortened(tasks, productqa.right, self.name)
        return forge.Dataset(tasks, metric=productqa.right, name=self.name)


def _count(questions: int | None, length: int, every: int) -> int:
    """How many streams have so many questions; None is every one."""
    return every if questions is None else min(every, max(1, round(questions / length)))
