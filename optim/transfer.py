"""Whether what was learned on one domain with one model helps on another, or with another."""

from __future__ import annotations

from dataclasses import dataclass, replace

from forge import models
from forge.budget import Budget, Meter
from forge.evaluate import Comparison, Evaluation, compare, evaluate
from forge.models.protocol import Model
from forge.task import Dataset
from functions.errors import ForgeError
from optim.result import Result


@dataclass(frozen=True, slots=True)
class Transfer:
    """The start and what was learned, elsewhere; `print` it."""

    where: str
    before: Evaluation
    after: Evaluation

    @property
    def comparison(self) -> Comparison:
        """What was learned against the start, paired by task."""
        return compare(self.before, self.after)

    def __str__(self) -> str:
        paired = self.comparison
        low, high = paired.interval
        return (
            f"{self.where}: {self.before.score:.3f} -> {self.after.score:.3f} on {self.before.tasks} tasks "
            f"({paired.difference:+.3f} [{low:+.3f}, {high:+.3f}], P(better) {paired.p_better:.2f})"
        )


def transfer(
    result: Result,
    dataset: Dataset | None = None,
    model: str | Model | None = None,
    *,
    concurrency: int = 16,
    budget: Budget | None = None,
    seed: int = 0,
) -> Transfer:
    """Play start and candidate on other tasks, with another model, or both.

    Args:
        dataset: another domain; None is the tasks that the result was measured on.
        model: another model; None is the agent's own.

    Raises:
        ForgeError: neither is given, or the budget does not last.
    """
    if not isinstance(result, Result):
        raise ForgeError(f"transfer({result!r:.40}): give a result of forge.train")
    if dataset is None and model is None:
        raise ForgeError("transfer(result): name another dataset=, another model=, or both")
    tasks = result.measured if dataset is None else dataset
    other = result.start.model if model is None else models.resolve(model)
    meter = Meter(budget)
    before, after = (
        evaluate(replace(agent, model=other), tasks, concurrency=concurrency, seed=seed, budget=meter)
        for agent in (result.start, result.searched)
    )
    if not (before.complete and after.complete):
        raise ForgeError(f"transfer: the budget is spent ({meter.exhausted}): it needs {2 * len(tasks)} rollouts")
    return Transfer(f"{tasks.name} with {other.name}", before, after)
