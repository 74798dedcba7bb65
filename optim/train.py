"""`forge.train`: an agent's functions learn from its sessions; no weights change."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from forge.agent import Agent
from forge.budget import Budget, Meter
from forge.run import Run, RunFolderError
from forge.task import Dataset
from functions.errors import ForgeError
from optim.acceptance import Acceptance, Posterior
from optim.evidence import Optimizer
from optim.result import Result
from optim.rollouts import Rollouts
from optim.schedule import Schedule
from optim.search import Search

VALIDATION_SHARE = 0.25
SMALLEST_SPLIT = 40  # a quarter of fewer tasks is too few to tell two libraries apart


def train(
    agent: Agent,
    dataset: Dataset,
    valset: Dataset | None = None,
    *,
    optimizer: Optimizer | None = None,
    acceptance: Acceptance | None = None,
    release: None = None,
    schedule: Schedule | None = None,
    budget: Budget | None = None,
    concurrency: int = 16,
    run: str | Path | Run | None = None,
    seed: int = 0,
) -> Result:
    """Train an agent's functions: propose edits, play the candidate, keep it or roll back, stop early.

    The loop is Algorithm 2 of "Offline Training of Language Model Agents with Functions as Learnable Weights"
    (arXiv 2402.11359), to the letter with `acceptance=optim.Paper()` and a schedule without minibatches.

    Args:
        agent: is not changed; the trained agent is `result.agent`.
        dataset: the training tasks and the metric.
        valset: tasks on which libraries are compared, where `acceptance` asks for that, and on which `baseline` and
            `score` are measured. None: a quarter of `dataset`, split off by seed, if acceptance asks for it and
            there are at least 40 tasks; otherwise the training tasks serve, and `result.notes` says so.
        optimizer: None is `SynthesisOptimizer()` for the router, and `AgentOptimizer` with the agent's model else.
        acceptance: None is `Posterior()`.
        release: only None so far: what search found is handed over.
        schedule: None is `Schedule()`.
        budget: limits over agent and optimizer together; the overrun is at most what is in flight.
        concurrency: sessions in flight at once.
        run: a folder for the event log and the libraries, or a `forge.Run`; None keeps nothing on disk. Progress is
            shown where standard error is a terminal, unless a `forge.Run` says who hears of it.
        seed: of the split, the minibatches, the sessions and the optimizer.

    Returns:
        The result; also after Ctrl-C or a spent budget, with `result.stopped` saying so and the best library kept.

    Raises:
        ForgeError: bad input, before anything is spent; a metric that raises or gives nonsense.
    """
    if not isinstance(agent, Agent):
        raise ForgeError(f"train(agent={agent!r}): give a forge.Agent")
    if not isinstance(dataset, Dataset) or not (valset is None or isinstance(valset, Dataset)):
        raise ForgeError("train(agent, dataset, valset): data sets are forge.Dataset(rows, metric=...)")
    for name, value, method, example in (
        ("optimizer", optimizer, "propose", "optim.AgentOptimizer('openai/gpt-5') or optim.SynthesisOptimizer()"),
        ("acceptance", acceptance, "judge", "optim.Posterior(), optim.Paper() or optim.Ties()"),
        ("schedule", schedule, "batches", "optim.Schedule(epochs=10)"),
        ("budget", budget, "rollouts", "forge.Budget(usd=5)"),
    ):
        if value is not None and not hasattr(value, method):
            raise ForgeError(f"{name}={value!r:.60}: give {example}")
    if release is not None:
        raise ForgeError(f"release={release!r}: there is no release gate yet; leave it None")
    if concurrency < 1:
        raise ForgeError(f"concurrency={concurrency}: at least 1 session at a time")
    optimizer = optimizer if optimizer is not None else default_optimizer(agent)
    acceptance = acceptance if acceptance is not None else Posterior()
    for part in (agent, optimizer):
        if check := getattr(part, "check", None):
            check()
    trainset, validation, notes = split(dataset, valset, acceptance, seed)
    meter = Meter(budget or Budget())
    with Run.open(run if isinstance(run, Run) else _reported(run)) as record:
        search = Search(
            agent=agent,
            trainset=trainset,
            validation=validation,
            optimizer=optimizer,
            acceptance=acceptance,
            schedule=schedule or Schedule(),
            rollouts=Rollouts(agent, dataset.metric, meter, concurrency, seed, on_session=record.session),
            record=record,
            seed=seed,
        )
        try:
            result = search.run(notes)
        except ForgeError as error:
            record.failed(str(error))
            raise
        try:
            record.log("stop", why=result.stopped, library=result.library.version)
            record.save_library(result.library, "library")
            record.write_json("result.json", result.summary())
            record.log("finish", stopped=result.stopped, score=result.score, library=result.library.version)
        except RunFolderError as error:
            return replace(result, notes=(*result.notes, f"the result is not on disk: {error}"))
    return result


def _reported(path: str | Path | None) -> Run:
    """A run that a person at a terminal can follow."""
    from optim.console import ConsoleReport

    return Run(path, report_to=[ConsoleReport()] if sys.stderr.isatty() else [])


def split(
    dataset: Dataset, valset: Dataset | None, acceptance: Acceptance, seed: int
) -> tuple[Dataset, Dataset | None, tuple[str, ...]]:
    """Training tasks, validation tasks (None: there are none), and what the user should know about it."""
    if valset is not None:
        shared = len({task.question for task in dataset} & {task.question for task in valset})
        note = f"valset shares {shared} questions with the training tasks: its scores are too good"
        return dataset, valset, (note,) if shared else ()
    if acceptance.selection == "train":
        return dataset, None, ("scores are on the training tasks: give a valset, or evaluate on a test set",)
    if len(dataset) < SMALLEST_SPLIT:
        return dataset, None, (
            f"{len(dataset)} tasks are too few to split: libraries were compared, and scored, on the training tasks",
        )  # fmt: skip
    trainset, validation = dataset.split(1 - VALIDATION_SHARE, seed=seed)
    return trainset, validation, (f"scores are on {len(validation)} tasks split off by seed, used for selection too",)


def default_optimizer(agent: Agent) -> Optimizer:
    """The search for an agent without a language model; otherwise the agent's own model as the optimizer."""
    if agent.model.name == "router":
        from optim.synthesis import SynthesisOptimizer

        return SynthesisOptimizer()
    from optim.agent_optimizer import AgentOptimizer

    if not hasattr(agent.model, "complete"):
        raise ForgeError(f"the model {agent.model.name!r} cannot write functions: give optimizer=optim.AgentOptimizer("
                         "'provider/model') or optim.SynthesisOptimizer()")  # fmt: skip
    return AgentOptimizer(agent.model)
