"""StoreQA: questions in a made-up shop, in streams. Attributes stand in the question, search needs a database, opinions
only an expert knows, or the memory of what an expert said. Every shop is drawn afresh by seed."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import forge
from benchmarks.sql import ReadOnly
from forge.models.protocol import Context
from forge.session import Action, Call, Session
from forge.task import Task
from forge.tools import World

NAMES = (
    "velo", "mira", "tavo", "kesta", "luma", "porto", "zeno", "brixa", "fenna", "golda", "hilo", "jaro",
    "kiwa", "lento", "moxi", "nura", "orla", "pico", "quill", "rosta", "sable", "tinto", "umbra", "vanta",
    "wilo", "xeno", "yaro", "zuma", "arlo", "bena", "cobo", "dara", "elko", "fargo", "gamma", "holm",
)  # fmt: skip
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "kind": ("lamp", "chair", "kettle", "clock", "desk", "shelf"),
    "color": ("red", "green", "blue", "white", "black", "grey"),
    "size": ("small", "medium", "large"),
    "material": ("wood", "steel", "glass", "cotton"),
    "price": tuple(str(number) for number in range(5, 45, 3)),
}
# An expert's opinion is drawn anew for every product: how often each answer comes, from nearly sure to a toss-up.
TOPICS: Mapping[str, Mapping[str, float]] = {
    "comfort": {"soft": 0.95, "firm": 0.05},
    "strength": {"solid": 0.8, "fragile": 0.2},
    "noise": {"quiet": 0.6, "loud": 0.4},
    "style": {"modern": 0.4, "classic": 0.3, "playful": 0.2, "plain": 0.1},
    "smell": {"fresh": 0.3, "sweet": 0.3, "bitter": 0.2, "dusty": 0.2},
}
ATTRIBUTE = ("what is the {column} of {name} ?", "tell me the {column} of {name} .", "{name} has which {column} ?")
SEARCH = ("which one has {first} and {second} ?", "find the one with {first} and {second} .")
OPINION = ("how is the {topic} of {name} ?", "{topic} of {name} , what do people say ?")
STREAM, PRODUCTS, FOCUS = 24, 12, 2  # questions a stream, products a shop, products that opinions are asked about
_WORDS = {word: place for place, word in enumerate((*NAMES, *COLUMNS, *TOPICS))}
SAME = 0.8  # cosine from which two texts are about the same thing
SHARES = {"attribute": 0.25, "search": 0.25, "opinion": 0.5}


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    answer: str
    kind: str
    details: Mapping[str, Any]


def streams(count: int, *, seed: str, length: int = STREAM) -> forge.Dataset:
    """Whole streams by seed: no two seeds share a shop.

    Args:
        count: streams.
        length: questions a stream.
    """
    rows = []
    for number in range(count):
        name = f"{seed}-{number}"
        generator = random.Random(name)
        shop = _shop(generator)
        opinions = {(p, t): _drawn(generator, TOPICS[t]) for p in range(FOCUS) for t in TOPICS}
        seen: set[tuple[str, str]] = set()
        for place in range(length):
            question = _question(generator, shop, opinions)
            details = dict(question.details)
            if question.kind == "opinion":
                key = (details["name"], details["topic"])
                details["returning"] = key in seen
                seen.add(key)
            rows.append({"id": f"{name}-{place}", "stream": name, "question": question.text, "answer": question.answer,
                         "kind": question.kind, "shop": shop, **details})  # fmt: skip
    return forge.Dataset(rows, metric=right, name=f"storeqa-{seed}")


def right(task: Task, session: Session) -> bool:
    """Whether the answer is word for word the expected one."""
    return bool(str(session.answer).strip() == task.answer)


def _shop(generator: random.Random) -> tuple[tuple[str, ...], ...]:
    names = generator.sample(NAMES, PRODUCTS)
    return tuple((name, *(generator.choice(values) for values in COLUMNS.values())) for name in names)


def _question(
    generator: random.Random, shop: Sequence[Sequence[str]], opinions: Mapping[tuple[int, str], str]
) -> Question:
    kind = _drawn(generator, SHARES)
    columns = list(COLUMNS)
    if kind == "opinion":
        product, topic = generator.randrange(FOCUS), generator.choice(list(TOPICS))
        name = shop[product][0]
        text = generator.choice(OPINION).format(topic=topic, name=name)
        return Question(text, opinions[product, topic], kind, {"name": name, "topic": topic})
    if kind == "attribute":
        row, column = generator.choice(shop), generator.randrange(len(columns))
        facts = " ".join(f"{name} {value}" for name, value in zip(columns, row[1:], strict=True))
        text = generator.choice(ATTRIBUTE).format(column=columns[column], name=row[0])
        return Question(f"{row[0]} : {facts} . {text}", row[1 + column], kind, {"name": row[0]})
    while True:
        row = generator.choice(shop)
        chosen = generator.sample(range(len(columns)), 2)
        if sum(all(other[1 + c] == row[1 + c] for c in chosen) for other in shop) == 1:
            break
    first, second = (f"{columns[c]} {row[1 + c]}" for c in chosen)
    where = " AND ".join(f"{columns[c]} = '{row[1 + c]}'" for c in chosen)
    text = generator.choice(SEARCH).format(first=first, second=second)
    return Question(text, row[0], kind, {"name": row[0], "query": f"SELECT name FROM items WHERE {where}"})


def _drawn(generator: random.Random, shares: Mapping[str, float]) -> str:
    return generator.choices(list(shares), list(shares.values()))[0]


@lru_cache(maxsize=256)
def _database(shop: tuple[tuple[str, ...], ...]) -> ReadOnly:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.execute(f"CREATE TABLE items (name, {', '.join(COLUMNS)})")
    connection.executemany(f"INSERT INTO items VALUES ({', '.join('?' * (1 + len(COLUMNS)))})", shop)
    return ReadOnly(connection)


def search(query: str, world: World) -> str:
    """Ask the shop's database.

    Args:
        query: SQL on the table items (name, kind, color, size, material, price).
    """
    shop = tuple(tuple(row) for row in world.task.metadata["shop"])
    found = _database(shop).query(query, rows=3)
    return " ".join(str(value) for row in found for value in row) or "nothing"


def embed(texts: Sequence[str]) -> Any:  # a matrix
    """Texts by the products, columns and topics that they name: what makes two questions the same one."""
    import numpy as np

    rows = np.zeros((len(texts), len(_WORDS)))
    for row, text in enumerate(texts):
        for word in text.split():
            if word in _WORDS:
                rows[row, _WORDS[word]] = 1.0
    return rows


def agent(model: Any, *, advice_cost: float, memory: bool | forge.Memory = True) -> forge.Agent:
    """The shop assistant: may search, ask an expert, and remember.

    Args:
        memory: True is one that finds what is about all that a question names; False is none.
    """
    if isinstance(memory, bool):
        remembers = forge.Memory(encoder=embed, threshold=SAME) if memory else None
    else:
        remembers = memory
    return forge.Agent(
        model=model,
        tools=(forge.Tool(search),),
        memory=remembers,
        expert=forge.GoldExpert(cost=advice_cost),
        instructions="Answer the question about the shop.",
        max_turns=6,
    )


class Demonstrator:
    """A model that acts as a shop assistant would who knows the answers, but not when to ask: that it does at random.

    Args:
        tasks: what it will be asked.
        asks: how often it seeks advice where nothing is remembered: for opinions, and for other questions.
    """

    name = "demonstrator"

    def __init__(self, tasks: forge.Dataset, *, asks: tuple[float, float] = (0.3, 0.05), memory: bool = True) -> None:
        self._tasks = {task.id: task for task in tasks}
        self._asks, self._memory = asks, memory

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        return [self._one(context) for context in contexts]

    def _one(self, context: Context) -> Action:
        task = self._tasks[context.task_id]
        seen = {step.action.calls[0].name: step.observations[0].text for step in context.steps}
        opinion = task.metadata["kind"] == "opinion"
        if "seek_advice" in seen:
            note = f"{task.metadata['name']} {task.metadata.get('topic')} {seen['seek_advice']}"
            if opinion and self._memory and "update_memory" not in seen:
                return _call("update_memory", note)
            return _call("submit", seen["seek_advice"])
        if opinion and self._memory and "retrieve_memory" not in seen:
            return _call("retrieve_memory")
        known = f"{task.metadata['name']} {task.metadata.get('topic')}" in seen.get("retrieve_memory", "")
        luck = random.Random(f"ask:{context.seed}:{context.task_id}").random()
        if not known and "search" not in seen and luck < self._asks[0 if opinion else 1]:
            return _call("seek_advice")
        if task.metadata["kind"] == "search" and "search" not in seen:
            return _call("search", task.metadata["query"])
        return _call("submit", task.answer)


_PARAMETERS = {"submit": "answer", "update_memory": "text", "search": "query"}


def _call(name: str, argument: str = "") -> Action:
    arguments = {_PARAMETERS[name]: argument} if argument else {}
    return Action(calls=(Call(name, arguments, text=argument),))


def vocabulary() -> list[str]:
    """Every word that a shop can use, so that a word-level tokenizer knows all of them."""
    quoted = [f"'{value}'" for values in COLUMNS.values() for value in values]
    words = [*NAMES, *COLUMNS, *(value for values in COLUMNS.values() for value in values), *quoted, *TOPICS]
    words += [word for answers in TOPICS.values() for word in answers]
    words += [*ATTRIBUTE, *SEARCH, *OPINION, ": SELECT name FROM items WHERE AND = nothing remembered submitted"]
    return [*words, "- (knowledge) (nothing like that is remembered)"]
