"""What the tokens of a training would buy without it: the untrained agent, once, and by majority vote."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forge.agent import Agent
from forge.budget import Budget, Meter
from forge.drive import Stream, drive
from forge.evaluate import Evaluation, score
from forge.session import Session, Usage
from forge.task import Dataset
from functions.errors import ForgeError

MOST_VOTES = 32


@dataclass(frozen=True, slots=True)
class Baselines:
    """`single` plays each task once; `voted` takes the answer that most of `votes` sessions gave; `print` it."""

    single: Evaluation
    voted: Evaluation
    votes: int
    cost: Usage

    def __str__(self) -> str:
        rows = (("no training", self.single), (f"best of {self.votes} votes", self.voted))
        lines = [f"{name:<20} {e.score:.3f} [{e.interval[0]:.3f}, {e.interval[1]:.3f}]" for name, e in rows]
        return "\n".join([*lines, f"{self.cost.tokens:,} tokens, ${self.cost.usd:.4f}"])


def baselines(
    agent: Agent,
    dataset: Dataset,
    *,
    tokens: int | None = None,
    rollouts: int | None = None,
    concurrency: int = 16,
    seed: int = 0,
) -> Baselines:
    """Spend what a training spent on answering instead: as many votes a task as the limit affords, 32 at most.

    Args:
        agent: untrained.
        tokens: such as `result.cost.tokens`; the last round of votes may go over it.
        rollouts: such as `result.rollouts`, for models that count no tokens.

    Raises:
        ForgeError: no limit, or one that does not afford each task once.
    """
    if not isinstance(agent, Agent) or not isinstance(dataset, Dataset):
        raise ForgeError(f"baselines({agent!r:.40}, {dataset!r:.40}): give a forge.Agent and a forge.Dataset")
    if tokens is None and rollouts is None:
        raise ForgeError("baselines(tokens=result.cost.tokens), or rollouts=result.rollouts: name what may be spent")
    agent.check()
    limit, meter = Meter(Budget(tokens=tokens or None, rollouts=rollouts or None)), Meter()
    rounds: list[dict[str, Session]] = []
    while len(rounds) < MOST_VOTES and limit.exhausted is None and _another(limit, len(dataset), rounds):
        played = _round(agent, dataset, len(rounds), concurrency, seed, meter)
        limit.add(sum((session.usage for session in played.values()), Usage()), rollouts=len(played))
        rounds.append(played)
    if not rounds:
        raise ForgeError(f"baselines: rollouts={rollouts} do not play each of {len(dataset)} tasks once")
    single = _evaluation([rounds[0][task.id] for task in dataset], dataset)
    voted = _evaluation([_majority([played[task.id] for played in rounds]) for task in dataset], dataset)
    return Baselines(single, voted, len(rounds), meter.spent)


def _another(limit: Meter, tasks: int, rounds: Sequence[object]) -> bool:
    """Whether a whole round of votes is likely to fit."""
    if limit.rollouts_left is not None and limit.rollouts_left < tasks:
        return False
    budget, spent = limit.budget.tokens, limit.spent.tokens
    return budget is None or not rounds or spent + spent / len(rounds) <= budget


def _round(
    agent: Agent, dataset: Dataset, repeat: int, concurrency: int, seed: int, meter: Meter
) -> dict[str, Session]:
    tasks = {task.id: task for task in dataset}
    played: dict[str, Session] = {}

    def done(session: Session) -> None:
        played[session.task_id] = score(tasks[session.task_id], session, dataset.metric)

    streams = [Stream(group, repeat) for group in dataset.streams().values()]
    drive(agent, streams, seed=seed, concurrency=concurrency, meter=meter, done=done)
    return played


def _majority(sessions: Sequence[Session]) -> Session:
    """The first session that gave the most common answer."""
    answers = [_said(session.answer) for session in sessions]
    counts = Counter(answers)
    most = max(counts.values())
    return next(session for session, answer in zip(sessions, answers, strict=True) if counts[answer] == most)


def _said(answer: Any) -> str:  # a JSON value
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return f"{answer:.10g}"
    return " ".join((answer if isinstance(answer, str) else json.dumps(answer, default=repr)).casefold().split())


def _evaluation(sessions: Sequence[Session], dataset: Dataset) -> Evaluation:
    return Evaluation(tuple(sessions), tuple(task.stream for task in dataset), len(dataset))
