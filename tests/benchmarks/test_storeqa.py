"""StoreQA: what its questions promise, and the expert, demonstrator and oracle that act in it."""

import collections
import itertools
import re
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forge
import optim
from benchmarks import storeqa
from benchmarks.storeqa import wording
from benchmarks.storeqa.assistant import ShopExpert
from benchmarks.storeqa.oracle import ask_now
from benchmarks.storeqa.streams import FOCUS, SHARES, notes
from functions import ForgeError

NAMES = ("LOOK_UP", "SEARCH", "EXTREME", "SUM", "REST", "SHARE", "WEIGHT", "SAVING", "GAP", "OPINION", "RULE")
SENTENCES = [getattr(wording, name) for name in NAMES]


@pytest.fixture(scope="module")
def tasks():
    return storeqa.streams(12, seed="test")


def of(tasks, kind):
    return [task for task in tasks if task.metadata["kind"] == kind]


def answering(model, tasks, **settings):
    return forge.evaluate(storeqa.agent(model, **settings), tasks)


def test_a_seed_gives_the_same_streams_and_splits_and_seeds_share_no_shop(tasks):
    assert storeqa.streams(12, seed="test").digest == tasks.digest
    shops = {task.metadata["shop"] for task in tasks}
    assert len(shops) == 12
    for other in (storeqa.streams(12, seed="other"), storeqa.streams(12, seed="test", split="test")):
        assert shops.isdisjoint(task.metadata["shop"] for task in other)


@pytest.mark.parametrize("parts", SENTENCES)
def test_each_split_has_sentences_of_its_own_made_of_parts_that_training_has(parts):
    train, validation, test = (set(wording.sentences(parts, split)) for split in ("train", "validation", "test"))
    assert not train & (validation | test)
    assert not validation & test
    assert min(len(train), len(validation), len(test)) > 0
    for part in itertools.chain(*parts):
        assert any(part in sentence for sentence in train)


@pytest.mark.parametrize("shares", [{}, {"opinion": 0}, {"opinion": 1, "rule": -0.1}, {"rule": float("nan")},
                                    {"rule": float("inf")}, {"weather": 1}])  # fmt: skip
def test_shares_that_nothing_can_be_drawn_by_are_refused(shares):
    with pytest.raises(ForgeError, match=r"streams\(shares="):
        storeqa.streams(1, seed="shares", shares=shares)


def test_all_kinds_come_as_often_as_they_should():
    kinds = [task.metadata["kind"] for task in storeqa.streams(100, seed="shares")]
    for kind, share in SHARES.items():
        assert kinds.count(kind) / len(kinds) == pytest.approx(share, abs=0.025)


@pytest.mark.parametrize("length", [10, 500])
def test_streams_are_as_long_as_they_should_be(length):
    assert [len(stream) for stream in storeqa.streams(2, seed="long", length=length).streams().values()] == [length] * 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [({"length": 9}, "10 to 500"), ({"split": "dev"}, "train, validation"), ({"shares": {"gossip": 1}}, "of look-up")],
)
def test_streams_that_cannot_be_are_refused(arguments, told):
    with pytest.raises(ForgeError, match=told):
        storeqa.streams(1, seed="x", **arguments)


def test_look_ups_stand_in_the_question_and_what_experts_know_does_not(tasks):
    assert all(task.answer in task.question for task in of(tasks, "look-up"))
    for kind in ("opinion", "rule"):
        assert not any(task.answer in task.question for task in of(tasks, kind))


def test_a_look_up_asks_for_one_of_the_facts_that_stand_before_it(tasks):
    for task in of(tasks, "look-up"):
        name, facts, *asked = re.split(r": |\. ", task.question)
        (column,) = set(re.findall(r"\w+", " ".join(asked))) & set(wording.COLUMNS)
        assert f"{column} {task.answer}" in facts.split(", ")
        assert name in asked[-1]


WORKED = {  # from the numbers of a question, in their order
    "sum": lambda first, second, many, more: many * first + more * second,
    "rest": lambda money, many, price: money - many * price,
    "share": lambda many, total: total / many,
    "weight": lambda many, weight: many * weight,
    "saving": lambda price, percent: price * percent / 100,
    "gap": lambda dear, cheap: dear - cheap,
}


