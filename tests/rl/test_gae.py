"""Generalized advantage estimation over action tokens."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import everything, segment, session

from rl.experience import Experience
from rl.gae import gae, whiten
from rl.ppo import PPO
from rl.segments import segments

numbers = st.floats(-2, 2, width=32)
steps = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=8)
shares = st.floats(0, 1, width=32)


def reference(rewards, values, gamma, lam, bootstrap=0.0):
    """The definition, summed term by term in float64."""
    after = [*values[1:], bootstrap]
    deltas = [r + gamma * n - v for r, v, n in zip(rewards, values, after, strict=True)]
    return [sum((gamma * lam) ** (k - t) * deltas[k] for k in range(t, len(deltas))) for t in range(len(deltas))]


def one(rewards, values, gamma=1.0, lam=1.0, bootstrap=None):
    advantages, returns = gae(
        torch.tensor([rewards]),
        torch.tensor([values]),
        torch.tensor([len(rewards)]),
        gamma=gamma,
        lam=lam,
        bootstrap_b=None if bootstrap is None else torch.tensor([bootstrap]),
    )
    return advantages[0], returns[0]


@given(steps, shares, shares, numbers)
def test_gae_equals_its_definition_summed_in_double_precision(steps, gamma, lam, bootstrap):
    rewards, values = [s[0] for s in steps], [s[1] for s in steps]
    advantages, returns = one(rewards, values, gamma, lam, bootstrap)
    expected = torch.tensor(reference(rewards, values, gamma, lam, bootstrap))
    assert torch.allclose(advantages, expected, atol=1e-4)
    assert torch.allclose(returns, expected + torch.tensor(values), atol=1e-4)


@given(steps)
def test_without_discount_and_with_lambda_one_returns_are_rewards_to_go(steps):
    rewards, values = [s[0] for s in steps], [s[1] for s in steps]
    _, returns = one(rewards, values)
    to_go = torch.tensor(rewards).flip(0).cumsum(0).flip(0)
    assert torch.allclose(returns, to_go, atol=1e-4)


@given(steps, shares)
def test_with_lambda_zero_advantages_are_temporal_differences(steps, gamma):
    rewards, values = [s[0] for s in steps], [s[1] for s in steps]
    advantages, _ = one(rewards, values, gamma, 0.0)
    after = torch.tensor([*values[1:], 0.0])
    assert torch.allclose(advantages, torch.tensor(rewards) + gamma * after - torch.tensor(values), atol=1e-4)


@given(st.lists(steps, min_size=1, max_size=4), shares)
def test_filling_up_changes_nothing(rows, lam):
    longest = max(map(len, rows))
    fill = lambda row, part: [step[part] for step in row] + [9.0] * (longest - len(row))  # noqa: E731
    advantages, returns = gae(
        torch.tensor([fill(row, 0) for row in rows]),
        torch.tensor([fill(row, 1) for row in rows]),
        torch.tensor([len(row) for row in rows]),
        gamma=0.9,
        lam=lam,
    )
    for number, row in enumerate(rows):
        alone, _ = one([s[0] for s in row], [s[1] for s in row], 0.9, lam)
        assert torch.allclose(advantages[number, : len(row)], alone, atol=1e-5)
        assert advantages[number, len(row) :].abs().sum() == 0
        assert returns[number, len(row) :].abs().sum() == 0


def estimated(parts, values, settings, cut=False):
    experience = Experience([parts], [cut])
    experience.values[:] = torch.tensor(values)
    experience.estimate(settings)
    return experience.advantages, experience.returns


@pytest.mark.parametrize("level", ["token", "turn"])
def test_executor_tokens_in_between_change_no_advantage_and_no_return(level):
    settings = PPO(gamma=0.9, lam=0.8, level=level)
    values, rewards, turns = [0.5, 0.2, 0.7, 0.1], [0.0, -0.3, 0.0, 1.0], [0, 0, 1, 1]
    bare = segment(range(6), [2, 3, 4, 5], rewards=rewards, turns=turns)
    filled = segment(range(30), [2, 3, 21, 22], rewards=rewards, turns=turns)
    for mine, other in zip(estimated([bare], values, settings), estimated([filled], values, settings), strict=True):
        assert torch.equal(mine, other)


def test_ignoring_or_zeroing_executor_tokens_would_give_other_advantages():
    """What a mask-blind GAE does: executor tokens as steps, with the critic's values there, or with zeros."""
    rewards, values, lam = [0.0, 1.0], [0.5, 0.6], 0.9
    ours, _ = one(rewards, values, lam=lam)
    ignored, _ = one([0.0, 0.0, 0.0, 1.0], [0.5, 0.3, 0.4, 0.6], lam=lam)  # two executor tokens taken as actions
    zeroed, _ = one([0.0, 0.0, 0.0, 1.0], [0.5, 0.0, 0.0, 0.6], lam=lam)  # their values set to zero
    assert ours.tolist() == pytest.approx([0.46, 0.4])
    assert ignored[0].item() == pytest.approx(0.3436, abs=1e-4)
    assert zeroed[0].item() == pytest.approx(0.2776, abs=1e-4)


