"""What has to be done for a bench, in an order that every step finds what it needs, by processes side by side."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any

import forge
from benchmarks.bench.outcome import Cell
from benchmarks.bench.playing import played
from benchmarks.bench.regimes import Training, training_of
from benchmarks.bench.setup import Setup
from benchmarks.bench.spent import paid_in
from benchmarks.bench.trainings import Interrupted
from functions.errors import ForgeError

BENCH, CELLS, TRAININGS, ERRORS = "bench.json", "cells", "trainings", "errors"


@dataclass(frozen=True, slots=True)
class Job:
    """A training, or, where there is none, a cell to be played. Jobs of equal work are equal."""

    training: Training | None
    cell: Cell | None = None

    @property
    def name(self) -> str:
        return self.cell.name if self.cell is not None else self.training.name if self.training is not None else ""

    @property
    def regime(self) -> str:
        return self.cell.regime if self.cell is not None else self.training.regime if self.training is not None else ""

    @property
    def needs(self) -> Job | None:
        """The job that must be done before."""
        needed = self.training if self.cell is not None else self.training.before if self.training else None
        return None if needed is None else Job(needed)


@dataclass(frozen=True, slots=True)
class Done:
    """A job's end: `error` says why it failed, "" if it did not; `usd` is counted where there is a limit."""

    job: Job
    error: str = ""
    interrupted: bool = False
    usd: float = 0.0


def jobs_for(cells: Sequence[Cell]) -> tuple[Job, ...]:
    """Everything to be done for the cells, each job once, what is needed before what needs it."""
    found: dict[Job, None] = {}
    for cell in cells:
        training = training_of(cell)
        for step in training.chain if training is not None else ():
            found[Job(step)] = None
        found[Job(training, cell)] = None
    return tuple(found)


def run(
    setup: Setup,
    folder: Path,
    jobs: Sequence[Job],
    workers: Executor,
    *,
    side_by_side: int,
    threads: int,
    usd: float | None = None,
) -> Iterator[Done]:
    """Do the jobs; what has failed takes what needs it along, and what is needed and not among them is done already.
    Yields each end as it comes.

    Under a limit in dollars, jobs that ask a language model run one at a time, each for at most what is left.

    Args:
        folder: of the bench.
        workers: where jobs run; any executor will do whose processes share the folder.
        side_by_side: jobs handed to it at a time.
        threads: of each.
        usd: US dollars for all jobs together; None is no limit.

    Raises:
        ForgeError: a process died.
    """
    waiting, listed, failed = list(jobs), frozenset(jobs), dict[Job, str]()
    over: set[Job] = set()
    running: dict[Future[Done], Job] = {}
    left = usd or 0.0

    def limited(job: Job) -> bool:
        return usd is not None and setup.pays(job.regime, trains=job.cell is None)

    while waiting or running:
        for job in list(waiting):
            if job.needs in failed:
                waiting.remove(job)
                failed[job] = f"{job.needs.name if job.needs else ''} failed"
                yield Done(job, failed[job])
            elif len(running) == side_by_side or (job.needs in listed and job.needs not in over):
                continue
            elif not limited(job):
                waiting.remove(job)
                running[workers.submit(do, setup, folder, job, threads)] = job
            elif any(map(limited, running.values())):
                continue
            elif left > 0:
                waiting.remove(job)
                running[workers.submit(do, setup, folder, job, threads, left)] = job
            else:
                waiting.remove(job)
                failed[job] = f"not begun, as the ${usd:g} of --usd are spent: the same command again goes on"
                yield Done(job, failed[job])
        if not running:
            continue
        finished, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in finished:
            job = running.pop(future)
            try:
                done = future.result()
            except BrokenExecutor as error:
                raise ForgeError(f"a process ended abruptly at {job.name}: it may have run out of memory, or been "
                                 "killed; what is done is kept, fewer --workers need less") from error  # fmt: skip
            left -= done.usd
            if done.error:
                failed[job] = done.error
            over.add(job)
            yield done


def do(setup: Setup, folder: Path, job: Job, threads: int, usd: float | None = None) -> Done:
    """Do one job in this process; a failure is its result. One that was done before is not done again.

    What nobody expected fails it, too, and its traceback is kept: the page of many hours' work does not depend on it.

    Args:
        usd: what it may spend; None is no limit.
    """
    if _STOP is not None and _STOP.is_set():
        return Done(job, interrupted=True)
    _prepare(threads)
    meter, place = forge.Meter(forge.Budget(usd=usd)), folder / TRAININGS / job.name
    before, error, interrupted = 0.0, "", False
    try:
        before = 0.0 if usd is None else paid_in(place)
        trainer = setup.trainer(folder / TRAININGS)
        _require_same_tasks(setup, folder)
        if job.cell is None:
            assert job.training is not None
            trainer.train(job.training, job.training.cell.seed, usd)
        else:
            played(trainer, job.cell, meter).save(folder / CELLS)
    except (Interrupted, KeyboardInterrupt):
        interrupted = True
    except ForgeError as failure:
        error = str(failure)
    except Exception as failure:  # noqa: BLE001 - a mistake in one cell is told, and the others are played
        error = _unexpected(failure, folder / ERRORS / f"{job.name}.txt")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    spent = meter.spent.usd
    try:
        spent += 0.0 if usd is None else paid_in(place) - before
    except Exception as failure:  # noqa: BLE001 - as above
        error = error or _unexpected(failure, folder / ERRORS / f"{job.name}.txt")
    return Done(job, error, interrupted, 0.0 if usd is None else spent)


def _require_same_tasks(setup: Setup, folder: Path) -> None:
    """Raises:
    ForgeError: this process has read others than the bench began with.
    """
    began_with = json.loads((folder / BENCH).read_text(encoding="utf-8"))["data"]
    if setup.data(folder / TRAININGS) != began_with:
        raise ForgeError(f"the tasks of {setup.dataset} have changed since the bench began: put them back as they "
                         "were, and the same command goes on")  # fmt: skip


def _unexpected(error: Exception, path: Path) -> str:
    told = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as full:
        return f"{told} (its traceback cannot be written to {path}: {full.strerror})"
    return f"{told} (traceback: {path})"


def _prepare(threads: int) -> None:
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    with contextlib.suppress(ImportError):  # functions can be forged without torch
        import torch

        torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def local_workers(count: int) -> Iterator[Executor]:
    """Processes of this machine; Ctrl-C interrupts what they do, once, and waits until it is put away."""
    context = _Shielding()
    stop = context.Event()
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(stop, os.getpid()))
    try:
        yield pool
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Shielded(SpawnProcess):
    """A process that Ctrl-C leaves alone until `_begin` has decided what it means: a traceback of imports otherwise."""

    def start(self) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # what is blocked stays so in the child
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Shielding(SpawnContext):
    Process = _Shielded


_STOP: Any = None  # in a worker: the event that says to stop


def _begin(stop: Any, parent: int) -> None:
    """In a worker: the terminal's Ctrl-C goes to the parent alone, and nobody outlives it."""
    global _STOP
    _STOP = stop
    os.setpgrp()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def watch() -> None:
        while not stop.wait(0.2):
            if os.getppid() != parent:
                os._exit(1)
        os.kill(os.getpid(), signal.SIGINT)  # ignored between jobs

    threading.Thread(target=watch, daemon=True).start()