def test_computations_are_right_by_hand_from_what_they_state():
    tasks = of(storeqa.streams(20, seed="worked", shares={"computation": 1}), "computation")
    assert {task.metadata["formula"] for task in tasks} == set(WORKED)
    for task in tasks:
        numbers = map(int, re.findall(r"\d+", task.question))
        assert float(task.answer) == pytest.approx(WORKED[task.metadata["formula"]](*numbers)), task.question
        assert float(task.answer) > 0
        assert task.metadata["unit"] == ("g" if task.metadata["formula"] == "weight" else "coins")


def test_the_query_of_a_search_finds_the_one_answer(tasks):
    for task in of(tasks, "search"):
        assert storeqa.search(task.metadata["query"], forge.World(task)) == task.answer


@pytest.mark.parametrize(
    ("query", "ending"),
    [
        ("SELECT name FROM items", " [3 of 12 rows]"),
        ("SELECT a.name FROM items a, items b, items c", " [3 of 1000 or more rows]"),
        ("SELECT name FROM items LIMIT 4", " [3 of 4 rows]"),
        ("SELECT name FROM items LIMIT 3", ""),
        ("SELECT name FROM items LIMIT 1", ""),
    ],
)
def test_a_search_tells_of_rows_that_it_leaves_out_and_adds_nothing_where_it_leaves_out_none(tasks, query, ending):
    found = storeqa.search(query, forge.World(tasks[0]))
    words, bracket, _ = found.partition(" [")
    assert found.removeprefix(words) == ending
    assert len(words.split()) == (3 if bracket or query.endswith("3") else 1)


def test_about_half_of_the_searches_are_for_the_lowest_or_the_highest_of_a_kind(tasks):
    extremes = [task for task in of(tasks, "search") if "ORDER BY" in task.metadata["query"]]
    assert 0.25 < len(extremes) / len(of(tasks, "search")) < 0.6
    assert {task.metadata["query"].split()[-3] for task in extremes} == {"ASC", "DESC"}


def test_the_fact_that_an_opinion_teaches_is_found_for_its_product_and_topic_alone(tasks):
    for stream in tasks.streams().values():
        for task, other in itertools.pairwise(of(stream, "opinion")):
            assert list(notes(task)) == ["fact"]
            fact, question, another = storeqa.embed([notes(task)["fact"], task.question, other.question])
            assert notes(task)["fact"].endswith(f": {task.answer}")
            assert alike(fact, question) >= storeqa.SAME
            assert (alike(fact, another) >= storeqa.SAME) == (task.metadata["subject"] == other.metadata["subject"])


def test_nothing_is_worth_noting_where_no_expert_is_needed(tasks):
    assert [notes(task) for kind in ("look-up", "search", "computation") for task in of(tasks, kind)][:3] == [{}] * 3


@pytest.mark.parametrize("shares", [SHARES, {"opinion": 3, "rule": 1}, {"look-up": 1, "opinion": 1, "rule": 6}])
def test_a_subject_comes_as_often_as_the_oracle_is_told_whatever_the_shares(shares):
    for stream in storeqa.streams(4, seed="rates", length=500, shares=shares).streams().values():
        rates = {task.metadata["subject"]: task.metadata["rate"] for task in stream if "subject" in task.metadata}
        counts = collections.Counter(task.metadata.get("subject") for task in stream)
        for kind in ("opinion", "rule"):
            asked = {task.metadata["subject"] for task in of(stream, kind)}
            expected = 500 * sum(rates[subject] for subject in asked)
            assert sum(counts[subject] for subject in asked) == pytest.approx(expected, rel=0.35, abs=25)


def test_opinions_are_the_same_for_a_product_and_rules_for_a_material(tasks):
    for stream in tasks.streams().values():
        known = {}
        for task in [*of(stream, "opinion"), *of(stream, "rule")]:
            subject = task.metadata["subject"]
            assert task.metadata["returning"] == (subject in known)
            assert known.setdefault(subject, task.answer) == task.answer


def is_right(task, answer):
    return storeqa.right(task, forge.Session(task.id, task.question, answer=answer))


