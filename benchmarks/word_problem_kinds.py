"""The kinds of generated problems: for each, how its numbers are drawn, its answer, and its sentences by split."""
# ruff: noqa: E501 (a sentence stays on one line)

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Facts = Mapping[str, Any]  # what a sentence is filled with: numbers, words, tables as text
Answer = float | int | str

NAMES = ("Ada", "Ben", "Carla", "Diego", "Emma", "Farid", "Grace", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mina",
         "Nadia", "Omar", "Paula", "Quentin", "Rosa", "Samir", "Tess")  # fmt: skip
THINGS = ("apples", "marbles", "stickers", "shells", "stamps", "pencils", "cards", "buttons", "cookies", "coins")
GOODS = ("notebook", "lamp", "basket", "hammer", "kettle", "cushion", "puzzle", "bottle", "candle", "mug", "pillow",
         "vase")  # fmt: skip
ANIMALS = ("otter", "falcon", "zebra", "badger", "lizard", "moose", "heron", "weasel", "donkey", "rabbit", "panther",
           "cricket", "walrus", "iguana", "toucan", "jackal")  # fmt: skip
DISTRACTORS = {
    "train": (
        "{name} is {n} years old.",
        "It is {n} degrees outside today.",
        "{name} lives at number {n} with {friend}.",
    ),
    "test": (
        "{friend} turned {n} last week.",
        "The bus to town takes {n} minutes.",
        "There are {n} pages in the atlas.",
    ),
}


