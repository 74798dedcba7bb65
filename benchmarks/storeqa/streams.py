"""Shops, their questions and the streams that these come in, all drawn by seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import forge
from benchmarks.storeqa import wording
from benchmarks.storeqa.wording import COLUMNS, MATERIALS, NAMES, SERVICES, TOPICS, UNITS, Split, said
from forge.session import Session
from forge.task import Task
from functions.errors import ForgeError

LENGTH, PRODUCTS, FOCUS = 50, 12, 2  # questions a stream, products a shop, products that opinions are asked about
LONGEST = 500
SHARES: Mapping[str, float] = {"look-up": 0.15, "search": 0.15, "computation": 0.2, "opinion": 0.3, "rule": 0.2}

Shop = tuple[tuple[str, ...], ...]  # a row a product: its name, then its value in each column


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    answer: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """A shop with what only its experts know."""

    shop: Shop
    opinions: Mapping[tuple[str, str], str]  # by product and topic
    rules: Mapping[tuple[str, str], str]  # by material and service


def streams(
    count: int, *, seed: str, split: Split = "train", length: int = LENGTH, shares: Mapping[str, float] = SHARES
) -> forge.Dataset:
    """Whole streams by seed: every stream is a shop of its own.

    A question is one of: a look-up (the facts stand before it), a search (in the shop's table), a computation over
    what it states, an opinion (an expert's, or remembered from the same question earlier), a rule (an expert's, the
    same for all products of a material, so that one answer holds for others).

    Args:
        count: streams.
        split: whose sentences are used; shops differ by seed and split.
        length: questions a stream, 10 to 500; the longer, the more comes again.
        shares: of the kinds of questions; only how they compare counts.

    Raises:
        ForgeError: an unknown split or kind, a length out of range, or shares that nothing can be drawn by.
    """
    if split not in get_args(Split):
        raise ForgeError(f"streams(split={split!r}): one of {', '.join(get_args(Split))}")
    if not 10 <= length <= LONGEST:
        raise ForgeError(f"streams(length={length}): a stream has 10 to {LONGEST} questions")
    known = set(shares) <= set(SHARES) and all(share >= 0 for share in shares.values())
    if not known or not 0 < sum(shares.values()) < math.inf:
        raise ForgeError(f"streams(shares={dict(shares)}): numbers of 0 or more, not all 0, for some of "
                         f"{', '.join(SHARES)}")  # fmt: skip
    rows = []
    for number in range(count):
        name = f"{split}-{seed}-{number}"
        generator = random.Random(name)
        scene, seen = _scene(generator), set[str]()
        for place in range(length):
            kind = _drawn(generator, shares)
            question = _MAKERS[kind](generator, scene, split)
            details = dict(question.details)
            if subject := details.get("subject"):
                details["returning"] = subject in seen
                details["rate"] = details.pop("chance") * shares[kind] / sum(shares.values())
                seen.add(subject)
            rows.append({"id": f"{name}-{place}", "stream": name, "question": question.text, "answer": question.answer,
                         "kind": kind, "place": place, "left": length - 1 - place, "shop": scene.shop,
                         **details})  # fmt: skip
    return forge.Dataset(rows, metric=right, name="storeqa")


def right(task: Task, session: Session) -> bool:
    """Whether the answer is the expected one: a number by value, with its unit or without, text word for word but for
    case and a full stop."""
    given = str(session.answer).strip().rstrip(".").lower()
    unit = task.metadata.get("unit") or next((each for each in UNITS.values() if task.answer.endswith(f" {each}")), "")
    if not unit:
        return bool(given == task.answer)
    try:
        return abs(float(given.removesuffix(unit)) - float(task.answer.removesuffix(unit))) < 1e-6
    except ValueError:
        return False


def texts() -> list[str]:
    """What a tokenizer is trained on, so that it has a token for every common word."""
    shown = [f"{task.question} {task.answer}" for task in streams(40, seed="tokenizer")]
    queries = [task.metadata["query"] for task in streams(40, seed="tokenizer") if "query" in task.metadata]
    remembered = [f"- (reflection) {note}" for task in streams(40, seed="tokenizer") for note in notes(task).values()]
    advice = [str(task.metadata.get("advice", "")) for task in streams(40, seed="tokenizer")]
    return [*shown, *queries, *remembered, *advice, *["(nothing like that is remembered)", "remembered"] * 100]


def notes(task: Task) -> dict[str, str]:
    """What is worth remembering once an expert has answered: a "fact" of the product, for rules a "lesson" too."""
    details = task.metadata
    if task.metadata["kind"] == "opinion":
        return {"fact": f"{details['name']} {details['topic']}: {task.answer}"}
    if task.metadata["kind"] == "rule":
        return {"fact": f"{details['name']} {details['service']}: {task.answer}",
                "lesson": f"{details['material']} {details['service']}: {task.answer}"}  # fmt: skip
    return {}


def _scene(generator: random.Random) -> Scene:
    names = generator.sample(NAMES, PRODUCTS)
    shop = tuple((name, *(generator.choice(values) for values in COLUMNS.values())) for name in names)
    opinions = {(name, topic): _drawn(generator, TOPICS[topic]) for name in names[:FOCUS] for topic in TOPICS}
    rules = {
        (material, service): _drawn(generator, SERVICES[service]) for material in MATERIALS for service in SERVICES
    }
    return Scene(shop, opinions, rules)


def _value(column: str, value: str) -> str:
    return f"{value} {UNITS[column]}" if column in UNITS else value


def _look_up(generator: random.Random, scene: Scene, split: Split) -> Question:
    row, (place, column) = generator.choice(scene.shop), generator.choice(list(enumerate(COLUMNS)))
    facts = ", ".join(f"{each} {_value(each, value)}" for each, value in zip(COLUMNS, row[1:], strict=True))
    asked = said(generator, wording.LOOK_UP, split, column=column, name=row[0])
    return Question(f"{row[0]}: {facts}. {asked}", _value(column, row[1 + place]), {"name": row[0]})


def _search(generator: random.Random, scene: Scene, split: Split) -> Question:
    if generator.random() < 0.5 and (found := _extreme(generator, scene, split)):
        return found
    columns = list(COLUMNS)
    while True:
        row = generator.choice(scene.shop)
        chosen = generator.sample(range(len(columns)), 2)
        if sum(all(other[1 + c] == row[1 + c] for c in chosen) for other in scene.shop) == 1:
            break
    first, second = (f"{columns[c]} {_value(columns[c], row[1 + c])}" for c in chosen)
    where = " AND ".join(f"{columns[c]} = {_literal(columns[c], row[1 + c])}" for c in chosen)
    text = said(generator, wording.SEARCH, split, first=first, second=second)
    return Question(text, row[0], {"name": row[0], "query": f"SELECT name FROM items WHERE {where}"})


def _extreme(generator: random.Random, scene: Scene, split: Split) -> Question | None:
    """The lowest or highest of a kind, where it is one alone."""
    column, end = generator.choice(list(UNITS)), generator.choice(list(wording.ENDS))
    place = 1 + list(COLUMNS).index(column)
    kind = generator.choice(scene.shop)[1]
    rows = sorted((row for row in scene.shop if row[1] == kind), key=lambda row: int(row[place]))
    if end == "highest":
        rows.reverse()
    if len(rows) < 2 or rows[0][place] == rows[1][place]:
        return None
    query = f"SELECT name FROM items WHERE kind = '{kind}' ORDER BY {column} {wording.ENDS[end]} LIMIT 1"
    text = said(generator, wording.EXTREME, split, kind=kind, end=end, column=column)
    return Question(text, rows[0][0], {"name": rows[0][0], "query": query})


def _literal(column: str, value: str) -> str:
    return value if column in UNITS else f"'{value}'"


def _computation(generator: random.Random, scene: Scene, split: Split) -> Question:
    (a, *first), (b, *second) = generator.sample(scene.shop, 2)
    price, weight = list(COLUMNS).index("price"), list(COLUMNS).index("weight")
    (p, a), (q, b) = sorted([(int(first[price]), a), (int(second[price]), b)])  # b costs more
    w, n, m = int(first[weight]), generator.randint(2, 9), generator.randint(2, 9)
    what = generator.choice(["sum", "rest", "share", "weight", "saving", "gap"])
    unit = "g" if what == "weight" else "coins"
    if what == "sum":
        text = said(generator, wording.SUM, split, a=a, b=b, p=p, q=q, n=n, m=m)
        return Question(text, str(n * p + m * q), {"name": a, "unit": unit, "formula": what})
    if what == "rest":
        money = -(-(n * p + 1) // 50) * 50
        text = said(generator, wording.REST, split, a=a, p=p, n=n, m=money)
        return Question(text, str(money - n * p), {"name": a, "unit": unit, "formula": what})
    if what == "share":
        text = said(generator, wording.SHARE, split, a=a, n=n, t=n * p)
        return Question(text, str(p), {"name": a, "unit": unit, "formula": what})
    if what == "weight":
        text = said(generator, wording.WEIGHT, split, a=a, n=n, w=w)
        return Question(text, str(n * w), {"name": a, "unit": unit, "formula": what})
    if what == "saving":
        percent = generator.choice((10, 20, 30, 40, 50))
        text = said(generator, wording.SAVING, split, a=a, p=p, d=percent)
        return Question(text, f"{p * percent / 100:g}", {"name": a, "unit": unit, "formula": what})
    q += p == q
    text = said(generator, wording.GAP, split, a=a, b=b, p=p, q=q)
    return Question(text, str(q - p), {"name": b, "unit": unit, "formula": what})


def _opinion(generator: random.Random, scene: Scene, split: Split) -> Question:
    name, topic = scene.shop[generator.randrange(FOCUS)][0], generator.choice(list(TOPICS))
    chance = 1 / (FOCUS * len(TOPICS))
    text = said(generator, wording.OPINION, split, topic=topic, name=name)
    details = {"name": name, "topic": topic, "advice": scene.opinions[name, topic]}
    return Question(
        text, scene.opinions[name, topic], {**details, **_unknown(f"{name} {topic}", TOPICS[topic], chance)}
    )


def _rule(generator: random.Random, scene: Scene, split: Split) -> Question:
    row, service = generator.choice(scene.shop), generator.choice(list(SERVICES))
    material = row[1 + list(COLUMNS).index("material")]
    answer = scene.rules[material, service]
    alike = sum(material in other for other in scene.shop) / len(scene.shop)
    text = said(generator, wording.RULE, split, service=service, material=material, name=row[0])
    details = {"name": row[0], "material": material, "service": service,
               "advice": f"{answer}, like everything made of {material}"}  # fmt: skip
    chance = alike / len(SERVICES)
    return Question(text, answer, {**details, **_unknown(f"{material} {service}", SERVICES[service], chance)})


def _unknown(subject: str, prior: Mapping[str, float], chance: float) -> dict[str, Any]:
    """What the oracle needs: the subject, its likeliest answer, how likely that is, and how often a question of this
    kind is about the subject."""
    likely = max(prior, key=prior.__getitem__)
    return {"subject": subject, "likely": likely, "sure": prior[likely], "chance": chance}


_MAKERS: Mapping[str, Callable[[random.Random, Scene, Split], Question]] = {
    "look-up": _look_up,
    "search": _search,
    "computation": _computation,
    "opinion": _opinion,
    "rule": _rule,
}


def _drawn(generator: random.Random, shares: Mapping[str, float]) -> str:
    return generator.choices(list(shares), list(shares.values()))[0]


def shop_of(task: Task) -> Shop:
    """The shop that a task is about."""
    rows: Sequence[Sequence[str]] = task.metadata["shop"]
    return tuple(tuple(row) for row in rows)
