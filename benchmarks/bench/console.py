"""What a person sees while a bench is at work: what runs, how far it is, what has come out."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from threading import Event, Thread
from typing import Any

from benchmarks.bench.course import AnyCourse
from benchmarks.bench.jobs import CELLS, TRAININGS, Done, Job, run
from benchmarks.bench.outcome import Outcome
from benchmarks.bench.setup import Setup
from benchmarks.bench.spent import spent_in


def watched(
    setup: Setup,
    folder: Path,
    jobs: Sequence[Job],
    workers: Executor,
    *,
    side_by_side: int,
    threads: int,
    usd: float | None = None,
) -> dict[str, str]:
    """Do the jobs and tell of each; returns the failed ones with the reason."""
    from rich.console import Console
    from rich.live import Live

    console = Console(file=sys.stderr, highlight=False)
    console.print(f"{len(jobs)} steps to do, {side_by_side} side by side")
    if told := foretold(setup, jobs, usd):
        console.print(told, soft_wrap=True)
    failed: dict[str, str] = {}
    board = Board(folder / TRAININGS, len(jobs))
    stop = Event()
    with Live(board.lines(), console=console, refresh_per_second=2, transient=True) as live:

        def refresh() -> None:
            while not stop.wait(0.5):
                live.update(board.lines())

        painter = Thread(target=refresh, daemon=True)
        if console.is_terminal:
            painter.start()
        try:
            for done in run(setup, folder, jobs, workers, side_by_side=side_by_side, threads=threads, usd=usd):
                if done.interrupted:
                    raise KeyboardInterrupt
                board.done += 1
                if done.job.name not in failed:  # a training has the name of its first cell
                    console.print(_told(folder, done))
                if done.error:
                    failed.setdefault(done.job.name, done.error)
        finally:
            stop.set()
    return failed


def foretold(setup: Setup, jobs: Sequence[Job], usd: float | None) -> str:
    """How much a language model will be asked, "" where none is."""
    asked = [job for job in jobs if setup.pays(job.regime, trains=job.cell is None)]
    course = setup.trainer(Path()).course
    unmetered = course.benchmark.unmetered if isinstance(course, AnyCourse) and jobs else ""
    besides = f"not counted, and not limited by --usd: {unmetered}" if unmetered else ""
    if not asked:
        return besides
    tests = sum(job.cell is not None for job in asked)
    parts = [f"{tests * len(course.test()):,} test tasks in {tests} tests"] if tests else []
    if trainings := len(asked) - tests:
        parts.append(f"{trainings} trainings that play {len(course.function_tasks(0)[0]):,} tasks several times each")
    models = " and ".join(name for name in (setup.model, setup.optimizer) if name not in (None, "router", "synthesis"))
    limit = "no limit in dollars is set (--usd)" if usd is None else f"for at most ${usd:g}"
    return "\n".join(filter(None, (f"to ask of {models}: {', '.join(parts)}; {limit}", besides)))


def _told(folder: Path, done: Done) -> str:
    from rich.markup import escape

    job = done.job
    if done.error:
        return f"[red]failed[/]  {job.name}: {escape(done.error)}"
    if job.cell is None:
        spent = spent_in(folder / TRAININGS / job.name)
        return f"trained {job.name}: {spent.seconds:.0f} s"
    path = folder / CELLS / f"{job.name}.json"
    seen = Outcome.from_json(path.read_bytes(), name=str(path))
    return (f"played  {job.name}: [bold]total score {seen.total:.3f}[/], right {seen.accuracy:.3f}, advice "
            f"{seen.advice_rate:.3f}")  # fmt: skip


class Board:
    """The trainings at work, from what they write into their folders. Mutable: `done` counts finished jobs."""

    def __init__(self, folder: Path, total: int) -> None:
        self._folder, self._total, self._began = folder, total, time.time()
        self.done = 0

    def lines(self) -> Any:  # a rich renderable
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        table.add_row(f"[bold]{self.done} of {self._total}[/]", f"{time.time() - self._began:.0f} s", "")
        for path in sorted(self._folder.glob("*/")):
            if not (path / "training.json").exists() and (latest := _latest(path)):
                table.add_row("", path.name, latest)
        return table


def _latest(folder: Path) -> str:
    """The last thing that a training has told."""
    for path in (folder / "progress.jsonl", folder / "run" / "events.jsonl"):
        if path.exists() and (line := _last_line(path)):
            try:
                event = json.loads(line)
            except ValueError:
                continue
            shown = {key: event[key] for key in ("step", "accuracy", "reward", "advice_rate", "score") if key in event}
            numbers = (f"{key} {value:.3f}" if isinstance(value, float) else f"{key} {value}" for key, value in
                       shown.items() if value is not None)  # fmt: skip
            return f"{event.get('kind', '')} {', '.join(numbers)}"
    return ""


def _last_line(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 4_000))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
