"""A bench from its settings to its page: what is not done yet is done, and then all that is there is reported."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.bench import regimes
from benchmarks.bench.console import watched
from benchmarks.bench.course import AnyCourse
from benchmarks.bench.jobs import BENCH, CELLS, ERRORS, TRAININGS, jobs_for, local_workers
from benchmarks.bench.outcome import Cell, load
from benchmarks.bench.report import write
from benchmarks.bench.setup import Setup, require_weights
from benchmarks.bench.spent import is_done
from forge.run import locked
from functions.errors import ForgeError
from functions.storage import write_whole

PACKAGES = ("forge-agents", "torch", "transformers", "trl", "litellm", "numpy")
FEWEST = 3  # training tasks for weights: two to learn from, one to look at


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cells; without a cost, at the data set's own. Seeds count from the first."""

    regimes: Sequence[str]
    seeds: int
    costs: Sequence[float] = ()
    without: Sequence[str] = ()
    without_at_test: Sequence[str] = ()
    advice_first: int | None = None
    first_seed: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """`page` is None where not even one cell is finished; `failed` gives the reason by job."""

    page: Path | None
    failed: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False


def run_bench(
    setup: Setup,
    wanted: Wanted,
    folder: Path,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    usd: float | None = None,
) -> Ended:
    """Do what is not done yet, and write the tables, the pictures and the page.

    Args:
        workers: processes side by side; None is one a core.
        overwrite: replace a bench that lies in the folder.
        usd: US dollars that language models may cost in all trainings and tests that are done now; None is no limit.

    Raises:
        ForgeError: unknown regimes or parts, a data set that is not found, a folder of another bench or in which one
            is at work, or a process that died; what is done is reported before.
    """
    cells = cells_of(setup, wanted)
    with _alone_in(folder):
        begin(folder, setup, [cell.name for cell in cells], overwrite)
        return _done(setup, cells, folder, workers, usd)


