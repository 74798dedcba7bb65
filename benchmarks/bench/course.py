"""What a bench needs of a data set: tasks for each kind of training, a policy to begin with, and how it is trained."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import forge
from benchmarks.catalog import Benchmark
from forge.models.protocol import Context
from forge.models.router import Router
from forge.session import Action, Call, Session
from functions import Library
from functions.errors import ForgeError

if TYPE_CHECKING:
    import rl

CONTEXT, VOCABULARY, NEW_TOKENS = 1024, 4096, 128  # of a policy from scratch: two paragraphs, and a lesson to write
ASKS = 0.3  # the share of questions that a demonstration seeks advice on
BATCH, LEAST_STEPS = 16, 200  # of imitation: with far fewer, random weights do not write an action as it must be
TOGETHER = 256  # streams played side by side by a local policy


@dataclass(frozen=True, slots=True)
class Recipe:
    """How weights are trained after imitation."""

    ppo: rl.PPO
    sampling: rl.Sampling
    sessions: Any = None  # a session objective, or None
    rollouts: int = 30_000


def device() -> str:
    """Where weights are trained."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


class Course(Protocol):
    """The parts of a data set, each used for one purpose only."""

    @property
    def name(self) -> str: ...

    @property
    def policy_path(self) -> str | None:
        """A folder or hub id of a causal language model; None is a small policy from scratch."""

    def agent(self, model: Any, cost: float | None) -> forge.Agent:
        """The agent that every regime starts from; without an expert if the cost is None and the data set has none."""

    def function_tasks(self, seed: int) -> tuple[forge.Dataset, forge.Dataset | None]:
        """What functions are forged on, and what versions are compared and certified on (None: split off)."""

    def demonstrations(self, agent: forge.Agent, seed: int) -> tuple[Session, ...]:
        """Sessions to imitate, of an agent with these functions, tools and memory."""

    def weight_tasks(self, seed: int) -> tuple[forge.Dataset, forge.Dataset]:
        """What PPO plays, and what its policies are looked at on."""

    def test(self) -> forge.Dataset:
        """The same for all cells, and used for nothing else."""

    def policy(self, library: Library, demonstrations: tuple[Session, ...], seed: int) -> rl.Policy:
        """The weights that imitation begins with."""

    def imitation(self, demonstrations: int) -> rl.Imitation:
        """How so many demonstrations are imitated."""

    def recipe(self) -> Recipe: ...

    def oracle(self, cost: float) -> Any:
        """A model that plays the test as well as can be; None where nobody knows."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of a data set is used; None is all of it, or the recipe's.

    Args:
        train: training tasks.
        test: test tasks, drawn by seed 0.
        rollouts: of PPO.
        demonstrations: training tasks that are demonstrated.
    """

    train: int | None = None
    test: int | None = None
    rollouts: int | None = None
    demonstrations: int | None = None


