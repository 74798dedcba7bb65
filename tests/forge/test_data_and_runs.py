"""Data sets, sessions, memory, budgets and run folders: what they hold and what they refuse."""

import json
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forge
from forge.session import Action, Call, Observation, Session, Step, Usage
from functions import ForgeError, Library

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def same(first, second):
    """Equal, with NaN equal to itself."""
    return json.dumps(first) == json.dumps(second)


@given(json_values, st.text(), st.floats(0, 1) | st.none())
def test_a_session_survives_json_whatever_was_said_in_it(value, text, score):
    step = Step(Action(text, (Call("f", {"x": value}, "1"),), usage=Usage(1, 2, 3)), (Observation("f", text, value),))
    session = Session("t", text, value, (step,), score=score)
    back = Session.from_json(session.to_json())
    assert back.to_json() == session.to_json()
    assert same(back.answer, value)


def test_what_is_no_session_is_refused():
    for text in ("", "{}", "[1]", '{"task_id": 1'):
        with pytest.raises(ForgeError, match="no session"):
            Session.from_json(text)


def rows(count, streams=0):
    return [{"question": f"q{n}", "answer": n, "stream": f"s{n % streams}" if streams else ""} for n in range(count)]


@given(st.integers(2, 40), st.integers(0, 5), st.integers(0, 4), st.data())
def test_a_split_is_disjoint_complete_seeded_and_cuts_no_stream(count, seed, streams, data):
    tasks = forge.Dataset(rows(count, streams))
    largest = max(len(group) for group in tasks.streams().values())
    if largest >= count:
        return
    wanted = data.draw(st.integers(largest, count - 1))
    first, second = tasks.split(wanted, seed=seed)
    assert sorted([t.id for t in first] + [t.id for t in second], key=int) == [t.id for t in tasks]
    assert len(first) <= wanted
    assert [t.id for t in first] == [t.id for t in tasks.split(wanted, seed=seed)[0]]
    assert not set(first.streams()) & set(second.streams())
    if not streams:
        assert len(first) == wanted


@given(st.integers(2, 40), st.integers(0, 5), st.integers(0, 4), st.data())
def test_a_sample_is_seeded_and_has_streams_from_their_beginning_all_whole_but_one(count, seed, streams, data):
    tasks = forge.Dataset(rows(count, streams))
    size = data.draw(st.integers(1, count))
    drawn = tasks.sample(size, seed=seed)
    assert len(drawn) == size
    assert [t.id for t in drawn] == [t.id for t in tasks.sample(size, seed=seed)]
    assert [t.id for t in drawn] == [t.id for t in tasks if t in drawn.tasks]
    whole = tasks.streams()
    parts = drawn.streams()
    assert all(whole[name][: len(part)] == part for name, part in parts.items())
    assert sum(len(part) < len(whole[name]) for name, part in parts.items()) <= 1


