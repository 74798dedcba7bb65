"""One page that tells a bench: headline, tables, pictures, what was run. Nothing in it is loaded from elsewhere."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.bench.notes import notes
from benchmarks.bench.outcome import Outcome
from benchmarks.bench.rows import label
from benchmarks.bench.table import Table
from optim.report.page import page as document
from optim.report.page import table as as_html

WIDE = 8  # columns that fit with intervals in one line
CAPTIONS = {
    "curves.png": "Learning curves of the regimes: lines on validation tasks, marks at their ends on test tasks",
    "asking.png": "Advice rate along the streams",
    "costs.png": "Total score and advice rate by the cost of advice",
}


def page(
    title: str,
    *,
    said: Sequence[str],
    tables: Sequence[Table],
    pictures: Mapping[str, bytes],
    run: Mapping[str, str],
    outcomes: Sequence[Outcome],
    missing: Sequence[str],
) -> str:
    """The document.

    Args:
        said: the headline's sentences.
        tables: the main one and its costs first.
        pictures: PNG files by name.
        run: what was run, in words: the command, versions and the like.
        missing: names of the cells that were planned and are not there.
    """
    lacking = f"<p><strong>{lacks(missing)}</strong>; see below.</p>" if missing else ""
    first = "".join(f"<p>{escape(sentence)}</p>" for sentence in said)
    shown = "".join(_picture(name, png) for name, png in pictures.items())
    sections = [
        ("What came out", f'<div class="verdict">{first}{lacking}</div>'),
        *((table.title, _table(table)) for table in tables[:2]),
        ("Pictures", shown),
        *((table.title, _table(table)) for table in tables[2:]),
        ("What was run", _run(run, outcomes) + _missing(missing)),
        ("Notes", _notes(notes(outcomes))),
    ]
    return document(title, sections)


def _table(table: Table) -> str:
    shown = _broken if len(table.head) > WIDE else escape
    lines = ([shown(word) for word in line] for line in table.lines)
    return as_html(table.head, lines) + "".join(f'<p class="quiet">{escape(note)}</p>' for note in table.notes)


def _broken(word: str) -> str:
    """An interval, or a count of seeds, under its number: many columns stand side by side then."""
    return re.sub(r"(?<=\d) (?=\[)|(?<=[\d*†]) (?=\(\d+/\d+\))", "<br>", escape(word))


def _picture(name: str, png: bytes) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    words = escape(CAPTIONS.get(name, name))
    return (
        f'<div class="scroll"><img src="{source}" alt="{words}" '
        'style="display:block;width:100%;min-width:38rem;background:#fff;border-radius:.4rem;margin:.75rem 0"></div>'
    )


def _run(run: Mapping[str, str], outcomes: Sequence[Outcome]) -> str:
    words = as_html(("", ""), ((escape(name), f"<code>{escape(value)}</code>") for name, value in run.items()))
    head = ("cell", "seed#", "runs on", "total score#", "rollouts#", "seconds#", "CPU seconds#", "GPU seconds#",
            "functions at the end")  # fmt: skip
    lines = (
        (escape(_cell(outcome)), str(outcome.cell.seed), escape(outcome.model), f"{outcome.total:.3f}",
         f"{outcome.rollouts:,}", f"{outcome.seconds:,.0f}", f"{outcome.cpu_seconds:,.0f}",
         f"{outcome.gpu_seconds:,.0f}", ", ".join(f"<code>{escape(name)}</code>" for name in outcome.functions) or "–")
        for outcome in outcomes
    )  # fmt: skip
    return f"{words}<details><summary>{len(outcomes)} cells</summary><div>{as_html(head, lines)}</div></details>"


def _cell(outcome: Outcome) -> str:
    cost = outcome.cell.advice_cost
    return label(outcome.cell) + ("" if cost is None else f", advice at {cost:g}")


def lacks(missing: Sequence[str]) -> str:
    return f"{len(missing)} planned {'cell is' if len(missing) == 1 else 'cells are'} missing"


def _missing(names: Sequence[str]) -> str:
    if not names:
        return ""
    items = "".join(f"<li><code>{escape(name)}</code></li>" for name in names)
    return f"<details open><summary>{lacks(names)}</summary><div><ul>{items}</ul></div></details>"


def _notes(said: Sequence[str]) -> str:
    items = "".join(f"<li><p>{escape(note)}</p></li>" for note in said)
    return f"<ul>{items}</ul>" if items else ""
