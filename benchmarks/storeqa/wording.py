"""The words of the shop: what is sold, what can be asked, and how people put it. Each split has its own sentences, made
of words that the training sentences have."""

from __future__ import annotations

import random
from collections.abc import Mapping
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

LOOK_UP: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "What is the {column} of {name}?", "Tell me the {column} of {name}.", "Which {column} does {name} have?",
        "{name} has which {column}?", "I need the {column} of {name}.", "What {column} has {name}?",
        "For {name}, what is the {column}?", "The {column} of {name} is what?",
    ),
    "validation": ("What is the {column} that {name} has?", "I need to know which {column} {name} has."),
    "test": ("Tell me which {column} {name} has.", "What {column} does {name} have?",
             "The {column} of {name}, please."),
}  # fmt: skip
SEARCH: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "Which one has {first} and {second}?", "Find the one with {first} and {second}.",
        "I need the one that has {first} and {second}.", "Which product has {first} and {second}?",
        "Look for {first} and {second}. Which one is it?", "{first} and {second}: which one is that?",
        "What is the one with {first} and {second}?", "Tell me which product is the one with {first} and {second}.",
    ),
    "validation": ("Find the product that has {first} and {second}.", "With {first} and {second}, which one is it?"),
    "test": ("Which product is it with {first} and {second}?", "Look for the one that has {first} and {second}.",
             "I need the product with {first} and {second}."),
}  # fmt: skip
EXTREME: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "Which {kind} has the {end} {column}?", "Find the {kind} with the {end} {column}.",
        "I need the {kind} that has the {end} {column}.", "What is the {kind} with the {end} {column}?",
        "Look for the {end} {column}. Which {kind} is it?", "Tell me which {kind} has the {end} {column}.",
    ),
    "validation": ("Which {kind} is the one with the {end} {column}?",),
    "test": ("Tell me the {kind} that has the {end} {column}.", "Which {kind} is it that has the {end} {column}?"),
}  # fmt: skip
ENDS: Mapping[str, str] = {"lowest": "ASC", "highest": "DESC"}
# Sentences of a sum, a rest, a share, a weight, a discount, a difference.
SUM: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "A {a} is {p} coins and a {b} is {q} coins. What do {n} {a} and {m} {b} cost together?",
        "The price of {a} is {p} coins, that of {b} is {q}. How much are {n} {a} and {m} {b} together?",
        "{a} costs {p} coins and {b} costs {q}. What is the total for {n} {a} and {m} {b}?",
        "{a}: {p} coins. {b}: {q} coins. What is the price of {n} {a} and {m} {b} together?",
        "If {a} costs {p} and {b} costs {q} coins, what do I pay for {n} {a} and {m} {b} in total?",
    ),
    "validation": ("A {a} costs {p} coins, a {b} costs {q}. What do I pay for {n} {a} and {m} {b} together?",),
    "test": ("The {a} is {p} coins and the {b} is {q}. How much do I pay in total for {n} {a} and {m} {b}?",
             "If a {a} costs {p} coins and a {b} {q}, what is the total price of {n} {a} and {m} {b}?"),
}  # fmt: skip
REST: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "I have {m} coins and buy {n} {a} for {p} coins each. How many coins are left?",
        "From {m} coins I pay for {n} {a} at {p} each. What is left?",
        "With {m} coins I buy {n} {a}, each for {p}. How much money is left?",
        "I pay with {m} coins and take {n} {a} at {p} coins each. What do I get back?",
    ),
    "validation": ("I have {m} coins and take {n} {a} at {p} each. How much is left?",),
    "test": ("With {m} coins I pay for {n} {a}, each for {p} coins. How many coins do I get back?",
             "From {m} coins I buy {n} {a} for {p} each. How many coins are left?"),
}  # fmt: skip
SHARE: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "A box of {n} {a} costs {t} coins. What is the price of a single {a}?",
        "For {n} {a} I pay {t} coins in the box. What does a single {a} cost?",
        "{n} {a} in a box are {t} coins. How much is a single {a}?",
    ),
    "validation": ("A box of {n} {a} is {t} coins. How much does a single {a} cost?",),
    "test": ("For a box of {n} {a} I pay {t} coins. How much is a single {a}?",),
}  # fmt: skip
HEAVY: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "{n} {a} are sent, each of {w} g. How many g is that?",
        "How many g are {n} {a} that weigh {w} g each?",
        "I carry {n} {a} of {w} g each. What do they weigh together?",
    ),
    "validation": ("How many g do {n} {a} weigh that have {w} g each?",),
    "test": ("I carry {n} {a} that weigh {w} g each. How many g is that together?",),
}  # fmt: skip
SAVING: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "The {a} is {p} coins, less {d} percent today. How many coins less is that?",
        "A {a} costs {p} coins. With {d} percent less, what do I save?",
        "I get {d} percent back on a {a}. It costs {p} coins. How much do I save?",
    ),
    "validation": ("The {a} costs {p} coins, today {d} percent less. What do I save?",),
    "test": ("A {a} is {p} coins. How much do I save with {d} percent less?",),
}  # fmt: skip
GAP: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "{b} costs {q} coins and {a} costs {p}. How much more is {b} than {a}?",
        "The {b} is {q} coins, the {a} is {p} coins. What is the difference in price?",
        "A {b} is {q} coins and a {a} is {p}. How many coins more do I pay for the {b}?",
    ),
    "validation": ("The {b} costs {q} coins and the {a} costs {p}. What is the difference?",),
    "test": ("{b} is {q} coins, {a} is {p} coins. How much more do I pay for {b} than for {a}?",),
}  # fmt: skip
OPINION: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "How is the {topic} of {name}?", "What do people say about the {topic} of {name}?",
        "The {topic} of {name}: what do people say?", "Tell me about the {topic} of {name}.",
        "What about the {topic} of {name}?", "{name} has which {topic}, do people say?",
        "How do people find the {topic} of {name}?",
    ),
    "validation": ("What about {name}, how do people find the {topic}?",
                   "Tell me what people say about the {topic} of {name}."),
    "test": ("How about the {topic} of {name}?", "The {topic} of {name}: how do people find it?",
             "What do people find about the {topic} of {name}?"),
}  # fmt: skip
RULE: Mapping[Split, tuple[str, ...]] = {
    "train": (
        "How long is the {service} of the {material} {name}?", "The {service} of the {material} {name}: how long?",
        "How long does the {service} of the {material} {name} take?",
        "Tell me how long the {service} of the {material} {name} is.",
        "For the {material} {name}, how long is the {service}?", "What is the {service} time of the {material} {name}?",
    ),
    "validation": ("Tell me the {service} time of the {material} {name}.",),
    "test": ("How long is the {service} time of the {material} {name}?",
             "For the {material} {name}, what is the {service} time?"),
}  # fmt: skip


def said(generator: random.Random, sentences: Mapping[Split, tuple[str, ...]], split: Split, **parts: object) -> str:
    """A sentence of the split, perhaps after a word of greeting."""
    return generator.choice(_OPENINGS) + generator.choice(sentences[split]).format(**parts)