BAD_ROWS = {
    "no rows": ([], "no rows"),
    "no question": ([{"answer": 1}], "'question'"),
    "no answer": ([{"question": "q"}], "'answer'"),
    "an empty question": ([{"question": " ", "answer": 1}], "non-empty"),
    "an empty label": ([{"question": "q", "answer": None}], "no answer"),
    "two equal ids": ([{"id": 1, "question": "q", "answer": 1}] * 2, "'1'"),
    "a row that is a list": ([["q", 1]], "list"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_mislabelled_data_is_refused_by_row(case):
    data, words = BAD_ROWS[case]
    with pytest.raises(ForgeError, match=words):
        forge.Dataset(data)


def test_a_metric_that_is_no_function_is_refused():
    with pytest.raises(ForgeError, match="metric"):
        forge.Dataset(rows(1), metric="exact")


def test_files_are_read_with_their_own_column_names(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"q": "one", "a": 1, "level": 3}\n\n{"q": "two", "a": 2}\n')
    (tmp_path / "a.csv").write_text('\ufeffq,a\n"one, or so",1\n')
    columns = {"question": "q", "answer": "a"}
    lines = forge.Dataset.from_jsonl(tmp_path / "a.jsonl", columns=columns)
    assert [(t.question, t.answer, dict(t.metadata)) for t in lines] == [("one", 1, {"level": 3}), ("two", 2, {})]
    assert forge.Dataset.from_csv(tmp_path / "a.csv", columns=columns)[0].question == "one, or so"


def test_files_that_cannot_be_read_say_where(tmp_path):
    (tmp_path / "b.jsonl").write_text('{"question": "q", "answer": 1}\n{oops\n')
    (tmp_path / "c.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ForgeError, match="line 2"):
        forge.Dataset.from_jsonl(tmp_path / "b.jsonl")
    with pytest.raises(ForgeError, match="UTF-8"):
        forge.Dataset.from_jsonl(tmp_path / "c.jsonl")
    with pytest.raises(ForgeError, match="No such file"):
        forge.Dataset.from_csv(tmp_path / "none.csv")
    with pytest.raises(ForgeError, match="'prompt'"):
        forge.Dataset([{"prompt": "q", "answer": 1}])


@given(st.lists(st.text(min_size=1).filter(str.strip), max_size=6), st.lists(st.text(min_size=1).filter(str.strip)))
def test_a_fork_of_a_memory_and_its_origin_do_not_see_each_other(before, after):
    memory = forge.Memory()
    for text in before:
        memory.add(text)
    fork = memory.fork()
    assert fork.digest == memory.digest
    for text in after:
        fork.add(text)
    memory.add("only here")
    assert [entry.text for entry in memory] == [*before, "only here"]
    assert [entry.text for entry in fork] == [*before, *after]
    assert (fork.digest == memory.digest) == (after == ["only here"])


def test_memory_finds_what_is_alike_in_words_rare_ones_first():
    memory = forge.Memory()
    for text in ("the blue pen costs two", "the red pen costs three", "the shop opens at nine"):
        memory.add(text)
    assert memory.search("what does the red one cost?", 1)[0].text == "the red pen costs three"
    assert memory.search("zebra") == []
    with pytest.raises(ForgeError, match="non-empty"):
        memory.add("  ")


@pytest.mark.parametrize("limit", [0, -1, math.nan, math.inf, "ten", True])
@pytest.mark.parametrize("name", ["rollouts", "tokens", "usd", "seconds"])
def test_a_budget_that_allows_nothing_is_refused_by_name(name, limit):
    with pytest.raises(ForgeError, match=name):
        forge.Budget(**{name: limit})


def test_a_meter_says_which_limit_is_reached():
    meter = forge.Meter(forge.Budget(tokens=10, usd=1.0))
    assert meter.exhausted is None
    meter.add(Usage(input_tokens=6, output_tokens=4))
    assert meter.exhausted == "tokens 10 of 10"


def test_a_run_keeps_its_events_and_is_not_written_over(tmp_path):
    with forge.Run(tmp_path / "run") as run:
        run.log("start", tasks=3)
        run.save_library(Library([forge.python_interpreter]), "library")
        run.write_json("result.json", {"score": 1})
    assert [event["kind"] for event in run.events()] == ["start"]
    assert Library.load(tmp_path / "run" / "library").names == ("python",)
    with pytest.raises(ForgeError, match="fresh=True"), forge.Run(tmp_path / "run"):
        pass
    with forge.Run(tmp_path / "run", fresh=True) as again:
        assert again.events() == []


def test_a_run_in_use_is_refused_to_another_process(tmp_path):
    other = f"import forge\nwith forge.Run({str(tmp_path)!r}, fresh=True): pass"
    with forge.Run(tmp_path):
        refused = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=False)
    assert "in use by another process" in refused.stderr
    assert subprocess.run([sys.executable, "-c", other], capture_output=True, check=False).returncode == 0


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ForgeError, match="cannot use the run folder"), forge.Run(tmp_path / "file" / "run"):
        pass


def test_a_line_cut_off_by_a_crash_is_left_out(tmp_path):
    with forge.Run(tmp_path) as run:
        run.log("start")
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"kind": "tri')
    assert [event["kind"] for event in run.events()] == ["start"]


def test_rows_come_from_a_hugging_face_data_set(tmp_path):
    (tmp_path / "train.jsonl").write_text('{"q": "one", "a": 1}\n{"q": "two", "a": 2}\n')
    data = forge.Dataset.from_hub(
        "json",
        data_files=str(tmp_path / "train.jsonl"),
        columns={"question": "q", "answer": "a"},
        cache_dir=str(tmp_path),
    )
    assert [(task.question, task.answer) for task in data] == [("one", 1), ("two", 2)]
