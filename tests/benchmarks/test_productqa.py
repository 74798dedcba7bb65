"""ProductQA's loader, table, expert and scorer, on a group of two products in its format."""

import gzip
import json
from pathlib import Path

import pytest

import forge
from benchmarks import productqa
from benchmarks.productqa import right
from forge.session import Action, Call, Session
from functions.errors import ForgeError

PRODUCTS = {
    "B000000001": {"title": "Warm ones", "price": "8.4", "Machine Washable": "yes"},
    "B000000002": {"title": "Cool ones", "price": "19", "Machine Washable": "no"},
}
SCHEMA = {
    "price": {"type": "cloze", "unit": "dollar"},
    "Machine Washable": {"type": "choice", "choices": ["yes", "no"]},
}
QUESTIONS = [
    {"id": "fact_qa_0", "asin": "B000000001", "question": "Do they fit?", "short_answer": "Yes", "type": "fact_qa",
     "long_answer": "They do.", "extra_data": None},
    {"id": "search_qa_0", "asin": "B000000002", "question": "Which can be washed?", "type": "search_qa",
     "short_answer": [{"asin": "B000000001", "title": "Warm ones"}], "long_answer": "The warm ones.",
     "extra_data": {"sql": "SELECT product_id FROM leggings WHERE machine_washable = 'yes'"}},
    {"id": "search_qa_1", "asin": "B000000002", "question": "Any for 100 dollars?", "type": "search_qa",
     "short_answer": [], "long_answer": "No.",
     "extra_data": {"sql": "SELECT product_id FROM leggings WHERE price > 99"}},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    group = tmp_path / "test" / "leggings"
    group.mkdir(parents=True)
    (group / "qa.jsonl").write_text("\n".join(map(json.dumps, QUESTIONS)))
    (group / "metadata.json").write_text(json.dumps(PRODUCTS))
    (group / "schema.json").write_text(json.dumps(SCHEMA))
    return tmp_path


@pytest.fixture
def tasks(folder):
    return productqa.load("test", only=["leggings"], folder=folder)


class Scripted:
    """Plays the same calls in every task."""

    name = "scripted"

    def __init__(self, *calls):
        self.calls = calls

    def act(self, contexts):
        return [Action(calls=(self.calls[len(context.steps)],)) for context in contexts]


def test_a_group_is_a_stream_whose_questions_show_table_and_product(tasks):
    assert [task.stream for task in tasks] == ["leggings"] * 3
    assert tasks[0].question == (
        "Table leggings(product_id, title, price in dollar, machine_washable [yes | no])\n"
        "Product B000000001: title: Warm ones; price: 8.4; machine_washable: yes\n"
        "Question: Do they fit?"
    )


def test_the_gold_sql_and_the_long_answer_are_in_no_question(tasks):
    for task in tasks:
        assert "SELECT" not in task.question
        assert task.metadata["explanation"] not in task.question
        assert "extra_data" not in task.metadata


def test_what_was_learned_from_a_question_is_found_by_it_and_not_by_the_table_around_it(tasks):
    agent = productqa.agent(Scripted(Call("retrieve_memory"), Call("submit", {"answer": "Yes"})))
    lesson = "Whether they fit depends on the size of the wearer."
    agent.memory.add(lesson)
    for word in ("machine_washable", "Product title price", "dollar leggings Warm ones"):
        agent.memory.add(f"{word}: {word}.", kind="reflection")
    (session, *_) = forge.evaluate(agent, tasks).sessions
    assert session.calls[0][1].text.splitlines()[0] == f"- (knowledge) {lesson}"


def test_the_agent_searches_the_table_of_its_group_and_numbers_compare_as_numbers(tasks):
    sql = "SELECT product_id FROM leggings WHERE price < 10"
    model = Scripted(Call("search_products", {"sql": sql}), Call("submit", {"answer": ["B000000001"]}))
    seen = forge.evaluate(productqa.agent(model), tasks)
    assert [session.steps[0].observations[0].value for session in seen.sessions] == [["B000000001"]] * 3
    assert [session.score for session in seen.sessions] == [0.0, 1.0, 0.0]


def test_the_expert_gives_the_short_answer_and_the_long_one_at_its_cost(tasks):
    model = Scripted(Call("seek_advice"), Call("submit", {"answer": "yes"}))
    seen = forge.evaluate(productqa.agent(model, advice_cost=0.25), tasks)
    told = [session.steps[0].observations[0].text for session in seen.sessions]
    assert told == ["Yes. They do.", "B000000001. The warm ones.", "none. No."]
    assert seen.sessions[0].reward == 0.75


def test_the_agent_is_agiles_at_its_cost_and_does_without_memory_if_told():
    tools = [tool.name for tool in productqa.agent().all_tools]
    assert {"search_products", "seek_advice", "retrieve_memory", "reflect"} <= set(tools)
    assert productqa.agent().expert.cost == 0.3
    assert [tool.name for tool in productqa.agent(memory=False).all_tools] == [
        "search_products", "seek_advice", "submit"]  # fmt: skip


def test_the_first_questions_of_a_group_are_taken(folder):
    tasks = productqa.load("test", only=["leggings"], first=2, folder=folder)
    assert [task.id for task in tasks] == ["leggings-fact_qa_0", "leggings-search_qa_0"]


@pytest.mark.parametrize(
    ("place", "answer", "is_right"),
    [
        (0, "yes", True),
        (0, "  YES ", True),
        (0, "yes.", False),
        (0, "y es", False),
        (0, None, False),
        (1, ["B000000001"], True),
        (1, "B000000001", True),
        (1, "['B000000001']", True),
        (1, ["B000000001", "B000000002"], False),
        (1, [], False),
        (1, "none", False),
        (2, [], True),
        (2, "None.", True),
        (2, "nothing", True),
        (2, "B000000001", False),
        (2, "I do not know", False),
        (2, None, False),
    ],
)
def test_answers_are_scored_by_the_authors_rules(tasks, place, answer, is_right):
    assert right(tasks[place], Session(tasks[place].id, "", answer=answer)) == is_right


def test_any_part_of_the_gold_products_is_enough():
    assert productqa.search_is_right(["a"], ["a", "b"])
    assert not productqa.search_is_right([], ["a", "b"])
    assert productqa.search_is_right([], [])


def test_the_parts_are_those_of_the_paper():
    assert (len(productqa.groups("train")), len(productqa.groups("test"))) == (20, 6)
    with pytest.raises(ForgeError, match="no part 'dev'"):
        productqa.load("dev")
    with pytest.raises(ForgeError, match="no group 'legging'"):
        productqa.load("test", only=["legging"])


def test_the_files_may_be_gzipped(tasks, folder):
    for path in (folder / "test" / "leggings").iterdir():
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert productqa.load("test", only=["leggings"], folder=folder).tasks == tasks.tasks


def test_a_folder_without_the_files_is_named(tmp_path):
    with pytest.raises(ForgeError, match=r"no qa\.jsonl in .*leggings"):
        productqa.load("test", only=["leggings"], folder=Path(tmp_path))
