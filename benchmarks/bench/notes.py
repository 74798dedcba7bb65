"""What the trainings of a bench had to say, each thing once, with whom it is of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from benchmarks.bench.outcome import Outcome
from benchmarks.bench.rows import label

OF_TRAINING = re.compile(r"(?P<training>\S+),seed=(?P<seed>-?\d+) (?P<said>.*)", re.DOTALL)


def notes(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """`shipped start: too few tasks to certify anything (forge: seeds 0, 1)`.

    Cells that build on one training repeat its notes: those that begin with its name are told of the training alone.
    """
    found: dict[str, dict[str, set[int]]] = {}
    for outcome in outcomes:
        for note in outcome.notes:
            own = OF_TRAINING.fullmatch(note)
            of = _training(own["training"], outcome.cell.dataset) if own else label(outcome.cell)
            seed = int(own["seed"]) if own else outcome.cell.seed
            found.setdefault(own["said"] if own else note, {}).setdefault(of, set()).add(seed)
    return tuple(f"{said} ({_whose(seeds)})" for said, seeds in found.items())


def _training(name: str, dataset: str) -> str:
    return name.removeprefix(f"{dataset},").replace(",without=", " without ").replace(",", ", ")


def _whose(seeds: Mapping[str, set[int]]) -> str:
    """Trainings of the same seeds in one."""
    alike: dict[tuple[int, ...], list[str]] = {}
    for of, numbers in seeds.items():
        alike.setdefault(tuple(sorted(numbers)), []).append(of)
    return "; ".join(
        f"{' and '.join(of)}: {'seed' if len(numbers) == 1 else 'seeds'} {', '.join(map(str, numbers))}"
        for numbers, of in alike.items()
    )