def _done(setup: Setup, cells: Sequence[Cell], folder: Path, workers: int | None, usd: float | None) -> Ended:
    """The cells that are not there yet, done and reported with the others."""
    load(folder / CELLS)  # what is damaged is told before anything else is done
    missing = [cell for cell in cells if not (folder / CELLS / f"{cell.name}.json").exists()]
    todo = [job for job in jobs_for(missing) if job.cell is not None or not is_done(folder / TRAININGS / job.name)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processes = min(workers or cores, max(1, len(todo)))
    failed: Mapping[str, str] = {}
    interrupted = False
    try:
        with local_workers(processes) as pool:
            threads = max(1, cores // processes)
            failed = watched(setup, folder, todo, pool, side_by_side=processes, threads=threads, usd=usd)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        page = write(folder) if any((folder / CELLS).glob("*.json")) else None
    return Ended(page, failed, interrupted)


def cells_of(setup: Setup, wanted: Wanted) -> tuple[Cell, ...]:
    """The cells that are asked for, with what they are held against."""
    weights = [name for name in wanted.regimes if name in regimes.WEIGHTS]
    if weights:
        require_weights(setup.policy)
    trainer = setup.trainer(Path())
    course = trainer.course
    if weights and isinstance(course, AnyCourse):
        _require_tasks(course, weights)
    default = setup.default_cost()
    costs: list[float | None] = [*wanted.costs] or [default]
    references = []
    if course.agent(trainer.model, costs[0]).expert is not None:
        references = [regimes.ALWAYS, *([regimes.NEVER] if weights else [])]
        if course.oracle(costs[0] or 0.0) is not None:
            references.append(regimes.ORACLE)
    elif wanted.advice_first is not None:
        raise ForgeError(f"--advice-first {wanted.advice_first}: {course.name} has no expert: give --advice-cost, and "
                         "the right answer is what an expert says")  # fmt: skip
    return regimes.planned(
        course.name,
        wanted.regimes,
        seeds=range(wanted.first_seed, wanted.first_seed + wanted.seeds),
        costs=costs,
        without=wanted.without,
        without_at_test=wanted.without_at_test,
        advice_first=wanted.advice_first,
        references=references,
        default_cost=default,
        calls_tools=setup.model != "router",
    )


def _require_tasks(course: AnyCourse, weights: Sequence[str]) -> None:
    """Raises:
    ForgeError: the training tasks are too few to look at some of them while weights are trained.
    """
    tasks = course.function_tasks(0)[0]
    if len(tasks) < FEWEST or len(tasks.streams()) < 2:
        raise ForgeError(
            f"--regimes {','.join(weights)}: {course.name} has {len(tasks)} training tasks in {len(tasks.streams())} "
            f"streams. Weights need {FEWEST} in 2 at least, as an eighth, in whole streams, is set aside to look at. "
            "Give more, or --test with a file of its own, so that no rows of the first are held out for the test"
        )


def begin(folder: Path, setup: Setup, cells: list[str], overwrite: bool) -> None:
    """Describe the bench in its folder, or see that what lies there was made in the same way.

    Raises:
        ForgeError: it was not.
    """
    path = folder / BENCH
    has_cells = any((folder / CELLS).glob("*.json"))
    if overwrite and (path.exists() or has_cells):
        for part in (CELLS, TRAININGS, ERRORS):
            shutil.rmtree(folder / part, ignore_errors=True)
        path.unlink(missing_ok=True)
    elif has_cells and not path.exists():
        raise ForgeError(f"{folder} holds cells and no {BENCH}, which tells how they were made: put it back, give "
                         "another --run, or --overwrite to replace them")  # fmt: skip
    earlier: dict[str, Any] = {}
    if path.exists():
        earlier = _earlier(path)
        if was := setup.differing(earlier["settings"]):
            told = ", ".join(f"{name}={value!r}" for name, value in was.items())
            raise ForgeError(f"{folder} holds a bench with {told}: give the same, another --run, or --overwrite to "
                             "replace it")  # fmt: skip
    data = setup.data(Path())
    if earlier.get("data", data) != data:  # benches of before have none
        raise ForgeError(f"{folder} holds a bench on other tasks: those of {setup.dataset} have changed since, and what"
                         " is done cannot be held against what is not. Give another --run, or --overwrite to replace "
                         "it")  # fmt: skip
    contents = {
        "dataset": setup.dataset,
        "commands": list(dict.fromkeys([*earlier.get("commands", []), shlex.join(["forge", *sys.argv[1:]])])),
        "versions": _seen({"python": platform.python_version(), **_versions()}, earlier.get("versions", {})),
        "settings": asdict(setup),
        "data": data,
        "cells": list(dict.fromkeys([*earlier.get("cells", []), *cells])),
    }
    try:
        write_whole(path, json.dumps(contents, indent=1))
    except OSError as error:
        raise ForgeError(f"cannot write {path}: {error.strerror}") from error


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Makes the folder and keeps other benches out of it.

    Raises:
        ForgeError: another one is at work there, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = locked(folder / ".lock")
    except OSError as error:
        raise ForgeError(f"cannot write {folder}: {error.strerror}") from error
    with lock:
        yield


def _earlier(path: Path) -> dict[str, Any]:
    """Raises:
    ForgeError: the file is none that a bench wrote.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        lists = [found.get(name, []) for name in ("cells", "commands")]
        named = (found["settings"], found.get("versions", {}))
        whole = all(isinstance(each, dict) for each in named) and all(isinstance(each, list) for each in lists)
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ForgeError(f"{path} is damaged ({error!r}): give another --run, or --overwrite") from error
    if not whole:
        raise ForgeError(f"{path} is damaged, or of no bench: give another --run, or --overwrite")
    return dict(found)


def _seen(versions: Mapping[str, str], earlier: Mapping[str, str]) -> dict[str, str]:
    """With those that earlier commands in the folder ran under: another version may have another recipe."""
    return {
        name: ", ".join(dict.fromkeys([*earlier.get(name, version).split(", "), version]))
        for name, version in versions.items()
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
