"""A data set of one's own, from a file or from Hugging Face: two lines, one to read it and one to train on it."""

import gzip
import json

import pytest
from typer.testing import CliRunner

import forge
from benchmarks.options import benchmark_of
from forge.cli import app
from forge.metrics import numeric
from functions.errors import ForgeError


@pytest.fixture
def path(tmp_path):
    rows = [{"problem": f"What is {n} plus {n + 3}?", "solution": str(2 * n + 3), "source": "own"} for n in range(12)]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return tmp_path / "own.jsonl"


COLUMNS = {"question": "problem", "answer": "solution"}


def test_two_lines_train_on_a_json_lines_file(path):
    dataset = forge.Dataset.from_jsonl(path, metric=numeric(), columns=COLUMNS)
    result = forge.train(forge.Agent("router"), dataset, release=None)
    assert (result.baseline, result.score) == (0.0, 1.0)
    assert dataset[0].metadata == {"source": "own"}


def test_a_line_of_json_may_hold_every_sign_that_unicode_calls_the_end_of_a_line(tmp_path):
    texts = [f"a{sign}b" for sign in "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"]
    lines = [json.dumps({"question": text, "answer": text}, ensure_ascii=False) for text in texts]
    for end in ("\n", "\r\n"):
        (tmp_path / "own.jsonl").write_bytes(end.join(lines).encode())
        assert [task.answer for task in forge.Dataset.from_jsonl(tmp_path / "own.jsonl")] == texts


def test_two_lines_train_on_a_hugging_face_data_set(path, tmp_path):
    pytest.importorskip("datasets")
    dataset = forge.Dataset.from_hub("json", data_files=str(path), cache_dir=str(tmp_path / "hub"), metric=numeric(),
                                     columns=COLUMNS)  # fmt: skip
    result = forge.train(forge.Agent("router"), dataset, release=None)
    assert (result.baseline, result.score) == (0.0, 1.0)


OTHERS = ("--columns", "question=problem, answer=solution", "--metric", "numeric")


@pytest.mark.parametrize("ending", [".jsonl", ".jsonl.gz"])
def test_columns_of_a_file_and_gzip_on_the_command_line(path, tmp_path, ending):
    own = tmp_path / f"mine{ending}"
    own.write_bytes(gzip.compress(path.read_bytes()) if ending.endswith(".gz") else path.read_bytes())
    assert forge.Dataset.from_jsonl(own, columns=COLUMNS).name == "mine"
    for command in ("train", "eval"):
        ended = CliRunner().invoke(app, [command, "--data", str(own), "--test", str(own), *OTHERS])
        assert ended.exit_code == 0, ended.output
        assert "12 tasks of mine" in ended.stdout


def test_a_gzipped_table_is_read_and_what_is_no_gzip_is_told(tmp_path):
    (tmp_path / "own.csv.gz").write_bytes(gzip.compress(b"question,answer\nWhat?,this\n"))
    assert forge.Dataset.from_csv(tmp_path / "own.csv.gz")[0].answer == "this"
    packed = gzip.compress(b'{"question": "q", "answer": 1}')
    for content in (b'{"question": "q", "answer": 1}', packed[:-9], packed[:12] + b"\xff" * 9 + packed[21:]):
        (tmp_path / "own.jsonl.gz").write_bytes(content)
        with pytest.raises(ForgeError, match=r"own.jsonl.gz ends in .gz and cannot be unpacked"):
            forge.Dataset.from_jsonl(tmp_path / "own.jsonl.gz")


@pytest.mark.parametrize(
    ("data", "columns", "message"),
    [
        ("own.jsonl", "question", "--columns question: pairs with commas between"),
        ("own.jsonl", "question=,answer=solution", "pairs with commas between"),
        ("own.jsonl", "prompt=problem", r"columns names \['prompt'\]"),
        ("own.jsonl", "question=nowhere", "row 0 has no column 'nowhere'"),
        ("svamp", "question=problem", "--columns question=problem does not apply to --data svamp"),
    ],
)
def test_columns_that_say_nothing_are_refused(path, monkeypatch, data, columns, message):
    monkeypatch.chdir(path.parent)
    with pytest.raises(ForgeError, match=message):
        CliRunner().invoke(app, ["eval", "--data", data, "--columns", columns], catch_exceptions=False)


