"""`forge.train`: an agent's functions learn from its sessions; no weights change."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

from forge.agent import Agent
from forge.budget import Budget, Meter
from forge.run import Run, RunFolderError
from forge.session import Session
from forge.task import Dataset
from functions.errors import ForgeError
from optim.acceptance import Acceptance
from optim.evidence import Optimizer
from optim.filters import Filters
from optim.gate import gate
from optim.identity import identity
from optim.plan import Plan
from optim.release import Certificate, Release
from optim.result import Result
from optim.rollouts import BudgetSpent, Rollouts, streams_of
from optim.schedule import Schedule
from optim.search import Search
from optim.setting import Setting, checked
from optim.version import Version


def train(
    agent: Agent,
    dataset: Dataset,
    valset: Dataset | None = None,
    *,
    optimizer: Optimizer | None = None,
    acceptance: Acceptance | None = None,
    release: Release | None = Release(),  # noqa: B008 - frozen
    filters: Filters | None = Filters(),  # noqa: B008 - frozen
    schedule: Schedule | None = None,
    budget: Budget | None = None,
    concurrency: int = 16,
    run: str | Path | Run | None = None,
    seed: int = 0,
) -> Result:
    """Train an agent's functions: propose edits, play the candidate, keep it or roll back, stop early, certify.

    The loop is Algorithm 2 of "Offline Training of Language Model Agents with Functions as Learnable Weights"
    (arXiv 2402.11359), to the letter with `acceptance=optim.Paper(), release=None, filters=None`
    and `optim.Schedule(merge=False)`.

    Args:
        agent: is not changed; the trained agent is `result.agent`.
        dataset: the training tasks and the metric.
        valset: tasks on which versions are compared, where `acceptance` asks for that, and on which the release gate
            tests; half each where both do. None: a fifth of `dataset` for each, split off by seed, if there are at
            least 40 tasks; otherwise the training tasks serve, nothing can be certified, and `result.notes` says so.
        optimizer: None is `SynthesisOptimizer()` for the router, and `AgentOptimizer` with the agent's model else.
        acceptance: None is `Posterior()`.
        release: the gate that ships what search found only if it is shown to be better than the start; None ships it
            whatever it is. `result.candidate` has it in any case.
        filters: free checks before any rollout; None makes only those without which nothing can run.
        schedule: None is `Schedule()`, with minibatches of 24 for an `AgentOptimizer`, which reads no more at once.
        budget: limits over agent and optimizer together; the overrun is at most what is in flight.
        concurrency: sessions in flight at once.
        run: a folder for the event log, the sessions and the libraries, or a `forge.Run`; None keeps nothing on disk.
            Progress is shown where standard error is a terminal, unless a `forge.Run` says who hears of it.
        seed: of the split, the minibatches, the sessions and the optimizer.

    Returns:
        The result; also after Ctrl-C or a spent budget, with `result.stopped` saying so and the best version kept.

    Raises:
        ForgeError: bad input, or a budget too small for three proposals, before anything is spent; a metric that
            raises or gives nonsense.
    """
    setting = checked(
        agent, dataset, valset, optimizer, acceptance, release, filters, schedule, budget, concurrency, seed
    )
    with Run.open(run if isinstance(run, Run) else _reported(run)) as record:
        return _trained(setting, record, concurrency)


def plan(
    agent: Agent,
    dataset: Dataset,
    valset: Dataset | None = None,
    *,
    optimizer: Optimizer | None = None,
    acceptance: Acceptance | None = None,
    release: Release | None = Release(),  # noqa: B008 - frozen
    schedule: Schedule | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> Plan:
    """What `train` with these arguments can afford and could show, before anything is spent; `print` it.

    Raises:
        ForgeError: bad input.
    """
    setting = checked(agent, dataset, valset, optimizer, acceptance, release, Filters(), schedule, budget, 1, seed)
    return setting.plan


def _trained(setting: Setting, record: Run, concurrency: int) -> Result:
    setting.plan.require(setting.schedule.least_proposals)
    stored = record.sessions() if record.earlier else {}
    meter = Meter(setting.budget, seconds=record.seconds)
    rollouts = Rollouts(
        setting.agent, setting.parts.train.metric, meter, concurrency, setting.seed, record.session, stored
    )
    search = Search(
        agent=setting.agent,
        trainset=setting.parts.train,
        validation=setting.parts.validation,
        optimizer=setting.optimizer,
        acceptance=setting.acceptance,
        schedule=setting.schedule,
        filters=setting.filters,
        rollouts=rollouts,
        record=record,
        seed=setting.seed,
        kept_replies=record.replies() if record.earlier else {},
    )
    try:
        record.begin(may_change=("budget",), **identity(setting.agent, setting.parts, search, setting.release))
        result = _outcome(setting, search, record)
    except ForgeError as error:
        record.failed(str(error))
        raise
    try:
        record.save_library(result.library, "library")
        record.save_library(result.candidate, "candidate")
        record.write_json("result.json", result.summary())
        record.log("stop", why=result.stopped, library=result.library.version)
        record.log("finish", stopped=result.stopped, score=result.score, library=result.library.version)
    except RunFolderError as error:
        return replace(result, notes=(*result.notes, f"the result is not on disk: {error}"))
    return result


def _outcome(setting: Setting, search: Search, record: Run) -> Result:
    """Search, then the gate, as far as budget, disk and the user let them."""
    rollouts, release = search.rollouts, setting.release
    holdout = setting.parts.holdout
    if release is not None and holdout is not None:
        rollouts.meter.hold_back(release.share)
    certificate: Certificate | None = None
    place = -1
    try:
        stopped = _searched(search)
        rollouts.meter.hold_back(0)
        if release is not None:
            certificate, place = gate(release, search, holdout)
            record.log("release", **certificate.summary())
    except KeyboardInterrupt:
        stopped = "interrupted"
    except RunFolderError as error:  # what was learned so far is worth more than its log
        stopped = f"run folder failed: {error}"
    rollouts.meter.hold_back(0)
    if release is not None and certificate is None:
        certificate = Certificate("start", f"the training was stopped ({stopped}) before the gate")
    shipped = search.version if release is None else (search.line[-1 - place] if place >= 0 else search.line[0])
    measured, where = _measured(setting, search, certificate)
    may_play = release is None and stopped != "interrupted" and not stopped.startswith("run folder")
    return Result(
        start=setting.agent,
        agent=shipped.on(setting.agent),
        searched=search.version.on(setting.agent),
        release=certificate,
        start_sessions=_sessions(rollouts, search.line[0], measured, may_play),
        sessions=_sessions(rollouts, shipped, measured, may_play),
        measured=measured,
        measured_on=where,
        train_sessions=rollouts.known(search.version, streams_of(setting.parts.train)),
        history=tuple(search.history),
        cost=rollouts.meter.spent,
        optimizer_cost=search.optimizer_cost,
        rollouts=rollouts.meter.rollouts,
        rollouts_saved=search.rollouts_saved,
        seconds=rollouts.meter.seconds,
        stopped=stopped,
        notes=(*setting.parts.notes, *record.repairs),
    )


def _searched(search: Search) -> str:
    try:
        return search.learn()
    except BudgetSpent as spent:
        return f"budget spent: {spent}"


def _measured(
    setting: Setting, search: Search, certificate: Certificate | None
) -> tuple[Dataset, Literal["train", "validation", "holdout"]]:
    """The tasks that scores are reported on: with a gate, those that it played, or else what the start has played."""
    parts = setting.parts
    if parts.holdout is not None and certificate is not None and certificate.pairs:
        return parts.holdout.only({pair.task_id for pair in certificate.pairs}), "holdout"
    options: list[tuple[Dataset, Literal["train", "validation"]]] = [(parts.train, "train")]
    if parts.validation is not None:
        options.insert(0, (parts.validation, "validation"))
    if certificate is not None:  # the start is shipped: nothing need be played to compare it with itself
        for tasks, where in options:
            known = {s.task_id for s in search.rollouts.known(search.line[0], streams_of(tasks))}
            if known:
                return tasks.only(known), where
    return options[0]


def _sessions(rollouts: Rollouts, version: Version, measured: Dataset, may_play: bool) -> tuple[Session, ...]:
    """The version's sessions on the tasks that scores are reported on; those there are, where none may be played."""
    streams = streams_of(measured)
    if may_play:
        try:
            return rollouts.play(version, streams)
        except (BudgetSpent, KeyboardInterrupt):
            pass
    return rollouts.known(version, streams)


def _reported(path: str | Path | None) -> Run:
    """A run that a person at a terminal can follow."""
    from optim.console import ConsoleReport

    return Run(path, report_to=[ConsoleReport()] if sys.stderr.isatty() else [])
