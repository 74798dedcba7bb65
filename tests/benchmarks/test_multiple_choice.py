"""Which choice a text names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.multiple_choice import asked, named, right
from forge.session import Session
from forge.task import Task

OPTIONS = {"A": "Antegrade", "B": "Retrograde", "C": "Antegrade and retrograde", "D": "None"}
WAYS = ["{}", "({})", "{}.", "answer: {}", "The answer is {}.", "Answer: **{}**", "\\boxed{{{}}}", '{{"answer": "{}"}}']
words = st.from_regex(r"[b-z]{4,8}( [b-z]{4,8}){0,2}", fullmatch=True)
choices = st.lists(words, min_size=4, max_size=4, unique_by=str.casefold).map(
    lambda texts: dict(zip("ABCD", texts, strict=True))
)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("C", "C"),
        ("'c'", "C"),
        ("'Retrograde'", "B"),
        (" (c). ", "C"),
        ("**B**", "B"),
        ("C. Antegrade and retrograde", "C"),
        ("antegrade  and RETROGRADE.", "C"),  # and not its parts, A and B
        ("B) retrograde", "B"),
        ("The correct answer is (D).", "D"),
        ("Option A: Antegrade", "A"),
        ("It moves in a retrograde way", "B"),
        ("none of the above", "D"),
    ],
)
def test_a_choice_is_named_by_its_letter_or_by_its_words(text, letter):
    assert named(text, OPTIONS) == letter


@pytest.mark.parametrize(
    "text",
    [
        "A/B",
        "A or B",
        "A, B",
        "the answer is A or C",
        "Options B and D",
        "B. Antegrade",  # the letter of one, the words of another
        "E",
        "E. Retrograde",
        "N/A",
        "ante grade",
        "A patient has hepatitis B",  # letters, but no choices
        "I cannot tell.",
        "",
        None,
        3,
    ],
)
def test_what_names_several_choices_or_none_is_no_answer(text):
    assert named(text, OPTIONS) is None


@pytest.mark.parametrize(
    "text",
    [
        "Answer: **C**",
        "**Answer:** C",
        "**Answer**: (C)",
        "The answer is **C**.",
        'The answer is: "C"',
        "C is correct",
        "C is correct.",
        "(C) is correct",
        "**C** is the correct answer.",
        "It has two parts. So C is the best choice, because both are seen.",
        "B is wrong. C is right.",
        "I choose C",
        "I would choose **C**.",
        "Both are seen, and I pick C because of that.",
        "C, because both are seen",
        "C, as both are seen",
        "C because both are seen",
        "**C**: both are seen",
        "\\boxed{C}",
        "so $\\boxed{\\text{C}}$",
        "\\boxed{C. Both}",
        '{"answer": "C"}',
        "{'answer': 'C', 'why': 'both are seen'}",
        {"answer": "C"},
        ["C"],
    ],
)
def test_a_letter_is_read_where_one_says_that_it_is_the_answer(text):
    assert named(text, OPTIONS) == "C"


@pytest.mark.parametrize(
    "text",
    [
        "A patient with a fever",
        "A, B and C are seen",
        "A patient is correct to ask",
        "Vitamin A is correct",
        "Hepatitis A is the best known",
        "A is right-handed",
        "A is right of B",
        "A is incorrect",
        "A is not correct.",
        "A is the right ventricle",
        "I choose A patient with a fever",
        "I would not choose A",
        "I choose A or B",
        "A and B are correct.",
        "I choose A. No, B is correct.",
        "A as in Alabama",
        "\\boxed{A, B}",
        "\\boxed{A} or \\boxed{B}",
        "\\boxed{Apple}",
        '{"answer": "Apple"}',
        '{"answer": "A or B"}',
        '{"why": "A"}',
        "Aspirin, because it thins the blood",
        "A, as well as B",
    ],
)
def test_a_letter_that_is_not_said_to_be_the_answer_is_not_read(text):
    assert named(text, OPTIONS) is None


def test_a_letter_is_a_choice_before_it_is_the_words_of_one():
    vitamins = {"A": "B", "B": "C", "C": "D", "D": "K"}
    assert [named(text, vitamins) for text in ("C", "K", "The answer is B")] == ["C", "D", "B"]


def test_words_that_two_choices_share_name_neither():
    twice = {"A": "Rest", "B": "rest.", "C": "Surgery", "D": "Both"}
    assert [named(text, twice) for text in ("Rest", "B", "surgery")] == [None, "B", "C"]


def test_numbers_are_found_whole():
    doses = {"A": "10 mg", "B": "2.10 mg", "C": "10", "D": "110"}
    assert [named(text, doses) for text in ("2.10 mg daily", "It is 110.", "it is 10")] == ["B", "D", "C"]
    others = {"A": "10 mg", "B": "20 mg", "C": "30", "D": "None"}
    assert [named(f"Give {dose}", others) for dose in ("10 mg", "110 mg", "2.10 mg", "30.5", "30,5", "30s")] == [
        "A", None, None, None, None, None]  # fmt: skip


def test_the_metric_says_what_was_named():
    task = Task("t", "q", "B", metadata={"options": OPTIONS})
    verdicts = [right(task, Session("t", "q", answer=answer)) for answer in ("b", "Antegrade", "B or C")]
    assert [verdict.value for verdict in verdicts] == [1.0, 0.0, 0.0]
    assert [verdict.feedback for verdict in verdicts][:2] == ["", "the answer names A"]
    assert verdicts[2].feedback == "the answer names no choice, or several"


def test_a_question_shows_its_choices_a_line_each():
    assert asked(" How? ", {"A": "So ", "B": "Not so"}) == "How?\nA. So\nB. Not so"


@given(choices, st.sampled_from("ABCD"), st.sampled_from(WAYS))
def test_every_way_to_write_a_letter_names_it(options, letter, way):
    assert named(way.format(letter), options) == letter
    assert named(way.format(f"{letter}. {options[letter]}"), options) == letter


@given(choices, st.permutations("ABCD"))
def test_two_letters_never_name_one(options, letters):
    first, second, *_ = letters
    for way in ("{} or {}", "{}/{}", "({}) and ({})", "The answer is {}, or option {}"):
        assert named(way.format(first, second), options) is None


@given(choices, st.sampled_from("ABCD"))
def test_the_words_of_a_choice_alone_name_it(options, letter):
    assert named(options[letter].upper(), options) == letter


def test_a_text_without_end_names_no_choice_and_is_not_read():
    assert named("(" * 1_000_000 + "B", OPTIONS) is None
    assert named(f"{'So it goes. ' * 100}The answer is B.", OPTIONS) == "B"
