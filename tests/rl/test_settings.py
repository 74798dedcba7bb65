"""Each setting of PPO does what it says: in one update, and in a whole training."""

import math

import pytest
import torch
from small import agent, dataset, policy, prepared

import forge
import rl
from rl.ppo import PPO
from rl.sampling import Sampling

ALONE = {"kl": None, "value_coefficient": 0.0}  # nothing but the policy's loss


def first_figures(learner, data, bonus=0.0):
    """Of the first minibatch, which has everything, before any step."""
    return learner._accumulate(data, list(range(len(data.segments))), bonus, False)


def sharp(**settings):
    """A policy whose next token is far from even."""
    model = policy(**settings)
    with torch.no_grad():
        model.network.causal.get_output_embeddings().weight.mul_(20)
    return model


def weights(learner):
    return {name: weight.detach().clone() for name, weight in learner.network.named_parameters()}


def moved(learner, before):
    """How far the weight that went furthest went, for the policy and for the value head."""
    gone = {name: float((weight - before[name]).abs().max()) for name, weight in learner.network.named_parameters()}
    return [max(far for name, far in gone.items() if name.startswith("value_head") is head) for head in (False, True)]


def test_a_token_weighs_what_engine_and_learner_differ_by_up_to_the_cap():
    learner, data, _ = prepared(PPO(advantages="raw", importance_cap=2.0))
    data.rollout -= torch.tensor([0.0, math.log(1.5), 5.0]).repeat(len(data))[: len(data)]
    learner.prepare(data)
    expected = torch.tensor([1.0, 1.5, 2.0]).repeat(len(data))[: len(data)]
    assert torch.allclose(data.weights, expected, atol=1e-4)
    data.advantages[:] = torch.arange(len(data)) % 3 - 0.5
    loss = first_figures(learner, data)["policy_loss"]
    assert loss == pytest.approx(-float((expected * data.advantages).mean()), abs=1e-4)


def test_a_value_that_left_the_old_one_is_held_near_it_in_its_loss():
    for clip, expected in ((None, 0.0), (0.1, 0.5 * 0.4**2)):
        learner, data, _ = prepared(PPO(value_clip=clip))
        data.returns[:] = data.values  # what the critic says is right
        data.values -= 0.5  # and it has come from there
        assert first_figures(learner, data)["value_loss"] == pytest.approx(expected, abs=1e-5)


def test_a_bad_token_that_became_likely_has_a_loss_of_at_most_its_bound():
    for bound, expected in ((None, 10.0), (3.0, 3.0)):
        learner, data, _ = prepared(PPO(dual_clip=bound))
        data.old -= math.log(10.0)
        data.advantages[:] = -1.0
        assert first_figures(learner, data)["policy_loss"] == pytest.approx(expected, rel=1e-3)


def test_advantages_are_whitened_or_scaled_before_they_are_learned_from():
    found = {}
    for how in ("raw", "scale", "whiten"):
        learner, data, _ = prepared(PPO(advantages=how))
        data.rewards[:] = torch.arange(len(data)) % 5
        learner.prepare(data)
        found[how] = data.advantages
    spread = found["raw"].std(correction=0)
    assert spread > 0.1
    assert torch.allclose(found["scale"], found["raw"] / spread, atol=1e-4)
    assert torch.allclose(found["whiten"], (found["raw"] - found["raw"].mean()) / spread, atol=1e-4)


def test_values_learn_at_a_rate_of_their_own():
    for rates in ((1e-3, 1e-6), (1e-6, 1e-3)):
        settings = PPO(learning_rate=rates[0], value_learning_rate=rates[1], epochs=1, minibatch=100, kl=None)
        learner, data, _ = prepared(settings)
        data.advantages[:], data.returns[:] = torch.arange(len(data)) % 2 - 0.5, 1.0
        before = weights(learner)
        learner.update(data, progress=0.0, seed=0)
        assert moved(learner, before) == pytest.approx(rates, rel=0.1)  # Adam's first step is the rate


def test_the_learning_rate_falls_to_its_final_share():
    for progress, rate in ((0.0, 1e-3), (0.5, 0.6e-3), (1.0, 0.2e-3)):
        learner, data, _ = prepared(PPO(learning_rate=1e-3, final_learning_rate=0.2, epochs=1, minibatch=100, kl=None))
        data.advantages[:] = torch.arange(len(data)) % 2 - 0.5
        before = weights(learner)
        learner.update(data, progress=progress, seed=0)
        assert moved(learner, before)[0] == pytest.approx(rate, rel=0.1)


