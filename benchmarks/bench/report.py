"""The report of a bench folder: reads its cells, writes tables, pictures and the page beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bench.headline import headline
from benchmarks.bench.outcome import Outcome, load
from benchmarks.bench.page import page
from benchmarks.bench.plots import pictures
from benchmarks.bench.rows import rows
from benchmarks.bench.table import Table, as_csv, as_json, markdown, tables
from functions.errors import ForgeError


@dataclass(frozen=True, slots=True)
class Bench:
    """What was asked for, as `bench.json` holds it; `cells` are the names of all that were planned."""

    dataset: str
    command: str
    versions: Mapping[str, str]
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
    run = _run(bench, outcomes)
    numbers = {"dataset": bench.dataset, "command": bench.command, "versions": dict(bench.versions),
               "headline": said, "missing": missing, **as_json(outcomes, found)}  # fmt: skip
    title = f"Regimes side by side: {bench.dataset}"
    html = page(title, said=said, tables=shown, pictures={path.name: path.read_bytes() for path in drawn}, run=run,
                outcomes=outcomes, missing=missing)  # fmt: skip
    _save(folder / "results.json", json.dumps(numbers, indent=1, allow_nan=False))
    _save(folder / "results.csv", as_csv(found))
    _save(folder / "results.md", _markdown(title, said, shown, drawn, run, missing))
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


def _run(bench: Bench, outcomes: Sequence[Outcome]) -> dict[str, str]:
    seconds = math.fsum(outcome.seconds for outcome in outcomes)
    processor = math.fsum(outcome.cpu_seconds for outcome in outcomes)
    graphics = math.fsum(outcome.gpu_seconds for outcome in outcomes)
    planned = f" of {len(bench.cells)} planned" if bench.cells else ""
    return {
        "command": bench.command,
        "data set": bench.dataset,
        "cells": f"{len(outcomes)}{planned}",
        "training in all": f"{seconds:,.0f} s, {processor:,.0f} CPU seconds, {graphics:,.0f} GPU seconds",
        **{name: version for name, version in sorted(bench.versions.items())},
    }


def _markdown(
    title: str,
    said: Sequence[str],
    shown: Sequence[Table],
    drawn: Sequence[Path],
    run: Mapping[str, str],
    missing: Sequence[str],
) -> str:
    parts = [f"# {title}", *said, *map(markdown, shown)]
    parts += [f"![{path.stem}]({path.name})" for path in drawn]
    parts += [markdown(Table("What was run", ("", ""), tuple(run.items())))]
    if missing:
        parts += [f"## {len(missing)} planned cells are missing", "\n".join(f"- `{name}`" for name in missing)]
    return "\n\n".join(parts) + "\n"


def _save(path: Path, text: str) -> Path:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ForgeError(f"cannot write {path}: {error.strerror}") from error
    return path
