"""A paper's table beside ours: the paper's figures hold together, ours come from the cells."""

import json
import sys
from dataclasses import replace

import pytest

from benchmarks import math_competition as math
from benchmarks import reproduce
from benchmarks.agile_tables import ABLATED, COSTS, EARLY, LACKING, MAIN, SWEEP, agile
from benchmarks.bench.outcome import Answered, Cell, Outcome
from functions import ForgeError


def outcome(regime, right, asked, *, without="", cost=0.3, first=None, seed=0, dataset="storeqa"):
    """Of ten tasks, so many are right and so many asked about."""
    tasks = tuple(Answered(str(n), "shop", n, "opinion", float(n < right), int(n < asked)) for n in range(10))
    return Outcome(Cell(dataset, regime, without, cost, first, seed), "policy of 0.3M weights", (), tasks, 1, 1, 1, 0.0,
                   1.0, 1.0, 0.0, (), ())  # fmt: skip


@pytest.mark.parametrize(
    ("cost", "figures"), [(0.3, EARLY), *((0.3, each) for each in ABLATED.values()), *SWEEP.items()]
)
def test_a_published_total_score_is_accuracy_minus_the_cost_of_advice(cost, figures):
    assert figures.score == pytest.approx(figures.accuracy - cost * figures.advice_rate, abs=0.002)


def lines_of(page, title):
    """The table below that title by the first cell of each line."""
    found = page.split(f"## {title}\n")[1].split("\n## ")[0]
    return {line.split(" | ")[0].strip("| "): line for line in found.splitlines() if line.startswith("|")}


def test_each_row_of_the_paper_has_ours_beside_it_or_is_empty():
    found = [outcome("forge+ppo", 9, 2), outcome("forge+ppo", 9, 2, seed=1),
                  outcome("forge+ppo", 7, 4, without="memory"), outcome("forge+ppo", 8, 2, first=20),
                  outcome("forge+ppo", 8, 1, cost=0.5)]  # fmt: skip
    page = agile([found])
    parts, costs = lines_of(page, "ProductQA without a part"), lines_of(page, "What advice costs")
    assert "| 0.200 | 0.900 | 0.840 |" in parts["agile-vic13b-ppo"]
    assert parts["agile-vic13b-ppo"].endswith("| 2 |")  # seeds
    assert "| 0.400 | 0.700 | 0.580 |" in parts["without memory"]
    assert parts["without memory"].endswith("| 1 |")
    assert "| 0.200 | 0.800 | 0.740 |" in parts["advice in the first sessions only"]
    assert parts["advice in the first sessions only"].endswith("| 1 (the first 20, in the test alone) |")
    assert "| 0.100 | 0.800 | 0.750 |" in costs["c = 0.5"]
    assert parts["without tools"].endswith("| – | – | – | – | – |")


def test_all_rows_of_the_papers_main_tables_are_there_and_ours_stand_at_their_own_data_set():
    shop, real = [outcome("ppo", 9, 2)], [outcome("ppo", 6, 1, dataset="productqa"),
                                                     outcome("sft", 5, 3, dataset="productqa")]  # fmt: skip
    main = lines_of(agile([shop, real]), "Main tables")
    assert len(main) == 2 + sum(map(len, MAIN.values()))
    assert "| 0.233 | 0.854 | 0.784 | 0.100 | 0.600 | 0.570 |" in main["ProductQA: agile-vic13b-ppo"]
    assert "| 0.300 | 0.500 | 0.410 |" in main["ProductQA: agile-vic13b-sft"]
    assert main["ProductQA: gpt4-prompt"] == "| ProductQA: gpt4-prompt | – | 0.464 | 0.464 | – | – | – | – | – |"
    empty = [line for line in main.values() if line.endswith("| – | – | – | – | – |")]
    assert len(empty) == sum(map(len, MAIN.values())) - 2


def test_the_words_are_those_of_the_benchs_own_data_set():
    real = agile([[outcome("ppo", 9, 2, dataset="productqa")]])
    assert "ProductQA: ppo, policy of 0.3M weights, trained on a processor; 10 questions of the test groups" in real
    assert "made-up shop" not in real
    assert "made-up shop" in agile([[outcome("ppo", 9, 2)]])


def test_a_part_that_is_missing_in_the_test_alone_is_said_to_be():
    found = [outcome("ppo", 9, 2), outcome("ppo", 7, 2, without="memory at test")]
    line = lines_of(agile([found]), "ProductQA without a part")["without memory"]
    assert "| 0.700 |" in line
    assert line.endswith("| 1 (in the test alone) |")


def test_every_row_that_ours_stand_beside_is_one_of_the_papers():
    assert {*LACKING} <= {name for table in MAIN.values() for name in table}
    for dataset, table in MAIN.items():
        for name, figures in table.items():
            if name in LACKING:
                expected = figures.accuracy - COSTS[dataset] * figures.advice_rate
                assert figures.score == pytest.approx(expected, abs=0.002)