@dataclass(frozen=True, slots=True)
class Draw:
    """Numbers by seed; `unseen` ranges lie above those that training draws from."""

    source: random.Random
    unseen: bool

    def few(self) -> int:
        return self.source.randint(13, 24) if self.unseen else self.source.randint(2, 12)

    def many(self) -> int:
        return self.source.randint(120, 480) if self.unseen else self.source.randint(14, 96)

    def two(self) -> tuple[int, int]:
        """Two different numbers, the larger first."""
        first, second = self.many(), self.many()
        return (max(first, second), min(first, second)) if first != second else (first + 1, second)

    def price(self) -> float:
        quarter = self.source.choice((0, 0, 0.25, 0.5, 0.75))
        return (self.source.randint(21, 60) if self.unseen else self.source.randint(2, 19)) + quarter

    def speed(self) -> int:
        return self.source.randint(121, 190) if self.unseen else self.source.randint(30, 120)

    def pick(self, words: Sequence[str], count: int = 1) -> list[str]:
        return self.source.sample(list(words), count)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem. The sentences of `train` and of `test` are filled with the same facts."""

    name: str
    draw: Callable[[Draw], tuple[Facts, Answer]]
    train: tuple[str, ...]
    test: tuple[str, ...]
    distractible: bool = False


def _total(draw: Draw) -> tuple[Facts, Answer]:
    a, b = draw.many(), draw.many()
    return {"a": a, "b": b, "things": draw.pick(THINGS)[0]}, a + b


def _left(draw: Draw) -> tuple[Facts, Answer]:
    a, b = draw.two()
    return {"a": a, "b": b, "things": draw.pick(THINGS)[0]}, a - b


def _product(draw: Draw) -> tuple[Facts, Answer]:
    a, b = draw.few(), draw.many()
    return {"a": a, "b": b, "things": draw.pick(THINGS)[0]}, a * b


def _share(draw: Draw) -> tuple[Facts, Answer]:
    each, groups = draw.few(), draw.few()
    return {"a": each * groups, "b": groups, "things": draw.pick(THINGS)[0]}, each


def _unit_price(draw: Draw) -> tuple[Facts, Answer]:
    price, count = draw.price(), draw.few()
    return {"count": count, "total": money(price * count), "good": draw.pick(GOODS)[0]}, price


def _change(draw: Draw) -> tuple[Facts, Answer]:
    price, count = draw.price(), draw.few()
    paid = (int(price * count) // 50 + 1) * 50
    return {"count": count, "price": money(price), "paid": paid, "good": draw.pick(GOODS)[0]}, paid - price * count


def _two_goods(draw: Draw) -> tuple[Facts, Answer]:
    first, second = draw.pick(GOODS, 2)
    a, b, p, q = draw.few(), draw.few(), draw.price(), draw.price()
    facts = {"a": a, "b": b, "p": money(p), "q": money(q), "first": first, "second": second}
    return facts, round(a * p + b * q, 2)


def _discount(draw: Draw) -> tuple[Facts, Answer]:
    price = draw.many() * 2
    percent = draw.source.choice((35, 45, 55, 60, 65, 70) if draw.unseen else (5, 10, 15, 20, 25, 30, 40, 50))
    return {"price": price, "percent": percent, "good": draw.pick(GOODS)[0]}, round(price * (100 - percent) / 100, 2)


def _distance(draw: Draw) -> tuple[Facts, Answer]:
    speed, hours = draw.speed(), draw.few()
    return {"speed": speed, "hours": hours}, speed * hours


def _boxes(draw: Draw) -> tuple[Facts, Answer]:
    size, full = draw.few() + 2, draw.few()
    total = size * full + draw.source.randint(1, size - 1)
    return {"total": total, "size": size, "things": draw.pick(THINGS)[0]}, full + 1


def _average(draw: Draw) -> tuple[Facts, Answer]:
    values = [draw.many() for _ in range(draw.source.choice((3, 4, 5)))]
    return {"values": listed(values)}, sum(values) / len(values)


def _spread(draw: Draw) -> tuple[Facts, Answer]:
    values = [draw.many() for _ in range(draw.source.choice((4, 5)))]
    return {"values": listed(values)}, max(values) - min(values)


def _price_list(draw: Draw, rows: int) -> tuple[list[str], list[float], str]:
    goods = draw.pick(GOODS, rows)
    prices: list[float] = []
    while len(prices) < rows:
        price = draw.price()
        if price not in prices:
            prices.append(price)
    lines = [
        "| item | price |",
        "| --- | --- |",
        *(f"| {g} | ${money(p)} |" for g, p in zip(goods, prices, strict=True)),
    ]
    return goods, prices, "\n".join(lines)


def _cost_by_list(draw: Draw) -> tuple[Facts, Answer]:
    goods, prices, table = _price_list(draw, draw.source.choice((3, 4)))
    place, count = draw.source.randrange(len(goods)), draw.few()
    return {"table": table, "good": goods[place], "count": count}, round(prices[place] * count, 2)


def _gap_by_list(draw: Draw) -> tuple[Facts, Answer]:
    goods, prices, table = _price_list(draw, draw.source.choice((3, 4, 5)))
    low, high = sorted(draw.source.sample(range(len(goods)), 2), key=lambda place: prices[place])
    return {"table": table, "good": goods[high], "other": goods[low]}, round(prices[high] - prices[low], 2)


def _cheapest_by_list(draw: Draw) -> tuple[Facts, Answer]:
    goods, prices, table = _price_list(draw, draw.source.choice((3, 4, 5)))
    return {"table": table}, goods[prices.index(min(prices))]


def _sold_by_list(draw: Draw) -> tuple[Facts, Answer]:
    names = draw.pick(NAMES, draw.source.choice((3, 4)))
    sold = [draw.many() for _ in names]
    lines = ["seller,tickets", *(f"{name},{count}" for name, count in zip(names, sold, strict=True))]
    return {"table": "\n".join(lines)}, sum(sold)


def _letters(draw: Draw) -> tuple[Facts, Answer]:
    word = "".join(draw.pick(ANIMALS, 2)) if draw.unseen else draw.pick(ANIMALS)[0]
    return {"word": word}, len(word)


def _backwards(draw: Draw) -> tuple[Facts, Answer]:
    word = draw.pick(GOODS)[0] + draw.pick(ANIMALS)[0] if draw.unseen else draw.pick(GOODS + ANIMALS)[0]
    return {"word": word}, word[::-1]


def _alphabetical(draw: Draw) -> tuple[Facts, Answer]:
    words = draw.pick(ANIMALS + GOODS, 5 if draw.unseen else draw.source.choice((3, 4)))
    return {"words": ", ".join(words[:-1]) + " and " + words[-1]}, min(words)


def money(value: float) -> str:
    """A price as it is written: "4", "4.50"."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"


