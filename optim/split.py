"""Which tasks a training learns from, compares on, and holds out for the release gate."""

from __future__ import annotations

from dataclasses import dataclass

from forge.task import Dataset
from functions.errors import ForgeError
from optim.acceptance import Acceptance, selection_of

SMALLEST = 40  # tasks; parts of fewer are too small to tell two versions apart
# Of independent units, which are streams where tasks have them.
VALIDATION_SHARE, VALIDATION_MOST = 0.2, 120  # a comparison needs at most 60 pairs; more tasks keep it from overfitting
HOLDOUT_SHARE, HOLDOUT_MOST = 0.2, 240  # so many show a difference of about 0.12


@dataclass(frozen=True, slots=True)
class Parts:
    """`validation` is None where versions are compared on training tasks, `holdout` where nothing can be certified."""

    train: Dataset
    validation: Dataset | None
    holdout: Dataset | None
    notes: tuple[str, ...]


def split(dataset: Dataset, valset: Dataset | None, acceptance: Acceptance, *, gate: bool, seed: int) -> Parts:
    """Disjoint parts by seed, whole streams at a time.

    A given `valset` serves comparison and gate, half each where both need tasks; then all of `dataset` is trained on.
    """
    compare = selection_of(acceptance) == "validation"
    if valset is not None:
        return _given(dataset, valset, compare=compare, gate=gate, seed=seed)
    if not compare and not gate:
        return Parts(
            dataset, None, None, ("scores are on the training tasks: give a valset, or evaluate on a test set",)
        )
    if len(dataset) < SMALLEST:
        notes = [
            f"{len(dataset)} tasks are too few to split: versions were compared, and scored, on the training tasks"
        ]
        if gate:
            notes.append(f"nothing can be certified with {len(dataset)} tasks: the start is shipped, and what search "
                         "found is result.candidate (release=None ships it)")  # fmt: skip
        return Parts(dataset, None, None, tuple(notes))
    rest, holdout, validation = dataset, None, None
    unit = len(dataset) / len(dataset.streams())  # tasks
    if gate:
        most = round(HOLDOUT_MOST * unit)
        rest, holdout = _taken(rest, round(HOLDOUT_SHARE * len(dataset)), most, f"holdout:{seed}")
    if compare:
        most = round(VALIDATION_MOST * unit)
        rest, validation = _taken(rest, round(VALIDATION_SHARE * len(dataset)), most, str(seed))
    notes = [_parts_in_words(validation, holdout)]
    if gate and holdout is None:
        notes.append("the tasks form too few streams to hold some out: nothing can be certified, the start is shipped")
    return Parts(rest, validation, holdout, tuple(notes))


def _given(dataset: Dataset, valset: Dataset, *, compare: bool, gate: bool, seed: int) -> Parts:
    shared = len({task.question for task in dataset} & {task.question for task in valset})
    notes = (f"valset shares {shared} questions with the training tasks: its scores are too good",) if shared else ()
    if not gate:
        return Parts(dataset, valset, None, notes)
    if not compare:
        return Parts(dataset, None, valset, notes)
    if len(valset) < SMALLEST // 2:
        note = (f"nothing can be certified with a valset of {len(valset)} tasks: the start is shipped, and what search "
                "found is result.candidate (release=None ships it)")  # fmt: skip
        return Parts(dataset, valset, None, (*notes, note))
    validation, holdout = _taken(valset, len(valset) // 2, len(valset), f"holdout:{seed}")
    return Parts(dataset, validation, holdout, notes)


def _taken(tasks: Dataset, wanted: int, most: int, seed: str) -> tuple[Dataset, Dataset | None]:
    """The rest, and as many of the tasks as wanted, `most` at the most; None where the streams do not allow it."""
    try:
        taken, rest = tasks.split(min(wanted, most), seed=seed)
    except ForgeError:
        return tasks, None
    return rest, taken


def _parts_in_words(validation: Dataset | None, holdout: Dataset | None) -> str:
    parts = []
    if validation is not None:
        parts.append(f"{len(validation)} tasks split off by seed are used for selection")
    if holdout is not None:
        parts.append(f"{len(holdout)} held out for the release gate")
    return "; ".join(parts)