def test_how_often_ours_asks_along_a_stream_stands_beside_what_the_paper_says():
    page = agile([[outcome("ppo", 9, 4)], [outcome("ppo", 9, 2, dataset="productqa")]])
    lines = lines_of(page, "Advice along a stream")
    assert lines["StoreQA"] == "| StoreQA | 1.000 | 1.000 | 0.000 | 0.000 | 0.000 |"
    assert lines["ProductQA"] == "| ProductQA | 1.000 | 0.000 | 0.000 | 0.000 | 0.000 |"
    assert "StoreQA, ppo: from the first half of a stream to the second the advice rate falls by 0.800" in page
    assert "Advice along a stream" not in agile([[outcome("ppo", 9, 0)]])


def test_a_bench_without_the_regime_or_of_other_data_is_refused():
    with pytest.raises(ForgeError, match="no cells of ppo"):
        agile([[outcome("forge+ppo", 9, 2)]], "ppo")
    with pytest.raises(ForgeError, match="a bench of gsm8k"):
        agile([[outcome("ppo", 9, 2, dataset="gsm8k")]])
    with pytest.raises(ForgeError, match="one bench of each data set"):
        agile([[outcome("ppo", 9, 2)]] * 2)


def test_a_folder_without_a_bench_is_refused_by_its_name(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["reproduce", "agile", "--bench", str(tmp_path / "typo")])
    with pytest.raises(ForgeError, match="typo: no finished cells of a forge bench there"):
        reproduce.main()


def test_a_bench_of_more_questions_fills_the_main_table_and_stands_beside_the_one_with_the_parts():
    few = [outcome("ppo", 9, 2, dataset="productqa"), outcome("ppo", 5, 2, without="tools", dataset="productqa")]
    whole = outcome("ppo", 6, 1, dataset="productqa")
    more = [replace(whole, tasks=(*whole.tasks, *(replace(each, id=f"{each.id} again") for each in whole.tasks)))]
    page = agile([few, more])
    assert "| 0.100 | 0.600 | 0.570 |" in lines_of(page, "Main tables")["ProductQA: agile-vic13b-ppo"]
    parts = page.split("## ProductQA without a part\n")[1]
    assert parts.index("advice, ProductQA (20 questions)") < parts.index("advice, ProductQA (10 questions)")
    line = lines_of(page, "ProductQA without a part")["without tools"]
    assert "| 0.864 | 0.717 | – | – | – | – | – | 0.200 | 0.500 | 0.440 |" in line


def problem(number, type):
    first, second = number % 23 + 2, number % 7 + 3
    return {"problem": f"What is the sum of {first} and {second} in case {chr(97 + number % 26)}?",
            "level": "Level 1", "type": type, "idx": number, "solution": f"\\boxed{{{first + second}}}"}  # fmt: skip


@pytest.fixture
def sums(tmp_path, monkeypatch):
    """MATH whose problems are sums."""
    (tmp_path / "math").mkdir()
    for split, size in (("train", 25), ("test", 85)):
        rows = [problem(number + 400 * (split == "test"), "Number Theory") for number in range(size)]
        rows = [{**row, "problem": f"{row['problem']} ({split})"} for row in rows]
        (tmp_path / "math" / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))


@pytest.mark.parametrize("part", [reproduce.WHOLE, reproduce.NO_ROLLBACK])
def test_what_is_learned_on_twenty_problems_is_tested_on_eighty_others(part, sums):
    assert reproduce._score("number_theory", reproduce.UNTRAINED, "router", 0) == 0
    assert reproduce._score("number_theory", part, "router", 0) > 0.9


def test_the_page_has_the_papers_rows_and_ours_are_empty_where_there_is_nothing_to_run(monkeypatch, tmp_path):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    monkeypatch.setattr(reproduce, "_score", lambda name, part, model, seed: 0.1 + seed / 10)
    page = reproduce.agent_optimizer("router", 2)
    lines = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if line.startswith("|")}
    ours = "0.150 ± 0.071"
    for type in math.TYPES:
        assert lines[type.replace("_", " ")].endswith(f"| {ours} | {ours} |")
    assert lines["GAIA"] == "| GAIA | 0.160 | 0.230 | 0.120 | 0.180 | – | – |"
    assert lines["TabMWP"] == f"| TabMWP | 0.510 | 0.560 | 0.590 | 0.700 | {ours} | {ours} |"
    assert lines[reproduce.NO_PROGRESS].endswith("| 0.600 | 0.288 | 0.700 | – | – | – |")
    assert lines[reproduce.NO_ROLLBACK].endswith(f"| 0.638 | 0.363 | 0.725 | {ours} | {ours} | {ours} |")
    assert lines["CRAFT"] == "| CRAFT | 0.738 | 0.385 |"
    assert lines["router, trained: ours"].endswith(f"| – | {ours} |")
    assert "GAIA is gated" in page


def test_the_papers_ablation_begins_and_ends_with_the_rows_of_its_main_table():
    for place, type in enumerate(reproduce.ABLATED_TYPES):
        figures = math.PUBLISHED_BY_TYPE[type]
        assert reproduce.ABLATIONS[reproduce.UNTRAINED][place] == figures["GPT-4 with code"].score
        assert reproduce.ABLATIONS[reproduce.WHOLE][place] == figures["GPT-4 with code, trained"].score


def test_no_seeds_are_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["reproduce", "agent_optimizer", "--seeds", "0"])
    with pytest.raises(SystemExit):
        reproduce.main()
    assert "--seeds 0: at least 1" in capsys.readouterr().err
