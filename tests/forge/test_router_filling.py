"""How typed arguments are taken from a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.models.filling import Signature, fill
from forge.models.reading import read

NUMBER, INTEGER, TEXT = {"type": "number"}, {"type": "integer"}, {"type": "string"}


def arguments(asked, /, required=None, **properties):
    names = list(properties) if required is None else required
    filling = fill(Signature.of({"type": "object", "properties": properties, "required": names}), read(asked))
    return None if filling is None else filling.arguments


def unused(question, **properties):
    signature = Signature.of({"type": "object", "properties": properties, "required": list(properties)})
    return fill(signature, read(question)).unused


def test_numbers_are_taken_in_order_of_appearance():
    assert arguments("from 7 to 9.5", first=NUMBER, second=NUMBER) == {"first": 7, "second": 9.5}


def test_a_word_that_parameter_and_number_share_goes_before_the_order():
    question = "What does one pen cost if 12 cost $18?"
    assert arguments(question, total=NUMBER, count=INTEGER) == {"total": 18, "count": 12}
    question = "A car drives 3 hours at a speed of 80 km per hour."
    assert arguments(question, speed=NUMBER, hours=NUMBER) == {"speed": 80, "hours": 3}


def test_a_description_helps_to_tell_parameters_apart():
    width = {"type": "number", "description": "how wide it is, in metres wide"}
    assert arguments("5 tall and 3 metres wide", height=NUMBER, w=width) == {"height": 5, "w": 3}


def test_an_integer_parameter_takes_no_fraction():
    assert arguments("2.5 litres in 4 cups", n=INTEGER) is None or arguments("2.5 litres in 4 cups", n=INTEGER) == {
        "n": 4
    }
    assert arguments("only 2.5 litres", n=INTEGER) is None


def test_too_few_numbers_fill_nothing():
    assert arguments("only 7", first=NUMBER, second=NUMBER) is None


def test_an_optional_parameter_is_filled_only_from_what_is_left():
    properties = {"first": NUMBER, "rate": NUMBER}
    assert arguments("just 7", required=["first"], **properties) == {"first": 7}
    assert arguments("7 and 8", required=["first"], **properties) == {"first": 7, "rate": 8}


def test_an_optional_type_with_null_is_read_as_the_type():
    assert arguments("take 7", n={"anyOf": [{"type": "integer"}, {"type": "null"}]}) == {"n": 7}


def test_numbers_beside_the_point_are_passed_over_when_just_enough_are_relevant():
    question = "There are 9 pens and 4 cups. Tom brings 3 pens. How many pens are there?"
    assert arguments(question, first=NUMBER, second=NUMBER) == {"first": 9, "second": 3}
    assert unused(question, first=NUMBER, second=NUMBER) == 0


def test_unused_numbers_quotes_and_tables_are_counted():
    assert unused("7, 8 and 9", first=NUMBER, second=NUMBER) == 1
    assert unused('How often is "a" in "banana"?', word=TEXT) == 1
    assert unused("a | b\nx | 1\ny | 2\nadd 5", first=NUMBER) == 1


def test_a_list_parameter_takes_all_numbers_or_the_column_that_is_named():
    numbers = {"type": "array", "items": NUMBER}
    assert arguments("the mean of 3, 5 and 8", values=numbers) == {"values": [3, 5, 8]}
    question = "item | size | price\npen | 1 | 2\nink | 4 | 5\nWhat is the average price?"
    assert arguments(question, values=numbers) == {"values": [2, 5]}


def test_a_table_comes_as_rows_with_the_column_and_the_items_that_the_question_names():
    question = "item | price\npen | 2\nink | 5\nHow much more is ink than a pen in price?"
    table = {"type": "array", "items": {"type": "object"}}
    found = arguments(question, table=table, column=TEXT, item=TEXT, other=TEXT)
    assert found == {
        "table": [{"item": "pen", "price": 2}, {"item": "ink", "price": 5}],
        "column": "price",
        "item": "ink",
        "other": "pen",
    }


def test_strings_come_from_quotes_and_a_question_parameter_takes_the_whole_text():
    assert arguments('Replace "a" by "b"', old=TEXT, new=TEXT) == {"old": "a", "new": "b"}
    assert arguments("Who are you?", question=TEXT) == {"question": "Who are you?"}
    assert arguments("Who are you?", word=TEXT) is None


def test_a_list_of_strings_comes_from_a_list_or_from_quotes():
    strings = {"type": "array", "items": TEXT}
    assert arguments("Sort: fig, apple and kiwi.", items=strings) == {"items": ["fig", "apple", "kiwi"]}
    assert arguments('Sort "b" and "a"', items=strings) == {"items": ["b", "a"]}


def test_a_choice_takes_the_option_that_is_named_first():
    unit = {"type": "string", "enum": ["km", "miles"]}
    assert arguments("How many miles are 5 km?", unit=unit) == {"unit": "miles"}
    assert arguments("How many metres?", unit=unit) is None


@pytest.mark.parametrize("schema", [{"type": "boolean"}, {"type": "object"}, {}, {"type": "array", "items": {}}])
def test_what_no_text_gives_is_not_filled(schema):
    assert arguments('Is 5 "yes"?', flag=schema) is None


def test_code_is_never_filled():
    assert arguments('Run "print(1)"', code=TEXT) is None


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_as_many_parameters_as_numbers_use_each_number_once(values):
    names = [f"p{place}" for place in range(len(values))]
    found = arguments(" and ".join(map(str, values)), **dict.fromkeys(names, NUMBER))
    assert list(found.values()) == values
