"""How good an agent is on a data set, and whether one evaluation is better than another."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from forge.agent import Agent
from forge.budget import Budget, Meter
from forge.drive import Stream, drive
from forge.metrics import Metric, Score
from forge.session import Session, Usage
from forge.statistics import bootstrap, mean_interval, p_better
from forge.task import Dataset, Task
from functions.errors import ForgeError


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scored sessions, in the order of the data set, repeat by repeat; a spent budget leaves some out."""

    sessions: tuple[Session, ...]
    streams: tuple[str, ...]  # the stream of each session, "" where the task has none
    tasks: int  # how many sessions were asked for

    @property
    def score(self) -> float:
        """The mean score; 0 when nothing was played."""
        return _mean([session.score or 0.0 for session in self.sessions])

    @property
    def interval(self) -> tuple[float, float]:
        """A 95% interval for the mean score, over independent units: streams, or tasks (their repeats averaged)."""
        return mean_interval(list(_units(self.sessions, self.streams, lambda session: session.score or 0.0).values()))

    @property
    def accuracy(self) -> float:
        """The share of sessions with the full score."""
        return _mean([float((session.score or 0.0) >= 1.0) for session in self.sessions])

    @property
    def reward(self) -> float:
        """The mean of score minus advice cost: AGILE's total score (arXiv 2405.14751)."""
        return _mean([session.reward or 0.0 for session in self.sessions])

    @property
    def reward_interval(self) -> tuple[float, float]:
        """A 95% interval for the mean reward, over independent units like `interval`."""
        values = _units(self.sessions, self.streams, lambda session: session.reward or 0.0).values()
        return bootstrap(list(values)) if values else (-1.0, 1.0)

    @property
    def advice_rate(self) -> float:
        """The share of sessions in which advice was sought."""
        return _mean([float(session.advice_count > 0) for session in self.sessions])

    @property
    def cost(self) -> Usage:
        return sum((session.usage for session in self.sessions), Usage())

    @property
    def by_task(self) -> dict[str, float]:
        """The score of each task, repeats averaged."""
        return _units(self.sessions, ("",) * len(self.sessions), lambda session: session.score or 0.0)

    @property
    def errors(self) -> int:
        """How many sessions ended because the model failed."""
        return sum(session.stop == "model_error" for session in self.sessions)

    @property
    def complete(self) -> bool:
        return len(self.sessions) == self.tasks


@dataclass(frozen=True, slots=True)
class Comparison:
    """The second evaluation minus the first, on the same tasks.

    `difference` is that of mean scores, `interval` its 95% bootstrap interval over independent units, `p_better` the
    posterior probability that the second is better; `wins`, `losses` and `ties` count units.
    """

    difference: float
    interval: tuple[float, float]
    p_better: float
    wins: int
    losses: int
    ties: int


def evaluate(
    agent: Agent,
    dataset: Dataset,
    *,
    repeats: int = 1,
    concurrency: int = 16,
    seed: int = 0,
    budget: Budget | Meter | None = None,
    on_session: Callable[[Session], None] | None = None,
) -> Evaluation:
    """Play every task and score it; the agent and its memory stay as they are.

    Args:
        repeats: how often each task is played, each time under another seed.
        concurrency: streams in flight at once; tasks without a stream are streams of their own.
        seed: with the task and the repeat it decides each session's luck, whatever the order of arrival.
        budget: no stream starts once it is spent; a Meter goes on counting what is spent elsewhere.
        on_session: hears of each scored session as it ends.

    Raises:
        ForgeError: bad arguments, or a metric that raises or gives no number in [0, 1].
    """
    if not isinstance(agent, Agent) or not isinstance(dataset, Dataset):
        raise ForgeError(f"evaluate({agent!r:.40}, {dataset!r:.40}): give a forge.Agent and a forge.Dataset")
    if repeats < 1 or concurrency < 1:
        raise ForgeError(f"evaluate(repeats={repeats}, concurrency={concurrency}): both must be at least 1")
    agent.check()
    tasks = {task.id: task for task in dataset}
    scored: dict[tuple[int, str], Session] = {}
    one_at_a_time = threading.Lock()

    def done(session: Session) -> None:
        result = score(tasks[session.task_id], session, dataset.metric)
        with one_at_a_time:
            scored[session.repeat, session.task_id] = result
            if on_session is not None:
                on_session(result)

    streams = [Stream(group, repeat) for repeat in range(repeats) for group in dataset.streams().values()]
    meter = budget if isinstance(budget, Meter) else Meter(budget)
    drive(agent, streams, seed=seed, concurrency=concurrency, meter=meter, done=done)
    order = [(repeat, task) for repeat in range(repeats) for task in dataset if (repeat, task.id) in scored]
    return Evaluation(
        sessions=tuple(scored[repeat, task.id] for repeat, task in order),
        streams=tuple(task.stream for _, task in order),
        tasks=repeats * len(dataset),
    )


