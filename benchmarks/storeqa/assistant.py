"""The shop assistant: an agent with the shop's table, a memory and an expert."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import forge
from benchmarks.sql import ReadOnly
from benchmarks.storeqa.streams import Shop, shop_of
from benchmarks.storeqa.wording import COLUMNS, MATERIALS, NAMES, SERVICES, TOPICS, UNITS
from forge.task import Task
from forge.tools import World
from functions import Function, Library
from functions.errors import ForgeError

SAME = 0.8  # cosine from which two texts are about the same thing
SHOWN, COUNTED = 3, 1_000  # rows of a search
_SUBJECTS = {word: place for place, word in enumerate((*NAMES, *TOPICS, *SERVICES, *MATERIALS))}
INSTRUCTIONS = """You answer questions about a shop. Facts of a product may stand before the question.
The tool search asks the table items(name, kind, color, size, material, price, weight) in SQL.
What people say about a product, and how long a service takes, only an expert knows: look into your memory first, ask
when it is worth the cost, and remember what you were told. A rule holds for all products of a material.
Submit the answer alone, as short as possible; of a computation the number."""


@dataclass(frozen=True, slots=True)
class ShopExpert:
    """Knows the answer, and says what else it holds for."""

    cost: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.cost <= 1:
            raise ForgeError(
                f"ShopExpert(cost={self.cost!r}): a cost lies in [0, 1], where 1 is a right answer's value"
            )

    def advise(self, task: Task, question: str) -> str:
        return str(task.metadata.get("advice", task.answer))


def agent(
    model: Any = "router",
    *,
    advice_cost: float = 0.3,
    functions: Library | Iterable[Function] = (),
) -> forge.Agent:
    """The shop assistant: may search, compute with its functions, ask an expert, and remember.

    Its memory finds what is about all that a question names, and nothing else.
    """
    return forge.Agent(
        model=model,
        functions=functions,
        tools=(forge.Tool(search),),
        memory=forge.Memory(encoder=embed, threshold=SAME),
        expert=ShopExpert(advice_cost),
        instructions=INSTRUCTIONS,
        max_turns=6,
    )


def search(query: str, world: World) -> str:
    """Ask the shop's database.

    Args:
        query: SQL on the table items (name, kind, color, size, material, price, weight).
    """
    found = _database(shop_of(world.task)).query(query, rows=COUNTED)
    shown = " ".join(str(value) for row in found[:SHOWN] for value in row) or "nothing"
    if len(found) <= SHOWN:
        return shown
    return f"{shown} [{SHOWN} of {len(found)}{' or more' if len(found) == COUNTED else ''} rows]"


@lru_cache(maxsize=256)
def _database(shop: Shop) -> ReadOnly:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    columns = ", ".join(f"{column} INTEGER" if column in UNITS else f"{column} TEXT" for column in COLUMNS)
    connection.execute(f"CREATE TABLE items (name TEXT, {columns})")
    connection.executemany(f"INSERT INTO items VALUES ({', '.join('?' * (1 + len(COLUMNS)))})", shop)
    return ReadOnly(connection)


def embed(texts: Sequence[str]) -> Any:  # a matrix
    """Texts by the products, topics, services and materials that they name: what makes two of them about the same."""
    import numpy as np

    rows = np.zeros((len(texts), len(_SUBJECTS)))
    for row, text in enumerate(texts):
        for word in re.findall(r"[a-z]+", text.lower()):
            if word in _SUBJECTS:
                rows[row, _SUBJECTS[word]] = 1.0
    return rows