@dataclass(frozen=True)
class AnyCourse:
    """Any data set: an eighth of its training tasks is looked at while weights are trained, demonstrations are those of
    an `Answerer` that end with the right answer.

    Args:
        policy_path: a folder or hub id of a causal language model; None is a small policy from scratch.
    """

    benchmark: Benchmark
    sizes: Sizes = Sizes()
    policy_path: str | None = None
    _train: forge.Dataset = field(init=False, repr=False)

    def __post_init__(self) -> None:
        train = self.benchmark.train
        object.__setattr__(self, "_train", train if self.sizes.train is None else train.sample(self.sizes.train))

    @property
    def name(self) -> str:
        return self.benchmark.name

    def agent(self, model: Any, cost: float | None) -> forge.Agent:
        start = self.benchmark.agent(model)
        if cost is None:
            return start
        expert: Any = start.expert
        return replace(start, expert=forge.GoldExpert(cost) if expert is None else replace(expert, cost=cost))

    def function_tasks(self, seed: int) -> tuple[forge.Dataset, forge.Dataset | None]:
        return self._train, None

    def demonstrations(self, agent: forge.Agent, seed: int) -> tuple[Session, ...]:
        tasks, _ = self.weight_tasks(seed)
        tasks = tasks if self.sizes.demonstrations is None else tasks.sample(self.sizes.demonstrations)
        model = Answerer(tasks, researched=self.benchmark.researched)
        seen = forge.evaluate(replace(agent, model=model), tasks, seed=seed, concurrency=TOGETHER)
        shown = tuple(session for session in seen.sessions if session.score == 1)
        if len(shown) < 2:
            raise ForgeError(f"{self.name}: {len(shown)} of {len(tasks)} answers given outright count as right: there "
                             "is nothing to imitate; train weights on sessions of a model (forge ppo "
                             "--demonstrations)")  # fmt: skip
        return shown

    def weight_tasks(self, seed: int) -> tuple[forge.Dataset, forge.Dataset]:
        shortest = min(len(stream) for stream in self._train.streams().values())  # streams are not cut
        wanted = max(round(0.125 * len(self._train)), shortest)
        validation, train = self._train.split(wanted, seed=f"validation-{seed}")
        return train, validation

    def test(self) -> forge.Dataset:
        return self.benchmark.test if self.sizes.test is None else self.benchmark.test.sample(self.sizes.test)

    def policy(self, library: Library, demonstrations: tuple[Session, ...], seed: int) -> rl.Policy:
        import rl

        if self.policy_path is not None:
            return rl.Policy.from_pretrained(self.policy_path, functions=library.names, seed=seed, max_new_tokens=256)
        written = (step.action.calls[0].text for session in demonstrations for step in session.steps)
        texts = [*(session.question for session in demonstrations), *(text for text in written if text)]
        policy = rl.Policy.tiny(texts, context=CONTEXT, vocabulary=VOCABULARY, max_new_tokens=NEW_TOKENS, seed=seed)
        return policy.to(device())

    def imitation(self, demonstrations: int) -> rl.Imitation:
        import rl

        pretrained = self.policy_path is not None
        epochs = 3.0 if pretrained else max(3.0, LEAST_STEPS * BATCH / demonstrations)
        return rl.Imitation(epochs, BATCH, 1e-5 if pretrained else 2e-3, patience=4, by_length=True)

    def recipe(self) -> Recipe:
        import rl

        rate = 3e-4 if self.policy_path is None else 1e-5
        return Recipe(
            rl.PPO(learning_rate=rate, kl=rl.KL(0.1, estimator="imitation"), critic_warmup=2),
            rl.Sampling(),
            rl.FittedValue(),
            self.sizes.rollouts or 4_000,
        )

    def oracle(self, cost: float) -> None:
        return None


class Answerer:
    """A model that knows the answers, but not when to ask: that it does at random, after it has looked into its memory,
    and remembers the question with what it was told. Else it looks up what the data set says, and gives the answer
    outright, or has a function compute it where the router would call one. It does what the agent has tools for.

    Args:
        tasks: what it will be asked.
        researched: the calls of tools that lead to a task's answer, in order.
        asks: how often it seeks advice; half as often where memory holds something alike.
    """

    name = "answerer"

    def __init__(
        self,
        tasks: forge.Dataset,
        *,
        researched: Callable[[forge.Task], Sequence[Call]] = lambda task: (),
        asks: float = ASKS,
    ) -> None:
        self._tasks = {task.id: task for task in tasks}
        self._researched, self._asks = researched, asks
        self._router = Router()

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        return [Action(calls=(self._one(context),)) for context in contexts]

    def _one(self, context: Context) -> Call:
        task = self._tasks[context.task_id]
        able = {tool.name for tool in context.tools}
        done = [step.action.calls[0] for step in context.steps]
        seen = {call.name: step.observations[0].text for call, step in zip(done, context.steps, strict=True)}
        if context.turns_left > 1:
            if (call := self._unsure(context, task, able, seen)) is not None:
                return call
            if "seek_advice" not in seen:
                for call in self._researched(task):
                    if call.name in able and call not in done:
                        return call
                if (computed := self._computed(context)) is not None:
                    return computed
        return Call("submit", {"answer": task.answer})

    def _unsure(self, context: Context, task: forge.Task, able: set[str], seen: Mapping[str, str]) -> Call | None:
        """What is done about advice, if anything."""
        if "seek_advice" in seen:
            lesson = f"{task.question} = {task.answer}"
            for name, parameter in (("reflect", "lesson"), ("update_memory", "text")):
                if name in able and not seen.keys() & {"reflect", "update_memory"}:
                    return Call(name, {parameter: lesson})
            return None
        if "seek_advice" not in able or seen.keys() - {"retrieve_memory"}:
            return None
        if "retrieve_memory" in able and not seen:
            return Call("retrieve_memory")
        share = self._asks / (2 if seen.get("retrieve_memory", "").startswith("- ") else 1)
        luck = random.Random(f"ask:{context.seed}:{task.id}").random()
        return Call("seek_advice") if luck < share else None

    def _computed(self, context: Context) -> Call | None:
        """What the router would call, or would submit of what was computed; None where no function fits."""
        functions = {tool.name for tool in context.tools if tool.kind == "function"}
        if not functions:
            return None
        own = tuple(step for step in context.steps if step.action.calls[0].name in functions)
        (action,) = self._router.act([replace(context, steps=own)])
        return None if action.calls[0].arguments.get("answer", "") is None else action.calls[0]
