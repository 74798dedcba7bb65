"""ProductQA (AGILE, arXiv 2405.14751; Apache-2.0): 88,229 questions about the products of 26 groups, a table each.

A group is a stream: its questions come one after the other, and what was learned from one helps with later ones. Facts
come from what buyers wrote, searches from the table, and reasoning needs knowledge about the kind of product.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from benchmarks.data import DataFile, rows, whole_text
from benchmarks.productqa_pins import FILES, SOURCE, TEST, TRAIN
from benchmarks.published import AGILE, Published
from benchmarks.sql import ReadOnly
from forge.agent import Agent
from forge.memory import Memory
from forge.session import Session
from forge.task import Dataset, Task
from forge.tools import Tool, World
from functions.errors import ForgeError

Value = str | int | float | None

INSTRUCTIONS = (
    "Answer the question about the product as shortly as it allows: yes, no, or a few words. Where products are "
    "looked for, answer with the product_id of each that fits, or none."
)
PUBLISHED = {  # the 14,365 test questions, advice at .3
    "gpt4-prompt": Published(0.464, AGILE, accuracy=0.464),  # nobody to ask
    "agile-vic13b-prompt": Published(0.122, AGILE, accuracy=0.174, advice_rate=0.174),
    "agile-gpt3.5-prompt": Published(0.411, AGILE, accuracy=0.508, advice_rate=0.323),
    "agile-gpt4-prompt": Published(0.718, AGILE, accuracy=0.780, advice_rate=0.208),
    "agile-vic7b-ppo": Published(0.764, AGILE, accuracy=0.818, advice_rate=0.179),
    "agile-vic13b-sft": Published(0.766, AGILE, accuracy=0.843, advice_rate=0.256),
    "agile-vic13b-ppo": Published(0.784, AGILE, accuracy=0.854, advice_rate=0.233),
}
_PARTS: Mapping[str, Mapping[str, tuple[str, str, str]]] = {"train": TRAIN, "test": TEST}


@dataclass(frozen=True)
class Group:
    """One product group.

    Args:
        part: "train" or "test".
        folder: of the whole data set, with a folder for each part; None is wherever `DataFile.find` finds its files.
    """

    part: str
    name: str
    folder: Path | None = None

    def questions(self, kind: str | None = None) -> Iterator[Mapping[str, Any]]:
        """The rows in order, or those of one type: "fact_qa", "search_qa" or "reasoning_qa"."""
        return (row for row in rows(self._file("qa.jsonl")) if kind in (None, row["type"]))

    @cached_property
    def products(self) -> Mapping[str, Mapping[str, Any]]:
        """What is known of each product, by its id."""
        found: Mapping[str, Mapping[str, Any]] = _json(self._file("metadata.json"))
        return found

    @cached_property
    def columns(self) -> Mapping[str, str]:
        """The table's column for each feature.

        These are the keys of the metadata, not of the schema: one group's gold SQL asks for `pockets`, which its schema
        lists under another name.

        Raises:
            ForgeError: two features would have one column.
        """
        features = list(dict.fromkeys(feature for product in self.products.values() for feature in product))
        columns = {feature: _column(feature) for feature in features}
        if len(set(columns.values())) < len(features):
            raise ForgeError(f"{self.name}: two features of the metadata give the same column name")
        return columns

    @cached_property
    def description(self) -> str:
        """The table in words: its columns, with units and the values that they may take."""
        parts = [_described(column, self.schema.get(feature, {})) for feature, column in self.columns.items()]
        return f"{self.name}(product_id, {', '.join(parts)})"

    @cached_property
    def schema(self) -> Mapping[str, Mapping[str, Any]]:
        """The unit or the choices of each feature that has some."""
        found: Mapping[str, Mapping[str, Any]] = _json(self._file("schema.json"))
        return found

    def table(self, name: str | None = None, ids: Mapping[str, str] | None = None) -> ReadOnly:
        """The products as a table, with numbers where a text is a number.

        Args:
            name: of the table; None is that of the group.
            ids: what each product is called in it; None: as in the data set.
        """
        name = name or self.name
        database = sqlite3.connect(":memory:", check_same_thread=False)
        typed = ", ".join(f'"{column}" NUMERIC' for column in self.columns.values())
        database.execute(f'CREATE TABLE "{name}" (product_id TEXT PRIMARY KEY, {typed})')
        places = ", ".join("?" * (1 + len(self.columns)))
        for identity, product in self.products.items():
            called = identity if ids is None else ids[identity]
            values = [called, *(_value(product.get(feature)) for feature in self.columns)]
            database.execute(f'INSERT INTO "{name}" VALUES ({places})', values)
        return ReadOnly(database)

    def _file(self, name: str) -> Path:
        blob = _PARTS[self.part].get(self.name, ("",) * len(FILES))[FILES.index(name)]
        inside = f"{self.part}/{self.name}"
        file = DataFile(f"productqa/{inside}", name, SOURCE, f"data/{inside}/{name}", blob)
        return file.find(None if self.folder is None else self.folder / inside)


def groups(part: str, folder: Path | None = None) -> list[Group]:
    """The product groups of "train" (20) or "test" (6).

    Raises:
        ForgeError: there is no such part.
    """
    if part not in _PARTS:
        raise ForgeError(f"ProductQA has no part {part!r}: it has 'train' and 'test'")
    return [Group(part, name, folder) for name in _PARTS[part]]


def load(part: str, *, only: Sequence[str] = (), first: int | None = None, folder: Path | None = None) -> Dataset:
    """Streams of questions, a group each, in the order of the files.

    Args:
        part: "train" (73,864 questions) or "test" (14,365).
        only: names of groups; none are all.
        first: so many questions of each group.
        folder: as in `Group`.

    Raises:
        ForgeError: no such part or group, or its files are nowhere.
    """
    known = {group.name: group for group in groups(part, folder)}
    if unknown := [name for name in only if name not in known]:
        raise ForgeError(f"ProductQA's {part} part has no group {unknown[0]!r}: it has {', '.join(known)}")
    tasks: list[Task] = []
    for name in only or known:
        for place, row in enumerate(known[name].questions()):
            if place == first:
                break
            tasks.append(_task(known[name], row))
    return Dataset(tasks, metric=right, name=f"productqa-{part}")


def agent(model: Any = "router", *, advice_cost: float = 0.3, memory: bool = True) -> Agent:
    """Searches the group's table, remembers within its stream, and may ask an expert.

    Args:
        model: as `forge.Agent` takes it.
        memory: False is AGILE's agent without one.
    """
    return Agent(
        model=model,
        instructions=INSTRUCTIONS,
        tools=(Tool(search_products),),
        memory=Memory() if memory else None,
        expert=Annotator(advice_cost),
    )


@dataclass(frozen=True, slots=True)
class Annotator:
    """The expert: the data set's short answer, and the long one, from which knowledge can be drawn."""

    cost: float = 0.3

    def advise(self, task: Task, question: str) -> str:
        short = task.answer if isinstance(task.answer, str) else ", ".join(task.answer) or "none"
        return f"{short}. {task.metadata['explanation']}"


