"""The figures of ProductQA in docs/benchmarks.md, on made-up questions."""

import json

import pytest

from benchmarks import productqa_figures as figures
from benchmarks.productqa_course import ProductCourse, Size
from benchmarks.productqa_pins import TEST, TRAIN
from forge.task import Task

SMALL = Size(1, 32, 2, 512, 3e-3, 1e-3, epochs=1, batch=8, streams=2, rollouts=16, precision="fp32")


def task(number, asked, answer="yes", kind="reasoning_qa", product="p1", stream="mice"):
    return Task(str(number), f"color red\n{product}: {asked}", answer, stream=stream,
                metadata={"kind": kind, "product": product})  # fmt: skip


def counts_of(*tasks, asks=1.0):
    counts = figures.recalled([tasks], asks)
    kinds = ("reasoning_qa", "fact_qa")
    return {kind: tuple(counts[kind, what] for what in ("all", "alike", "right")) for kind in kinds}


def test_what_is_alike_is_found_once_it_was_asked_and_is_right_where_answers_agree():
    survives, bends = "Will the woven shape survive laundry?", "Does steel wire bend?"
    seen = counts_of(
        task(0, survives),
        task(1, survives, " YES ", product="p2"),
        task(2, survives, "no", product="p3"),
        task(3, bends),
        task(4, survives, "no", product="p4"),
    )
    assert seen["reasoning_qa"] == (5, 3, 2)  # the last finds the newest of those that are alike, which said no


def test_facts_are_of_their_product_and_searches_count_for_nothing():
    seen = counts_of(
        task(0, "Fit boots?", kind="fact_qa"),
        task(1, "Fit boots?", ["p1"], kind="search_qa"),
        task(2, "Boots?", "no", kind="fact_qa", product="p2"),
        task(3, "Boots?", kind="fact_qa"),
    )
    assert seen == {"reasoning_qa": (0, 0, 0), "fact_qa": (3, 1, 1)}


def test_streams_share_no_memory_and_who_never_asks_remembers_nothing():
    like = [task(number, "Does steel wire bend?") for number in range(2)]
    assert figures.recalled([[each] for each in like], 1.0)["reasoning_qa", "alike"] == 0
    assert counts_of(*like, asks=0.0)["reasoning_qa"] == (2, 0, 0)


def test_every_second_question_is_asked_and_the_same_ones_each_time():
    pairs = [[task(f"{n}-{m}", "Does steel wire bend?") for m in range(2)] for n in range(1000)]
    counts = figures.recalled(pairs)
    assert counts == figures.recalled(pairs)
    assert 450 < counts["reasoning_qa", "alike"] < 550


def test_streams_straight_from_the_files_hold_each_question_once_in_order():
    tasks = [task(number, "?", stream="mice" if number < 25 else "grips") for number in range(32)]
    groups = figures.in_groups(tasks)
    cut = figures.straight(groups, 10)
    assert [len(group) for group in groups] == [25, 7]
    assert [len(piece) for piece in cut] == [8, 8, 9, 7]
    assert [each for piece in cut for each in piece] == tasks


@pytest.mark.parametrize("short", [True, False])
def test_the_middle_task_is_counted_in_tokens_of_the_courses_policy(tmp_path, short):
    pytest.importorskip("trl")
    rows = [{"id": f"fact_qa_{n}", "asin": "B000000001", "question": "Is it red?", "short_answer": "Yes",
             "long_answer": "It is.", "type": "fact_qa", "extra_data": None} for n in range(4)]  # fmt: skip
    files = {"qa.jsonl": "\n".join(map(json.dumps, rows)), "schema.json": "{}",
             "metadata.json": json.dumps({"B000000001": {"title": "Red mouse", "Color": "red"}})}  # fmt: skip
    for part, names in (("train", TRAIN), ("test", TEST)):
        for name in names:
            (tmp_path / part / name).mkdir(parents=True)
            for file, text in files.items():
                (tmp_path / part / name / file).write_text(text)
    course = ProductCourse(folder=tmp_path, length=4, size=SMALL, short=short)
    parts = [[Task(str(n), text) for n, text in enumerate(texts)] for texts in (["Is it red?"] * 2 + ["~" * 50],
                                                                                ["~~~", "~"])]  # fmt: skip
    # a token for each word that it was trained on, and for each sign that it was not, with the space before the first
    assert figures.tokens(course, parts) == [4, (4 + 2) / 2]
