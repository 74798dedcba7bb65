"""The search for better functions: evidence, changes, trial, verdict, step by step, with roll-back and early-stop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forge.agent import Agent
from forge.models.cache import request_key
from forge.models.chat import ChatRequest, Reply
from forge.run import Run
from forge.session import Session, Usage
from forge.task import Dataset, Task
from functions.edits import Terminate
from optim.acceptance import Acceptance, looks_of, selection_of
from optim.comparison import compared
from optim.contrasts import contrasts
from optim.evidence import Evidence, FailedLibrary, Optimizer
from optim.filters import Filters, Refusal, Screen, summary
from optim.leaks import Answers
from optim.merge import merged
from optim.replay import recorded_calls
from optim.rollouts import Rollouts, streams_of
from optim.schedule import Schedule
from optim.trial import Trial
from optim.version import Change, Version, changes_from


@dataclass(frozen=True, slots=True)
class RunReplies:
    """An optimizer's replies in the run's folder."""

    record: Run
    earlier: Mapping[str, Reply]

    def known(self, request: ChatRequest) -> Reply | None:
        return self.earlier.get(request_key(request, {}))

    def keep(self, request: ChatRequest, reply: Reply) -> None:
        self.record.reply(request_key(request, {}), reply)


@dataclass(slots=True)
class Search:
    """One training. Mutable: `version` is the incumbent, the best so far; `line` all incumbents, the start first."""

    agent: Agent
    trainset: Dataset
    validation: Dataset | None
    optimizer: Optimizer
    acceptance: Acceptance
    schedule: Schedule
    filters: Filters | None
    rollouts: Rollouts
    record: Run
    seed: int
    version: Version = field(init=False)
    line: list[Version] = field(init=False)
    history: list[Trial] = field(default_factory=list)
    failed: list[FailedLibrary] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    optimizer_cost: Usage = Usage()
    kept_replies: Mapping[str, Reply] = field(default_factory=dict)  # of a run that is resumed
    answers: Answers = field(init=False)

    def __post_init__(self) -> None:
        self.version = Version.of(self.agent)
        self.line = [self.version]
        self.answers = Answers(self.trainset)

    def learn(self) -> str:
        """Algorithm 2 (arXiv 2402.11359): i is `accepted`, r is `failures`, C is the patience. Returns why it ended.

        The first evaluation is compared with an infinite loss there, so the start counts as accepted.

        Raises:
            BudgetSpent: the budget ended it; `version` is the best so far.
        """
        accepted, failures = 1, 0
        enough = self.schedule.steps_to_accept(len(self.trainset))
        for step, batch in enumerate(self._batches()):
            sessions = self.rollouts.play(self.version, streams_of(batch))
            if step == 0:
                self._log_baseline(sessions)
            if accepted >= enough:
                return "all epochs done"
            trial = self._trial(step, batch, sessions)
            self._remember(trial)
            if trial.decision == "keep":
                accepted, failures = accepted + 1, 0
                continue
            failures += 1
            if self.schedule.patience is not None and failures > self.schedule.patience:
                return f"{failures} steps in a row without progress"
            if trial.decision == "none" and self.optimizer.deterministic and len(batch) == len(self.trainset):
                return "the optimizer sees nothing to improve"
        raise AssertionError("the batches of a schedule never end")

    @property
    def rollouts_saved(self) -> int:
        """What the changes that were refused before any rollout would have cost at the least: a first look each."""
        looks = looks_of(self.acceptance)
        first = min(looks[0] if looks else len(self.trainset), len(self._selection(self.trainset.tasks)))
        return first * sum(len(trial.refused) > 0 and trial.decision == "refuse" for trial in self.history)

    def _batches(self) -> Iterator[tuple[Task, ...]]:
        """The schedule's batches; one that is not the whole set stays while what is proposed for it fails."""
        for batch in self.schedule.batches(self.trainset, seed=self.seed, stratum=self._stratum):
            yield batch
            for _ in range(self.schedule.sticky - 1):
                if len(batch) == len(self.trainset) or self.history[-1].decision == "keep":
                    break
                yield batch

    def _stratum(self, task: Task) -> str:
        """Whether the incumbent is known to solve a task, and what kind of task it is."""
        session = self.rollouts.of(self.version).get((task.id, task.question))
        outcome = "" if session is None else f"{(session.score or 0.0) >= 1.0}"
        kind = next((str(task.metadata[name]) for name in ("type", "kind", "category") if name in task.metadata), "")
        return f"{outcome}:{kind}"

    def _trial(self, step: int, batch: Sequence[Task], sessions: Sequence[Session]) -> Trial:
        """One proposal, checked, played beside the incumbent on the same tasks until the rule is sure, and judged."""
        before = self.rollouts.meter.rollouts
        score = sum(session.score or 0.0 for session in sessions) / len(sessions)
        trial = Trial(
            step, self.version, self.version, (), "none", shown=tuple(task.id for task in batch), shown_score=score
        )
        screen = self._screen()
        changes, given_up, together, cost = self._proposal(step, batch, sessions, screen)
        trial = replace(trial, edits=tuple(changes), refused=tuple(given_up), merged=together, cost=cost)
        if all(isinstance(change, Terminate) for change in changes):
            return trial
        candidate, kept, refused = screen.sift(self.version, changes)
        for refusal in refused:
            self.record.log("refuse", step=step, **summary(refusal))
        trial = replace(trial, refused=(*given_up, *refused))
        if candidate == self.version and refused:
            return replace(trial, decision="refuse", reason=refused[0].reason)
        pairs, verdict = compared(
            self.acceptance,
            self._selection(batch),
            lambda streams: list(
                zip(self.rollouts.play(self.version, streams), self.rollouts.play(candidate, streams), strict=True)
            ),
            purpose=f"{self.seed}:{step}",
        )
        return replace(
            trial,
            after=candidate,
            edits=tuple(kept),
            pairs=pairs,
            decision="keep" if verdict == "keep" else "drop",
            rollouts=self.rollouts.meter.rollouts - before,
        )

    def _proposal(
        self, step: int, batch: Sequence[Task], sessions: Sequence[Session], screen: Screen
    ) -> tuple[Sequence[Change], Sequence[Refusal], bool, Usage]:
        """Changes, what the optimizer gave up on the way, whether two earlier proposals were merged, and the cost.

        What a run that is resumed had proposed here already is proposed again, at the same cost.
        """
        if known := self._logged(step):
            changes, usage = changes_from(known["changes"]), Usage(**known["usage"])
            refusals = [Refusal(changes_from([item["change"]])[0], item["reason"]) for item in known["given_up"]]
            together = bool(known["merged"])
            self.rollouts.meter.add(usage)
        else:
            given_up: list[Refusal] = []
            tried = {self.version.key} | {trial.after.key for trial in self.history}
            spent = self.rollouts.meter.spent
            changes = list(merged(self.history, self.version, tried)) if self.schedule.merge else []
            together = bool(changes)
            if not together:
                evidence = self._evidence(step, batch, sessions, screen, given_up)
                changes = list(self.optimizer.propose(self.version.library, evidence))
            usage, refusals = _since(spent, self.rollouts.meter.spent), given_up
        self.record.log(
            "propose",
            step=step,
            parent=self.version.key,
            changes=[_plain(change) for change in changes],
            given_up=[{"change": _plain(refusal.change), "reason": refusal.reason} for refusal in refusals],
            merged=together,
            usage={name: getattr(usage, name) for name in Usage.__slots__},
        )
        self.optimizer_cost += usage
        return changes, refusals, together, usage

    def _logged(self, step: int) -> Any:  # an event as it was logged, or None
        events = (event for event in self.record.earlier if event.get("kind") == "propose")
        return next((event for event in events if (event["step"], event["parent"]) == (step, self.version.key)), None)

    def _remember(self, trial: Trial) -> None:
        """Move forward and forget the failures, or roll back and remember one more, lowest score first."""
        trial = replace(trial, spent=self.rollouts.meter.rollouts)
        self.history.append(trial)
        if trial.decision == "keep":
            self.version, self.failed, self.refused = trial.after, [], []
            self.line.append(trial.after)
            self.record.save_library(self.version.library, "candidate")
        elif trial.decision in {"drop", "refuse"}:
            self.failed.append(FailedLibrary(trial.library, trial.edits, trial.score, trial.reason))
            self.failed.sort(key=lambda failure: -1.0 if failure.score is None else failure.score)
        self.refused.extend(trial.refused)
        self.record.log(
            "trial",
            **trial.summary(),
            rollouts=trial.spent,
            tokens=self.rollouts.meter.spent.tokens,
            usd=self.rollouts.meter.spent.usd,
        )

    def _screen(self) -> Screen:
        played = [(version.library, self.rollouts.of(version).values()) for version in self._versions()]
        calls = recorded_calls(self.version.library, played) if len(self.version.library) else {}
        return Screen(self.agent.sandbox, self.filters, self.answers, calls)

    def _versions(self) -> list[Version]:
        """Every version that was played, once."""
        found = {version.key: version for version in (*self.line, *(trial.after for trial in self.history))}
        return list(found.values())

    def _evidence(
        self,
        step: int,
        batch: Sequence[Task],
        sessions: Sequence[Session],
        screen: Screen,
        given_up: list[Refusal],
    ) -> Evidence:
        return Evidence(
            tasks=tuple(batch),
            sessions=tuple(sessions),
            metric=self.trainset.metric,
            sandbox=self.agent.sandbox,
            meter=self.rollouts.meter,
            failed=tuple(self.failed),
            step=step,
            seed=self.seed,
            refused=tuple(self.refused),
            contrasts=contrasts(self.version, self.trainset.tasks, self.history, self.rollouts),
            instructions=self.version.instructions,
            screen=screen,
            refuse=given_up.append,
            replies=RunReplies(self.record, self.kept_replies),
        )

    def _selection(self, batch: Sequence[Task]) -> Sequence[Task]:
        """The tasks on which incumbent and candidate are compared."""
        if selection_of(self.acceptance) == "validation" and self.validation is not None:
            return self.validation.tasks
        return batch

    def _log_baseline(self, sessions: Sequence[Session]) -> None:
        score = sum(session.score or 0.0 for session in sessions) / len(sessions)
        self.record.log("baseline", library=self.version.library.version, score=score, tasks=len(sessions))


def _plain(change: Change) -> dict[str, Any]:
    plain: dict[str, Any] = change.model_dump(mode="json", exclude_none=True)
    return plain


def _since(before: Usage, after: Usage) -> Usage:
    return Usage(**{name: getattr(after, name) - getattr(before, name) for name in Usage.__slots__})
