"""The tables, pictures and page of a bench: numbers worked by hand, and laws."""

import csv
import io
import json
import random
import shutil
from dataclasses import replace
from itertools import pairwise

import pytest
from bench_outcomes import REGIMES, bench, outcome, saved
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.bench.curves import curves, mean_curve
from benchmarks.bench.headline import headline
from benchmarks.bench.interval import compare, estimate, student, total
from benchmarks.bench.outcome import Answered, Cell, Outcome, load
from benchmarks.bench.plots import Line, styles_of
from benchmarks.bench.report import write
from benchmarks.bench.rows import label, main, rows
from benchmarks.bench.stream import asking
from benchmarks.bench.sweep import sweeps
from benchmarks.bench.table import tables
from functions import ForgeError

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
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


def test_the_whole_of_an_ablation_is_called_so_though_it_is_above_base():
    cells = [played(*[(right, 0)] * 20, cell=replace(CELL, regime=regime, without=without))
             for regime, without, right in (("base", "", 0.0), ("ppo", "", 1.0), ("ppo", "memory", 0.5))]  # fmt: skip
    table = next(table for table in tables(cells, rows(cells)) if table.title == "Ablations")
    above, told = table.head.index("above in#"), table.head.index("told apart")
    assert [(line[0], line[above], line[told]) for line in table.lines] == [
        ("ppo", "–", "the whole"), ("ppo without memory", "0 of 1", "lower")
    ]  # fmt: skip
    assert table.notes == ("Where there is one seed, the interval leaves out the luck of training.",)


def test_who_asks_in_the_first_sessions_only_is_held_against_who_decides_when_to_ask():
    whole = played((1.0, 0), (1.0, 0))
    early = played((1.0, 0), (0.5, 0), cell=replace(CELL, advice_first=3))
    found = {row.label: row.against for row in rows([whole, early])}
    assert found[label(early.cell)].label == label(whole.cell)
    assert found[label(early.cell)].difference.mean == pytest.approx(-0.25)


def test_accuracy_when_answering_leaves_out_what_was_asked_about():
    (row,) = rows([played((1.0, 1), (1.0, 1), (1.0, 0), (0.0, 0))])
    (kind,) = row.kinds
    assert (kind.tasks, kind.advice_rate, kind.accuracy_answering) == (4, 0.5, 0.5)
    (row,) = rows([played((1.0, 1), (1.0, 1))])
    assert row.kinds[0].accuracy_answering is None


@pytest.mark.parametrize(("kinds", "shown"), [(1, False), (2, True), (12, True), (13, False)])
def test_kinds_of_tasks_are_columns_where_they_are_few(kinds, shown):
    tasks = tuple(Answered(str(n), "", 0, f"kind {n}", 1.0, 0) for n in range(kinds))
    cells = [replace(played((1.0, 0)), tasks=tasks)]
    assert any("by kind of task" in table.title for table in tables(cells, rows(cells))) is shown


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


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_sweep_whose_costs_do_not_have_the_same_seeds_says_so(seeds):
    cells = [played((1.0, 0), (0.0, 0), cell=replace(CELL, advice_cost=0.1, seed=seed)) for seed in (0, 1)]
    cells += [played((0.0, 0), (0.0, 0), cell=replace(CELL, advice_cost=0.2, seed=seed)) for seed in seeds]
    (sweep,) = sweeps(cells, rows(cells))
    assert ("the costs do not have the same seeds" in sweep.statement) is (len(seeds) == 1)


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
    assert (difference.mean, difference.above, difference.told_apart) == (0.0, 0, False)


@pytest.mark.parametrize(
    ("seeds", "streams", "of_seeds", "of_streams"),  # how many, and the standard deviations of their luck
    [(5, 40, 0.05, 0.0), (3, 40, 0.05, 0.0), (2, 40, 0.05, 0.0), (5, 6, 0.0, 0.1), (5, 6, 0.05, 0.1), (1, 20, 0.0, 0.1),
     (5, 1, 0.05, 0.0)],
)  # fmt: skip
def test_an_interval_holds_the_true_mean_about_as_often_as_it_says(seeds, streams, of_seeds, of_streams):
    draw = random.Random(0)

    def held():
        shifts = [draw.gauss(0, of_streams) for _ in range(streams)]
        lucks = [draw.gauss(0, of_seeds) for _ in range(seeds)]
        values = {
            seed: {(f"s{stream:02}", ""): [luck + shift + draw.gauss(0, 0.1) for _ in range(4)]
                   for stream, shift in enumerate(shifts)}
            for seed, luck in enumerate(lucks)
        }  # fmt: skip
        found = estimate(values, (-1.0, 1.0))
        return found.low <= 0 <= found.high

    assert sum(held() for _ in range(400)) >= 0.92 * 400


