"""The same training task once solved and once failed, by versions that differ: what a change did, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from forge.task import Task
from optim.evidence import Contrast
from optim.rollouts import Rollouts
from optim.trial import Trial
from optim.version import Version, describe

MOST = 6


def contrasts(
    incumbent: Version, tasks: Sequence[Task], history: Sequence[Trial], rollouts: Rollouts
) -> tuple[Contrast, ...]:
    """A few, of training tasks only, the latest change first: the incumbent beside its parent or a candidate."""
    found: list[Contrast] = []
    seen: set[str] = set()
    present = rollouts.of(incumbent)
    for trial in reversed(history):
        if incumbent not in (trial.before, trial.after) or trial.before == trial.after:
            continue
        before, after = rollouts.of(trial.before), rollouts.of(trial.after)
        for task in tasks:
            key = (task.id, task.question)
            if len(found) == MOST or task.id in seen or key not in before or key not in after:
                continue
            one, other = before[key], after[key]
            if (one.score or 0.0) == (other.score or 0.0) or key not in present:
                continue
            seen.add(task.id)
            solved, failed = (one, other) if (one.score or 0.0) > (other.score or 0.0) else (other, one)
            words = ", ".join(map(describe, trial.edits))
            which = "solved after" if solved is other else "failed after"
            found.append(Contrast(task, solved, failed, f"{which}: {words}"))
    return tuple(found)
