"""The gate ships what is shown to be better, and nothing else; and says how sure it is."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import Caller, Ladder, dataset

import forge
import optim
from forge.statistics import always_valid_interval, detectable_difference, e_value
from functions import ForgeError
from optim.acceptance import Pair
from optim.release import Release, certify

differences = st.lists(st.sampled_from([-1.0, 0.0, 1.0]) | st.floats(-1, 1, allow_nan=False), min_size=1, max_size=40)


def drawn(seed, win, loss, count):
    draw = random.Random(seed)
    return [(lambda u: 1.0 if u < win else -1.0 if u < win + loss else 0.0)(draw.random()) for _ in range(count)]


def pairs(values):
    return [Pair(str(n), 0.5 - value / 2, 0.5 + value / 2) for n, value in enumerate(values)]


def shipped(values, release=Release()):  # noqa: B008 - frozen
    return certify(release, 1, len(values), lambda place, count: pairs(values[:count]))[1] == 0


@given(differences)
def test_evidence_never_grows_when_a_difference_gets_worse(values):
    worse = [max(-1.0, value - 0.3) for value in values]
    assert e_value(worse) <= e_value(values) * (1 + 1e-9)


@given(differences)
def test_a_tie_changes_nothing(values):
    assert e_value([*values, 0.0]) == e_value(values)


def test_where_nothing_helps_the_gate_ships_in_less_than_its_alpha_however_often_it_looks():
    ships = [shipped(drawn(seed, 0.2, 0.2, 240)) for seed in range(600)]
    assert sum(ships) / len(ships) <= 0.025


@pytest.mark.parametrize(("win", "loss"), [(0.3, 0.1), (0.1, 0.0)])
def test_the_detectable_difference_is_found_four_times_out_of_five(win, loss):
    smallest = detectable_difference(200, differing=win + loss, alpha=0.025)
    middle = win + loss
    found = [
        e_value_reaches(drawn(seed, (middle + smallest) / 2, (middle - smallest) / 2, 200), 40) for seed in range(300)
    ]
    assert sum(found) / len(found) == pytest.approx(0.8, abs=0.07)


def e_value_reaches(values, wealth):
    return any(e_value(values[:count]) >= wealth for count in range(1, len(values) + 1, 1))


@settings(max_examples=30)
@given(differences)
def test_the_always_valid_interval_holds_the_mean_that_was_seen_and_gets_no_wider_with_more_confidence_given_up(values):
    low, high = always_valid_interval(values)
    mean = sum(values) / len(values)
    assert -1 <= low <= mean + 1e-4
    assert mean - 1e-4 <= high <= 1
    inner = always_valid_interval(values, alpha=0.4)
    assert low <= inner[0] + 1e-4
    assert inner[1] <= high + 1e-4


def test_a_clear_gain_is_shipped_after_a_first_look_and_a_clear_loss_is_given_up_early():
    looked = []

    def play(values):
        def some(place, count):
            looked.append(count)
            return pairs(values[:count])

        return some

    certificate, place = certify(Release(), 1, 200, play([1.0] * 200))
    assert (certificate.shipped, place, looked) == ("finish", 0, [20])
    looked.clear()
    certificate, place = certify(Release(), 1, 200, play([-1.0] * 200))
    assert (certificate.shipped, place, looked) == ("start", -1, [20, 40])
    assert "won 0 and lost 40" in certificate.why


def test_an_earlier_version_is_shipped_where_the_finish_does_not_hold():
    by_place = {0: [-1.0, 1.0] * 50, 1: [1.0] * 100}
    certificate, place = certify(Release(), 3, 100, lambda place, count: pairs(by_place[place][:count]))
    assert (certificate.shipped, place, certificate.certified) == ("earlier", 1, True)
    assert "later ones failed" in certificate.why


def test_all_versions_together_may_err_with_alpha_at_most():
    assert sum(Release(alpha=0.1).level(place) for place in range(50)) <= 0.1 + 1e-12


def test_graded_scores_are_tested_as_they_are_not_rounded():
    assert not shipped([0.01, -0.01] * 100)
    assert shipped([0.5] * 60)


def test_a_budget_that_ends_during_the_gate_leaves_the_start():
    certificate, place = certify(Release(), 1, 100, lambda place, count: pairs([1.0] * 3))
    assert (place, certificate.pairs[0].candidate) == (-1, 1.0)
    certificate, place = certify(Release(), 1, 100, lambda place, count: [])
    assert "budget was spent" in certificate.why
    assert certificate.detectable is None


def trained(size, reaches, **settings):
    return forge.train(forge.Agent(model=Caller()), dataset(size), optimizer=Ladder(reaches), **settings)


def test_a_real_gain_is_certified_on_tasks_that_nothing_else_has_seen():
    result = trained(60, [60])
    assert (result.certified, result.shipped, result.measured_on) == (True, "finish", "holdout")
    assert result.p_better > 0.99
    assert result.release.interval[0] > 0
    assert (result.baseline, result.score) == (0, 1)
    assert result.library == result.candidate


def test_with_the_papers_twenty_tasks_nothing_is_certified_and_the_candidate_is_handed_over():
    result = trained(20, [20])
    assert not result.certified
    assert result.library.names == ()
    assert result.agent.library == result.start.library
    assert result.candidate.names == ("solve",)
    assert "nothing can be certified" in " ".join(result.notes)
    assert "too few tasks" in result.why


def test_without_a_gate_what_search_found_is_shipped_and_not_called_certified():
    result = trained(20, [20], release=None)
    assert (result.library.names, result.certified, result.release) == (("solve",), False, None)


def test_a_share_of_the_budget_is_kept_for_the_gate():
    result = trained(100, [100, 90, 80, 70], budget=forge.Budget(rollouts=110), schedule=optim.Schedule(minibatch=10))
    assert result.certified
    assert result.rollouts <= 110


def test_the_result_file_says_what_was_shipped_and_why(tmp_path):
    import json

    trained(60, [60], run=tmp_path)
    summary = json.loads((tmp_path / "result.json").read_text())
    assert summary["certified"] is True
    assert summary["release"]["shipped"] == "finish"
    assert summary["release"]["interval"][0] > 0
    assert 0 < summary["release"]["detectable"] < 1


@pytest.mark.parametrize("wrong", [{"alpha": 0}, {"versions": 0}, {"share": 1.0}, {"looks": 0}])
def test_settings_that_cannot_be_are_refused_by_name(wrong):
    with pytest.raises(ForgeError, match=next(iter(wrong))):
        Release(**wrong)


def test_tasks_of_a_stream_count_as_one_since_they_share_their_luck():
    one_stream = [Pair(str(n), 0.0, 1.0, stream="s") for n in range(100)]
    assert certify(Release(), 1, 100, lambda place, count: one_stream[:count])[1] == -1
    streams = [Pair(str(n), 0.0, 1.0, stream=f"s{n // 5}") for n in range(100)]
    certificate, place = certify(Release(), 1, 100, lambda place, count: streams[:count])
    assert (place, len(certificate.pairs)) == (0, 40)