def test_seeds_that_differ_widen_an_interval_where_each_seed_is_sure():
    found = total([played(*[(right, 0)] * 50, cell=replace(CELL, seed=seed))
                   for seed, right in enumerate((0.5, 0.6))])  # fmt: skip
    assert found.mean == pytest.approx(0.55)
    assert found.low == 0  # t of one degree of freedom, 12.706, times half of 0.1 is 0.635, but nothing is below 0
    assert found.high == 1
    found = total([played(*[(right, 0)] * 50, cell=replace(CELL, seed=seed))
                   for seed, right in enumerate((0.5, 0.6, 0.5, 0.6))])  # fmt: skip
    assert found.high - found.mean == pytest.approx(3.182 * 0.0577350 / 2, abs=1e-4)


@pytest.mark.parametrize(("right", "tasks"), [(0.0, 1), (1.0, 1), (0.0, 40), (1.0, 40)])
def test_outcomes_that_are_all_equal_have_wilsons_bound(right, tasks):
    found = total([played(*[(right, 0)] * tasks)])
    share = 1.959964**2 / (tasks + 1.959964**2)  # one of one: 0.207 to 1
    assert (found.low, found.high) == pytest.approx((1 - share, 1.0) if right else (0.0, share))


def test_where_nobody_asked_the_least_total_score_has_no_sign():
    (row,) = rows([played((0.0, 0), (0.0, 0), (1.0, 0))])
    assert f"{row.total.low:.3f}" == "0.000"


def test_one_task_tells_nothing_apart():
    better = compare([played((1.0, 0))], [played((0.0, 0))])
    assert (better.mean, better.above) == (1.0, 1)
    assert not better.told_apart


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.7062), (2, 4.3027), (4, 2.7764), (39, 2.0227)])
def test_students_quantiles_are_those_of_the_tables(freedom, quantile):
    assert student(freedom) == pytest.approx(quantile, abs=1e-3)


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


def test_costs_have_a_table_of_their_own_and_stay_in_the_files_for_programs(written):
    markdown = (written / "results.md").read_text()
    regimes, costs = (markdown.split(f"## {title}\n")[1].split("\n## ")[0] for title in ("Regimes", "What it cost"))
    for name in ("rollouts", "tokens", "CPU seconds"):
        assert f"| {name} |" in costs
        assert f"| {name} |" not in regimes
    header = (written / "results.csv").read_text().splitlines()[0].split(",")
    assert {"total", "rollouts", "tokens", "usd", "cpu_seconds"} <= {*header}


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: .ci/run installs it, or apt install chromium")
def test_no_table_of_the_page_is_cut_on_a_wide_screen(tmp_path):
    from playwright.sync_api import sync_playwright

    path = write(saved(tmp_path, bench(seeds=2)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1300, "height": 900})
        tab.goto(path.as_uri())
        wide = "[...document.querySelectorAll('.scroll')].map(box => box.scrollWidth - box.clientWidth)"
        cut = tab.evaluate(f"document.querySelectorAll('details').forEach(each => each.open = true) ?? {wide}")
        browser.close()
    assert len(cut) > 8
    assert max(cut) <= 0


def said_of(**totals):
    """The headline of one cell a regime, of ten tasks each."""
    cells = [played(*[(float(n < right), 0) for n in range(10)], cell=replace(CELL, regime=name.replace("_", " ")))
             for name, right in totals.items()]  # fmt: skip
    return " ".join(headline(cells, rows(cells)))


def test_the_headline_ranks_regimes_and_nothing_that_they_are_held_against():
    said = said_of(base=0, forge=4, ppo=7, never_asks=5, always_asks=9, oracle=10)
    assert said.startswith("ppo has the highest total score of 3 regimes: 0.700 (95% interval ")
    assert "forge has 0.400; the difference is +0.300" in said
    assert said.endswith("never asks 0.500, always asks 0.900 (higher than any regime), oracle 1.000.")


def test_the_headline_tells_a_tie_as_a_tie():
    assert said_of(base=0, forge=0).startswith("base and forge have the same total score: 0.000 (")
    said = said_of(base=0, forge=6, sft=2, ppo=6)
    assert said.startswith("forge and ppo have the same total score, the highest of 4 regimes: 0.600 (")
    assert "sft has 0.200;" in said
    assert "base has 0.000;" in said


def test_the_headline_counts_one_task_as_one():
    cell = played((1.0, 0))
    assert "on 1 test task, advice at 0.3, one seed." in headline([cell], rows([cell]))[0]


