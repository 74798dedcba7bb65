"""A cell of a bench: the trained agent on the test tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import forge
from benchmarks.bench.course import TOGETHER
from benchmarks.bench.early_asking import AsksFirst
from benchmarks.bench.outcome import Answered, Cell, Outcome
from benchmarks.bench.regimes import ALWAYS, AT_TEST, NEVER, ORACLE, WEIGHTS, Training, lacking, training_of
from benchmarks.bench.spent import spent_in, summed
from benchmarks.bench.trainings import Trainer
from forge.models.protocol import Context
from forge.session import Action, Call
from functions.errors import ForgeError


def played(trainer: Trainer, cell: Cell, meter: forge.Meter | None = None) -> Outcome:
    """Play the test greedily with what was trained for the cell.

    Raises:
        ForgeError: the meter's budget is spent before the test is over.
    """
    training = training_of(cell)
    tasks = trainer.course.test()
    agent, model = _agent(trainer, cell, training, tasks)
    if cell.advice_first is not None:
        agent = replace(agent, model=AsksFirst(agent.model, tasks, cell.advice_first))
    local = training is not None and training.regime in WEIGHTS
    seen = forge.evaluate(agent, tasks, seed=cell.seed, concurrency=TOGETHER if local else 16, budget=meter)
    if meter is not None and not seen.complete:
        raise ForgeError(f"{meter.exhausted} left of --usd is spent after {len(seen.sessions)} of {len(tasks)} test "
                         "tasks: the same command with a higher --usd plays them all")  # fmt: skip
    spent = summed([spent_in(trainer.folder / step.name) for step in (training.chain if training else ())])
    return Outcome(
        cell=cell, model=model, functions=tuple(agent.library.names), tasks=_answered(tasks, seen.sessions),
        rollouts=spent.rollouts, demonstrations=spent.demonstrations, tokens=spent.tokens, usd=spent.usd,
        seconds=spent.seconds, cpu_seconds=spent.cpu_seconds, gpu_seconds=spent.gpu_seconds, curve=spent.curve,
        notes=spent.notes, test_tokens=seen.cost.tokens, test_usd=seen.cost.usd,
    )  # fmt: skip


def _agent(trainer: Trainer, cell: Cell, training: Training | None, tasks: forge.Dataset) -> tuple[forge.Agent, str]:
    """The agent that plays a cell, and its model in words."""
    if cell.regime == ORACLE:
        return trainer.agent(cell, trainer.course.oracle(cell.advice_cost or 0.0)), "an oracle"
    if cell.regime == ALWAYS:
        return trainer.agent(cell, AlwaysAsks(tasks)), "whoever asks"
    if training is None or training.regime not in WEIGHTS:
        agent = trainer.agent(cell)
        return replace(agent, library=_allowed(trainer, cell, training)), str(agent.model.name)
    import rl

    # it still calls what is gone, unless it cannot
    constrained = cell.regime == NEVER or cell.without.endswith(AT_TEST) or cell.advice_first is not None
    policy = trainer.policy(training, constrained=constrained)
    agent = trainer.agent(cell, policy.with_sampling(rl.GREEDY))
    agent = replace(agent, library=_allowed(trainer, cell, training))
    size, own = f"{policy.parameters / 1e6:.1f}M weights", trainer.course.policy_path
    words = f"policy of {size}" if own is None else f"{own} ({size})"
    return replace(agent, expert=None) if cell.regime == NEVER else agent, words


def _allowed(trainer: Trainer, cell: Cell, training: Training | None) -> Any:
    from functions import Library

    return Library() if lacking(cell) == "tools" else trainer.library(training)


def _answered(tasks: forge.Dataset, sessions: Sequence[forge.Session]) -> tuple[Answered, ...]:
    places = {task.id: place for stream in tasks.streams().values() for place, task in enumerate(stream)}
    return tuple(
        Answered(task.id, task.stream, places[task.id], _kind(task), float(session.score or 0.0), session.advice_count)
        for task, session in zip(tasks, sessions, strict=True)
    )


def _kind(task: forge.Task) -> str:
    """What results are broken down by: the data set's kind of question, else its type, else its level."""
    found = ((name, task.metadata.get(name)) for name in ("kind", "type", "level"))
    name, value = next(((name, value) for name, value in found if value not in (None, "")), ("", ""))
    kind = f"level {value}" if name == "level" else str(value)
    again = task.metadata.get("returning")
    return kind if again is None else f"{kind}, {'again' if again else 'first'}"


class AlwaysAsks:
    """Asks, and knows how to read what it is told.

    Args:
        tasks: what it will be asked.
    """

    name = "always asks"

    def __init__(self, tasks: forge.Dataset) -> None:
        self._answers = {task.id: task.answer for task in tasks}

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        return [self._one(context) for context in contexts]

    def _one(self, context: Context) -> Action:
        if not context.steps:
            return Action(calls=(Call("seek_advice"),))
        return Action(calls=(Call("submit", {"answer": self._answers[context.task_id]}),))