def test_numbers_are_right_by_value_and_with_their_unit(tasks):
    task = next(task for task in of(tasks, "computation") if task.metadata["unit"] == "coins")
    for answer, expected in ((task.answer, True), (float(task.answer), True), (f" {task.answer} COINS. ", True),
                             (f"{task.answer} g", False), (float(task.answer) + 0.5, False), ("many", False),
                             ("nan", False), (None, False)):  # fmt: skip
        assert is_right(task, answer) is expected


@pytest.mark.parametrize(("unit", "other"), [("coins", "g"), ("g", "coins")])
def test_a_price_or_a_weight_that_was_looked_up_is_right_by_value_too(tasks, unit, other):
    task = next(task for task in of(tasks, "look-up") if task.answer.endswith(f" {unit}"))
    number = task.answer.removesuffix(f" {unit}")
    for answer in (task.answer, number, int(number), f"{number}.0 {unit}", f"{number}{unit}."):
        assert is_right(task, answer)
    for answer in (f"{number} {other}", int(number) + 1, unit, "", None):
        assert not is_right(task, answer)


def test_words_are_right_but_for_case_and_a_full_stop(tasks):
    for kind in ("opinion", "rule", "search"):
        task = of(tasks, kind)[0]
        assert is_right(task, f" {task.answer.upper()}. ")
        assert not is_right(task, f"{task.answer} or so")
    rule = next(task for task in of(tasks, "rule") if task.answer[0].isdigit())
    assert not is_right(rule, rule.answer.split()[0])


def test_an_expert_says_what_a_rule_holds_for_and_costs_something_from_0_to_1(tasks):
    task = of(tasks, "rule")[0]
    assert ShopExpert(0.3).advise(task, "?") == f"{task.answer}, like everything made of {task.metadata['material']}"
    with pytest.raises(ForgeError, match="cost=2"):
        ShopExpert(2)


def alike(a, b):
    """Cosine."""
    return float(a @ b / (a @ a * (b @ b)) ** 0.5)


def test_a_lesson_is_found_for_other_products_of_the_material_and_a_fact_for_its_own_alone(tasks):
    for stream in tasks.streams().values():
        for task, other in itertools.pairwise(of(stream, "rule")):
            found = storeqa.embed([task.question, *notes(task).values(), other.question])
            question, fact, lesson, another = found
            assert alike(question, fact) >= storeqa.SAME
            assert alike(question, lesson) >= storeqa.SAME
            same = task.metadata["subject"] == other.metadata["subject"]
            assert (alike(another, lesson) >= storeqa.SAME) == same
            if task.metadata["name"] != other.metadata["name"]:
                assert alike(another, fact) < storeqa.SAME


def test_the_demonstrator_is_always_right_and_asks_about_nothing_twice(tasks):
    seen = answering(storeqa.Demonstrator(tasks, asks=(0.5, 0.0, 0.0)), tasks, advice_cost=0.2)
    assert seen.accuracy == 1
    asked = set()
    for task, session in zip(tasks, seen.sessions, strict=True):
        if session.advice_count:
            subject = (task.stream, task.metadata["subject"])
            assert subject not in asked
            asked.add(subject)


def test_a_demonstrator_that_cannot_reflect_asks_more_often(tasks):
    agent = storeqa.agent(storeqa.Demonstrator(tasks, asks=(1.0, 0.0, 0.0)))
    whole = forge.evaluate(agent, tasks)
    single = forge.evaluate(forge.Agent(**{**vars(agent), "withheld": ("reflect",)}), tasks)
    assert single.accuracy == whole.accuracy == 1
    assert single.advice_rate > whole.advice_rate + 0.03


def test_functions_are_forged_from_computations_and_solve_those_in_other_words():
    train = storeqa.streams(60, seed="forge", length=10)
    result = forge.train(storeqa.agent("router"), train, release=None, optimizer=optim.SynthesisOptimizer())
    test = storeqa.streams(6, seed="forge", split="test")
    seen = forge.evaluate(result.agent, test)
    right = [session.score for task, session in zip(test, seen.sessions, strict=True)
             if task.metadata["kind"] == "computation"]  # fmt: skip
    assert statistics.fmean(right) > 0.9


