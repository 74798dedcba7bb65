"""The MAWPS loader, on a few rows in its format; on the real files where $FORGE_DATA names them."""

import gzip
import os
from pathlib import Path

import pytest

from benchmarks import mawps
from forge.session import Session
from functions.errors import ForgeError

SAMPLE = (Path(__file__).parent / "data" / "mawps_sample.csv").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    for name in ("fold0_train.csv.gz", "fold0_dev.csv.gz"):
        (tmp_path / name).write_bytes(gzip.compress(SAMPLE.encode()))
    return tmp_path


def test_numbers_stand_in_the_text_as_people_write_them(folder):
    questions = [task.question for task in mawps.load("train", folder)]
    assert questions[0] == "Olga has 12 plums and eats 4 of them . How many plums are left ?"
    assert questions[1] == "A ribbon of 7.5 metres is cut into 3 equal parts . How long is one part ?"
    assert all("number" not in question for question in questions)


def test_answers_are_numbers_and_scored_to_four_digits(folder):
    dataset = mawps.load("test", folder)
    task = dataset[1]
    assert task.answer == 2.5
    verdicts = [
        dataset.metric(task, Session(task.id, task.question, answer=answer)) for answer in (2.5, "2.50", 2.51, None)
    ]
    assert [float(verdict) for verdict in verdicts] == [1.0, 1.0, 0.0, 0.0]


def test_a_task_holds_nothing_but_question_and_answer(folder):
    for task in mawps.load("train", folder):
        assert not task.metadata
    assert {task.id for task in mawps.load("train", folder)}.isdisjoint(t.id for t in mawps.load("test", folder))


def test_what_is_no_data_is_refused_with_the_row(folder):
    with pytest.raises(ForgeError, match="has no split 'dev'"):
        mawps.load("dev", folder)
    with pytest.raises(ForgeError, match=r"no fold0_train\.csv"):
        mawps.load("train", folder / "elsewhere")
    (folder / "fold0_train.csv.gz").write_bytes(b"no gzip")
    with pytest.raises(ForgeError, match="cannot read"):
        mawps.load("train", folder)
    bad = SAMPLE.splitlines()[0] + '\n"number3 plums",4.0,x,1.0,,,\n'
    (folder / "fold0_train.csv.gz").write_bytes(gzip.compress(bad.encode()))
    with pytest.raises(ForgeError, match="mawps-train-0 is no MAWPS row"):
        mawps.load("train", folder)


def test_the_agent_starts_without_functions():
    agent = mawps.agent()
    assert (agent.model.name, len(agent.library)) == ("router", 0)


def test_the_real_files_have_their_known_sizes_where_they_are_at_hand(folder):
    real = Path(os.environ.get("FORGE_DATA", "nowhere")) / "mawps"
    sizes = (1537, 384) if real.is_dir() else (4, 4)
    source = real if real.is_dir() else folder
    assert tuple(len(mawps.load(split, source)) for split in ("train", "test")) == sizes
