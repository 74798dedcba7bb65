"""The commands over recorded data: they agree where the data does, explain what they can, and fail on the rest."""

import gzip
import json
import os
from pathlib import Path

import pytest

from benchmarks import llm_functions, schemas
from benchmarks.tau_bench_files import SPLITS
from functions import ForgeError

CODE = "def double(x):\n    return 2 * x\n"
TEST = "def check(candidate):\n    assert candidate(2) == {}\n"

PARAMETERS = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
OFFERED = [{"type": "function", "function": {"name": "f", "parameters": PARAMETERS}}]


def write(folder, name, rows):
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / name, "wt") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)


def row_with_test(expected, rerun):
    return {"task": "humaneval", "task_id": "T/1", "model": "m", "entry_point": "double", "code": CODE,
            "test": TEST.format(expected), "rerun": rerun}  # fmt: skip


def recorded(body, printed, task="gsm8k", imports="import math\nimport numpy as np\n"):
    code = f"def solve():\n    {body}\n"
    return {
        "source": "tora",
        "task": task,
        "name": "solve",
        "gold": "4",
        "code": code,
        "program": imports + code,
        "printed": printed,
    }


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))

    def place(with_tests=(), with_records=()):
        write(tmp_path / "llm_functions", "reflexion_python_functions.jsonl.gz", with_tests)
        write(tmp_path / "llm_functions", "functions.jsonl.gz", with_records)

    return place


def test_functions_that_do_as_recorded_agree(data, capsys):
    data(
        [row_with_test(4, "pass"), row_with_test(5, "fail:AssertionError")],
        [
            recorded("return math.sqrt(16)", "4.0"),
            recorded("return 1 / 0", None),
            recorded("return [][0]", "IndexError: list index out of range"),
        ],
    )
    assert llm_functions.main() == 0
    printed = capsys.readouterr().out
    assert "left over: nothing" in printed
    assert "every difference is explained" in printed
    assert "explained:" not in printed
    assert "whose result is the gold answer: 1" in printed


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (recorded("return 4, 5", 4.0), "of several results the first was recorded"),
        (recorded("return 4, 5", "(4, 5)"), "a tuple, which is a list in JSON"),
        (recorded("return -4", 4.0), "recorded without its sign"),
        (recorded("return 0", None), "a result of 0 was recorded as none"),
        (recorded("return 7", None, task="aqua"), "multiple choice"),
        (recorded("return Symbol('x')", "x"), "needs a name that the row does not bring"),
        (recorded("return float(np.sqrt(16))", 4.0), "1 x refused by the import policy"),
    ],
)
def test_known_kinds_of_difference_are_explained(row, words, data, capsys):
    data([], [row])
    assert llm_functions.main() == 0
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("with_tests", "with_records"),
    [
        ([row_with_test(4, "fail:AssertionError")], []),
        ([row_with_test(5, "pass")], []),
        ([], [recorded("return 5", "4")]),
        ([], [recorded("return 1 / 0", "4")]),
        ([], [recorded("return 5", None)]),
        ([], [recorded("return (", "4")]),
    ],
)
def test_any_other_difference_fails_the_command(with_tests, with_records, data, capsys):
    data(with_tests, with_records)
    assert llm_functions.main() == 1
    assert "1 differences are unexplained" in capsys.readouterr().out