def test_a_reward_that_is_followed_by_executor_tokens_falls_on_the_last_action():
    shown = session(([1, 2], [3, 4]), ([1, 2, 3, 4, 9, 9, 9], [5]), score=0.5, costs=[0.3, 0.0], stop="turns")
    (part,) = segments(shown, everything)
    assert part.rewards == [0.0, -0.3, 0.5]
    assert [part.ids[place] for place in part.places] == [3, 4, 5]


def test_a_step_that_costs_and_ends_the_session_pays_both_on_its_last_token():
    (part,) = segments(session(([1], [2, 3]), score=1.0, costs=[0.25]), everything)
    assert part.rewards == [0.0, 0.75]


def test_a_turn_is_one_action_with_one_advantage():
    settings = PPO(gamma=1.0, lam=1.0, level="turn")
    part = segment(range(8), [2, 3, 5, 6], rewards=[0.0, -0.2, 0.0, 1.0], turns=[0, 0, 1, 1])
    advantages, returns = estimated([part], [0.4, 9.0, 0.6, 9.0], settings)
    assert advantages.tolist() == pytest.approx([0.4, 0.4, 0.4, 0.4])
    assert returns.tolist() == pytest.approx([0.8, 0.8, 1.0, 1.0])


def test_clearing_the_context_does_not_cut_the_sequence_of_actions():
    settings = PPO(gamma=1.0, lam=1.0)
    first = segment([1, 2], [1], rewards=[0.0])
    second = segment([7, 8], [1], rewards=[1.0], turns=[1])
    advantages, _ = estimated([first, second], [0.0, 0.0], settings)
    assert advantages.tolist() == [1.0, 1.0]


def test_a_session_that_was_cut_goes_on_at_its_value_and_one_that_ended_does_not():
    settings = PPO(gamma=1.0, lam=0.0)
    part = segment([1, 2, 3], [1, 2], rewards=[0.0, 0.0])
    ended, _ = estimated([part], [0.5, 0.8], settings)
    cut, _ = estimated([part], [0.5, 0.8], settings, cut=True)
    assert ended.tolist() == pytest.approx([0.3, -0.8])
    assert cut.tolist() == pytest.approx([0.3, 0.0])


def test_no_session_leaks_into_another():
    settings = PPO(gamma=0.9, lam=0.9)

    def first_of_two(reward):
        parts = [segment([1, 2], [1], rewards=[0.5])], [segment([3, 4], [1], rewards=[reward])]
        experience = Experience(parts)
        experience.estimate(settings)
        return experience.advantages[0].item()

    assert first_of_two(0.0) == first_of_two(100.0)


@given(st.lists(numbers, min_size=1, max_size=12))
def test_whitened_advantages_have_mean_zero_and_spread_one_or_are_all_zero(values):
    white = whiten(torch.tensor(values, dtype=torch.float64))
    assert torch.isfinite(white).all()
    assert abs(float(white.mean())) < 1e-6
    assert float(white.std(unbiased=False)) == pytest.approx(1.0, abs=1e-3) or float(white.abs().max()) < 1e-6


def test_whitening_leaves_out_tokens_that_are_not_learned_from():
    experience = Experience([[segment(range(4), [1, 2, 3])]])
    experience.advantages[:] = torch.tensor([1.0, 3.0, 1000.0])
    experience.learned[:] = torch.tensor([True, True, False])
    experience.normalize("whiten")
    assert experience.advantages.tolist() == pytest.approx([-1.0, 1.0, 1000.0])


def test_measured_tensors_are_separate():
    experience = Experience([[segment(range(4), [1, 2, 3])]])
    experience.values[:] = 5.0
    assert experience.old.abs().sum() == experience.returns.abs().sum() == experience.reference.abs().sum() == 0
