"""Two proposals that each won other tasks, and neither enough: tried together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import combinations

from functions import EditError
from optim.trial import Trial
from optim.version import Change, Version


def merged(trials: Sequence[Trial], incumbent: Version, tried: Collection[str]) -> tuple[Change, ...]:
    """The changes of two dropped trials in one, the latest pair first; () if no two fit.

    Two fit if both started from the incumbent, each won more tasks than it lost, none that the other won too, they
    touch no function in common, and what comes out was not tried before.
    """
    promising = [trial for trial in trials if trial.decision == "drop" and trial.before == incumbent and _gains(trial)]
    for first, second in reversed(list(combinations(promising, 2))):
        if _won(first) & _won(second) or _touched(first) & _touched(second):
            continue
        changes = (*first.edits, *second.edits)
        try:
            if incumbent.apply(changes).key not in tried:
                return changes
        except EditError:
            continue
    return ()


def _gains(trial: Trial) -> bool:
    return sum((pair.difference > 0) - (pair.difference < 0) for pair in trial.pairs) > 0


def _won(trial: Trial) -> set[str]:
    return {pair.task_id for pair in trial.pairs if pair.difference > 0}


def _touched(trial: Trial) -> set[str]:
    return {getattr(edit, "name", "the instructions") for edit in trial.edits}