def test_why_forging_gave_nothing_is_told_once_in_the_markdown_too(tmp_path):
    why = "shop,forge,seed={} shipped start: too few tasks to certify anything"
    cells = [played((0.0, 0), cell=replace(CELL, regime=regime, seed=seed)) for regime in ("forge", "ppo")
             for seed in (0, 1)]  # fmt: skip
    cells = [replace(cell, notes=(why.format(cell.cell.seed),)) for cell in cells]
    write(saved(tmp_path, [*cells, replace(played((0.0, 0)), cell=replace(CELL, regime="sft"))]))
    markdown = (tmp_path / "results.md").read_text()
    assert "- shipped start: too few tasks to certify anything (forge: seeds 0, 1)\n- a note (sft: seed 0)" in markdown
    assert markdown.count("too few tasks") == 1


def costly(regime, seconds, **more):
    return replace(played((0.0, 0), cell=replace(CELL, regime=regime, **more)), seconds=seconds, cpu_seconds=0.0)


def test_a_training_that_several_cells_build_on_is_counted_once(tmp_path):
    cells = [costly("sft", 100.0), costly("ppo", 130.0), costly("ppo", 140.0, advice_cost=0.5),
             costly("never asks", 100.0), costly("oracle", 0.0)]  # fmt: skip
    write(saved(tmp_path, cells))
    assert (
        "| training in all | 170 s, 0 CPU seconds, 0 GPU seconds, in 3 trainings |"
        in (tmp_path / "results.md").read_text()
    )


def test_nothing_is_said_of_all_trainings_where_some_cannot_be_told_from_others(tmp_path):
    cells = [costly("ppo", 130.0), costly("ppo", 140.0, advice_cost=0.5)]  # both hold an imitation of unknown cost
    write(saved(tmp_path, cells))
    assert "training in all" not in (tmp_path / "results.md").read_text()
    for name, seconds in (("shop,sft,seed=0", 100), ("shop,ppo,cost=0.3,seed=0", 31), ("shop,ppo,cost=0.5,seed=0", 40)):
        (tmp_path / "trainings" / name).mkdir(parents=True)
        spent = json.dumps({"seconds": seconds, "curve": [], "notes": []})
        (tmp_path / "trainings" / name / "training.json").write_text(spent)
    write(tmp_path)
    assert "| training in all | 171 s," in (tmp_path / "results.md").read_text()


def test_what_is_missing_is_told(written):
    assert "cost=0.9" in (written / "report.html").read_text()
    assert "## 2 planned cells are missing\n" in (written / "results.md").read_text()


def test_one_cell_that_is_missing_is_one(tmp_path):
    write(saved(tmp_path, [played((1.0, 0))], cells=["other"]))
    assert "## 1 planned cell is missing\n" in (tmp_path / "results.md").read_text()
    assert "<strong>1 planned cell is missing</strong>" in (tmp_path / "report.html").read_text()


def test_pictures_are_drawn_of_what_there_is(written):
    for name in ("curves.png", "asking.png", "costs.png"):
        assert (written / name).read_bytes().startswith(b"\x89PNG")


def test_no_two_lines_of_a_picture_have_one_colour():
    found = rows([*bench(seeds=1), outcome("forge+ppo", cost=0.5)])
    lines = [Line(row.label, row.cell.regime, styles_of(found)[row.cell.regime], ()) for row in main(found)]
    assert {line.regime for line in lines} == set(REGIMES)
    assert len({line.color for line in lines}) == len(lines)


def learned(regime, curve, seed=0, **more):
    return replace(played((1.0, 0), (0.0, 0), cell=replace(CELL, regime=regime, seed=seed)), curve=curve, **more)


def test_seeds_that_begin_apart_have_one_smooth_mean_curve():
    looks = [[(begin + 100.0 * n, 0.1 * n) for n in range(5)] for begin in (10.0, 0.0, 20.0)]
    mean = mean_curve(looks)
    assert mean[0] == pytest.approx((20.0, (0.01 + 0.02 + 0.0) / 3))
    assert mean[-1] == pytest.approx((420.0, 0.4))  # who ended before stays there
    assert len({round(right - left, 6) for (left, _), (right, _) in pairwise(mean)}) == 1
    heights = [height for _, height in mean]
    assert heights == sorted(heights)


def test_a_mean_curve_of_seeds_that_were_measured_together_goes_through_their_means():
    first, second = ([(3000.0 * n, height + n / 10) for n in range(6)] for height in (0.1, 0.3))
    mean = {round(x): height for x, height in mean_curve([first, second])}
    assert [mean[3000 * n] for n in range(6)] == pytest.approx([0.2 + n / 10 for n in range(6)])


