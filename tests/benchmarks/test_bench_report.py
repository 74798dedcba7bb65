"""The tables, pictures and page of a bench: numbers worked by hand, and laws."""

import csv
import io
import json
import random
from dataclasses import replace

import pytest
from bench_outcomes import REGIMES, bench, outcome, saved
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bench.interval import compare, total
from benchmarks.bench.outcome import Answered, Cell, Outcome, load
from benchmarks.bench.plots import learning
from benchmarks.bench.report import write
from benchmarks.bench.rows import label, rows
from benchmarks.bench.sweep import sweeps
from functions import ForgeError

CELL = Cell("shop", "ppo", "", 0.3, None, 0)


def played(*answers, cell=CELL, streams=None):
    """Tasks by (score, advice), each a stream of its own, or `streams` of them in one."""
    tasks = tuple(
        Answered(f"t{n}", "" if streams is None else f"s{n // streams}", n % (streams or 1), "kind", score, advice)
        for n, (score, advice) in enumerate(answers)
    )
    return Outcome(cell, "policy", (), tasks, 10, 20, 30, 0.5, 1.0, 2.0, 0.0, ((0.0, 0.1), (10.0, 0.2)), ("a note",))


def test_the_total_score_is_the_score_minus_the_cost_of_each_advice():
    own = played((1.0, 0), (1.0, 1), (0.0, 2), (0.5, 0))
    assert own.total == pytest.approx((1.0 + 0.7 - 0.6 + 0.5) / 4)
    assert (own.accuracy, own.advice_rate, own.score) == (0.5, 0.5, 0.625)


def test_a_row_is_the_mean_of_its_seeds_and_is_paired_with_base_task_by_task():
    base = [played((1.0, 0), (0.0, 0), cell=replace(CELL, regime="base", seed=seed)) for seed in (0, 1)]
    other = [played((1.0, 0), (1.0, 1), cell=replace(CELL, seed=seed)) for seed in (0, 1)]
    first, second = rows([*base, *other])
    assert (first.cell.regime, first.total.mean, first.against) == ("base", 0.5, None)
    assert second.total.mean == pytest.approx(0.85)
    difference = second.against.difference
    assert (difference.mean, difference.above, difference.seeds) == (pytest.approx(0.35), 2, 2)


def test_an_ablation_is_held_against_the_whole_of_its_regime_and_cost():
    whole = played((1.0, 0), (1.0, 0))
    lacking = played((1.0, 0), (0.0, 0), cell=replace(CELL, without="memory"))
    elsewhere = played((0.0, 0), (0.0, 0), cell=replace(CELL, advice_cost=0.5))
    row = next(row for row in rows([whole, lacking, elsewhere]) if row.cell.without)
    assert row.against.label == "ppo"
    assert row.against.difference.mean == pytest.approx(-0.5)


def test_without_a_part_and_with_early_advice_only_the_part_is_credited_with_its_own_loss():
    whole = played((1.0, 0), (1.0, 0))
    early = played((1.0, 0), (0.5, 0), cell=replace(CELL, advice_first=3))
    lacking = played((1.0, 0), (0.0, 0), cell=replace(CELL, advice_first=3, without="memory"))
    found = {row.label: row.against for row in rows([whole, early, lacking])}
    assert found[label(early.cell)].difference.mean == pytest.approx(-0.25)
    assert found[label(lacking.cell)].label == label(early.cell)
    assert found[label(lacking.cell)].difference.mean == pytest.approx(-0.25)


def test_accuracy_when_answering_leaves_out_what_was_asked_about():
    (row,) = rows([played((1.0, 1), (1.0, 1), (1.0, 0), (0.0, 0))])
    (kind,) = row.kinds
    assert (kind.tasks, kind.advice_rate, kind.accuracy_answering) == (4, 0.5, 0.5)
    (row,) = rows([played((1.0, 1), (1.0, 1))])
    assert row.kinds[0].accuracy_answering is None


@pytest.mark.parametrize(
    ("scores", "said"),
    [((0.9, 0.8, 0.7), "falls at every step"), ((0.9, 0.9, 0.7), "never rises"), ((0.7, 0.9, 0.8), "goes both ways")],
)
def test_a_sweep_says_what_its_numbers_do(scores, said):
    cells = []
    for cost, right in zip((0.1, 0.2, 0.3), scores, strict=True):
        answers = [(float(n < 10 * right), 0) for n in range(10)]
        cells.append(played(*answers, cell=replace(CELL, advice_cost=cost)))
    (sweep,) = sweeps(cells, rows(cells))
    assert f"the total score {said}" in sweep.statement
    assert "advice rate stays the same" in sweep.statement


