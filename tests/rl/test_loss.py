"""The terms of PPO's loss."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rl.loss import entropy, exact_kl, importance, policy_loss, sampled_kl, value_loss


def gradient(log_prob, old, advantage, **settings):
    variable = torch.tensor([log_prob], requires_grad=True)
    loss, _ = policy_loss(variable, torch.tensor([old]), torch.tensor([advantage]), clip=0.2, **settings)
    loss.sum().backward()
    return variable.grad.item()


@pytest.mark.parametrize(
    ("ratio", "advantage", "flows"),
    [(1.3, 1.0, False), (1.3, -1.0, True), (0.7, 1.0, True), (0.7, -1.0, False), (1.1, 1.0, True), (0.9, -1.0, True)],
)
def test_the_gradient_stops_outside_the_clip_only_where_the_step_would_go_further_out(ratio, advantage, flows):
    assert (gradient(math.log(ratio), 0.0, advantage) != 0) is flows


@given(st.floats(-3, 3), st.floats(-4, -0.1))
def test_at_ratio_one_the_gradient_is_that_of_reinforce(advantage, log_prob):
    assert gradient(log_prob, log_prob, advantage) == pytest.approx(-advantage, abs=1e-4)


def test_the_dual_clip_bounds_the_loss_of_bad_tokens_that_became_likely():
    assert gradient(math.log(5.0), 0.0, -1.0) == pytest.approx(5.0, rel=1e-4)
    assert gradient(math.log(5.0), 0.0, -1.0, dual_clip=3.0) == 0.0
    loss, clipped = policy_loss(
        torch.tensor([math.log(5.0)]), torch.zeros(1), torch.tensor([-1.0]), clip=0.2, dual_clip=3.0
    )
    assert (loss.item(), clipped.item()) == (3.0, True)


def test_value_clipping_takes_the_worse_of_both_errors():
    values, returns, old = torch.tensor([1.0, 0.1]), torch.tensor([1.0, 1.0]), torch.tensor([0.0, 0.0])
    assert value_loss(values, returns, old).tolist() == pytest.approx([0.0, 0.405])
    assert value_loss(values, returns, old, clip=0.2).tolist() == pytest.approx([0.32, 0.405])


def test_sampled_divergences_agree_with_the_exact_one_on_average():
    generator = torch.Generator().manual_seed(0)
    policy, reference = torch.randn(6, generator=generator), torch.randn(6, generator=generator)
    exact = exact_kl(policy.unsqueeze(0), reference.unsqueeze(0)).item()
    log_p, log_q = policy.log_softmax(-1), reference.log_softmax(-1)
    weights = log_p.exp()
    assert (weights * sampled_kl(log_p, log_q, "k1")).sum().item() == pytest.approx(exact, rel=1e-4)
    assert (weights * sampled_kl(log_p, log_q, "k3")).sum().item() == pytest.approx(exact, rel=1e-4)
    assert (sampled_kl(log_p, log_q, "k3") >= 0).all()
    near = log_q + 0.01 * torch.tensor([1.0, -1, 1, -1, 1, -1])
    near = near.log_softmax(-1)
    assert (near.exp() * sampled_kl(near, log_q, "k2")).sum().item() == pytest.approx(
        exact_kl(near.unsqueeze(0), log_q.unsqueeze(0)).item(), rel=0.05
    )


def test_the_second_estimator_has_the_gradient_of_the_divergence():
    policy = torch.randn(5, generator=torch.Generator().manual_seed(1), requires_grad=True)
    reference = torch.randn(5, generator=torch.Generator().manual_seed(2))
    (exact,) = torch.autograd.grad(exact_kl(policy.unsqueeze(0), reference.unsqueeze(0)).sum(), policy)
    log_p = policy.log_softmax(-1)
    estimate = (log_p.exp().detach() * sampled_kl(log_p, reference.log_softmax(-1), "k2")).sum()
    (sampled,) = torch.autograd.grad(estimate, policy)
    assert torch.allclose(exact, sampled, atol=1e-5)


def test_the_forward_divergence_is_of_the_reference_from_the_policy():
    first, second = torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 0.0]])
    assert torch.equal(exact_kl(first, second, forward=True), exact_kl(second, first))


def test_a_token_that_is_not_allowed_adds_nothing_to_divergence_or_entropy():
    masked, reference = torch.tensor([[0.0, 1.0, -math.inf]]), torch.tensor([[0.5, 0.0, -math.inf]])
    assert torch.isfinite(exact_kl(masked, reference)).all()
    assert entropy(masked).item() == pytest.approx(entropy(masked[:, :2]).item())


@given(st.integers(2, 50))
def test_entropy_of_a_uniform_distribution_is_the_logarithm_of_its_size(size):
    assert entropy(torch.zeros(1, size)).item() == pytest.approx(math.log(size), abs=1e-5)


def test_entropy_equals_its_definition():
    logits = torch.randn(3, 7, generator=torch.Generator().manual_seed(0))
    shares = logits.softmax(-1)
    assert torch.allclose(entropy(logits), -(shares * shares.log()).sum(-1), atol=1e-6)


def test_importance_is_one_where_engine_and_learner_agree_and_capped_where_they_do_not():
    old, drawn = torch.tensor([-1.0, -1.0, -3.0]), torch.tensor([-1.0, -4.0, -1.0])
    assert importance(old, drawn, cap=2.0).tolist() == pytest.approx([1.0, 2.0, math.exp(-2)])
