"""The search for better functions: evidence, edits, trial, verdict, step by step, with roll-back and early-stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from forge.agent import Agent
from forge.run import Run, RunFolderError
from forge.session import Session
from forge.task import Dataset, Task
from functions import EditError, Library, SandboxError
from functions.edits import Edit, Terminate
from optim.acceptance import Acceptance, Pair
from optim.checks import require_sound
from optim.evidence import Evidence, FailedLibrary, Optimizer
from optim.result import Result, Trial
from optim.rollouts import BudgetSpent, Rollouts
from optim.schedule import Schedule


@dataclass(slots=True)
class Search:
    """One training. Mutable: `library` is the incumbent, the best so far."""

    agent: Agent
    trainset: Dataset
    validation: Dataset | None
    optimizer: Optimizer
    acceptance: Acceptance
    schedule: Schedule
    rollouts: Rollouts
    record: Run
    seed: int
    library: Library = field(init=False)
    history: list[Trial] = field(default_factory=list)
    failed: list[FailedLibrary] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.library = self.agent.library

    def run(self, notes: tuple[str, ...] = ()) -> Result:
        """Search until the schedule, the patience, the budget or the user ends it."""
        self._log_start()
        try:
            stopped = self._learn()
        except BudgetSpent as spent:
            stopped = f"budget spent: {spent}"
        except KeyboardInterrupt:
            stopped = "interrupted"
        except RunFolderError as error:  # what was learned so far is worth more than its log
            stopped = f"run folder failed: {error}"
        measured = (self.validation or self.trainset).tasks
        start_sessions = self._sessions(self.agent.library, measured, stopped)
        sessions = self._sessions(self.library, measured, stopped)
        return Result(
            start=self.agent,
            agent=replace(self.agent, library=self.library),
            start_sessions=start_sessions,
            sessions=sessions,
            streams=tuple(task.stream for task in measured),
            task_ids=tuple(task.id for task in measured),
            measured_on="validation" if self.validation is not None else "train",
            history=tuple(self.history),
            cost=self.rollouts.meter.spent,
            rollouts=self.rollouts.meter.rollouts,
            seconds=self.rollouts.meter.seconds,
            stopped=stopped,
            notes=notes,
        )

    def _learn(self) -> str:
        """Algorithm 2 (arXiv 2402.11359): i is `accepted`, r is `failures`, C is the patience. Returns why it ended.

        The first evaluation is compared with an infinite loss there, so the start counts as accepted.
        """
        accepted, failures = 1, 0
        enough = self.schedule.steps_to_accept(len(self.trainset))
        for step, batch in enumerate(self.schedule.batches(self.trainset, seed=self.seed)):
            sessions = self.rollouts.play(self.library, batch)
            if step == 0:
                self._log_baseline(batch)
            if accepted >= enough:
                return "all epochs done"
            trial = self._trial(self._evidence(step, batch, sessions))
            self._remember(trial)
            if trial.decision == "keep":
                accepted, failures = accepted + 1, 0
                continue
            failures += 1
            if failures > self.schedule.patience:
                return f"{failures} steps in a row without progress"
            if trial.decision == "none" and self.optimizer.deterministic and len(batch) == len(self.trainset):
                return "the optimizer sees nothing to improve"
        raise AssertionError("the batches of a schedule never end")

    def _trial(self, evidence: Evidence) -> Trial:
        """One proposal, checked, played beside the incumbent on the same tasks, and judged."""
        edits = tuple(self.optimizer.propose(self.library, evidence))
        trial = Trial(evidence.step, parent=self.library, library=self.library, edits=edits, decision="none")
        if all(isinstance(edit, Terminate) for edit in edits):
            return trial
        try:
            candidate = self.library.apply(edits)
            require_sound(candidate, self.library, self.agent.sandbox)
        except (EditError, SandboxError) as error:
            return replace(trial, decision="refuse", reason=str(error))
        self._log_proposal(evidence.step, candidate, edits)
        tasks = self._selection(evidence.tasks)
        pairs = _pairs(self.rollouts.play(self.library, tasks), self.rollouts.play(candidate, tasks))
        return replace(trial, library=candidate, pairs=pairs, decision=self.acceptance.judge(pairs))

    def _remember(self, trial: Trial) -> None:
        """Move forward and forget the failures, or roll back and remember one more, lowest score first."""
        self.history.append(trial)
        if trial.decision == "keep":
            self.library, self.failed = trial.library, []
            self.record.save_library(self.library, "library")
        elif trial.decision in {"drop", "refuse"}:
            self.failed.append(FailedLibrary(trial.library, trial.edits, trial.score, trial.reason))
            self.failed.sort(key=lambda failure: -1.0 if failure.score is None else failure.score)
        self.record.log("trial", **trial.summary(), rollouts=self.rollouts.meter.rollouts)

    def _evidence(self, step: int, batch: Sequence[Task], sessions: Sequence[Session]) -> Evidence:
        return Evidence(
            tasks=tuple(batch),
            sessions=tuple(sessions),
            metric=self.trainset.metric,
            sandbox=self.agent.sandbox,
            meter=self.rollouts.meter,
            failed=tuple(self.failed),
            step=step,
            seed=self.seed,
        )

    def _selection(self, batch: Sequence[Task]) -> Sequence[Task]:
        """The tasks on which incumbent and candidate are compared."""
        if self.acceptance.selection == "validation" and self.validation is not None:
            return self.validation.tasks
        return batch

    def _sessions(self, library: Library, tasks: Sequence[Task], stopped: str) -> tuple[Session, ...]:
        """The library's sessions on the tasks that scores are reported on; after Ctrl-C, those there are."""
        if stopped == "interrupted" or stopped.startswith("run folder"):
            return self.rollouts.known(library, tasks)
        try:
            return self.rollouts.play(library, tasks)
        except BudgetSpent:
            return self.rollouts.known(library, tasks)

    def _log_start(self) -> None:
        self.record.log(
            "start",
            model=self.agent.model.name,
            optimizer=type(self.optimizer).__name__,
            acceptance=repr(self.acceptance),
            schedule=repr(self.schedule),
            budget=repr(self.rollouts.meter.budget),
            tasks=len(self.trainset),
            validation=len(self.validation or ()),
            data=self.trainset.digest,
            library=self.library.version,
            sandbox=self.agent.sandbox.level,
            seed=self.seed,
        )

    def _log_baseline(self, batch: Sequence[Task]) -> None:
        tasks = self._selection(batch)
        sessions = self.rollouts.play(self.library, tasks)
        score = sum(session.score or 0.0 for session in sessions) / len(sessions)
        self.record.log("baseline", library=self.library.version, score=score, tasks=len(tasks))

    def _log_proposal(self, step: int, candidate: Library, edits: Sequence[Edit]) -> None:
        words = [edit.model_dump(mode="json", exclude_none=True) for edit in edits]
        self.record.log("propose", step=step, library=candidate.version, edits=words)


def _pairs(incumbent: Sequence[Session], candidate: Sequence[Session]) -> tuple[Pair, ...]:
    return tuple(
        Pair(before.task_id, before.score or 0.0, after.score or 0.0)
        for before, after in zip(incumbent, candidate, strict=True)
    )
