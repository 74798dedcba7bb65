"""Asking by confidence over recorded answers: on made-up recordings whose best policy is known."""

import json
import sys

import pytest

from benchmarks import medqa, medqa_advice, mirage
from benchmarks.medqa_advice import Adviser, Answerer, confidences, outcomes
from benchmarks.multiple_choice import right
from forge.task import Dataset, Task

OPTIONS = {"A": "Rest", "B": "Ice", "C": "Heat", "D": "Surgery"}


def recording(kinds):
    """Questions whose answer is A, by kind: right and sure, wrong and unsure, or without a letter; GPT-4 knows all."""
    letters = {"sure": ("A", "A"), "unsure": ("B", "A"), "unread": (None, "A"), "mistaken": ("B", "B")}
    tasks = [Task(f"t{n}", f"What helps {n}?", "A", metadata={"options": OPTIONS}) for n in range(len(kinds))]
    runs = {run: {} for run in mirage.RUNS}
    for task, kind in zip(tasks, kinds, strict=True):
        own, again = letters[kind]
        runs["gpt35_cot"][task.id], runs["gpt35_rag_32"][task.id] = own, again
        runs["gpt4_cot"][task.id] = runs["gpt4_rag_32"][task.id] = "A"
    return medqa.Recorded(Dataset(tasks, metric=right), runs)


def test_confidence_is_the_agreement_of_what_the_model_answered():
    recorded = recording(["sure", "unsure", "unread", "mistaken"])
    assert list(confidences(recorded).values()) == [1.0, 0.5, 0.0, 1.0]


def test_by_confidence_asks_exactly_where_the_model_was_wrong_and_knew_it():
    recorded = recording(["sure"] * 12 + ["unsure"] * 6 + ["unread"] * 2)
    by_policy = {outcome.policy: outcome for outcome in outcomes(recorded, [0.3])}
    never, always, chosen = (by_policy[name].evaluation for name in ("never", "always", "by confidence"))
    assert (never.accuracy, never.advice_rate, never.reward) == (0.6, 0.0, 0.6)
    assert (always.accuracy, always.advice_rate, always.reward) == (1.0, 1.0, pytest.approx(0.7))
    assert (chosen.accuracy, chosen.advice_rate) == (1.0, 0.4)
    assert chosen.reward == pytest.approx(1 - 0.3 * 0.4)
    assert by_policy["by confidence"].thresholds == (1.0, 1.0)


def test_each_half_is_scored_with_the_threshold_of_the_other():
    recorded = recording(["sure"] * 10 + ["unsure"] * 10)
    first, second = recorded.dataset.split(0.5, seed=0)
    for half, other in ((first, second), (second, first)):
        letters = {run: dict(of) for run, of in recorded.letters.items()}
        for task in half:  # here the adviser is always wrong, so that asking never pays
            letters["gpt4_cot"][task.id] = "C"
        chosen = outcomes(medqa.Recorded(recorded.dataset, letters), [0.1])[-1]
        asked = {s.task_id for s in chosen.evaluation.sessions if s.advice_count}
        assert asked <= {task.id for task in half}
        assert asked
        assert not asked & {task.id for task in other}


def test_answers_that_cannot_be_read_are_wrong_and_not_left_out():
    recorded = recording(["unread"] * 4)
    letters = {run: dict.fromkeys(of) for run, of in recorded.letters.items()}
    for outcome in outcomes(medqa.Recorded(recorded.dataset, letters), [0.2]):
        assert (len(outcome.evaluation.sessions), outcome.evaluation.accuracy) == (4, 0.0)


def test_the_agent_is_never_shown_the_gold_answer():
    recorded = recording(["mistaken"])
    (task,) = recorded.dataset
    model = Answerer({task.id: "B"}, {task.id: 0.5}, asks_below=1.0)
    session = medqa.agent(model, expert=Adviser({task.id: "D"}, cost=0.2)).run(task)
    assert (session.answer, session.advice_count, session.advice_cost) == ("D", 1, 0.2)


def test_the_command_prints_every_way_at_every_cost(tmp_path, monkeypatch, capsys):
    rows = [{"idx": n, "question": f"What helps {n}?", "options": OPTIONS, "answer": "A",
             "raw": {run: [json.dumps({"answer_choice": "A" if run.startswith("gpt4") or n % 2 else "B"})]
                     for run in mirage.RUNS}} for n in range(8)]  # fmt: skip
    (tmp_path / "medqa").mkdir()
    (tmp_path / "medqa" / "mirage_llm_answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["medqa_advice"])
    medqa_advice.main()
    printed = capsys.readouterr().out
    assert "8 questions" in printed
    assert printed.count("never ") == printed.count("always ") == 5 + 1
    assert " 0.5  never           0.0%    50.0%       0.500" in printed
