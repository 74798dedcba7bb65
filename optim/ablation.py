"""What each learned function is worth: the agent without it, on the same tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from forge.agent import Agent
from forge.budget import Budget, Meter
from forge.evaluate import Comparison, Evaluation, compare, evaluate
from forge.task import Dataset
from functions import Library
from functions.errors import ForgeError
from optim.failures import FunctionUse, function_use
from optim.result import Result


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One function's effect: `effect` compares the agent without it (first) with the whole one (second), by task.

    `with_it` are functions that call it and had to go, too. Where the start had it already, its old version is in its
    place.
    """

    use: FunctionUse
    effect: Comparison
    with_it: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ablation:
    """The whole agent, and every learned function left out in turn; `print` it."""

    whole: Evaluation
    functions: tuple[LeftOut, ...]

    def __str__(self) -> str:
        lines = [f"whole agent: {self.whole.score:.3f} on {self.whole.tasks} tasks", "worth of each function, paired:"]
        for one in self.functions:
            low, high = one.effect.interval
            lines.append(
                f"  {one.use.name:<40} {one.effect.difference:+.3f} [{low:+.3f}, {high:+.3f}]  P(better) "
                f"{one.effect.p_better:.2f}  used in {one.use.sessions} sessions"
                + (f"  (together with {', '.join(one.with_it)})" if one.with_it else "")
            )
        return "\n".join(lines)


def ablate(
    result: Result,
    dataset: Dataset | None = None,
    *,
    concurrency: int = 16,
    budget: Budget | None = None,
    seed: int = 0,
) -> Ablation:
    """Leave out each function that training added or changed, one at a time, and play the tasks again.

    Args:
        result: of `forge.train`; what search found is taken apart, certified or not.
        dataset: tasks to play; None is those that the result was measured on.

    Raises:
        ForgeError: training changed no function, or the budget does not last.
    """
    if not isinstance(result, Result):
        raise ForgeError(f"ablate({result!r:.40}): give a result of forge.train")
    names = learned(result)
    if not names:
        raise ForgeError("ablate: training added or changed no function, so there is nothing to leave out")
    tasks = result.measured if dataset is None else dataset
    meter = Meter(budget)

    def played(agent: Agent) -> Evaluation:
        evaluation = evaluate(agent, tasks, concurrency=concurrency, seed=seed, budget=meter)
        if not evaluation.complete:
            raise ForgeError(f"ablate: the budget is spent ({meter.exhausted}): it needs {len(tasks)} rollouts for the "
                             f"whole agent and for each of {len(names)} functions")  # fmt: skip
        return evaluation

    whole = played(result.searched)
    uses = {use.name: use for use in function_use(names, whole.sessions)}
    found = []
    for name in names:
        library, gone = _without(result.candidate, result.start.library, name)
        effect = compare(played(replace(result.searched, library=library)), whole)
        found.append(LeftOut(uses[name], effect, gone))
    found.sort(key=lambda one: -one.effect.difference)
    return Ablation(whole, tuple(found))


def learned(result: Result) -> list[str]:
    """The functions of the candidate that the start does not have in the same version."""
    start = result.start.library
    return [
        name
        for name, function in result.candidate.items()
        if name not in start or start[name].version != function.version
    ]


def _without(library: Library, start: Library, name: str) -> tuple[Library, tuple[str, ...]]:
    """The library without a function, or with its old version; and the names of those that had to go with it."""
    if name in start:
        functions = [start[name] if each == name else function for each, function in library.items()]
        return Library(functions), ()
    gone = tuple(each for each in library if each != name and name in {part.name for part in library.helpers(each)})
    return Library(function for each, function in library.items() if each != name and each not in gone), gone
