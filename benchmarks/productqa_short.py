"""ProductQA in less than a third of the tokens, for a policy from random weights: much is cut, and nothing is told
that is not told in `benchmarks.productqa`.

Of the table, the columns are left, without their units, and of what they may hold that which shares a word with the
question; of the product all but its title. Products are called p1 to p20, in an order that says nothing, and the table
is called the same in all groups. The expert gives the short answer alone. Memory finds questions that are much alike,
where the other agent's finds what shares any word with the prompt.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.productqa import Group, Value
from benchmarks.sql import ReadOnly
from forge.agent import Agent
from forge.memory import Memory
from forge.task import Dataset, Task
from forge.tools import Tool, World

TABLE = "products"
# Between an answer that is remembered and its question: it comes first, where a small policy copies it from advice.
IS = " = "
ALIKE = 0.5  # cosine from which answers mostly agree: `benchmarks.productqa_figures` counts how often
SIZE = 4096  # of the vectors of words
COMMON = 2  # choices of a column with a word, from above which that word tells nothing: "lens" of camera lenses
INSTRUCTIONS = (
    "Answer the question about the product as shortly as it allows: yes, no, or a few words. Where products are "
    f"looked for, search the table {TABLE} in SQL, and answer with the product_id of each that fits, or none."
)
_EMPTY = """
a about all am an and any are as at be been being by can could did do does for from get give had has have
having how i if im in into is it its just looking m make me more my need no not of on or other out over please
product re really s should so some such t than that the their them there these they this those to up use used
using ve want was we were what when which while who will with would you your
"""
_NO_SUBJECT = frozenset(_EMPTY.split())  # words that say nothing about what a question is about


def shortened(tasks: Iterable[Task], metric: Any, name: str) -> Dataset:  # of ProductQA, which is any of forge's
    """The same tasks in few tokens."""
    return Dataset([_short(task) for task in tasks], metric=metric, name=name)


def question_of(task: Task) -> str:
    """What is asked, without what stands before it; in both wordings."""
    return re.split(r"^(?:Question|p\d+): ", task.question, maxsplit=1, flags=re.MULTILINE)[-1]


def agent(model: Any = "router", *, advice_cost: float = 0.3) -> Agent:
    """`benchmarks.productqa.agent` on shortened tasks."""
    return Agent(
        model=model,
        instructions=INSTRUCTIONS,
        tools=(Tool(search_products),),
        memory=Memory(encoder=embed, threshold=ALIKE),
        expert=ShortAnnotator(advice_cost),
        max_turns=6,
    )


@dataclass(frozen=True, slots=True)
class ShortAnnotator:
    """The expert: the data set's short answer."""

    cost: float = 0.3

    def advise(self, task: Task, question: str) -> str:
        return task.answer if isinstance(task.answer, str) else ", ".join(task.answer) or "none"


def search_products(sql: str, world: World) -> list[Value]:
    """Search the table of products.

    Args:
        sql: one SELECT statement of SQLite; the first column of what it finds is given back.
    """
    details = world.task.metadata
    return [row[0] for row in _table(details["part"], details["group"], details["folder"]).query(sql)]


def embed(texts: Sequence[str]) -> Any:  # a matrix
    """Texts by the words of the question in their last line; what it is answered with does not count."""
    import numpy as np

    rows = np.zeros((len(texts), SIZE), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in _words(text.rsplit("\n", 1)[-1].split(IS, 1)[-1]):
            rows[row, zlib.crc32(word.encode()) % SIZE] += 1.0
    return rows


def short_sql(sql: str, group: str) -> str:
    """A gold query, of the table that shortened tasks have."""
    return re.sub(rf"(?<=\bFROM )\s*(?:`{group}`|{group}\b)", TABLE, sql).strip().rstrip(";").strip()


def _short(task: Task) -> Task:
    details = task.metadata
    group = _group(details["part"], details["group"], details["folder"])
    called, asked = _names(group), question_of(task)
    product = group.products.get(details["product"], {})
    words = frozenset(_words(asked))
    columns = "; ".join(
        f"{column} {product.get(feature, '')}".strip() + _fitting(group.schema.get(feature, {}), words)
        for feature, column in group.columns.items()
        if column != "title"
    )
    name = called.get(details["product"], "p0")
    answer = task.answer if isinstance(task.answer, str) else [called[product] for product in task.answer]
    known = {key: value for key, value in details.items() if key != "memory_query"}  # `embed` finds what is asked
    return replace(task, question=f"{columns}\n{name}: {asked}", answer=answer, metadata={**known, "product": name})


def _fitting(feature: Mapping[str, Any], words: frozenset[str]) -> str:
    """The choices of a feature that share a word with the question, if that word tells them from most others."""
    choices = {str(choice): frozenset(_words(str(choice))) for choice in feature.get("choices") or ()}
    shared = Counter(word for own in choices.values() for word in own)
    telling = {word for word in words if shared[word] <= COMMON}
    found = [choice for choice, own in choices.items() if not telling.isdisjoint(own)]
    return f" [{' | '.join(found)}]" if found else ""


def _words(text: str) -> list[str]:
    """What a text is about: no empty words, and no plural."""
    words = re.findall(r"[a-z0-9]+", text.lower())
    return [word[:-1] if word.endswith("s") and len(word) > 3 else word for word in words if word not in _NO_SUBJECT]


def _names(group: Group) -> dict[str, str]:
    """p1, p2, ... by a hash of the product's id."""
    order = sorted(group.products, key=lambda product: hashlib.sha256(product.encode()).digest())
    return {product: f"p{place}" for place, product in enumerate(order, 1)}


@lru_cache(maxsize=32)
def _group(part: str, name: str, folder: str | None) -> Group:
    return Group(part, name, None if folder is None else Path(folder))


@lru_cache(maxsize=32)
def _table(part: str, name: str, folder: str | None) -> ReadOnly:
    group = _group(part, name, folder)
    return group.table(TABLE, _names(group))
