"""The loader of TabMWP and its metric: the rules of its authors' scorer case by case, and where ours differs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import catalog, tabmwp
from forge.session import Session
from forge.task import Task
from functions.errors import ForgeError

FREE = {
    "pid": "12", "question": "How many pens were sold on both days?", "choices": None, "answer": "1,234",
    "unit": "pens", "table_title": "Pens sold", "table": "Day | Pens\nMonday | 1,200\nTuesday | 34",
    "table_for_pd": {"Day": ["Monday", "Tuesday"], "Pens": ["1,200", "34"]}, "row_num": 3, "column_num": 2,
    "solution": "1,200 + 34 = 1,234", "ques_type": "free_text", "ans_type": "integer_number", "grade": 3,
    "split": "dev",
}  # fmt: skip
CHOICE = {
    **FREE, "pid": "40", "question": "Which day was better? ", "choices": ["Monday", "Tuesday"], "answer": "Monday",
    "unit": None, "table_title": None, "ques_type": "multi_choice", "ans_type": "extractive_text",
}  # fmt: skip


def right(given, wanted, choices=(), unit=""):
    task = Task("t", "q", wanted, metadata={"choices": list(choices), "unit": unit})
    return tabmwp.same_answer(task, Session("t", "q", answer=given))


def test_tabmwp_shows_title_table_unit_and_choices_and_no_solution(tmp_path):
    (tmp_path / "problems_dev1k.jsonl").write_text(f"{json.dumps(FREE)}\n{json.dumps(CHOICE)}\n")
    free, choice = dataset = tabmwp.load("dev1k", tmp_path)
    table = "Day | Pens\nMonday | 1,200\nTuesday | 34"
    assert free.question == f"Pens sold\n{table}\nHow many pens were sold on both days? (Unit: pens)"
    assert choice.question == f"{table}\nWhich day was better?\nChoices: (A) Monday (B) Tuesday"
    assert (free.id, free.answer, choice.id, choice.answer) == ("tabmwp-12", "1,234", "tabmwp-40", "Monday")
    assert dict(free.metadata) == {"choices": [], "unit": "pens", "table": FREE["table_for_pd"], "type": "free_text",
                                   "answer_type": "integer_number", "grade": 3}  # fmt: skip
    assert (choice.metadata["choices"], choice.metadata["unit"]) == (["Monday", "Tuesday"], "")
    assert "solution" not in {**free.metadata, **choice.metadata}
    verdicts = [dataset.metric(choice, Session(choice.id, "", answer=answer)) for answer in ("A", "Tuesday", None)]
    assert verdicts == [True, False, False]


def test_tabmwp_reads_the_source_and_the_same_rows_one_a_line_alike(tmp_path):
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "problems_test.jsonl").write_text(f"{json.dumps(FREE)}\n{json.dumps(CHOICE)}\n")
    source = {row["pid"]: {key: value for key, value in row.items() if key != "pid"} for row in (FREE, CHOICE)}
    (tmp_path / "problems_test.json").write_text(json.dumps(source))
    lines, whole = tabmwp.load("test", tmp_path / "lines"), tabmwp.load("test", tmp_path)
    assert lines.tasks == whole.tasks


def test_tabmwp_refuses_what_is_none_of_its_own(tmp_path):
    (tmp_path / "problems_test1k.json").write_text('{"1": {"question": "q"}}')
    with pytest.raises(ForgeError, match=r"row 0 is none of TabMWP's .*choices"):
        tabmwp.load("test1k", tmp_path)
    with pytest.raises(ForgeError, match="no split 'test2k': it has train, dev, test, dev1k, test1k"):
        tabmwp.load("test2k", tmp_path)
    with pytest.raises(ForgeError, match=r"no problems_train.jsonl or problems_train.json in"):
        tabmwp.load("train", tmp_path)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("1,234", "1234"),
        (1234, "1,234"),
        (1234.0, "1,234"),
        ("$5.50", "5.5"),
        ("-$5.50", "-5.50"),
        ("\N{MINUS SIGN}3", "-3"),
        ("+3", "3"),
        ("12.", "12"),
        ("3/4", "0.75"),
        ("6/8", "3/4"),
        ("-3/2", "-1.5"),
        ("$\\frac{16}{95}$", "16/95"),
        ("0.3333", "1/3"),  # to three decimals
        (1 / 12, "1/12"),
        (-0.0001, "0"),
        ("The answer is 5.", "5"),
        ("9 - 2 = 7 in 3 days", "7"),
        ("The range is 41-31=10.", "10"),
        ("She will be 12 in 3 years", "12"),
        ("There were 40 of 80", "40"),
        ("The table shows that 5 of 9 like it", "5"),
        ("There are 40 of 80", "40"),
        ("It was 40 of 80", "40"),
        ("The answer is 12,", "12"),
        (0.00001, "0"),
        ("5 of 10", "10"),
        ("10 pens", "10"),
    ],
)
def test_a_number_is_read_as_the_authors_read_it(given, wanted):
    assert right(given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("0.33", "1/3"), ("5.51", "5.50"), ("6-9", "9"), ("The answer is 5 or 6", "6"), ("1/0", "0"), ("1.2.3", "1.2"),
     ("The answer is 1e3", "1000"), ("The answer is 1_2", "12"), ("", "5"), ("none", "0"), (None, "0")],
)  # fmt: skip
def test_another_number_is_wrong(given, wanted):
    assert not right(given, wanted)


def test_a_time_is_a_text_whose_capitals_do_not_matter():
    assert right("It left at 7:25 P.M.", "7:25 p.m.")
    assert not right("It left at 7:25 P.M.", "7:25 a.m.")


def test_the_unit_may_stand_with_the_number():
    assert right("The answer is 10 games per year.", "10", unit="games per year")
    assert right("The answer is -$4.20", "-4.20", unit="$")
    assert not right("The answer is 10 games per day.", "10", unit="games per year")


@pytest.mark.parametrize(
    "given",
    ["nonlinear", "B", "b", "(B)", "(b)", "B. nonlinear", "B) nonlinear", "(B) nonlinear.", "The answer is B",
     "The answer is (B) nonlinear.", "so the answer is (B)", "NONLINEAR.", "it is nonlinear"],
)  # fmt: skip
def test_a_choice_is_named_by_its_letter_or_its_words(given):
    assert right(given, "nonlinear", ["linear", "nonlinear"])
    assert not right(given, "linear", ["linear", "nonlinear"])


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ("Swimming", "Swimming class"),  # shares most words with it
        ("The answer is Ann.", "Ann"),  # to the authors it is choice A
        ("ann", "Ann"),  # to the authors it is like none, and so the first
        ("C", None),  # a letter drawn by lot
        ("none of these", None),
        ("", None),
        ("Ann or Swimming class", "Swimming class"),
        ("Ann class", None),
    ],
)
def test_a_choice_is_the_one_most_like_the_answer_if_there_is_such_a_one(given, choice):
    assert tabmwp.chosen(given, ["Swimming class", "Ann"]) == choice


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ("White and Company asks $19, Watson and Partners $17. The answer is White and Company.", "White and Company"),
        ("Watson and Partners ask $17. The answer is white and company, by $2.", "White and Company"),
        ("The answer is Martha, not Ruth.", "Martha"),
        ("Is the answer is Ruth? Ruth has 5, Martha 4.\nSo the answer is Martha", "Martha"),
        ("Ruth has 5, and so the correct answer is Martha.", "Martha"),
        ("Ruth has 5, and so the correct answer is (C).", "Martha"),
        ("The answer is Martha Ann: Ruth has less than Martha.", "Martha Ann"),
        ("The answer is $5, not Ruth", "$5"),
        ("The answer is Marthas, I think", None),
        ("The answer is one of Martha and Ruth", None),
    ],
)
def test_the_answer_is_the_choice_that_follows_these_words_whatever_else_is_named(given, choice):
    choices = ["White and Company", "Watson and Partners", "Martha", "Ruth", "Martha Ann", "$5"]
    assert tabmwp.chosen(given.removesuffix("."), choices) == choice


def test_a_number_and_a_truth_value_of_json_are_the_choices_that_they_mean():
    assert right(5, "$5", ["$5", "$6"])
    assert right(5.0, "$5.00", ["$6.00", "$5.00"])
    assert not right(6, "$5", ["$5", "$6"])
    assert not right(5, "5:00", ["5:00", "6:00"])
    assert right(True, "yes", ["yes", "no"])
    assert right(False, "no", ["yes", "no"])
    assert not right(False, "yes", ["yes", "no"])
    assert right(True, "true", ["true", "false"])
    assert not right(True, "1")


def test_of_choices_that_share_as_many_words_the_shorter_is_more_alike():
    assert tabmwp.chosen("Ann", ["Ann Mary Lee", "Ann Lee"]) == "Ann Lee"


def test_times_and_amounts_among_the_choices_are_told_apart():
    choices = ["2:10 P.M.", "2:10 A.M.", "$12.10"]
    assert [tabmwp.chosen(choice, choices) for choice in choices] == choices


@given(st.integers(-(10**9), 10**9), st.integers(0, 999))
def test_an_answer_is_right_however_its_number_is_written(whole, thousandths):
    written = f"{whole}.{thousandths:03}"
    for form in (written, f"{written}0", f"${written}", f"{whole:,}.{thousandths:03}", f"The answer is {written}."):
        assert right(form, written)
    assert not right(f"{whole}.{(thousandths + 1) % 1000:03}", written)


@given(st.text(max_size=40), st.lists(st.text(min_size=1, max_size=8), max_size=4, unique=True))
def test_any_text_is_scored(text, choices):
    assert right(text, choices[0] if choices else "5", choices) in (True, False)


@given(st.lists(st.from_regex(r"[a-z]{2,8}( [a-z]{2,8})?", fullmatch=True), min_size=2, max_size=6, unique=True))
def test_every_choice_is_chosen_by_its_text_and_by_its_letter(choices):
    for place, choice in enumerate(choices):
        for text in (choice, choice.upper(), f"{choice}.", f"({chr(65 + place)})", f"{chr(65 + place)}. {choice}"):
            assert tabmwp.chosen(text, choices) == choice


def test_tabmwp_is_known_by_name_with_dev1k_for_training(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    (tmp_path / "tabmwp").mkdir()
    for split, row in (("dev1k", FREE), ("test1k", CHOICE)):
        (tmp_path / "tabmwp" / f"problems_{split}.jsonl").write_text(json.dumps(row))
    found = catalog.load("tabmwp")
    assert ([task.id for task in found.train], [task.id for task in found.test]) == (["tabmwp-12"], ["tabmwp-40"])
    assert (found.agent("router").instructions, len(found.agent("router").library)) == (tabmwp.INSTRUCTIONS, 0)