@pytest.mark.parametrize(
    "options", [("--test", "held.jsonl"), ("--metric", "numeric"), ("--test", "held.jsonl", "--metric", "exact")]
)
def test_what_is_said_of_a_file_is_refused_for_a_known_data_set(options):
    with pytest.raises(ForgeError, match=f"{options[0]} {options[1]} does not apply to --data svamp"):
        CliRunner().invoke(app, ["eval", "--data", "svamp", *options], catch_exceptions=False)


def test_a_data_set_that_hugging_face_cannot_give_is_told_with_the_way_out(path, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    given = {"data_files": str(path), "cache_dir": str(tmp_path / "hub")}
    with pytest.raises(ForgeError, match=r"split='test'\): Unknown split .*\['train'\]: give another split="):
        forge.Dataset.from_hub("json", split="test", **given)
    with pytest.raises(ForgeError, match=r"none'.*: Couldn't find .*: look the name up on the hub"):
        forge.Dataset.from_hub(str(tmp_path / "none"))
    with pytest.raises(ForgeError, match=r"'owner/name'.*reach.*: without a network, give a local folder"):
        forge.Dataset.from_hub("owner/name", cache_dir=str(tmp_path / "hub"))
    path.write_text("{oops")
    with pytest.raises(ForgeError, match="mend its files"):
        forge.Dataset.from_hub("json", **given)


def test_a_column_that_is_named_twice_is_refused(tmp_path):
    with pytest.raises(ForgeError, match="each name once"):
        benchmark_of(str(tmp_path / "own.jsonl"), None, "exact", 0, columns="question=a,question=b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "question,answer\nIn May, how many?,5\n",
            "own.csv: line 2 has 3 cells, and the header names 2 columns: quote",
        ),
        ('question,answer\n"a\nb",1\nc,d,e,f\n', "line 4 has 4 cells"),
        ("question,answer,question\na,1,b\n", "own.csv: the header names 'question' twice"),
        ("question,answer\nq," + "x" * 200_000 + "\n", "own.csv: after line 1 it is no CSV .*field larger"),
        ("question,answer\nWhat?,\n", r"row 0 \('What\?'\) has no answer"),
        ("question,answer\nWhat?\n", r"row 0 \('What\?'\) has no answer"),
    ],
)
def test_a_table_whose_cells_are_not_those_of_its_header_is_refused(tmp_path, text, message):
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(ForgeError, match=message):
        forge.Dataset.from_csv(tmp_path / "own.csv")


def test_empty_cells_of_a_spreadsheet_do_no_harm(tmp_path):
    (tmp_path / "own.csv").write_text("question,answer,,\nq,1,,,,\nr,2\n")
    assert [(task.question, task.answer) for task in forge.Dataset.from_csv(tmp_path / "own.csv")] == [
        ("q", "1"), ("r", "2")]  # fmt: skip


def test_a_cell_may_hold_every_sign_that_unicode_calls_the_end_of_a_line(tmp_path):
    texts = [f"a{sign}b" for sign in "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"]
    for end in ("\n", "\r\n", "\r"):
        rows = end.join(["question,answer", *(f"{text},{text}" for text in texts), ""])
        (tmp_path / "own.csv").write_bytes(rows.encode())
        assert [(task.question, task.answer) for task in forge.Dataset.from_csv(tmp_path / "own.csv")] == [
            (text, text) for text in texts]  # fmt: skip


@pytest.mark.parametrize("value", ["[" * 100_000, "9" * 5000])
def test_json_that_python_does_not_take_is_told_by_its_line(tmp_path, value):
    (tmp_path / "own.jsonl").write_text('{"question": "q", "answer": 1}\n{"question": "q", "answer": ' + value + "}\n")
    with pytest.raises(ForgeError, match=r"own.jsonl: line 2 is not JSON"):
        forge.Dataset.from_jsonl(tmp_path / "own.jsonl")


def test_a_stream_may_be_called_0(tmp_path):
    (tmp_path / "own.jsonl").write_text("".join(f'{{"question": "q{n}", "answer": 1, "stream": {n // 2}}}\n'
                                                for n in range(4)))  # fmt: skip
    assert [len(tasks) for tasks in forge.Dataset.from_jsonl(tmp_path / "own.jsonl").streams().values()] == [2, 2]
