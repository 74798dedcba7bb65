"""The data sets by name: each tells what is missing, needs no more than what is asked of it, and has its figures."""

import json
import re

import pytest

from benchmarks import agile_tables, catalog, data, gaia, math_competition
from benchmarks.data import DataFile
from benchmarks.options import benchmark_of
from functions.errors import ForgeError

MADE = {"storeqa", "word-problems"}  # generated here; nothing of theirs is published


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No FORGE_DATA, an empty cache, and a source that does not answer."""
    monkeypatch.delenv("FORGE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(data, "_HOST", "http://127.0.0.1:1")
    return tmp_path / "cache"


def test_a_name_that_is_none_is_told_with_those_that_are():
    with pytest.raises(
        ForgeError, match=r"no data set is called 'gsm8kk': one of gaia, .*, gsm8k, .*, or a .jsonl or .csv"
    ):
        catalog.load("gsm8kk")


@pytest.mark.parametrize("name", catalog.names())
def test_without_files_and_without_a_network_every_data_set_says_what_to_put_where(name, nowhere):
    found = catalog.load(name)
    if name in MADE:
        assert len(found.loaded().train) > len(found.test) > 0
        return
    for part in ("train", "test"):
        with pytest.raises(ForgeError, match=f"{nowhere}.*put (it there|the file there: {nowhere})"):
            getattr(found, part)


@pytest.mark.parametrize("name", [name for name in catalog.names() if name not in MADE])
def test_every_data_set_of_others_has_published_figures_and_an_agent(name, monkeypatch):
    found = catalog.load(name)
    assert found.published
    assert all(0 <= figures.score <= 1 for figures in found.published.values())
    if not name.startswith("tau-"):  # whose agent is live
        assert found.agent("router").instructions


SETS = {  # of figures, by where they stand
    **{name: catalog.load(name).published for name in catalog.names()},
    **{f"math, {type}": figures for type, figures in math_competition.PUBLISHED_BY_TYPE.items()},
    **{f"gaia, level {level}": figures for level, figures in gaia.PUBLISHED_BY_LEVEL.items()},
    "agile_tables, without a part": agile_tables.ABLATED,
    "agile_tables, early advice": {"": agile_tables.EARLY},
    "agile_tables, costs": agile_tables.SWEEP,
}


@pytest.mark.parametrize("place", SETS)
def test_every_published_figure_names_a_paper_or_a_repository(place):
    for name, figures in SETS[place].items():
        assert re.search(r"arXiv \d{4}\.\d{5}|^[\w.-]+/[\w.-]+, \w|^MIRAGE", figures.source), (name, figures)


def test_the_figures_of_a_level_of_gaia_do_not_stand_beside_a_score_of_all_levels():
    assert not any("level" in name for name in catalog.load("gaia").published)
    scores = [row.score for figures in gaia.PUBLISHED_BY_LEVEL.values() for row in figures.values()]
    assert (list(gaia.PUBLISHED_BY_LEVEL), scores) == ([1, 2, 3], [0.303, 0.097, 0.0])


def test_an_evaluation_needs_no_training_tasks_and_a_training_needs_both(nowhere):
    (nowhere / "forge" / "svamp").mkdir(parents=True)
    row = {"Body": "Ann has 3 pens.", "Question": "How many?", "Answer": 3, "Type": "Sum"}
    (nowhere / "forge" / "svamp" / "SVAMP.json").write_text(json.dumps([row]))
    assert len(benchmark_of("svamp", None, "exact", 0, trained=False).test) == 1
    with pytest.raises(ForgeError, match=r"mawps: fold0_train.csv"):
        benchmark_of("svamp", None, "exact", 0)


def test_every_file_that_can_be_downloaded_is_pinned_by_commit_and_content():
    from benchmarks import gsm8k, hotpotqa, math_competition, mawps, mirage, productqa, svamp, tabmwp, tau_bench_files

    listed = [*gsm8k._FILES.values(), *mawps._FILES.values(), svamp._FILE, mirage.BENCHMARK,
              tau_bench_files._TRAJECTORIES, *tau_bench_files._tool_files("retail")]  # fmt: skip
    for module in (hotpotqa, math_competition, tabmwp):
        listed += [file for files in module._FILES.values() for file in files]
    for part, pins in (("train", productqa.TRAIN), ("test", productqa.TEST)):
        for group, blobs in pins.items():
            listed += [DataFile("productqa", name, productqa.SOURCE, f"{part}/{group}/{name}", blob)
                       for name, blob in zip(productqa.FILES, blobs, strict=True)]  # fmt: skip
    pinned = [file for file in listed if file.source is not None]
    assert len(pinned) > 100
    for file in pinned:
        assert len(bytes.fromhex(file.source.commit)) == len(bytes.fromhex(file.blob)) == 20, file
        assert file.source.commit in file.url
        assert file.source.licence
        assert file.path
    assert len({file.url for file in pinned}) == len(pinned)