@pytest.mark.parametrize(
    ("asked", "luck"),  # how many of ten tasks, at three costs
    [((1, 6, 1), False), ((1, 2, 0), True)],
)
def test_a_sweep_says_of_a_step_up_whether_it_is_told_apart_from_luck(asked, luck):
    cells = [
        played(*[(1.0, int(n < count)) for n in range(10)], cell=replace(CELL, advice_cost=cost))
        for cost, count in zip((0.1, 0.2, 0.3), asked, strict=True)
    ]
    (sweep,) = sweeps(cells, rows(cells))
    rise = (asked[1] - asked[0]) / 10
    assert f"the advice rate goes both ways ({asked[0] / 10:.3f} at 0.1" in sweep.statement
    assert f"up from 0.1 to 0.2 by {rise:.3f} (" in sweep.statement
    assert ("not told apart from 0" in sweep.statement) == luck


scores = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 2)), min_size=1, max_size=12)


@settings(max_examples=25)
@given(st.lists(scores, min_size=1, max_size=3), st.sampled_from([None, 1, 3]))
def test_an_interval_holds_its_mean_and_a_row_differs_from_itself_by_nothing(seeds, streams):
    found = [played(*answers, cell=replace(CELL, seed=n), streams=streams) for n, answers in enumerate(seeds)]
    estimate = total(found)
    assert estimate.low <= estimate.mean <= estimate.high
    difference = compare(found, found)
    assert (difference.mean, difference.low, difference.high, difference.above) == (0.0, 0.0, 0.0, 0)


@given(scores)
def test_a_cell_is_read_as_it_was_written(answers):
    assert Outcome.from_json(played(*answers).to_json()) == played(*answers)


def test_the_order_of_the_cells_does_not_matter():
    cells = bench(seeds=2)
    mixed = random.Random(0).sample(cells, len(cells))
    assert rows(mixed) == rows(cells)


def test_cells_that_differ_have_files_that_differ():
    cells = {CELL, replace(CELL, seed=1), replace(CELL, without="memory"), replace(CELL, advice_cost=None),
             replace(CELL, advice_first=3), replace(CELL, regime="ppo/../x"), replace(CELL, dataset="a,b")}  # fmt: skip
    names = {cell.name for cell in cells}
    assert len(names) == len(cells)
    assert not any(set(name) & set("/\\ :*?") for name in names)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cell": 3}', '{"other": "file"}'])
def test_a_damaged_or_foreign_cell_is_named(tmp_path, text):
    (tmp_path / "broken.json").write_text(text)
    with pytest.raises(ForgeError, match=r"broken\.json"):
        load(tmp_path)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    hostile = outcome("ppo", 0, dataset="storeqa")
    hostile = replace(hostile, notes=("<script>alert(1)</script>",))
    saved(folder, [hostile, *(outcome(name) for name in ("base", "forge", "oracle")),
                   outcome("ppo", without="memory"), outcome("ppo", cost=0.5)],
          cells=["storeqa,ppo,cost=0.9,seed=0", CELL.name])  # fmt: skip
    write(folder)
    return folder


def test_all_tables_hold_the_same_numbers(written):
    found = rows(load(written / "cells"))
    markdown, page = (written / "results.md").read_text(), (written / "report.html").read_text()
    lines = list(csv.DictReader(io.StringIO((written / "results.csv").read_text())))
    text = (written / "results.json").read_text()
    assert len(lines) == len(found)
    for row in found:
        assert f"{row.total.mean:.3f}" in markdown
        assert f"{row.total.mean:.3f}" in page
        assert str(row.total.mean)[:6] in text
    assert json.loads(text)


def test_the_page_needs_no_network_and_runs_no_script_of_a_note(written):
    page = (written / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert 'src="data:image/png;base64,' in page


def test_what_is_missing_is_told(written):
    assert "cost=0.9" in (written / "report.html").read_text()


def test_pictures_are_drawn_of_what_there_is(written):
    for name in ("curves.png", "asking.png", "costs.png"):
        assert (written / name).read_bytes().startswith(b"\x89PNG")


def test_no_two_lines_of_a_picture_have_one_colour():
    outcomes = [*bench(seeds=1), outcome("forge+ppo", cost=0.5)]
    curves, levels = learning(outcomes, rows(outcomes))
    lines = [*curves, *levels]
    assert {line.regime for line in lines} == set(REGIMES)
    assert len({line.color for line in lines}) == len(lines)