def test_missing_data_is_a_forge_error_that_names_the_variable(monkeypatch, tmp_path):
    monkeypatch.delenv("FORGE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("benchmarks.data._HOST", "http://127.0.0.1:1")
    for command in (llm_functions.main, schemas.main):
        with pytest.raises(ForgeError, match="FORGE_DATA"):
            command()
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    with pytest.raises(ForgeError, match="is no folder"):
        llm_functions.main()


def test_tau_bench_is_judged_from_the_cache_and_as_its_authors_have_it_and_a_missing_bfcl_is_told(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.delenv("FORGE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    place_tau(tmp_path / "forge")
    place = tmp_path / "forge" / "tau_bench"
    (place / "airline_tools.json").write_text(json.dumps(OFFERED))
    (place / "airline_tasks_test.jsonl.gz").unlink()
    (place / "airline_tasks_test.py").write_text(
        "TASKS = [Task(instruction='x', actions=[Action(name='f', kwargs={'n': 1})], outputs=[])]"
    )
    assert schemas.main() == 0
    printed = capsys.readouterr().out
    assert "BFCL is left out: FORGE_DATA is not set" in printed
    assert "1 calls and 0 tool schemas" in printed


def test_the_bfcl_dialect_becomes_json_schema():
    dialect = {
        "type": "dict",
        "required": ["type"],
        "properties": {
            "type": {"type": "float", "description": "a name like a keyword"},
            "any": {"type": "any"},
            "pair": {"type": "tuple", "items": {"type": "String"}},
            "map": {"type": "HashMap", "additionalProperties": {"type": "long"}},
        },
    }
    assert schemas.standard(dialect) == {
        "type": "object",
        "required": ["type"],
        "properties": {
            "type": {"type": "number", "description": "a name like a keyword"},
            "any": {},
            "pair": {"type": "array", "items": {"type": "string"}},
            "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
    }


def tool(kind="integer"):
    return {"name": "f", "parameters": {"type": "dict", "properties": {"n": {"type": kind}}, "required": ["n"]}}


def place_calls(folder, rows):
    write(folder / "bfcl", "BFCL_v4_simple.jsonl.gz", rows)
    docs = folder / "bfcl" / "multi_turn_func_doc"
    docs.mkdir()
    place_tau(folder)


def place_tau(folder):
    (folder / "tau_bench").mkdir(parents=True)
    for domain in ("airline", "retail"):
        (folder / "tau_bench" / f"{domain}_tools.json").write_text("[]")
    for domain, split in SPLITS:
        write(folder / "tau_bench", f"{domain}_tasks_{split}.jsonl.gz", [])
    write(folder / "tau_bench", "gpt-4o-airline_trajectories.jsonl.gz", [])


def test_gold_calls_are_judged_in_both_notations(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    place_calls(
        tmp_path,
        [
            {"function": [tool()], "ground_truth": [{"f": {"n": [1, 2, ""]}}]},
            {"function": [tool()], "ground_truth": ["f(3)", "f(n='x')", "g(1)"]},
            {"function": [tool("float")], "ground_truth": ["f(n=-1.5)"]},
        ],
    )
    assert schemas.main() == 0
    printed = capsys.readouterr().out
    assert "7 calls and 3 tool schemas" in printed
    for words in ("1 x refused: an argument is missing", "1 x refused: a value of another type", "1 x names no tool"):
        assert words in printed


def test_the_real_calls_of_tau_bench_gold_and_recorded_all_fit_their_schemas_where_they_are_at_hand():
    if not (Path(os.environ.get("FORGE_DATA", "nowhere")) / "tau_bench").is_dir():
        pytest.skip("FORGE_DATA names no folder with tau-bench")
    verdicts = {name: schemas.judged(calls).verdicts for name, calls in schemas.tau_bench()}
    assert set(verdicts) >= {"tau airline_tasks_test", "tau retail_tasks_test", "tau gpt-4o airline"}
    for counted in verdicts.values():
        assert counted.total() > 0
        assert set(counted) == {schemas.ACCEPTED}


def test_a_gold_action_that_does_not_fit_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    place_calls(tmp_path, [])
    (tmp_path / "tau_bench" / "retail_tools.json").write_text(json.dumps(OFFERED))
    gold = [{"name": "f", "kwargs": {"n": n}} for n in (1, "many")]
    write(tmp_path / "tau_bench", "retail_tasks_test.jsonl.gz", [{"actions": gold}])
    verdicts = schemas.judged(dict(schemas.tau_bench())["tau retail_tasks_test"]).verdicts
    assert verdicts == {schemas.ACCEPTED: 1, "refused: a value of another type": 1}


def test_a_schema_that_cannot_be_checked_fails_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    place_calls(tmp_path, [{"function": [tool("matrix")], "ground_truth": []}])
    assert schemas.main() == 1
    assert "schemas that cannot be checked: 1" in capsys.readouterr().out


def test_recorded_calls_are_read_by_the_dialect_of_tool_calls(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    place_calls(tmp_path, [])
    (tmp_path / "tau_bench" / "airline_tools.json").write_text(json.dumps(OFFERED))
    written = ['{"n": 1}', "{'n': 2}", '{"n": 3', '{"n": "many"}']
    calls = [{"id": "1", "function": {"name": "f", "arguments": text}} for text in written]
    turn = {"role": "assistant", "content": None, "tool_calls": calls}
    traj = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?", "tool_calls": None}, turn]
    write(tmp_path / "tau_bench", "gpt-4o-airline_trajectories.jsonl.gz", [{"traj": traj}])
    assert schemas.main() == 0
    printed = capsys.readouterr().out
    assert "4 calls and 0 tool schemas" in printed
    for words in ("1 x refused: arguments that are no JSON object", "1 x refused: a value of another type"):
        assert words in printed