@pytest.mark.parametrize("cost", [0.0, 0.1, 0.3, 0.5, 0.9])
def test_nobody_who_does_not_know_the_shop_does_better_than_the_oracle(cost):
    test = storeqa.streams(40, seed="oracle")
    oracle = answering(storeqa.Oracle(test, cost), test, advice_cost=cost)
    for asks in (0.0, 0.3, 1.0):
        other = answering(Guessing(test, asks), test, advice_cost=cost)
        assert oracle.reward > other.reward - 0.01


class Guessing(storeqa.Oracle):
    """The oracle's skills, but asking at random where nothing is known."""

    def __init__(self, tasks, asks):
        super().__init__(tasks, cost=1.0)
        for stream in tasks.streams().values():
            known = set()
            for place, task in enumerate(stream):
                subject = task.metadata.get("subject")
                if subject in known:
                    self._known.add(task.id)
                elif subject is not None and (hash((place, len(known))) % 100) / 100 < asks:
                    self.asked.add(task.id)
                    known.add(subject)


def worth(plan, rate, sure, cost):
    """What a subject that nobody knows brings on average over the next questions, if it is asked about as planned.

    Args:
        plan: for 0, 1, 2, ... questions still to come, whether to ask then.
    """
    value = 0.0
    for left, asks in enumerate(plan):
        value = (1 - rate) * value + rate * (1 - cost + rate * left if asks else sure + value)
    return value


@given(length=st.integers(1, 8), rate=st.floats(0.01, 1), sure=st.floats(0, 1), cost=st.floats(0, 1))
def test_of_all_plans_when_to_ask_none_is_worth_more_than_the_oracles(length, rate, sure, cost):
    best = max(worth(plan, rate, sure, cost) for plan in itertools.product((False, True), repeat=length))
    own = [ask_now(left, rate, sure, cost) for left in range(length)]
    assert worth(own, rate, sure, cost) == pytest.approx(best)


@pytest.mark.parametrize("cost", [0.1, 0.3, 0.6])
def test_over_many_shops_the_oracle_scores_what_its_programme_expects(cost):
    test = storeqa.streams(100, seed="expected", length=40)
    seen = answering(storeqa.Oracle(test, cost), test, advice_cost=cost)
    gaps = []
    for number, stream in enumerate(test.streams().values()):
        sessions = seen.sessions[40 * number : 40 * (number + 1)]
        expected = 40 * (1 - SHARES["opinion"] - SHARES["rule"])
        for rate, sure in subjects(stream[0].metadata["shop"]):
            expected += worth([ask_now(left, rate, sure, cost) for left in range(40)], rate, sure, cost)
        gaps.append(statistics.fmean(session.reward for session in sessions) - expected / 40)
    assert abs(statistics.fmean(gaps)) < 3 * statistics.stdev(gaps) / len(gaps) ** 0.5


def subjects(shop):
    """What can be asked of an expert in a shop: how often it is, and how sure a guess."""
    for prior in wording.TOPICS.values():
        yield from [(SHARES["opinion"] / (FOCUS * len(wording.TOPICS)), max(prior.values()))] * FOCUS
    for material in wording.MATERIALS:
        share = sum(material in row for row in shop) / len(shop)
        for prior in wording.SERVICES.values():
            yield SHARES["rule"] * share / len(wording.SERVICES), max(prior.values())


@given(left=st.integers(0, 60), rate=st.floats(0, 0.2), sure=st.floats(0, 1), cost=st.floats(0, 1))
def test_asking_pays_at_once_where_it_is_worth_more_than_a_guess(left, rate, sure, cost):
    if 1 - cost > sure:
        assert ask_now(left, rate, sure, cost)
    if not ask_now(left, rate, sure, cost):
        assert not ask_now(left, rate, sure, min(1.0, cost + 0.1))


def test_the_last_question_is_asked_exactly_if_that_is_worth_more_than_a_guess():
    assert ask_now(0, 0.1, 0.5, 0.49)
    assert not ask_now(0, 0.1, 0.5, 0.51)


def test_asking_early_pays_where_the_question_comes_again():
    assert ask_now(30, 0.1, 0.5, 0.8)
    assert not ask_now(3, 0.1, 0.5, 0.8)
