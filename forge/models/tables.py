"""Tables that stand in a plain text: Markdown or pipe rows, CSV lines, and lines of "name: value"."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from forge.models.words import stem

Cell = float | int | str
_NUMBER = re.compile(r"\s*[-−]?\s*[$€£]?\s?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:/\d+)?\s?%?\s*")
_RULE = frozenset("|:+- 	")  # what a line between the header and the rows is made of
_PAIR = re.compile(r"\s*[-*•]?\s*([^:|,.?!\n]{1,40}):\s*([^:|?!\n]{1,40}?)\s*")
_LONGEST_CELL = 48


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; a cell that reads as a number is one."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def records(self) -> list[dict[str, Cell]]:
        """The rows as mappings from column to cell."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def number_columns(self) -> tuple[str, ...]:
        """The columns whose every cell is a number."""
        places = [p for p in range(len(self.columns)) if all(not isinstance(row[p], str) for row in self.rows)]
        return tuple(self.columns[place] for place in places)

    def mentioned_columns(self, words: Sequence[str]) -> tuple[str, ...]:
        """Columns that share a word with `words`, the most complete match first, else in table order."""
        known = {stem(word) for word in words}
        shares = []
        for place, column in enumerate(self.columns):
            own = {stem(word) for word in re.findall(r"[^\W\d_]+", column.lower())}
            if own & known:
                shares.append((-len(own & known) / len(own), place, column))
        return tuple(column for _, _, column in sorted(shares))

    def mentioned_cells(self, prose: str, quotes: Sequence[str] = ()) -> tuple[str, ...]:
        """Text cells named in lower-case `prose` or quoted, by first place in it."""
        found: dict[str, int] = {}
        for row in self.rows:
            for cell in row:
                if not isinstance(cell, str) or cell in found:
                    continue
                folded = re.escape(" ".join(cell.lower().split()))
                match = re.search(rf"(?<!\w){folded}(?:e?s)?(?!\w)", prose) if folded else None
                if match:
                    found[cell] = match.start()
                elif cell in quotes:
                    found[cell] = len(prose) + quotes.index(cell)
        return tuple(sorted(found, key=lambda cell: found[cell]))


def number_of(text: str) -> float:
    """The value of a number as people write it: "1,234.5", "$18", "12%", "3/4", "7 1/2"."""
    plain = re.sub(r"(?<=-)\s+", "", re.sub(r"[,$€£%]", "", text).replace("−", "-").strip())
    whole, _, fraction = plain.rpartition(" ") if "/" in plain else ("", "", plain)
    over, _, under = fraction.partition("/")
    value = float(over) / float(under) if under and float(under) else float(over)
    return value + float(whole) if whole.strip() else value


def find_table(text: str) -> tuple[Table | None, str]:
    """The first table of a text, and the text without it. Lines decide: two or more rows of equal width."""
    if "\n" not in text:
        return None, text
    lines = text.split("\n")
    for reader in (_pipes, _commas, _pairs):
        rows = [reader(line) for line in lines]
        for start, stop in _runs(rows):
            body = [row for row in rows[start:stop] if row]
            table = _named(body, header=reader is not _pairs)
            if table is not None:
                return table, "\n".join(lines[:start] + lines[stop:])
    return None, text


def _pipes(line: str) -> list[str] | None:
    if "|" not in line:
        return None
    return (
        [] if "--" in line and _RULE.issuperset(line) else [cell.strip() for cell in line.strip().strip("|").split("|")]
    )


def _commas(line: str) -> list[str] | None:
    cells = [cell.strip() for cell in line.split("\t" if "\t" in line else ",")]
    prose = line.rstrip().endswith((".", "?", "!", ":")) or any(not c or len(c) > _LONGEST_CELL for c in cells)
    return None if len(cells) < 2 or prose else cells


def _pairs(line: str) -> list[str] | None:
    match = _PAIR.fullmatch(line)
    return [match.group(1).strip(), match.group(2)] if match else None


def _runs(rows: list[list[str] | None]) -> list[tuple[int, int]]:
    """Stretches of at least two rows of one width; an empty row is a rule between them."""
    runs, start = [], 0
    while start < len(rows):
        width, stop = len(rows[start] or ()), start
        while stop < len(rows) and (row := rows[stop]) is not None and width and len(row) in (0, width):
            stop += 1
        if sum(1 for row in rows[start:stop] if row) >= 2:
            runs.append((start, stop))
        start = max(stop, start + 1)
    return runs


def _named(body: list[list[str]], *, header: bool) -> Table | None:
    """A table with its columns named: by its first row, or "name" and "value" where there is no header."""
    columns, rows = (body[0], body[1:]) if header else (["name", "value"], body)
    if len(set(columns)) < len(columns) or any(not column or _reads_as_number(column) for column in columns):
        return None
    cells = tuple(tuple(_cell(text) for text in row) for row in rows)
    if not any(not isinstance(cell, str) for row in cells for cell in row):
        return None
    return Table(tuple(columns), cells)


def _reads_as_number(text: str) -> bool:
    return any(sign.isdigit() for sign in text) and _NUMBER.fullmatch(text) is not None


def _cell(text: str) -> Cell:
    if not _reads_as_number(text):
        return text
    value = number_of(text)
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() else value