def compare(first: Evaluation, second: Evaluation, *, by: Literal["score", "reward"] = "score") -> Comparison:
    """Whether the second evaluation is better than the first, task by task.

    Args:
        by: "score", or "reward", which is the score minus the cost of advice.

    Raises:
        ForgeError: they are not of the same tasks and repeats.
    """
    if by not in ("score", "reward"):
        raise ForgeError(f"compare(by={by!r}): 'score' or 'reward'")
    if not isinstance(first, Evaluation) or not isinstance(second, Evaluation):
        raise ForgeError("compare(first, second): give two results of forge.evaluate")
    before, after = _by_key(first.sessions), _by_key(second.sessions)
    if unpaired := sorted(before.keys() ^ after.keys()):
        raise ForgeError(f"{len(unpaired)} sessions have no partner, such as task {unpaired[0][0]!r}: compare "
                         "evaluations of the same tasks and repeats")  # fmt: skip
    if not before:
        raise ForgeError("there is nothing to compare: both evaluations are empty")

    def change(session: Session) -> float:
        key = (session.task_id, session.repeat)
        return (getattr(after[key], by) or 0.0) - (getattr(before[key], by) or 0.0)

    differences = list(_units(first.sessions, first.streams, change).values())
    return Comparison(
        difference=_mean([change(session) for session in first.sessions]),
        interval=bootstrap(differences),
        p_better=p_better(differences),
        wins=sum(d > 0 for d in differences),
        losses=sum(d < 0 for d in differences),
        ties=sum(d == 0 for d in differences),
    )


def score(task: Task, session: Session, metric: Metric) -> Session:
    """The session with its score and feedback.

    Raises:
        ForgeError: the metric raised, or gave no number in [0, 1].
    """
    name = getattr(metric, "__name__", type(metric).__name__)
    try:
        verdict = metric(task, session)
    except ForgeError:
        raise
    except Exception as error:  # a user's metric may raise anything; it is reported
        raise ForgeError(f"the metric {name!r} raised {type(error).__name__} on task {task.id!r} (answer "
                         f"{session.answer!r:.80}): {error}") from error  # fmt: skip
    value, feedback = (verdict.value, verdict.feedback) if isinstance(verdict, Score) else (verdict, "")
    number = _number(value)
    if number is None or not 0 <= number <= 1:
        raise ForgeError(f"the metric {name!r} gave {value!r} on task {task.id!r}: it must give a number from 0 to 1, "
                         "True or False, or a Score")  # fmt: skip
    return replace(session, score=number, feedback=str(feedback))


def _number(value: object) -> float | None:
    """The value as a float if it is a real number (numpy's too), else None."""
    if isinstance(value, str | bytes) or value is None:
        return None
    try:
        number = float(value)  # type: ignore[arg-type]  # what has no __float__ raises TypeError
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number


def _units(sessions: Iterable[Session], streams: Sequence[str], value: Callable[[Session], float]) -> dict[str, float]:
    """The mean value of each independent unit: a stream, or a task that is in none."""
    groups: dict[str, list[float]] = {}
    for session, stream in zip(sessions, streams, strict=True):
        groups.setdefault(f"stream:{stream}" if stream else session.task_id, []).append(value(session))
    return {name: _mean(values) for name, values in groups.items()}


def _by_key(sessions: Iterable[Session]) -> dict[tuple[str, int], Session]:
    return {(session.task_id, session.repeat): session for session in sessions}


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
