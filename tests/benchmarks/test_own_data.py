"""A data set of one's own, from a file or from Hugging Face: two lines, one to read it and one to train on it."""

import json

import pytest

import forge
from forge.metrics import numeric


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