def search_products(sql: str, world: World) -> list[Value]:
    """Search the table of products.

    Args:
        sql: one SELECT statement of SQLite; the first column of what it finds is given back.
    """
    details = world.task.metadata
    return [row[0] for row in _table(details["part"], details["group"], details["folder"]).query(sql)]


def right(task: Task, session: Session) -> bool:
    """As the authors score short answers: texts with case and white space folded; of products, some of the gold ones
    and no other, and none where there is none."""
    if session.answer is None:
        return False
    if task.metadata["kind"] == "search_qa":
        return search_is_right(_products(session.answer), task.answer)
    return " ".join(str(session.answer).lower().split()) == " ".join(task.answer.lower().split())


def search_is_right(found: Sequence[Value], gold: Sequence[str]) -> bool:
    """A non-empty subset of the gold products, or nothing where there is no gold product."""
    return set(found) <= set(gold) and bool(found) == bool(gold)


def _task(group: Group, row: Mapping[str, Any]) -> Task:
    product = group.products.get(row["asin"], {})
    known = "; ".join(
        f"{column}: {product[feature]}" for feature, column in group.columns.items() if feature in product
    )
    text = f"Table {group.description}\nProduct {row['asin']}: {known}\nQuestion: {row['question']}"
    gold = row["short_answer"]
    return Task(
        f"{group.name}-{row['id']}",
        text,
        [product["asin"] for product in gold] if isinstance(gold, list) else gold,
        stream=group.name,
        metadata={"kind": row["type"], "part": group.part, "group": group.name, "product": row["asin"],
                  "explanation": row["long_answer"], "memory_query": row["question"],
                  "folder": None if group.folder is None else str(group.folder)},
    )  # fmt: skip


@lru_cache(maxsize=32)
def _table(part: str, name: str, folder: str | None) -> ReadOnly:
    return Group(part, name, None if folder is None else Path(folder)).table()


def _products(answer: Any) -> list[str]:
    """The ids that an answer lists, as a list or in a text."""
    parts = answer if isinstance(answer, list | tuple) else re.findall(r"[^\s,;\[\]'\"]+", str(answer))
    return [str(part) for part in parts if str(part).lower().rstrip(".") not in ("none", "nothing")]


def _json(path: Path) -> Any:  # whatever the file holds; its shape is ProductQA's
    try:
        return json.loads(whole_text(path))
    except ValueError as error:
        raise ForgeError(f"cannot read {path}: {error}") from error


def _column(feature: str) -> str:
    return re.sub(r"\W+", "_", feature.strip().lower()).strip("_")


def _described(column: str, feature: Mapping[str, Any]) -> str:
    if choices := feature.get("choices"):
        return f"{column} [{' | '.join(map(str, choices))}]"
    return f"{column} in {feature['unit']}" if feature.get("unit") else column


def _value(value: Any) -> Value:  # of a product's feature
    return json.dumps(value) if isinstance(value, list | dict) else value
