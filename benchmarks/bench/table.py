"""The rows as tables of words, and these as Markdown; the rows' numbers as CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.bench.curves import curves
from benchmarks.bench.interval import Difference, Estimate, compare
from benchmarks.bench.outcome import Outcome
from benchmarks.bench.rows import Kind, Row, groups, main, names
from benchmarks.bench.stream import Asking, asking
from benchmarks.bench.sweep import sweeps

NONE = "–"
MOST_KINDS = 12  # columns of a table; a column "type" of one's own file may say something else in each row
MARK = "†"
ONE_SEED = "Where there is one seed, the interval leaves out the luck of training."
SYSTEMS = f"{MARK} The two run on different models: the difference is one of systems, not of regimes."


@dataclass(frozen=True, slots=True)
class Table:
    """Words in lines; columns whose head ends in "#" hold numbers. Notes stand below."""

    title: str
    head: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def tables(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> tuple[Table, ...]:
    """The main table and its costs first, then those that have lines: pairs, ablations, the sweep, streams, kinds."""
    regimes = main(rows)
    found = (
        _main(regimes),
        _spent(regimes),
        _pairs(outcomes, regimes),
        _ablations(rows),
        _sweep(outcomes, rows, regimes),
        _along(outcomes, rows),
        *_by_kind(regimes),
    )
    return tuple(table for table in found if table.lines)


def _main(rows: Sequence[Row]) -> Table:
    head = ("regime", "runs on", "advice cost#", "accuracy#", "advice rate#", "total score#", "above base#",
            "above in#", "functions#", "seeds#")  # fmt: skip
    lines = tuple(
        (row.label, row.model, _cost(row), f"{row.accuracy:.3f}", f"{row.advice_rate:.3f}", estimated(row.total),
         _above(row), _seeds(row), f"{row.functions:,.3g}", str(len(row.seeds)))
        for row in rows
    )  # fmt: skip
    return Table("Regimes", head, lines, tuple(_main_notes(rows)))


def _spent(rows: Sequence[Row]) -> Table:
    paid = any(row.usd_per_1000 for row in rows)  # else nothing that plays costs dollars
    head = ("regime", "rollouts#", "demonstrations#", "tokens#", "$#", "seconds#", "CPU seconds#", "GPU seconds#",
            *(["$ for 1,000 answers#"] if paid else []))  # fmt: skip
    lines = tuple(
        (row.label, f"{row.rollouts:,.0f}", f"{row.demonstrations:,.0f}", f"{row.tokens:,.0f}", _dollars(row.usd),
         _time(row.seconds), _time(row.cpu_seconds), _time(row.gpu_seconds),
         *([_dollars(row.usd_per_1000)] if paid else []))
        for row in rows
    )  # fmt: skip
    note = "Means over seeds, of all trainings that a regime builds on; the test is not counted"
    note += ", but for what 1,000 of its answers cost." if paid else "."
    return Table("What it cost", head, lines, (note,))


def _main_notes(rows: Sequence[Row]) -> Iterable[str]:
    if not rows:
        return
    tasks, streams = ({getattr(row, name) for row in rows} for name in ("tasks", "streams"))
    yield (
        f"Means over seeds on {_span(tasks)} test tasks in {_span(streams)} independent streams. Total score: mean "
        "score minus the cost of advice. In brackets 95% intervals over seeds and streams. "
        "Above in: in how many seeds."
    )
    if any(row.score > row.accuracy for row in rows):
        scores = ", ".join(f"{row.label} {row.score:.3f}" for row in rows)
        yield f"Some answers score between 0 and 1; accuracy counts the full score alone. Mean scores: {scores}."
    if any(len(row.seeds) == 1 for row in rows):
        yield ONE_SEED
    if any(row.across_models for row in rows):
        yield SYSTEMS


def _pairs(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> Table:
    """Every regime against every other."""
    if len(rows) < 3:
        return Table("Each against each", (), ())
    seeds = groups(outcomes)

    def cell(row: Row, other: Row) -> str:
        if row is other:
            return NONE
        return _difference(compare(seeds[row.cell], seeds[other.cell]), row.model != other.model)

    labels = names(rows)
    lines = tuple((label, *(cell(row, other) for other in rows)) for label, row in zip(labels, rows, strict=True))
    notes = [
        "The line's total score minus the column's, paired by seed and task, and in how many of the line's seeds it is "
        "above. * The 95% interval leaves out 0; of so many pairs some do by luck."
    ]
    if len({row.model for row in rows}) > 1:
        notes.append(SYSTEMS)
    return Table("Each against each", ("regime", *(f"{label}#" for label in labels)), lines, tuple(notes))


def _ablations(rows: Sequence[Row]) -> Table:
    parts = [row for row in rows if row.ablated]
    shown = {(row.cell.dataset, row.cell.regime, row.cell.advice_cost) for row in parts}
    lines = tuple(
        (row.label, row.model, _cost(row), f"{row.accuracy:.3f}", f"{row.advice_rate:.3f}", estimated(row.total),
         *((_above(row), _seeds(row)) if row.ablated else (NONE, NONE)), _verdict(row), str(len(row.seeds)))
        for row in rows
        if (row.cell.dataset, row.cell.regime, row.cell.advice_cost) in shown
    )  # fmt: skip
    head = ("training", "runs on", "advice cost#", "accuracy#", "advice rate#", "total score#", "above the whole#",
            "above in#", "told apart", "seeds#")  # fmt: skip
    notes = [ONE_SEED] if any(len(row.seeds) == 1 for row in parts) else []
    notes += [SYSTEMS] if any(row.across_models for row in parts) else []
    return Table("Ablations", head, lines, tuple(notes))


def _sweep(outcomes: Sequence[Outcome], rows: Sequence[Row], regimes: Sequence[Row]) -> Table:
    found = sweeps(outcomes, rows)
    swept = [row for sweep in found for row in sweep.rows]
    swept += [row for row in rows if not row.ablated and row not in regimes and row not in swept]
    lines = tuple(
        (row.label, _cost(row), f"{row.accuracy:.3f}", f"{row.advice_rate:.3f}", estimated(row.total),
         str(len(row.seeds)))
        for row in swept
    )  # fmt: skip
    head = ("regime", "advice cost#", "accuracy#", "advice rate#", "total score#", "seeds#")
    return Table("The cost of advice", head, lines, tuple(sweep.statement for sweep in found))


def _along(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> Table:
    found = asking(outcomes, rows)
    head = ("regime", "first fifth#", "second#", "third#", "fourth#", "last#")
    lines = tuple((asked.label, *(f"{rate:.3f}" for rate in asked.fifths)) for asked in found)
    return Table("Advice along the stream", head, lines, tuple(asked.statement for asked in found))


def _by_kind(rows: Sequence[Row]) -> tuple[Table, Table]:
    names = sorted({kind.kind for row in rows for kind in row.kinds})
    if not 2 <= len(names) <= MOST_KINDS:  # the JSON has them all
        return Table("", (), ()), Table("", (), ())

    def table(title: str, value: Callable[[Kind], float | None]) -> Table:
        def line(row: Row) -> tuple[str, ...]:
            kinds = {kind.kind: kind for kind in row.kinds}
            return (row.label, *(_score(value(kinds[name])) if name in kinds else NONE for name in names))

        head = ("regime", *(f"{name or 'no kind'}#" for name in names))
        return Table(title, head, tuple(map(line, rows)))

    return (
        table("Accuracy when answering without advice, by kind of task", lambda kind: kind.accuracy_answering),
        table("Advice rate, by kind of task", lambda kind: kind.advice_rate),
    )


def markdown(table: Table) -> str:
    """The table as Markdown, with its title and notes."""
    rule = ["---:" if name.endswith("#") else "---" for name in table.head]
    head = [escaped(name.removesuffix("#")) for name in table.head]
    lines = (head, rule, *([escaped(word) for word in line] for line in table.lines))
    parts = [f"## {escaped(table.title)}", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return "\n\n".join((*parts, *map(escaped, table.notes)))


def as_csv(rows: Iterable[Row]) -> str:
    """One line for each row, with what it is, its numbers and their intervals; kinds of tasks are in the JSON."""
    lines = [_flat(row) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def as_json(outcomes: Sequence[Outcome], rows: Sequence[Row]) -> dict[str, Any]:
    """The rows whole, what the sweeps show, and the points of the pictures."""
    return {
        "rows": [asdict(row) | {"cell": _identity(row), "label": row.label} for row in rows],
        "sweeps": [sweep.statement for sweep in sweeps(outcomes, rows)],
        "curves": [asdict(curve) for curve in curves(outcomes, rows)],
        "advice_along_the_stream": [_asked(asked) for asked in asking(outcomes, rows)],
    }


def _asked(asked: Asking) -> dict[str, Any]:
    """With pairs for points: names in JSON are no numbers."""
    seeds = {seed: list(rates.items()) for seed, rates in asked.seeds.items()}
    return asdict(asked) | {"statement": asked.statement, "seeds": seeds, "mean": list(asked.mean.items())}


def escaped(text: str) -> str:
    """Words that Markdown takes for nothing else."""
    for plain, escaped in (("\\", "\\\\"), ("|", "\\|"), ("<", "&lt;"), ("*", "\\*"), ("\n", " ")):
        text = text.replace(plain, escaped)
    return text


def estimated(estimate: Estimate) -> str:
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _flat(row: Row) -> dict[str, Any]:
    difference = row.against.difference if row.against else None
    return {
        **_identity(row),
        "model": row.model,
        "seeds": len(row.seeds),
        **{name: getattr(row, name) for name in ("tasks", "streams", "accuracy", "advice_rate", "score")},
        "total": row.total.mean,
        "total_low": row.total.low,
        "total_high": row.total.high,
        "against": row.against.label if row.against else None,
        "against_model": row.against.model if row.against else None,
        "difference": difference.mean if difference else None,
        "difference_low": difference.low if difference else None,
        "difference_high": difference.high if difference else None,
        "seeds_above": difference.above if difference else None,
        **{name: getattr(row, name) for name in ("functions", "rollouts", "demonstrations", "tokens", "usd", "seconds",
                                                 "cpu_seconds", "gpu_seconds", "test_tokens", "test_usd",
                                                 "usd_per_1000")},
    }  # fmt: skip


def _identity(row: Row) -> dict[str, Any]:
    return {name: value for name, value in asdict(row.cell).items() if name != "seed"}


def _above(row: Row) -> str:
    if row.against is None:
        return NONE
    difference = row.against.difference
    mark = MARK if row.across_models else ""
    return f"{difference.mean:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]{mark}"


def _seeds(row: Row) -> str:
    return f"{row.against.difference.above} of {row.against.difference.seeds}" if row.against else NONE


def _verdict(row: Row) -> str:
    if not row.ablated:
        return "the whole"
    if row.against is None:
        return NONE
    if not row.against.difference.told_apart:
        return "no"
    return "lower" if row.against.difference.mean < 0 else "higher"


def _difference(difference: Difference | None, across: bool) -> str:
    if difference is None:
        return NONE
    star, mark = "*" if difference.told_apart else "", MARK if across else ""
    return f"{difference.mean:+.3f}{star}{mark} ({difference.above}/{difference.seeds})"


def _cost(row: Row) -> str:
    return NONE if row.cell.advice_cost is None else f"{row.cell.advice_cost:g}"


def _score(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _dollars(usd: float) -> str:
    return f"{usd:,.2f}" if usd >= 1 or not usd else f"{usd:.4f}"


def _time(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 10 or not seconds else f"{seconds:.1f}"


def _span(numbers: Iterable[int]) -> str:
    low, high = min(found := set(numbers)), max(found)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
