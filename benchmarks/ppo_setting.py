"""What the options of `forge ppo` ask for: an agent with its policy, tasks to train and test on, and settings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.options import benchmark_of, one_of
from functions.errors import ForgeError

if TYPE_CHECKING:
    import forge
    import rl


@dataclass(frozen=True, slots=True)
class Setting:
    """What is trained on what, and how; without validation tasks they are split off."""

    agent: forge.Agent
    train: forge.Dataset
    test: forge.Dataset
    ppo: rl.PPO
    sampling: rl.Sampling
    imitation: rl.Imitation
    sessions: Any = None
    demonstrations: tuple[forge.Session, ...] = ()
    validation: forge.Dataset | None = None
    rollouts: int = 30_000


def storeqa_setting(
    policy: str | None, advice_cost: float | None, memory: bool | None, lora: int | None, seed: int
) -> Setting:
    """As `forge bench storeqa` trains weights, with demonstrations where no policy is given."""
    import rl
    from benchmarks.bench.trainings import ablated
    from benchmarks.storeqa.course import StoreCourse
    from functions import Library

    course = StoreCourse(policy_path=policy)
    agent = course.agent("router", advice_cost)
    agent = ablated(agent, "memory") if memory is False else agent
    shown: tuple[forge.Session, ...] = ()
    if policy is None:
        shown = course.demonstrations(agent, seed)
        model = course.policy(Library(), shown, seed)
    else:
        model = rl.Policy.from_pretrained(policy, lora=lora, functions=callable_names(agent), seed=seed)
    recipe = course.recipe()
    train, validation = course.weight_tasks(seed)
    return Setting(
        replace(agent, model=model),
        train,
        course.test(),
        recipe.ppo,
        recipe.sampling,
        course.imitation(len(shown)),
        recipe.sessions if agent.memory is not None else None,
        shown,
        validation,
        recipe.rollouts,
    )


def benchmark_setting(
    data: str,
    test: Path | None,
    metric: str,
    columns: str | None,
    policy: str | None,
    dialect: str,
    lora: int | None,
    library: Path | None,
    advice_cost: float | None,
    memory: bool | None,
    seed: int,
) -> Setting:
    """A data set of the catalog, or a file, with the agent that it calls for.

    Args:
        advice_cost: of the data set's expert, or of one who knows the answers; None leaves the agent's as it is.
        memory: whether it has one; None leaves the agent's as it is.

    Raises:
        ForgeError: there is no policy to begin with, or none in this dialect.
    """
    import rl
    from functions import Library

    known = {"function-tokens": rl.FunctionTokens, "chat": rl.ChatTemplate}
    spoken = one_of("dialect", dialect, known)
    benchmark = benchmark_of(data, test, metric, seed, columns=columns)
    if policy is None:
        raise ForgeError(f"--data {data} needs --policy, a folder or hub id of a language model to begin with; only "
                         "--data storeqa brings a small one of its own")  # fmt: skip
    if dialect == "function-tokens":
        spoken = lambda tokenizer: rl.FunctionTokens(tokenizer, instructions=True)  # noqa: E731  # a dialect maker
    start = benchmark.agent("router")  # the policy comes in when it is known what it may call
    agent = replace(
        start,
        library=start.library if library is None else Library.load(library),
        memory=_remembering(memory, start.memory),
        expert=_at(advice_cost, start.expert),
    )
    model = rl.Policy.from_pretrained(
        policy, dialect=spoken, lora=lora, functions=callable_names(agent), seed=seed, max_new_tokens=256
    )
    sessions = rl.FittedValue() if agent.memory is not None and agent.expert is not None else None
    return Setting(
        replace(agent, model=model),
        benchmark.train,
        benchmark.test,
        rl.PPO(learning_rate=1e-5),
        rl.Sampling(),
        rl.Imitation(learning_rate=1e-5),
        sessions,
    )


def callable_names(agent: forge.Agent) -> list[str]:
    """All that the agent can call: an adapter trains only the tokens that are there when it is put on."""
    return [*agent.library.names, *(tool.name for tool in agent.all_tools)]


def _remembering(wanted: bool | None, own: forge.Memory | None) -> forge.Memory | None:
    """The data set's memory, a plain one if it has none and one is wanted, or none."""
    import forge

    if wanted is False:
        return None
    return forge.Memory() if wanted and own is None else own


def _at(cost: float | None, expert: Any) -> Any:
    """The expert of the data set, or the gold answer, at the cost that was given."""
    import forge

    if cost is None:
        return expert
    return forge.GoldExpert(cost) if expert is None else replace(expert, cost=cost)
