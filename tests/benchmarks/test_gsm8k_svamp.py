"""The loaders of GSM8K and SVAMP, on rows in their formats."""

import json

import pytest

from benchmarks import gsm8k, svamp
from forge.session import Session
from functions.errors import ForgeError


def test_gsm8k_takes_the_number_behind_the_mark_and_shows_no_solution(tmp_path):
    row = {"question": "Two shelves of 600 books. How many?", "answer": "2*600=<<2*600=1200>>1200 books\n#### 1,200"}
    (tmp_path / "test.jsonl").write_text(json.dumps(row) + "\n")
    (task,) = dataset = gsm8k.load("test", tmp_path)
    assert (task.question, task.answer, dict(task.metadata)) == (row["question"], 1200.0, {})
    verdicts = [dataset.metric(task, Session(task.id, "", answer=answer)) for answer in (1200, "1,200", "1200.5", None)]
    assert [float(verdict) for verdict in verdicts] == [1.0, 1.0, 0.0, 0.0]


def test_gsm8k_refuses_a_row_without_a_final_answer(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"question": "q", "answer": "42"}\n')
    with pytest.raises(ForgeError, match="row 0 needs a question"):
        gsm8k.load("train", tmp_path)
    with pytest.raises(ForgeError, match="no split 'dev'"):
        gsm8k.load("dev", tmp_path)


def test_svamp_joins_body_and_question_to_one_text(tmp_path):
    rows = [
        {"Body": "Ann has 3 pens.", "Question": "How many pens?", "Answer": 3.0, "Type": "Sum"},
        {"Body": "If a bag holds 4 pens", "Question": "How many hold two?", "Answer": 8.0, "Type": "Multiplication"},
    ]
    (tmp_path / "SVAMP.json").write_text(json.dumps(rows))
    first, second = svamp.load(tmp_path)
    assert (first.question, first.answer) == ("Ann has 3 pens. How many pens?", 3.0)
    assert second.question == "If a bag holds 4 pens, How many hold two?"
    assert second.metadata["type"] == "Multiplication"
    assert [round(figures.score, 3) for figures in svamp.PUBLISHED.values()] == [0.403, 0.41, 0.438]


def test_svamp_refuses_a_row_of_another_kind(tmp_path):
    (tmp_path / "SVAMP.json").write_text('[{"Body": "x"}]')
    with pytest.raises(ForgeError, match="row 0 needs Body, Question, Answer and Type"):
        svamp.load(tmp_path)
