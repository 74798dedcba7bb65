"""`python -m benchmarks.floors`, on the GAIA fixture, and what a user sees."""

import sys
from pathlib import Path

import pytest

import forge
from benchmarks import floors, gaia
from forge.models.scripted import ScriptedModel
from forge.session import Action, Call

FIXTURE = Path(__file__).parent / "data"


def test_the_gaia_fixture_has_all_levels_and_whoever_knows_its_answers_is_right():
    tasks = gaia.load(folder=FIXTURE / "gaia" / "2023" / "validation")
    assert len(tasks) == 30
    assert {task.metadata["level"] for task in tasks} == {1, 2, 3}
    assert {Path(task.metadata["file"]).name for task in tasks if "file" in task.metadata} == {
        "garden.csv", "ferry.txt", "loans.csv"
    }  # fmt: skip
    gold = {task.id: task.answer for task in tasks}
    known = ScriptedModel(lambda context: Action(calls=(Call("submit", {"answer": gold[context.task_id]}),)))
    assert forge.evaluate(gaia.agent(known), tasks).score == 1.0


def test_floors_on_the_fixture_end_to_end_and_finished_cells_are_reused(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(FIXTURE))
    assert floors.measured(["gaia"], tmp_path, seeds=1, workers=1) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| gaia")]
    assert [line.split(" | ")[2] for line in lines] == ["base", "forge"]
    assert all(" | 20 | 1 | " in line for line in lines)  # tests, seeds
    cells = {path: path.stat().st_mtime_ns for path in (tmp_path / "gaia" / "cells").iterdir()}
    assert floors.measured(["gaia"], tmp_path, seeds=1, workers=1) == 0
    assert cells == {path: path.stat().st_mtime_ns for path in (tmp_path / "gaia" / "cells").iterdir()}


def test_a_data_set_without_its_files_is_told_and_the_others_go_on(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(floors.FLOORS, "gaia", floors.Floor(train=7))  # settings that no other test has read
    assert floors.measured(["gaia", "gaia"], tmp_path / "runs", seeds=1, workers=1) == 1
    assert capsys.readouterr().out.count("failed:  gaia: gaia/2023/validation: no ") == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["moth"], "no floor is measured on 'moth': one of math, gsm8k"), (["gaia", "--seeds", "0"], "at least 1")],
)
def test_bad_arguments_are_told(arguments, told, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["floors", *arguments])
    with pytest.raises(SystemExit):
        floors.main()
    assert told in capsys.readouterr().err