def test_the_bonus_for_entropy_makes_the_policy_draw_more_evenly():
    learner, data, _ = prepared(PPO(entropy=(0.0, 0.1), learning_rate=1e-2, final_learning_rate=1.0, **ALONE), sharp())
    data.advantages[:] = 0.0
    before = weights(learner)
    even = learner.update(data, progress=0.0, seed=0)["entropy"]
    assert moved(learner, before)[0] == 0.0
    learner.update(data, progress=1.0, seed=0)
    assert first_figures(learner, data)["entropy"] > even + 0.05


@pytest.mark.parametrize("temperature", [0.7, 1.0, 1.5])
def test_the_first_ratio_is_one_at_the_temperature_that_sessions_were_drawn_at(temperature):
    sampling = Sampling(temperature=temperature)
    learner, data, figures = prepared(PPO(), sharp(sampling=sampling), sampling=sampling)
    assert torch.allclose(data.old, data.rollout, atol=1e-4)
    assert figures["importance"] == pytest.approx(1.0, abs=1e-4)
    first = first_figures(learner, data)
    assert (first["clip_fraction"], first["kl_old"]) == (0.0, pytest.approx(0.0, abs=1e-6))
    if temperature != 1.0:  # the test sees temperatures at all
        _, same, _ = prepared(PPO(), sharp(sampling=sampling), sampling=Sampling())
        assert not torch.allclose(same.old, same.rollout, atol=1e-2)


def trained(player, tasks=None, *, updates=2, sampling=Sampling(), **settings):
    """The figures of a training of one optimizer step an update."""
    settings = PPO(batch=8, minibatch=100, epochs=1, validate_every=None, **settings)
    result = rl.train_ppo(player, tasks or dataset(8, streams=4), ppo=settings, sampling=sampling,
                          budget=forge.Budget(rollouts=8 * updates))  # fmt: skip
    assert len(result.history) == updates
    return result.history


def busy(model):
    """An agent with something to choose from."""
    return agent(model, memory=forge.Memory(), expert=forge.GoldExpert(0.3), max_turns=2)


@pytest.mark.parametrize(
    ("limit", "goes_on"), [({"max_seconds": 1e-9}, True), ({"max_turns": 1}, False), ({"max_tokens": 1}, False)]
)
def test_a_training_values_what_lies_behind_a_clock_that_ran_out_and_nothing_behind_other_ends(limit, goes_on):
    model = policy(max_new_tokens=1)  # too few to submit
    with torch.no_grad():
        model.network.value_head.last.bias.fill_(0.8)  # of every state
    worthless = dataset(8, streams=4, metric=lambda task, session: 0.0)
    (row,) = trained(agent(model, **limit), worthless, updates=1)
    assert row["cut_off"] == 1.0
    assert row["value_loss"] == pytest.approx(0.0 if goes_on else 0.5 * 0.8**2, abs=1e-5)


@pytest.mark.parametrize("temperature", [0.7, 1.5])
def test_a_training_learns_from_the_distribution_that_its_sessions_were_drawn_from(temperature):
    for row in trained(busy(sharp()), sampling=Sampling(temperature=temperature)):
        assert row["importance"] == pytest.approx(1.0, abs=1e-4)
        assert row["kl_old"] == pytest.approx(0.0, abs=1e-6)


class Elsewhere:
    """An engine that rates what it draws at other log-probabilities than the learner will, as served ones do."""

    def __init__(self, engine, difference):
        self.engine, self.difference = engine, difference

    def generate(self, requests, limits):
        results = self.engine.generate(requests, limits)
        for result in results:
            result.log_probs = [value - self.difference for value in result.log_probs]
        return results

    def forget(self):
        self.engine.forget()


@pytest.mark.parametrize(("difference", "weight"), [(0.0, 1.0), (math.log(1.2), 1.2), (math.log(0.5), 0.5), (5.0, 1.7)])
def test_in_a_training_tokens_weigh_one_where_engine_and_learner_agree_and_at_most_the_cap(difference, weight):
    model = policy()
    model.engine = Elsewhere(model.engine, difference)
    for row in trained(busy(model), importance_cap=1.7):
        assert row["importance"] == pytest.approx(weight, rel=1e-4)