def test_a_curve_is_what_was_measured_and_says_where_the_training_ended_and_what_it_goes_on_from():
    cells = [learned("base", (), rollouts=0), learned("forge", ((0.0, 0.0), (90.0, 0.2)), rollouts=100),
             learned("ppo", ((0.0, 0.3), (50.0, 0.4)), rollouts=50), learned("oracle", (), rollouts=0),
             learned("forge+ppo", ((100.0, 0.5), (150.0, 0.6)), rollouts=150),
             learned("ppo+forge", (), rollouts=80)]  # fmt: skip
    found = {curve.label: curve for curve in curves(cells, rows(cells))}
    assert {name: curve.after for name, curve in found.items()} == {
        "base": "", "forge": "", "ppo": "", "oracle": "", "forge+ppo": "forge", "ppo+forge": "ppo"}  # fmt: skip
    assert [name for name, curve in found.items() if curve.mean] == ["forge", "ppo", "forge+ppo"]
    assert found["forge+ppo"].seeds == {0: ((100.0, 0.5), (150.0, 0.6))}
    assert {name: curve.end for name, curve in found.items()} == {
        cell.cell.regime: (cell.rollouts, 0.5) for cell in cells
    }


def streamed(*streams, seed=0):
    """A cell whose streams have so many tasks each; 1 where advice was sought."""
    tasks = tuple(Answered(f"{name} {place}", f"s{name}", place, "kind", 1.0, advice)
                  for name, stream in enumerate(streams) for place, advice in enumerate(stream))  # fmt: skip
    return replace(played((1.0, 0), cell=replace(CELL, seed=seed)), tasks=tasks)


def test_asking_is_told_by_fifths_and_halves_of_each_stream():
    cells = [streamed((1, 1, 1, 0, 1, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0)), streamed((1,) * 4 + (0,) * 6, (0,) * 5, seed=1)]
    (found,) = asking(cells, rows(cells))
    assert found.fifths == pytest.approx(((1 + 2 / 3) / 2, (1 / 3 + 2 / 3) / 2, (1 / 3) / 2, 0, 0))
    # the halves of five are its first three and its last two; each stream of a seed counts once
    assert found.fall.mean == pytest.approx(((0.8 + 1 / 3) / 2 + (0.8 + 0) / 2) / 2)
    assert (found.fall.above, found.fall.seeds) == (2, 2)
    assert "the advice rate falls by" in found.statement
    assert "which is not told apart from 0; it falls in 2 of 2 seeds" in found.statement


@pytest.mark.parametrize(("stream", "course"), [((1, 1, 1, 0, 0, 0), "falls by 1.000"), ((0, 0, 0, 1, 1, 1), "rises"),
                                                ((1, 0, 0, 0, 0, 1), "stays the same")])  # fmt: skip
def test_what_asking_does_along_streams_is_told_apart_from_luck_where_it_is_none(stream, course):
    cells = [streamed(*[stream] * 40, seed=seed) for seed in range(3)]
    (found,) = asking(cells, rows(cells))
    assert f"the advice rate {course}" in found.statement
    assert found.fall.told_apart == (course != "stays the same")


def test_streams_too_short_for_fifths_have_no_table():
    cells = [streamed((1, 0, 0, 0))]
    assert asking(cells, rows(cells)) == ()


def test_the_points_of_the_pictures_are_in_the_json(written):
    found = json.loads((written / "results.json").read_text())
    ppo = next(curve for curve in found["curves"] if curve["label"] == "ppo")
    cell = next(cell for cell in load(written / "cells") if cell.cell.regime == "ppo" and not cell.cell.without)
    assert ppo["seeds"]["0"] == [list(point) for point in cell.curve]
    (along,) = [asked for asked in found["advice_along_the_stream"] if asked["label"] == "ppo"]
    assert along["statement"] in (written / "results.md").read_text()
    assert [len(point) for point in along["mean"]] == [2] * 12


def test_a_picture_of_an_earlier_bench_in_the_folder_does_not_stay(tmp_path):
    folder = saved(tmp_path, [outcome("base", 0)])
    (folder / "costs.png").write_bytes(b"of another bench")
    write(folder)
    assert not (folder / "costs.png").exists()


def test_streams_whose_means_happen_to_agree_do_not_make_an_interval_of_no_width():
    two = {0: {("", "a"): [1.0, 0, 0, 0, 0], ("", "b"): [0.0, 1, 0, 0, 0]}}
    found = estimate(two, (0.0, 1.0))
    assert found.low == 0 < found.mean < 0.5 < found.high
    alike = {seed: two[0] for seed in (0, 1)}
    assert estimate(alike, (0.0, 1.0)).high > 0.5
