"""ProductQA as a course: shortened tasks, who is imitated on them, and which streams are for what."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forge
from benchmarks import productqa, productqa_short
from benchmarks.bench.outcome import Cell
from benchmarks.bench.playing import played
from benchmarks.bench.regimes import training_of
from benchmarks.bench.setup import Setup
from benchmarks.bench.trainings import Trainer
from benchmarks.productqa_course import ProductCourse, Size
from benchmarks.productqa_demonstrator import Demonstrator, annotated, pieces, worth_imitating
from benchmarks.productqa_pins import TEST, TRAIN

PRODUCTS = {
    f"B00000000{n}": {"title": f"Number {n}", "price": str(4 + 3 * n), "Color": color, "Machine Washable": washable}
    for n, (color, washable) in enumerate(
        [("red one", "yes"), ("light blue one", "no"), ("red one", "no"), ("green one", "yes")]
    )
}
SCHEMA = {
    "price": {"type": "cloze", "unit": "dollar"},
    "Color": {"type": "choice", "choices": ["red one", "light blue one", "green one"]},
    "Machine Washable": {"type": "choice", "choices": ["yes", "no"]},
}
KNOWLEDGE = {"no": "What is not washable loses its shape.", "yes": "What is washable keeps its shape."}


def questions(name):
    """Of each product: two facts, two searches, of which one is looked for in vain, and two that need knowledge."""
    for n, (product, known) in enumerate(PRODUCTS.items()):
        washable = known["Machine Washable"]
        for m, asked in enumerate(("Do they fit large feet?", "Are they made in Spain?")):
            yield {"id": f"fact_qa_{n}_{m}", "asin": product, "question": asked, "short_answer": "Yes",
                   "long_answer": "They do.", "type": "fact_qa", "extra_data": None}  # fmt: skip
            yield {"id": f"reasoning_qa_{n}_{m}", "asin": product, "short_answer": washable, "type": "reasoning_qa",
                   "question": f"Will the {'knitted' if m else 'woven'} shape survive laundry?",
                   "long_answer": "See the label.", "extra_data": {"knowledge": KNOWLEDGE[washable]}}  # fmt: skip
        for m, top in enumerate((9, 1)):
            gold = [{"asin": each} for each, of in PRODUCTS.items() if float(of["price"]) < top]
            sql = f"SELECT product_id FROM `{name}` WHERE price < {top} LIMIT 1;"
            if (n, m) == (3, 1):
                sql = f"SELECT product_id FROM `{name}` WHERE price < {top} ORDER BY price ASE LIMIT 1;"
            yield {"id": f"search_qa_{n}_{m}", "asin": product, "question": f"A red one below {top} dollars?",
                   "short_answer": gold, "long_answer": "Look.", "type": "search_qa",
                   "extra_data": {"sql": sql}}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("productqa")
    for part, names in (("train", TRAIN), ("test", TEST)):
        for name in names:
            group = root / part / name
            group.mkdir(parents=True)
            (group / "qa.jsonl").write_text("\n".join(map(json.dumps, questions(name))))
            (group / "metadata.json").write_text(json.dumps(PRODUCTS))
            (group / "schema.json").write_text(json.dumps(SCHEMA))
    return root


@pytest.fixture(scope="module")
def course(folder):
    return ProductCourse(folder=folder, length=8, demonstrated=200, tested=12)


def shown(course, **settings):
    tasks, _ = course.function_tasks(0)
    model = Demonstrator(tasks, short=course.short, **settings)
    return tasks, forge.evaluate(course.agent(model, 0.3), tasks).sessions


def calls(session):
    return [call.name for call, _ in session.calls]


def test_a_short_task_names_columns_what_is_known_and_the_choices_that_the_question_is_about(course):
    task = next(task for task in course.test() if task.metadata["kind"] == "search_qa")
    facts, asked = task.question.split("\n")
    assert facts == "price 4; color red one [red one]; machine_washable yes"  # all colors are a "one"
    assert asked == f"{task.metadata['product']}: A red one below 9 dollars?"
    assert set(task.answer) < {"p1", "p2", "p3", "p4"}


def test_a_short_task_gives_nothing_away(course):
    for task in course.test():
        notes = annotated([task])[task.id]
        assert not any(product in task.question for product in PRODUCTS)
        for secret in (notes.sql, notes.knowledge, task.metadata["explanation"]):
            assert not secret or secret not in task.question


def test_short_names_stand_for_the_same_products_in_the_task_the_table_and_the_answer(course, folder):
    whole = ProductCourse(folder=folder, length=8, tested=12, short=False)
    for task, other in zip(course.test(), whole.test(), strict=True):
        assert task.id == other.id
        if task.metadata["kind"] == "search_qa":
            sql = annotated([task])[task.id].sql.replace("LIMIT 1", "")
            world = forge.tools.World(task)
            short = productqa_short.search_products(productqa_short.short_sql(sql, task.metadata["group"]), world)
            full = productqa.search_products(sql, forge.tools.World(other))
            assert (set(short), len(full)) == (set(task.answer), len(short))


@pytest.mark.parametrize(
    "sql",
    ["SELECT product_id FROM `pens` WHERE price < 3;", "SELECT product_id FROM pens WHERE price < 3"],
)
def test_a_gold_query_is_asked_of_the_table_that_all_groups_share(sql):
    assert productqa_short.short_sql(sql, "pens") == "SELECT product_id FROM products WHERE price < 3"
    within = "SELECT product_id FROM `pens` WHERE price = (SELECT MIN(price) FROM pens)"
    assert productqa_short.short_sql(within, "pens").count("FROM products") == 2


def test_the_expert_of_short_tasks_says_the_short_answer_alone(course):
    expert = course.agent("router", 0.2).expert
    told = {task.metadata["kind"]: expert.advise(task, "") for task in course.test()}
    assert expert.cost == 0.2
    assert (told["fact_qa"], told["search_qa"]) == ("Yes", "none")


def test_memory_finds_the_same_question_about_the_same_product_and_not_what_shares_its_facts(course):
    fact, search, *_ = sorted(course.test()[:6], key=lambda task: task.metadata["kind"])
    asked = productqa_short.question_of(fact)
    memory = forge.Memory(encoder=productqa_short.embed, threshold=productqa_short.ALIKE)
    memory.add(f"Yes = {fact.metadata['product']}: {asked}")
    assert fact.memory_query == fact.question  # measured policies searched so
    assert [entry.text for entry in memory.search(fact.question)] == [f"Yes = {fact.metadata['product']}: {asked}"]
    assert not memory.search(search.question.split("\n")[0] + "\np9: Which one is green?")


def test_the_demonstrator_is_right_and_looks_into_its_memory_before_it_asks(course):
    tasks, sessions = shown(course)
    assert {session.score for session in sessions} == {1.0}
    for task, session in zip(tasks, sessions, strict=True):
        names = calls(session)
        if task.metadata["kind"] == "search_qa":
            assert names in (["search_products", "submit"], ["seek_advice", "submit"])
        else:
            assert names[0] == "retrieve_memory"
            note = "reflect" if task.metadata["kind"] == "reasoning_qa" else "update_memory"
            assert names[1:] in (["submit"], ["seek_advice", note, "submit"])
    assert 0.1 < sum(session.advice_count for session in sessions) / len(sessions) < 0.5


def test_what_is_searched_with_the_gold_query_is_submitted_and_a_query_that_fails_is_not_imitated(course):
    tasks, sessions = shown(course, asks=dict.fromkeys(("fact_qa", "search_qa", "reasoning_qa"), 0.0))
    found = {task.id.partition("-")[2]: session for task, session in zip(tasks, sessions, strict=True)}
    assert found["search_qa_0_0"].answer in ("p1", "p2", "p3", "p4")
    assert found["search_qa_0_1"].answer == "none"
    assert not worth_imitating(found["search_qa_3_1"])
    assert worth_imitating(found["search_qa_0_1"])


def test_a_lesson_is_the_answer_with_its_question_in_short_tasks_and_the_knowledge_in_others(course, folder):
    always = dict.fromkeys(("fact_qa", "search_qa", "reasoning_qa"), 1.0)
    whole = replace(course, short=False)
    for each, lessons in ((course, None), (whole, set(KNOWLEDGE.values()))):
        _, sessions = shown(each, asks=always)
        written = {call.text for session in sessions for call, _ in session.calls if call.name == "reflect"}
        assert written == lessons if lessons else all(text.startswith(("yes = ", "no = ")) for text in written)


def test_a_demonstrator_that_cannot_reflect_remembers_the_single_case(course):
    tasks, _ = course.function_tasks(0)
    agent = replace(course.agent(Demonstrator(tasks, short=True), 0.3), withheld=("reflect",))
    seen = {name for session in forge.evaluate(agent, tasks).sessions for name in calls(session)}
    assert "update_memory" in seen
    assert "reflect" not in seen


@settings(deadline=None, max_examples=20)
@given(length=st.integers(1, 40))
def test_pieces_hold_every_question_once_in_its_order_and_of_one_group(folder, length):
    tasks = productqa.load("train", only=["mice", "grips"], folder=folder).tasks
    place = {task.id: number for number, task in enumerate(tasks)}
    cut = pieces(tasks, length)
    assert sorted(place[task.id] for piece in cut for task in piece) == list(range(len(tasks)))
    for piece in cut:
        assert len(piece) <= length + 2
        assert len({task.stream for task in piece}) <= 1
        assert [place[task.id] for task in piece] == sorted(place[task.id] for task in piece)


def test_what_belongs_together_is_in_one_piece(folder):
    tasks = productqa.load("train", only=["mice"], folder=folder).tasks
    notes = annotated(tasks)
    for piece in pieces(tasks, 12):
        assert len({notes[task.id].knowledge for task in piece if notes[task.id].knowledge}) == 1


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 9), demonstrated=st.none() | st.integers(1, 1_000), trained=st.none() | st.integers(1, 500))
def test_no_question_is_for_two_purposes_and_ppo_always_has_two_streams(folder, seed, demonstrated, trained):
    course = ProductCourse(folder=folder, length=8, demonstrated=demonstrated, trained=trained)
    shown, _ = course.function_tasks(seed)
    played, validation = course.weight_tasks(seed)
    ids = [task.id for tasks in (shown, played, validation, course.test()) for task in tasks]
    assert len(ids) == len(set(ids))
    assert len(played.streams()) >= 2


def test_the_test_is_the_six_test_groups_in_order_each_a_stream(course):
    assert list(course.test().streams()) == list(TEST)
    assert [len(stream) for stream in course.test().streams().values()] == [12] * 6


def test_a_pretrained_model_reads_the_whole_of_the_tasks():
    assert Setup("productqa", demonstrations=7).course() == ProductCourse(demonstrated=7)
    assert not Setup("productqa", policy="folder").course().short
    assert not Setup("productqa", model="openai/gpt-5-mini").course().short


def test_a_policy_from_scratch_is_imitated_trained_and_played_also_without_a_part_at_test(
    course, tmp_path, monkeypatch
):
    pytest.importorskip("trl")
    tiny = Size(1, 32, 2, 320, 3e-3, 1e-3, epochs=1, batch=8, streams=2, rollouts=16, precision="bf16")
    trainer = Trainer(replace(course, size=tiny, demonstrated=40, validated=8, tested=2), tmp_path)
    cell = Cell("productqa", "ppo", advice_cost=0.3)
    for step in training_of(cell).chain:
        spent = trainer.train(step, 0)
    assert spent.rollouts >= 16
    whole, lacking = (played(trainer, each) for each in (cell, replace(cell, without="memory at test")))
    assert {task.kind for task in whole.tasks} <= {"fact_qa", "search_qa", "reasoning_qa"}
    assert (len(lacking.tasks), lacking.rollouts) == (12, whole.rollouts)
    seen, evaluate = [], forge.evaluate
    monkeypatch.setattr(
        forge, "evaluate", lambda *args, **settings: seen.append(evaluate(*args, **settings)) or seen[0]
    )
    early = played(trainer, replace(cell, advice_first=1))
    # what is left is all that it can write: no attempt to ask, no text without a call
    written = [[call.name for call in step.action.calls] for each in seen[0].sessions for step in each.steps]
    assert all(len(names) == 1 for names in written)
    assert sum(names == ["seek_advice"] for names in written) == 6
    assert [task.advice for task in early.tasks] == [int(task.place == 0) for task in early.tasks]
