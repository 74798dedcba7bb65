"""The quickstart as a person meets it, in small: what it shows, goes on with, replaces and leaves alone."""

import json
import shutil

import pytest

from benchmarks.bench.bench import Ended
from benchmarks.bench.outcome import load
from benchmarks.quickstart import REGIMES, Size, quickstart
from functions import ForgeError

SMALL = Size(demonstrations=2, rollouts=60, test_tasks=1)


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """The folder, and what was printed."""
    folder = tmp_path_factory.mktemp("quickstart") / "run"
    capture = pytest.MonkeyPatch()
    lines = []
    capture.setattr("rich.console.Console.print", lambda self, *parts, **how: lines.append(" ".join(map(str, parts))))
    try:
        assert quickstart(folder, 3, size=SMALL) == 0
    finally:
        capture.undo()
    return folder, "\n".join(lines)


def test_it_compares_all_regimes_with_what_can_be_reached_and_says_where_to_look(shown):
    folder, told = shown
    found = {each.cell.regime: each for each in load(folder / "cells")}
    assert set(found) == {*REGIMES, "never asks", "always asks", "oracle"}
    assert found["base"].total == 0 < found["forge"].total < found["oracle"].total
    assert found["forge+ppo"].functions == found["forge"].functions != ()
    for words in ("drawn with seed 3", "curves.png", "report.html", "OPENAI_API_KEY"):
        assert words in told
    assert (folder / "report.html").exists()


def test_what_was_cut_off_is_gone_on_with_under_the_same_seed(shown, capsys):
    folder, _ = shown
    gone = next((folder / "cells").glob("*oracle*"))
    kept = {path: path.stat().st_mtime_ns for path in (folder / "cells").iterdir() if path != gone}
    gone.unlink()
    assert quickstart(folder, size=SMALL) == 0
    assert "going on with seed 3" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert gone.exists()


@pytest.mark.parametrize("other", [{"seed": 4}, {"size": Size(demonstrations=3)}])
def test_what_was_cut_off_is_replaced_by_another_quickstart_which_tells_so(shown, tmp_path, monkeypatch, capsys, other):
    folder = shutil.copytree(shown[0], tmp_path / "run")
    next((folder / "cells").glob("*oracle*")).unlink()
    about = json.loads((folder / "bench.json").read_text())
    (folder / "bench.json").write_text(json.dumps({**about, "commands": ["forge quickstart"]}))
    asked = []

    def run_bench(setup, wanted, folder, *, overwrite, usd):
        asked.append(overwrite)
        return Ended(None, {}, False)

    monkeypatch.setattr("benchmarks.quickstart.run_bench", run_bench)
    assert quickstart(folder, **{"size": SMALL, **other}) == 0
    assert asked == [True]
    told = " ".join(capsys.readouterr().out.split())
    assert "The quickstart of seed 3 that was cut off" in told
    assert "drawn with seed" in told


def test_a_policy_that_is_not_there_replaces_nothing(shown, tmp_path):
    folder = shutil.copytree(shown[0], tmp_path / "run")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(ForgeError, match="nowhere"):
        quickstart(folder, policy=str(tmp_path / "nowhere"), size=SMALL)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("contents", ["{", json.dumps({"settings": {}, "commands": ["forge bench storeqa"]})])
def test_a_bench_that_is_no_quickstart_is_left_alone_and_the_way_out_is_one_that_a_quickstart_has(contents, tmp_path):
    (tmp_path / "bench.json").write_text(contents)
    with pytest.raises(ForgeError, match=r"no quickstart has made: give another folder with --run$"):
        quickstart(tmp_path, 4, size=SMALL)
    assert (tmp_path / "bench.json").read_text() == contents


def test_a_model_of_ones_own_is_named_in_all_that_is_told_and_held_to_its_limit(shown, tmp_path, monkeypatch, capsys):
    shutil.copytree(shown[0] / "cells", tmp_path / "cells")
    asked = []

    def run_bench(setup, wanted, folder, *, overwrite, usd):
        asked.append((setup.api_base, usd))
        return Ended(folder / "report.html", {}, False)

    monkeypatch.setattr("benchmarks.quickstart.run_bench", run_bench)
    model = {"model": "openai/mine", "api_base": "http://127.0.0.1:1/v1", "usd": 2.0}
    assert quickstart(tmp_path, 3, size=SMALL, **model) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert asked == [("http://127.0.0.1:1/v1", 2.0)]
    assert "First openai/mine forges" in told
    assert "router" not in told
    assert "All of it runs here" not in told
