"""The laws of the acceptance rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.statistics import p_better
from functions.errors import ForgeError
from optim.acceptance import Pair, Paper, Posterior, Ties

binary = st.sampled_from([0.0, 1.0])
scores = st.lists(st.tuples(binary, binary), min_size=1, max_size=60)
graded = st.lists(st.floats(-1, 1, allow_nan=False), min_size=1, max_size=30)


def pairs(values):
    return [Pair(str(number), before, after) for number, (before, after) in enumerate(values)]


@given(scores)
def test_the_paper_keeps_exactly_on_a_strictly_higher_total(values):
    better = sum(after for _, after in values) > sum(before for before, _ in values)
    assert (Paper().judge(pairs(values)) == "keep") == better


@given(scores)
def test_ties_keeps_whatever_the_paper_keeps_and_equal_totals_too(values):
    not_worse = sum(after for _, after in values) >= sum(before for before, _ in values)
    assert (Ties().judge(pairs(values)) == "keep") == not_worse


@given(scores)
def test_the_posterior_never_keeps_what_did_not_win_two_tasks_more_than_it_lost(values):
    net = sum(after - before for before, after in values)
    if Posterior().judge(pairs(values)) == "keep":
        assert net >= 2


@given(scores, st.floats(0.5, 0.98))
def test_the_posterior_keeps_less_when_more_confidence_is_asked(values, confidence):
    strict, liberal = Posterior(confidence=0.99), Posterior(confidence=confidence)
    if strict.judge(pairs(values)) == "keep":
        assert liberal.judge(pairs(values)) == "keep"


@given(st.integers(0, 40), st.integers(0, 40))
def test_p_better_of_wins_and_losses_is_one_minus_that_of_losses_and_wins(wins, losses):
    forward, backward = p_better([1.0] * wins + [-1.0] * losses), p_better([-1.0] * wins + [1.0] * losses)
    assert forward + backward == pytest.approx(1)


def test_p_better_of_three_wins_is_the_tail_of_the_beta_distribution():
    assert p_better([1.0, 1.0, 1.0]) == pytest.approx(15 / 16)  # P(Beta(4, 1) > 1/2)


@given(graded)
def test_p_better_of_graded_differences_is_a_probability_and_the_same_each_time(differences):
    assert 0 <= p_better(differences) == p_better(differences) <= 1


def test_p_better_of_graded_differences_follows_their_sign():
    assert p_better([0.2, 0.3, 0.1, 0.4, 0.25]) > 0.9
    assert p_better([-0.2, -0.3, -0.1, -0.4, -0.25]) < 0.1
    assert p_better([0.0, 0.0]) == 0.5


def test_a_confidence_outside_its_range_is_refused():
    with pytest.raises(ForgeError, match="confidence=1"):
        Posterior(confidence=1.0)
