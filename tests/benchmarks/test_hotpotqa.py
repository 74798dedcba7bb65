"""HotPotQA: its loader, its tools on the paragraphs of a task, and its scorer against the rules of the official one."""

import gzip
import json
import os
import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forge
from benchmarks import catalog, hotpotqa
from benchmarks.bench.course import AnyCourse
from forge.models import ScriptedModel
from forge.session import Action, Call, Session
from forge.task import Task
from functions.errors import ForgeError

ROW = {
    "_id": "5a8b57f2",
    "question": "In which town was the author of Blue Sand born?",
    "answer": "Norwick",
    "type": "bridge",
    "level": "medium",
    "supporting_facts": [["Blue Sand", 0], ["Ada Fenn", 1]],
    "context": [
        ["Blue Sand", ["Blue Sand is a novel by Ada Fenn.", " It came out in 1931."]],
        ["Ada Fenn", ["Ada Fenn wrote novels.", " She was born in Norwick.", " She left Norwick at ten."]],
        ["Sand", ["Sand is a granular material."]],
        ["Dune", ["Sand, sand, sand and sand."]],
    ],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dev100_with_contexts.jsonl.gz").write_bytes(gzip.compress(json.dumps(ROW).encode()))
    return tmp_path


def call(name, **arguments):
    return Action(calls=(Call(name, arguments),))


def verdict(given, wanted):
    task, session = Task("t", "q", wanted), Session("t", "q", answer=given)
    return hotpotqa.exact(task, session).value, hotpotqa.f1(task, session)


def test_questions_come_with_their_paragraphs_and_the_titles_that_support_their_answers(folder):
    (task,) = hotpotqa.load("dev", folder)
    assert (task.id, task.question, task.answer) == ("hotpotqa-5a8b57f2", ROW["question"], "Norwick")
    assert set(task.metadata) == {"type", "level", "paragraphs", "supporting"}
    assert task.metadata["supporting"] == ["Blue Sand", "Ada Fenn"]
    assert task.metadata["paragraphs"][2] == ("Sand", ["Sand is a granular material."])
    assert task.metadata["paragraphs"][0][1][1] == "It came out in 1931."


def test_demonstrations_search_what_supports_the_answer_or_ask_and_end_right(folder, monkeypatch):
    others = [{**ROW, "_id": f"train{number}", "question": f"{number}: {ROW['question']}"} for number in range(40)]
    lines = "\n".join(json.dumps(row) for row in others)
    (folder / "hotpotqa").mkdir()
    (folder / "hotpotqa" / "train100_with_contexts.jsonl").write_text(lines)
    monkeypatch.setenv("FORGE_DATA", str(folder))
    course = AnyCourse(catalog.load("hotpotqa"))
    shown = course.demonstrations(course.agent("router", None), 0)
    played = {tuple(call.name for call, _ in session.calls) for session in shown}
    assert played == {("search", "search", "submit"), ("seek_advice", "submit")}
    assert {session.answer for session in shown} == {"Norwick"}
    searched = next(session for session in shown if session.calls[0][0].name == "search")
    assert [call.arguments["query"] for call, _ in searched.calls[:2]] == ["Blue Sand", "Ada Fenn"]
    assert "Norwick" in searched.calls[1][1].text


def test_the_authors_own_list_is_read_like_lines_and_comes_first(folder):
    (folder / "hotpot_dev_distractor_v1.json").write_text(json.dumps([ROW, {**ROW, "_id": "other"}]))
    assert [task.id for task in hotpotqa.load("dev", folder)] == ["hotpotqa-5a8b57f2", "hotpotqa-other"]


def test_closed_questions_have_no_paragraphs_and_their_search_says_so(folder):
    rows = [{"question": "Who?", "answer": "yes", "type": "comparison"}]
    (folder / "hotpot_dev_v1_simplified.json").write_text(json.dumps(rows))
    (task,) = hotpotqa.load("dev-closed", folder)
    assert (task.id, dict(task.metadata)) == ("hotpotqa-dev-closed-0", {"type": "comparison"})
    session = hotpotqa.agent(ScriptedModel([call("search", query="x"), call("submit", answer="yes")])).run(task)
    assert "has no paragraphs: load 'dev' or 'train'" in session.steps[0].observations[0].text


def test_what_is_no_question_is_refused(folder):
    (folder / "train100_with_contexts.jsonl").write_text('{"question": "q", "answer": "a", "type": "bridge"}\n')
    with pytest.raises(ForgeError, match="hotpotqa-train-0 is no HotpotQA row"):
        hotpotqa.load("train", folder)
    with pytest.raises(ForgeError, match="no split 'test': it has 'train', 'dev', 'dev-closed'"):
        hotpotqa.load("test", folder)


def test_two_hops_lead_to_the_answer(folder):
    script = [
        call("search", query="author of the novel Blue Sand"),
        call("search", query="ada fenn"),
        call("lookup", keyword="NORWICK"),
        call("submit", answer="Norwick."),
    ]
    played = forge.evaluate(hotpotqa.agent(ScriptedModel(script)), hotpotqa.load("dev", folder))
    (session,) = played.sessions
    seen = [step.observations[0].text for step in session.steps]
    assert seen[0] == "Blue Sand: Blue Sand is a novel by Ada Fenn. It came out in 1931."
    assert seen[1].startswith("Ada Fenn: Ada Fenn wrote novels.")
    assert seen[2] == "(1 of 2) She was born in Norwick.\n(2 of 2) She left Norwick at ten."
    assert (session.score, session.feedback) == (1.0, "F1 1.00")


def test_a_title_comes_before_the_paragraph_with_the_most_words(folder):
    (task,) = hotpotqa.load("dev", folder)
    session = hotpotqa.agent(ScriptedModel([call("search", query="the sand"), call("submit", answer="x")])).run(task)
    assert session.steps[0].observations[0].text == "Sand: Sand is a granular material."


def test_searches_that_find_nothing_say_what_there_is(folder):
    (task,) = hotpotqa.load("dev", folder)
    script = [
        call("lookup", keyword="town"),
        call("search", query="zebra"),
        call("search", query="sand"),
        call("lookup", keyword="town"),
        call("submit", answer="x"),
    ]
    steps = hotpotqa.agent(ScriptedModel(script)).run(task).steps
    early, nothing, _, missing, _ = (step.observations[0] for step in steps)
    assert (early.error, "search first" in early.text) == ("raised", True)
    assert nothing.text == "No paragraph has any of these words. There are: Blue Sand; Ada Fenn; Sand; Dune."
    assert (missing.error, missing.text) == ("", "No results.")


def test_advice_is_there_at_the_papers_cost_or_not_at_all():
    assert [tool.name for tool in hotpotqa.agent().all_tools] == ["search", "lookup", "seek_advice", "submit"]
    assert hotpotqa.agent().expert.cost == 0.3
    assert hotpotqa.agent(advice_cost=None).expert is None
    told = ["advice" in hotpotqa.agent(advice_cost=cost).instructions for cost in (0.3, None)]
    assert told == [True, False]


@pytest.mark.parametrize(
    ("given", "wanted", "exact", "f1"),
    [
        ("The Norwick!", "norwick", 1, 1),  # articles, punctuation, case
        ("U.S.", "us", 1, 1),  # punctuation leaves no gap
        ("a-b", "ab", 1, 1),  # and goes before articles do
        ("  New\tYork ", "New York", 1, 1),
        ("the theatre", "theatre", 1, 1),  # articles are whole words
        ("New York City", "New York", 0, 0.8),  # precision 2/3, recall 1
        ("York, Old York", "York", 0, 0.5),  # a word counts as often as both have it
        ("Paris", "London", 0, 0),
        ("yes", "Yes.", 1, 1),
        ("yes it is", "yes", 0, 0),  # yes and no agree with themselves alone
        ("no", "no man", 0, 0),
        ("noanswer", "no answer", 0, 0),
        ("noanswer", "noanswer here", 0, 0),
        ("the", "a", 1, 0),  # nothing is left on either side: equal, but no word is shared
        ("", "Norwick", 0, 0),
        (None, "Norwick", 0, 0),
        (None, "the", 0, 0),  # nothing said is not the same as nothing left
        ("NewYork", "New York", 0, 0),
        (1931, "1931", 1, 1),
        ("12,000", "12000", 1, 1),
        ("café", "cafe", 0, 0),  # accents stay
        ("Norwick–", "Norwick", 0, 0),  # as does punctuation beyond ASCII
    ],
)
def test_the_scorer_follows_the_rules_of_the_official_one(given, wanted, exact, f1):
    assert verdict(given, wanted) == (exact, pytest.approx(f1))


answers = st.lists(st.sampled_from(["the", "A", "yes", "Norwick", "York", "1931", "U.S."]), max_size=4).map(" ".join)


@given(answers, answers)
def test_scores_are_symmetric_and_an_exact_match_is_a_full_overlap(first, second):
    exact, f1 = verdict(first, second)
    assert (exact, f1) == verdict(second, first)
    assert 0 <= f1 <= 1
    if exact and set(first.casefold().split()) - {"the", "a"}:
        assert f1 == 1


@given(answers, st.sampled_from(string.punctuation), st.sampled_from([str.upper, str.lower, str.title]))
def test_case_punctuation_and_articles_change_nothing(answer, mark, case):
    assert verdict(f"the {case(answer)}{mark} ", answer)[0] == 1


def test_the_scorer_agrees_with_the_outcomes_of_recorded_runs():
    text = "Thought 1: It is known.\nAction 1: Finish[{}]\nObservation 1: Answer is {}\n"
    runs = [
        {"outcome": "correct", "gold": "Norwick", "text": text.format("the Norwick", "CORRECT")},
        {"outcome": "incorrect", "gold": "Norwick", "text": text.format("Norwick, England", "INCORRECT")},
        {"outcome": "halted", "gold": "Norwick", "text": "Action 1: Search[Norwick]\n"},
    ]
    real = Path(os.environ.get("FORGE_DATA", "nowhere")) / "hotpotqa" / "react_reflexion_transcripts.jsonl.gz"
    if real.is_file():
        runs += map(json.loads, gzip.decompress(real.read_bytes()).splitlines())
    for run in runs:
        final = re.findall(r"^Action \d+: Finish\[(.*)\]\s*$", run["text"], re.MULTILINE)
        assert verdict(final[-1] if final else None, run["gold"])[0] == (run["outcome"] == "correct"), run
