"""What a plain text holds for a typed function: numbers, quoted strings, lists, a table, and the words around them.

Nothing here understands language: the rules are lexical, deterministic and know no data set.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from forge.models.tables import Table, find_table, number_of
from forge.models.words import ASKING, CARDINALS, FUNCTION_WORDS, stem

_TOKEN = re.compile(
    r"""(?P<quote>"[^"\n]+"|“[^”\n]+”|(?<![\w'])'(?=[^\s'])[^'\n]*[^\s']'(?!\w))"""
    r"""|(?P<number>(?<![\w./])(?:[-−](?!\s))?[$€£]?\s?(?:\d+\s\d+/\d+|\d+/\d+|(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?\s?%?|\.\d+)"""
    r"""(?![\d/])(?!(?:st|nd|rd|th)\b))"""
    r"""|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)?)|(?P<mark>[,.?;:%$])"""
)
_NEAR = 3  # words after a number in which its unit is looked for


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text: its value, its symbol ("$", "%" or "") and the place of its token."""

    value: float
    symbol: str
    place: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A text, read. `tokens` are lower-case words and marks, with "#" for a number and '"' for a quoted string.

    `relevant[i]` says whether the i-th number stands next to a word of the question clause, or is followed by no unit.
    """

    text: str
    tokens: tuple[str, ...]
    numbers: tuple[Number, ...]
    quotes: tuple[str, ...]
    items: tuple[str, ...]
    table: Table | None
    relevant: tuple[bool, ...]

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(number.value for number in self.numbers)

    def mentioned_columns(self) -> tuple[str, ...]:
        """Columns of the table that the prose names, the best match first."""
        return self.table.mentioned_columns(_words(self.tokens)) if self.table else ()

    def mentioned_cells(self) -> tuple[str, ...]:
        """Text cells of the table that the prose names, in order of appearance in the prose."""
        return self.table.mentioned_cells(" ".join(self.tokens), self.quotes) if self.table else ()


@lru_cache(maxsize=8192)
def read(text: str) -> Reading:
    """Read a text; the numbers inside its table are the table's, not the text's."""
    table, prose = find_table(text)
    tokens: list[str] = []
    numbers: list[Number] = []
    quotes: list[str] = []
    for match in _TOKEN.finditer(prose):
        kind, found = match.lastgroup, match.group()
        if kind == "word":
            word = found.lower()
            if word in CARDINALS:
                numbers.append(Number(CARDINALS[word], "", len(tokens)))
                word = "#"
            tokens.append(word)
        elif kind == "number":
            if math.isfinite(value := number_of(found)):
                numbers.append(Number(value, _symbol(found), len(tokens)))
            tokens.append("#")
        elif kind == "quote":
            quotes.append(found[1:-1])
            tokens.append('"')
        else:
            tokens.append(found)
    relevant = _relevant(tokens, numbers)
    return Reading(text, tuple(tokens), tuple(numbers), tuple(quotes), _items(prose), table, relevant)


def _symbol(found: str) -> str:
    return "$" if any(sign in found for sign in "$€£") else "%" if "%" in found else ""


def _words(tokens: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(token for token in tokens if token[0].isalpha())


def _relevant(tokens: list[str], numbers: list[Number]) -> tuple[bool, ...]:
    start = next((place for place in range(len(tokens) - 1, -1, -1) if tokens[place] in ASKING), len(tokens))
    asked = {stem(token) for token in tokens[start:]} - FUNCTION_WORDS
    found, last = [], False
    for number in numbers:
        unit = _unit(tokens, number.place)
        last = any(word in asked for word in unit) if unit else last
        found.append(last)
    return tuple(found)


def _unit(tokens: list[str], place: int) -> list[str]:
    """The content words right after a number, up to the next function word, mark or number."""
    unit: list[str] = []
    for token in tokens[place + 1 : place + 1 + _NEAR]:
        if token in FUNCTION_WORDS or not token[0].isalpha():
            break
        unit.append(stem(token))
    return unit


_BRACKETS = re.compile(r"\[([^\[\]\n]+)\]")
_AFTER_COLON = re.compile(r":\s*([^:.?!|\n]+(?:,[^:.?!|\n]+)+)")


def _items(prose: str) -> tuple[str, ...]:
    """The members of a bracketed list, or of a comma list after a colon."""
    match = _BRACKETS.search(prose) or _AFTER_COLON.search(prose)
    if match is None:
        return ()
    parts = re.split(r",\s*(?:and\s+)?|\s+and\s+", match.group(1))
    return tuple(part.strip().strip("\"'“”") for part in parts if part.strip())
