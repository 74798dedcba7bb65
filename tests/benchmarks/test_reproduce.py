"""A paper's table beside ours: the paper's figures hold together, ours come from the cells."""

import pytest

from benchmarks.bench.outcome import Answered, Cell, Outcome
from benchmarks.bench.rows import rows
from benchmarks.reproduce import ABLATED, EARLY, SWEEP, agile
from functions import ForgeError


def outcome(regime, right, asked, *, without="", cost=0.3, first=None):
    """Of ten tasks, so many are right and so many asked about."""
    tasks = tuple(Answered(str(n), "shop", n, "opinion", float(n < right), int(n < asked)) for n in range(10))
    return Outcome(Cell("storeqa", regime, without, cost, first, 0), "policy of 0.3M weights", (), tasks, 1, 1, 1, 0.0,
                   1.0, 1.0, 0.0, (), ())  # fmt: skip


@pytest.mark.parametrize(
    ("cost", "figures"), [(0.3, EARLY), *((0.3, each) for each in ABLATED.values()), *SWEEP.items()]
)
def test_a_published_total_score_is_accuracy_minus_the_cost_of_advice(cost, figures):
    assert figures.score == pytest.approx(figures.accuracy - cost * figures.advice_rate, abs=0.002)


def test_each_row_of_the_paper_has_ours_beside_it_or_is_empty():
    found = rows([outcome("forge+ppo", 9, 2), outcome("forge+ppo", 7, 4, without="memory"),
                  outcome("forge+ppo", 8, 2, first=20), outcome("forge+ppo", 8, 1, cost=0.5)])  # fmt: skip
    page = agile(found, "forge+ppo")
    assert "the first 20 of each stream" in page
    lines = {line.split(" | ")[0].strip("| "): line for line in page.splitlines() if "|" in line}
    assert "| 0.200 | 0.900 | 0.840 |" in lines["agile-vic13b-ppo"]
    assert "| 0.400 | 0.700 | 0.580 |" in lines["without memory"]
    assert "| 0.200 | 0.800 | 0.740 |" in lines["advice in the first sessions only"]
    assert "| 0.100 | 0.800 | 0.750 |" in lines["c = 0.5"]
    assert lines["without tools"].endswith("| – | – | – | – |")


def test_a_bench_without_the_regime_is_refused():
    with pytest.raises(ForgeError, match="no cells of ppo"):
        agile(rows([outcome("forge+ppo", 9, 2)]), "ppo")
