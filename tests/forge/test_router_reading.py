"""What the router reads in a text: numbers, quotes, lists, tables, and which numbers a question is about."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.models.matching import examples_of
from forge.models.reading import read
from forge.models.tables import number_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("He paid $1,234.50 for it.", (1234.5,)),
        ("$ 6 and 12% of 30", (6.0, 12.0, 30.0)),
        ("Use 3/4 of a cup, then 7 1/2 cups.", (0.75, 7.5)),
        ("It was -5 degrees, later −3.", (-5.0, -3.0)),
        ("Pages 5-7 of the book", (5.0, 7.0)),
        ("The 12th of May, the 1st, 2nd and 3rd", ()),
        ("A 5kg bag", (5.0,)),
        ("three cats and twelve dogs", (3.0, 12.0)),
        ("One of them, the other one", ()),
        ("It was 12, 13 and 14.", (12.0, 13.0, 14.0)),
        ("version 1.2.3 of model B52", (1.2,)),
        ("add .5 to 1990.", (0.5, 1990.0)),
        ("pH - 7.40, from 160 - 170/80 mmHg", (7.4, 160.0, 2.125)),  # a dash between spaces is no minus
        ("4 pm - 6 pm −$3, -$ 2", (4.0, 6.0, -3.0, -2.0)),
    ],
)
def test_numbers_are_read_as_people_write_them(text, values):
    assert read(text).values[: len(values)] == values
    if "version" not in text:
        assert len(read(text).values) == len(values)


@given(st.floats(min_value=0, max_value=1e9).map(lambda x: round(x, 3)))
def test_a_number_written_with_separators_reads_as_itself(value):
    for text in (f"{value:,.3f}", f"${value:,.3f}", f"{value:.3f}%"):
        assert read(f"take {text} now").values == (pytest.approx(value, abs=1e-9),)
        assert number_of(text) == pytest.approx(value, abs=1e-9)
        assert number_of(f"- {text}") == pytest.approx(-value, abs=1e-9)


@given(st.text(max_size=200) | st.text(alphabet="-−$%/,. 1", max_size=12) | st.text(alphabet="-−$ 1|\n", max_size=20))
def test_any_text_can_be_read(text):
    reading = read(text)
    assert len(reading.relevant) == len(reading.numbers)
    assert all(reading.tokens[number.place] == "#" for number in reading.numbers)


def test_quoted_strings_are_kept_and_masked_while_apostrophes_are_not_quotes():
    reading = read("Is \"red fox\" longer than 'owl' in Sam's and the girls' book?")
    assert reading.quotes == ("red fox", "owl")
    assert "fox" not in reading.tokens


@pytest.mark.parametrize(
    "text",
    [
        "| item | price |\n|---|---|\n| pen | $2 |\n| red book | 1,003.5 |\nHow much are 3 pens?",
        "item,price\npen,2\nred book,1003.5\n\nHow much are 3 pens?",
        "item\tprice\npen\t2\nred book\t1003.5\nHow much are 3 pens?",
    ],
)
def test_a_table_is_taken_out_of_the_prose(text):
    reading = read(text)
    assert reading.table.columns == ("item", "price")
    assert reading.table.rows == (("pen", 2), ("red book", 1003.5))
    assert reading.values == (3.0,)
    assert reading.mentioned_cells() == ("pen",)


def test_lines_of_name_and_value_are_a_table():
    reading = read("Prices:\npen: $2\nbook: $4.5\nHow much more is a book than a pen?")
    assert reading.table.records() == [{"name": "pen", "value": 2}, {"name": "book", "value": 4.5}]
    assert reading.mentioned_cells() == ("book", "pen")


def test_prose_with_commas_is_no_table():
    assert read("He came, saw and won.\nThen, at 5, he left.\nWho was it?").table is None


def test_columns_are_found_by_their_words_the_best_match_first():
    reading = read("item | unit price | price\npen | 2 | 3\nink | 4 | 5\nWhat is the highest price?")
    assert reading.mentioned_columns() == ("price", "unit price")


def test_a_comma_list_after_a_colon_is_a_list():
    assert read("Sort these words: fig, apple, pear and kiwi. Which is first?").items == (
        "fig",
        "apple",
        "pear",
        "kiwi",
    )


def test_a_number_is_relevant_when_it_counts_what_the_question_asks_for():
    question = "There are 9 pens and 4 cups. Tom brings 3 pens. How many pens are there?"
    assert read(question).relevant == (True, False, True)


def test_a_number_without_a_unit_is_as_relevant_as_the_one_before():
    assert read("Ann has 9 pens and gets 4 more. How many pens has she?").relevant == (True, True)


def test_a_number_too_large_for_a_float_is_no_number():
    assert read(f"What is {'9' * 400} plus 5?").values == (5.0,)
    assert read(f"a | b\nx | {'9' * 400}\ny | 2\nsum?").table.rows[0][1] == "9" * 400


SLOW = ["|" + "-" * 60_000 + "x\n|-\n", " " * 60_000, '"' * 60_000, "1," * 30_000, ": a," * 20_000]
SLOW += ["9" * 60_000 + "th", "'a " * 20_000, "a | " * 20_000 + "\n" + "b | " * 20_000]


@pytest.mark.parametrize("text", SLOW, ids=range(len(SLOW)))
def test_a_long_text_made_to_be_slow_is_read_quickly(text):
    start = time.process_time()
    read.__wrapped__(text)
    examples_of("Examples:\n    - " + text)
    assert time.process_time() - start < 2
