"""The words of the shop: what is sold, what can be asked, and how people put it. Each split has sentences of its own,
made of parts that the others have too."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal

Split = Literal["train", "validation", "test"]

NAMES = (
    "velo", "mira", "tavo", "kesta", "luma", "porto", "zeno", "brixa", "fenna", "golda", "hilo", "jaro",
    "kiwa", "lento", "moxi", "nura", "orla", "pico", "quill", "rosta", "sable", "tinto", "umbra", "vanta",
    "wilo", "xeno", "yaro", "zuma", "arlo", "bena", "cobo", "dara", "elko", "fargo", "gamma", "holm",
)  # fmt: skip
MATERIALS = ("wood", "steel", "glass")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "kind": ("lamp", "chair", "kettle", "clock", "desk", "shelf"),
    "color": ("red", "green", "blue", "white", "black", "grey"),
    "size": ("small", "medium", "large"),
    "material": MATERIALS,
    "price": tuple(str(number) for number in range(5, 45, 3)),
    "weight": tuple(str(number) for number in range(200, 1000, 50)),
}
UNITS: Mapping[str, str] = {"price": "coins", "weight": "g"}
# An expert's opinion is drawn anew for every product: how often each answer comes, from nearly sure to a toss-up.
TOPICS: Mapping[str, Mapping[str, float]] = {
    "comfort": {"soft": 0.95, "firm": 0.05},
    "strength": {"solid": 0.8, "fragile": 0.2},
    "noise": {"quiet": 0.6, "loud": 0.4},
    "style": {"modern": 0.4, "classic": 0.3, "playful": 0.2, "plain": 0.1},
    "smell": {"fresh": 0.3, "sweet": 0.3, "bitter": 0.2, "dusty": 0.2},
}
# A rule is drawn anew for every material of a shop, and holds for all that is made of it.
SERVICES: Mapping[str, Mapping[str, float]] = {
    "warranty": {"2 years": 0.5, "5 years": 0.3, "1 year": 0.2},
    "repair": {"3 days": 0.4, "7 days": 0.3, "20 days": 0.3},
}

_OPENINGS = ("", "", "Hello. ", "Please: ", "A question: ", "One more thing: ", "Tell me, please. ", "Excuse me. ")
_ENDS = ("?", ", please?", " now?")

# A sentence takes one part of each group; the places of its parts say which split it belongs to (`split_of`).
Parts = tuple[tuple[str, ...], ...]
LOOK_UP: Parts = (
    ("What is", "Tell me", "I need", "Give me", "Do you know", "I ask for"),
    (" the {column} of {name}", " the {column} that {name} has", " the {column} for {name}"),
    _ENDS,
)
SEARCH: Parts = (
    ("Which one has", "Find the one with", "I need the product with", "What is the one with",
     "Look for the product with", "Which product has"),
    (" {first} and {second}", " {first} and also {second}", " {first} with {second}"),
    _ENDS,
)  # fmt: skip
EXTREME: Parts = (
    ("Which {kind} has", "Find the {kind} with", "I need the {kind} with", "What is the {kind} with",
     "Look for the {kind} with", "Give me the {kind} with"),
    (" the {end} {column}", " the {end} {column} of all", " the {column} that is the {end}"),
    _ENDS,
)  # fmt: skip
ENDS: Mapping[str, str] = {"lowest": "ASC", "highest": "DESC"}
SUM: Parts = (
    ("{a} costs {p} coins and {b} costs {q}.", "The price of {a} is {p} coins, that of {b} is {q}.",
     "{a}: {p} coins. {b}: {q} coins.", "A {a} is {p} coins and a {b} is {q}."),
    (" What do {n} {a} and {m} {b} cost", " How much are {n} {a} and {m} {b}", " What is that for {n} {a} and {m} {b}"),
    (" together?", " in total?", " in all?"),
)  # fmt: skip
REST: Parts = (
    ("I have {m} coins.", "There are {m} coins in my hand.", "I pay with {m} coins.", "My money: {m} coins."),
    (" I take {n} {a} for {p} each.", " I buy {n} {a} at {p} coins each.", " I buy {n} {a}, each for {p}."),
    (" What is left?", " How many coins are left?", " What do I get back?", " How much money do I have then?"),
)  # fmt: skip
SHARE: Parts = (
    ("A box of {n} {a} costs {t} coins.", "For {n} {a} in a box I pay {t} coins.", "{n} {a} are {t} coins in a box."),
    (" What is the price of a single {a}", " What does a single {a} cost", " How much is a single {a}"),
    _ENDS,
)  # fmt: skip
WEIGHT: Parts = (
    ("{n} {a} are sent, each of {w} g.", "I carry {n} {a} of {w} g each.", "{n} {a} weigh {w} g each.",
     "There are {n} {a} with {w} g each."),
    (" How many g is that", " What do they weigh", " What is the weight"),
    (" together?", " in total?", " in all?"),
)  # fmt: skip
SAVING: Parts = (
    ("A {a} costs {p} coins, less {d} percent.", "The {a} is {p} coins, with {d} percent off.",
     "{a}: {p} coins. Today {d} percent less."),
    (" What do I save", " How many coins do I save", " How much less is that"),
    _ENDS,
)  # fmt: skip
GAP: Parts = (
    ("{b} costs {q} coins and {a} costs {p}.", "The {b} is {q} coins, the {a} is {p} coins.",
     "{b}: {q} coins. {a}: {p} coins."),
    (" How much more is the {b}", " What is the difference", " How many coins more do I pay for the {b}"),
    _ENDS,
)  # fmt: skip
OPINION: Parts = (
    ("How is", "What about", "Tell me about", "What do people say about", "How do people find", "I ask about"),
    (" the {topic} of {name}", " the {topic} that {name} has", " the {topic} with {name}"),
    _ENDS,
)
RULE: Parts = (
    ("How long is", "What is", "Tell me", "I need to know", "Do you know", "I ask for"),
    (" the {service} time of the {material} {name}", " the {service} time for the {material} {name}",
     " the time of {service} for the {material} {name}"),
    _ENDS,
)  # fmt: skip


def split_of(places: Sequence[int]) -> Split:
    """Sixths of the sentences are for validation and for the test: their parts are known, they together are not."""
    return {0: "test", 1: "validation"}.get(sum(places) % 6, "train")  # type: ignore[return-value]


@cache
def sentences(parts: Parts, split: Split) -> tuple[str, ...]:
    """All sentences of a split."""
    places = (tuple(range(len(group))) for group in parts)
    return tuple(
        "".join(group[place] for group, place in zip(parts, chosen, strict=True))
        for chosen in itertools.product(*places)
        if split_of(chosen) == split
    )


def said(generator: random.Random, parts: Parts, split: Split, **words: object) -> str:
    """A sentence of the split, perhaps after a word of greeting."""
    return generator.choice(_OPENINGS) + generator.choice(sentences(parts, split)).format(**words)