def listed(values: Sequence[float]) -> str:
    """Numbers as a sentence lists them: "3, 5 and 8"."""
    return ", ".join(map(str, values[:-1])) + f" and {values[-1]}"


KINDS: tuple[Kind, ...] = (
    Kind(
        "total",
        _total,
        train=(
            "{name} has {a} {things} and {friend} has {b} {things}. How many {things} do they have together?",
            "{name} found {a} {things} in the morning and {b} more in the afternoon. How many {things} is that in all?",
            "There were {a} {things} in the jar. {name} put in another {b} {things}. How many {things} are in the jar now?",
            "On Monday {name} collected {a} {things}, on Tuesday {b} {things}. How many {things} were collected in total?",
            "{friend} gave {name} {b} {things}. {name} already had {a} {things}. How many {things} does {name} have now?",
            "A shop sold {a} {things} last week and {b} this week. What is the total number of {things} sold?",
        ),
        test=(
            "{name} owns {a} {things}. After a visit to {friend} there are {b} more. How many {things} in all has {name} now?",
            "One basket holds {a} {things}, another holds {b} {things}. How many {things} are there together in total?",
            "{name} bought {a} {things} and was given another {b} by {friend}. How many {things} does that make altogether?",
        ),
        distractible=True,
    ),
    Kind(
        "left",
        _left,
        train=(
            "{name} had {a} {things} and gave {b} of them to {friend}. How many {things} are left?",
            "There were {a} {things} on the table. {name} took away {b} {things}. How many {things} remain?",
            "{name} started with {a} {things} and lost {b}. How many {things} does {name} still have?",
            "Out of {a} {things}, {b} were broken. How many {things} were not broken?",
            "{name} needs {a} {things} and has {b} so far. How many more {things} does {name} need?",
            "{name} has {a} {things}, {friend} has {b} {things}. How many more {things} does {name} have than {friend}?",
        ),
        test=(
            "A box of {a} {things} was opened and {b} were taken out. How many {things} remain in the box?",
            "{name} brought {a} {things} to school and handed {b} of them to {friend}. How many {things} still are left?",
            "{name} wants to own {a} {things} but has only {b}. How many {things} does {name} still need?",
        ),
        distractible=True,
    ),
    Kind(
        "product",
        _product,
        train=(
            "There are {a} boxes with {b} {things} in each box. How many {things} are there in all the boxes?",
            "{name} fills {a} bags and puts {b} {things} into each. How many {things} does {name} use?",
            "Each of {a} shelves holds {b} {things}. How many {things} fit on all the shelves?",
            "Every day {name} packs {b} {things}. How many {things} are packed in {a} days?",
            "{name} bought {a} packs of {b} {things} each. How many {things} did {name} buy?",
        ),
        test=(
            "{name} owns {a} albums, and each album has {b} {things} in it. How many {things} are in all the albums?",
            "A machine packs {b} {things} every minute. How many {things} are packed in {a} minutes?",
            "There are {a} rows of {b} {things} each. How many {things} did {name} lay out?",
        ),
    ),
    Kind(
        "share",
        _share,
        train=(
            "{name} shares {a} {things} equally among {b} children. How many {things} does each child get?",
            "{a} {things} are divided into {b} equal piles. How many {things} are in each pile?",
            "{name} puts {a} {things} into {b} bags, the same number in every bag. How many {things} go into one bag?",
            "A teacher hands out {a} {things} evenly to {b} pupils. How many {things} does every pupil get?",
        ),
        test=(
            "{b} friends want to split {a} {things} equally. How many {things} does each friend get?",
            "{name} divides {a} {things} evenly among {b} jars. How many {things} go into each jar?",
        ),
    ),
    Kind(
        "unit price",
        _unit_price,
        train=(
            "{count} {good}s cost ${total}. What does one {good} cost?",
            "{name} paid ${total} for {count} {good}s. How much was a single {good}?",
            "A pack of {count} {good}s is sold for ${total}. What is the price of one {good}?",
            "What does one {good} cost if {count} cost ${total}?",
        ),
        test=(
            "If {count} {good}s cost ${total}, what is the price of a single {good}?",
            "The bill for {count} {good}s was ${total}. How much does one {good} cost?",
        ),
    ),
    Kind(
        "change",
        _change,
        train=(
            "{name} buys {count} {good}s at ${price} each and pays with ${paid}. How much change does {name} get?",
            "A {good} costs ${price}. {name} takes {count} of them and hands over ${paid}. How much money comes back?",
            "{name} had ${paid} and bought {count} {good}s for ${price} each. How much money does {name} have left?",
            "With ${paid} in the purse, {name} pays for {count} {good}s at ${price} apiece. How many dollars are left?",
        ),
        test=(
            "{name} picks {count} {good}s at ${price} each. How much change is given from ${paid}?",
            "Each {good} costs ${price}. {name} hands over ${paid} for {count} of them. How much money does {name} get back?",
        ),
    ),
    Kind(
        "two goods",
        _two_goods,
        train=(
            "{name} buys {a} {first}s at ${p} each and {b} {second}s at ${q} each. What does {name} pay in total?",
            "A school orders {a} {first}s for ${p} each and {b} {second}s for ${q} each. How much is the bill?",
            "At the market {name} sold {a} {first}s at ${p} and {b} {second}s at ${q}. How much money did {name} make?",
        ),
        test=(
            "{name} wants {a} {first}s at ${p} apiece and {b} {second}s at ${q} apiece. How much will {name} pay in total?",
            "For a fair {name} made {a} {first}s sold for ${p} each and {b} {second}s sold for ${q} each. How much money is that?",
        ),
    ),
    Kind(
        "discount",
        _discount,
        train=(
            "A {good} costs ${price}. Today there is a discount of {percent}%. What is the price after the discount?",
            "The price of a {good} was ${price} before it was cut by {percent}%. What does it cost now?",
            "{name} gets {percent}% off a {good} that normally costs ${price}. How much does {name} pay?",
            "In the sale a ${price} {good} is reduced by {percent}%. What is its sale price?",
        ),
        test=(
            "A {good} for ${price} is reduced by {percent}% this week. What is the price now?",
            "{name} has a voucher for {percent}% off. What does {name} pay for a {good} that normally costs ${price}?",
        ),
    ),
    Kind(
        "distance",
        _distance,
        train=(
            "A train travels at {speed} km per hour for {hours} hours. How far does it go?",
            "{name} drives {hours} hours at {speed} km per hour. How many kilometres is the trip?",
            "How far does a car get in {hours} hours at a speed of {speed} kilometres per hour?",
        ),
        test=(
            "A bus drives for {hours} hours at a steady {speed} km per hour. How far does it travel?",
            "At {speed} kilometres per hour, how many kilometres does {name} travel in {hours} hours?",
        ),
    ),
    Kind(
        "boxes",
        _boxes,
        train=(
            "{name} has {total} {things} to pack, and a box holds {size} of them. How many boxes are needed?",
            "A box holds {size} {things}. How many boxes does {name} need to pack all {total} {things}?",
            "{total} {things} have to be packed in crates of {size}. How many crates are needed for all of them?",
        ),
        test=(
            "A crate holds {size} {things}. How many crates are needed so that {name} can pack all {total} {things}?",
            "{name} must pack {total} {things} into tins; a tin holds {size}. How many tins does {name} need?",
        ),
    ),
    Kind(
        "average",
        _average,
        train=(
            "{name} scored {values} points in the last games. What is the average score?",
            "The temperatures this week were {values} degrees. What was the average temperature?",
            "On the past days {values} visitors came to the museum. What is the mean number of visitors?",
            "What is the average of {values}?",
        ),
        test=(
            "{name} ran {values} minutes on different days. What was the average time?",
            "The classes have {values} pupils. What is the mean size of a class, that is, the average?",
        ),
    ),
    Kind(
        "spread",
        _spread,
        train=(
            "{name} measured plants of {values} cm. What is the difference between the tallest and the shortest plant?",
            "The runners needed {values} seconds. How many seconds lie between the fastest and the slowest runner?",
            "What is the difference between the largest and the smallest of the numbers {values}?",
        ),
        test=(
            "The towers are {values} m tall. What is the difference between the tallest and the smallest one?",
            "{name} wrote down the numbers {values}. How far is the largest from the smallest, what is the difference?",
        ),
    ),
    Kind(
        "cost by price list",
        _cost_by_list,
        train=(
            "{table}\n{name} buys {count} {good}s from this list. What does {name} pay?",
            "Here is a price list.\n{table}\nHow much do {count} {good}s cost?",
            "{table}\nWhat is the price of {count} {good}s?",
        ),
        test=(
            "The shop window says:\n{table}\nHow much does {name} pay for {count} {good}s?",
            "{table}\n{name} wants {count} {good}s. What do they cost?",
        ),
    ),
    Kind(
        "gap by price list",
        _gap_by_list,
        train=(
            "{table}\nHow much more does the {good} cost than the {other}?",
            "{table}\nWhat is the difference in price between the {good} and the {other}?",
            "Prices today:\n{table}\nBy how many dollars is the {other} cheaper than the {good}?",
        ),
        test=(
            "{table}\n{name} compares the {good} and the {other}. What is the difference between their prices?",
            "From the catalogue:\n{table}\nHow many dollars more is the {good} than the {other}?",
        ),
    ),
    Kind(
        "cheapest by price list",
        _cheapest_by_list,
        train=(
            "{table}\nWhich item has the lowest price?",
            "{table}\nWhat is the cheapest item on the list?",
            "Prices today:\n{table}\n{name} wants to spend as little as possible. Which item is the cheapest?",
        ),
        test=(
            "From the catalogue:\n{table}\nWhich is the item with the lowest price?",
            "{table}\nWhich of these items is cheapest?",
        ),
    ),
    Kind(
        "sum of a table",
        _sold_by_list,
        train=(
            "{table}\nHow many tickets were sold in total?",
            "Ticket sales of the school play:\n{table}\nWhat is the total number of tickets?",
            "{table}\nHow many tickets did all sellers sell together?",
        ),
        test=(
            "{table}\nHow many tickets is that altogether, in total?",
            "These are the sales for the concert.\n{table}\nHow many tickets did they sell in all?",
        ),
    ),
    Kind(
        "letters",
        _letters,
        train=(
            'How many letters are in the word "{word}"?',
            'Count the letters of "{word}". How many are there?',
            'The word "{word}" has how many letters?',
        ),
        test=(
            '{name} counts the letters in "{word}". How many letters are there?',
            'How many letters does "{word}" have?',
        ),
    ),
    Kind(
        "backwards",
        _backwards,
        train=(
            'Write the word "{word}" backwards.',
            'What do you get when you spell "{word}" backwards?',
            'Reverse the word "{word}".',
        ),
        test=(
            '{name} writes "{word}" backwards. What stands there?',
            'Spell "{word}" in reverse, from the last letter backwards.',
        ),
    ),
    Kind(
        "alphabetical",
        _alphabetical,
        train=(
            "Here are some words: {words}. Which comes first in alphabetical order?",
            "{name} sorts these words by the alphabet: {words}. Which word is first?",
            "Which of these comes first in the dictionary: {words}?",
        ),
        test=(
            "In alphabetical order, which of these words is first: {words}?",
            "{name} puts words into the order of the alphabet: {words}. Which word comes first?",
        ),
    ),
)
