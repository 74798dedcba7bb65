"""The report of a bench folder: reads its cells, writes tables, pictures and the page beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import sub
from pathlib import Path
from textwrap import shorten

from benchmarks.bench.headline import headline
from benchmarks.bench.jobs import TRAININGS
from benchmarks.bench.notes import notes
from benchmarks.bench.outcome import Outcome, load
from benchmarks.bench.page import CAPTIONS, lacks, page
from benchmarks.bench.plots import pictures
from benchmarks.bench.regimes import training_of
from benchmarks.bench.rows import rows
from benchmarks.bench.spent import DONE, spent_in
from benchmarks.bench.table import Table, as_csv, as_json, escaped, markdown, tables
from functions.errors import ForgeError

NOTE = 300  # characters of one in the Markdown; the page has it whole


@dataclass(frozen=True, slots=True)
class Bench:
    """What was asked for, as `bench.json` holds it; `cells` are the names of all that were planned."""

    dataset: str
    versions: Mapping[str, str]
    commands: tuple[str, ...] = field(default=())
    cells: tuple[str, ...] = field(default=())


def write(folder: str | Path) -> Path:
    """Report what is finished; returns the page's path.

    Reads `bench.json` and `cells/*.json`; writes `results.json`, `results.csv`, `results.md`, the pictures that there
    are numbers for, and `report.html`.

    Raises:
        ForgeError: no bench folder, no finished cell, cells of several data sets, or a file that cannot be read or
            written.
    """
    folder = Path(folder)
    bench, outcomes = _bench(folder / "bench.json"), load(folder / "cells")
    if not outcomes:
        raise ForgeError(f"{folder / 'cells'} holds no finished cell: the same command again goes on with the bench")
    if len(datasets := sorted({outcome.cell.dataset for outcome in outcomes})) > 1:
        raise ForgeError(f"{folder / 'cells'} holds cells of {', '.join(datasets)}: a bench is of one data set")
    found = rows(outcomes)
    said, shown = headline(outcomes, found), tables(outcomes, found)
    names = {outcome.cell.name for outcome in outcomes}
    missing = tuple(name for name in bench.cells if name not in names)
    drawn = pictures(outcomes, found, folder)
    for name in CAPTIONS:  # of an earlier bench in this folder
        if folder / name not in drawn:
            (folder / name).unlink(missing_ok=True)
    run = _run(bench, folder, outcomes)
    numbers = {"dataset": bench.dataset, "commands": bench.commands, "versions": dict(bench.versions),
               "headline": said, "missing": missing, **as_json(outcomes, found)}  # fmt: skip
    title = f"Regimes side by side: {bench.dataset}"
    html = page(title, said=said, tables=shown, pictures={path.name: path.read_bytes() for path in drawn}, run=run,
                outcomes=outcomes, missing=missing)  # fmt: skip
    _save(folder / "results.json", json.dumps(numbers, indent=1, allow_nan=False))
    _save(folder / "results.csv", as_csv(found))
    _save(folder / "results.md", _markdown(title, said, shown, drawn, run, notes(outcomes), missing))
    return _save(folder / "report.html", html)


def _bench(path: Path) -> Bench:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Bench).validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        raise ForgeError(f"cannot read {path}: {error.strerror} (the folder of a bench is made by its run)") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ForgeError(f"{path} describes no bench: {f'{place}: ' if place else ''}{first['msg']}") from error


def _run(bench: Bench, folder: Path, outcomes: Sequence[Outcome]) -> dict[str, str]:
    planned = f" of {len(bench.cells)} planned" if bench.cells else ""
    return {
        **{f"command {place}" if place > 1 else "command": each for place, each in enumerate(bench.commands, start=1)},
        "data set": bench.dataset,
        "cells": f"{len(outcomes)}{planned}",
        **_in_all(folder / TRAININGS, outcomes),
        **{name: version for name, version in sorted(bench.versions.items())},
    }


def _in_all(folder: Path, outcomes: Sequence[Outcome]) -> dict[str, str]:
    """What all trainings took, each counted once however many cells build on it; nothing where that cannot be told.

    A cell holds the costs of its whole chain: without the trainings' own files, what a training took is that of a cell
    of its own less that of a cell of what it goes on from.
    """
    ends = {training: outcome for outcome in outcomes if (training := training_of(outcome.cell)) is not None}
    parts: list[tuple[float, ...]] = []
    for training in {step for end in ends for step in end.chain}:
        before = training.before
        if (folder / training.name / DONE).exists():
            spent = spent_in(folder / training.name)
            parts.append((spent.seconds, spent.cpu_seconds, spent.gpu_seconds))
        elif training in ends and (before is None or before in ends):
            whole, earlier = _seconds(ends[training]), _seconds(ends[before]) if before else (0.0, 0.0, 0.0)
            parts.append(tuple(map(sub, whole, earlier)))
        else:
            return {}
    if not parts:
        return {}
    wall, processor, graphics = map(math.fsum, zip(*parts, strict=True))
    words = f"{wall:,.0f} s, {processor:,.0f} CPU seconds, {graphics:,.0f} GPU seconds"
    return {"training in all": f"{words}, in {len(parts)} trainings"}


def _seconds(outcome: Outcome) -> tuple[float, float, float]:
    return outcome.seconds, outcome.cpu_seconds, outcome.gpu_seconds


def _markdown(
    title: str,
    said: Sequence[str],
    shown: Sequence[Table],
    drawn: Sequence[Path],
    run: Mapping[str, str],
    noted: Sequence[str],
    missing: Sequence[str],
) -> str:
    parts = [f"# {title}", *said, *map(markdown, shown)]
    parts += [f"![{path.stem}]({path.name})" for path in drawn]
    parts += [markdown(Table("What was run", ("", ""), tuple(run.items())))]
    if noted:
        parts += ["## Notes", "\n".join(f"- {escaped(shorten(note, NOTE, placeholder=' …'))}" for note in noted)]
    if missing:
        parts += [f"## {lacks(missing)}", "\n".join(f"- `{name}`" for name in missing)]
    return "\n\n".join(parts) + "\n"


def _save(path: Path, text: str) -> Path:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ForgeError(f"cannot write {path}: {error.strerror}") from error
    return path
