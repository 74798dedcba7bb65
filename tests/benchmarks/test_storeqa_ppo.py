"""StoreQA: what its questions promise, and the demonstrator and baselines that act in it."""

import statistics

import pytest

import forge
from benchmarks.storeqa_ppo import report, shop
from benchmarks.storeqa_ppo.baselines import AlwaysAsks


@pytest.fixture(scope="module")
def tasks():
    return shop.streams(20, seed="test")


def of(tasks, kind):
    return [task for task in tasks if task.metadata["kind"] == kind]


def test_a_seed_gives_the_same_streams_and_no_two_seeds_share_a_shop(tasks):
    assert shop.streams(20, seed="test").digest == tasks.digest
    shops = {task.metadata["shop"] for task in tasks}
    assert len(shops) == 20
    assert shops.isdisjoint(task.metadata["shop"] for task in shop.streams(20, seed="other"))


def test_attributes_stand_in_the_question_and_opinions_do_not(tasks):
    assert all(task.answer in task.question.split() for task in of(tasks, "attribute"))
    assert not any(task.answer in task.question.split() for task in of(tasks, "opinion"))


def test_the_query_of_a_search_finds_the_one_answer(tasks):
    for task in of(tasks, "search"):
        assert shop.search(task.metadata["query"], forge.World(task)) == task.answer


def test_an_opinion_that_comes_again_is_the_same_and_is_marked(tasks):
    for stream in tasks.streams().values():
        known = {}
        for task in of(stream, "opinion"):
            subject = (task.metadata["name"], task.metadata["topic"])
            assert task.metadata["returning"] == (subject in known)
            assert known.setdefault(subject, task.answer) == task.answer


def alike(a, b):
    """Cosine."""
    return float(a @ b / (a @ a * (b @ b)) ** 0.5)


def test_two_questions_are_the_same_one_if_they_name_the_same_things():
    first, again, other = shop.embed(["how is the noise of velo ?", "noise of velo , what do people say ?",
                                         "how is the noise of mira ?"])  # fmt: skip
    assert alike(first, again) >= shop.SAME > alike(first, other)


def test_the_demonstrator_is_always_right_and_asks_about_nothing_twice(tasks):
    model = shop.Demonstrator(tasks, asks=(0.5, 0.0))
    seen = forge.evaluate(shop.agent(model, advice_cost=0.2), tasks)
    assert seen.score == 1.0
    asked = set()
    for task, session in zip(tasks, seen.sessions, strict=True):
        if session.advice_count:
            subject = (task.stream, task.metadata["name"], task.metadata["topic"])
            assert subject not in asked
            asked.add(subject)
    assert asked


def test_always_asking_earns_one_minus_the_cost(tasks):
    seen = forge.evaluate(shop.agent(AlwaysAsks(), advice_cost=0.3), tasks)
    assert (seen.score, seen.advice_rate, round(seen.reward, 6)) == (1.0, 1.0, 0.7)


def test_every_word_of_questions_and_queries_is_in_the_vocabulary(tasks):
    known = set(" ".join(shop.vocabulary()).split())
    for task in tasks:
        texts = [task.question, task.answer, task.metadata.get("query", "")]
        assert {word for text in texts for word in text.format().split()} <= known


def rows(scores, advice=0.0):
    """Two questions a stream."""
    return [
        (f"stream-{place // 2}", place % 2, "attribute", score, advice, False) for place, score in enumerate(scores)
    ]


def test_a_paired_difference_is_of_total_scores_with_streams_as_units():
    difference, error = report.paired(rows([1, 1, 1, 0, 1, 1], advice=1.0), rows([1, 0, 0, 0, 1, 1]), cost=0.1)
    per_stream = [0.5 - 0.1, 0.5 - 0.1, 0.0 - 0.1]
    assert difference == pytest.approx(statistics.fmean(per_stream))
    assert error == pytest.approx(statistics.stdev(per_stream) / 3**0.5)


def test_the_best_constant_is_the_best_of_imitation_never_and_always_at_each_cost():
    cell = {"cell": ["imitation", 0, None], "greedy": rows([1, 0]), "never": rows([0, 0]),
            "always": rows([1, 1], advice=1.0), "thresholds": {"0.5": rows([1, 1])}}  # fmt: skip
    seen = report.Results([cell])
    assert seen.best_constant(0, 0.1)[0] == "always"
    assert seen.best_constant(0, 0.6)[0] == "imitation"
    assert seen.best_threshold(0, 0.1)[0] == 0.5
