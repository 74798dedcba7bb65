"""One update: gradients, accumulation, references, recoveries."""

import math

import pytest
import torch
from small import everything, experience, policy, prepared, segment

from forge import ForgeError
from rl.experience import Experience, minibatches
from rl.learner import Diverged, Learner
from rl.ppo import KL, PPO
from rl.sampling import Sampling
from rl.segments import segments


def gradients(settings, seed=0):
    learner, data, _ = prepared(settings, policy(seed=seed))
    generator = torch.Generator().manual_seed(5)
    data.advantages[:] = torch.randn(len(data), generator=generator)
    data.returns[:] = torch.randn(len(data), generator=generator)
    learner._accumulate(data, list(range(len(data.segments))), 0.01, False)
    return {name: weight.grad.clone() for name, weight in learner.network.named_parameters() if weight.grad is not None}


def test_executor_positions_get_a_gradient_of_exactly_zero():
    learner, data, _ = prepared(PPO(kl=KL(0.1, estimator="exact"), entropy=0.1))
    kept = []

    def keep(_module, _inputs, output):
        output.last_hidden_state.retain_grad()
        kept.append(output.last_hidden_state)

    data.advantages[:] = 1.0
    learner.network.trunk.register_forward_hook(keep)
    number = next(n for n, part in enumerate(data.segments) if len(set(part.turns)) > 1)
    learner._accumulate(data, [number], 0.1, False)
    part = data.segments[number]
    foretelling = [place - 1 for place in part.places]
    others = [place for place in range(len(part)) if place not in foretelling]
    gradient = kept[-1].grad[0]
    assert others
    assert gradient[others].abs().sum() == 0
    assert (gradient[foretelling].abs().sum(-1) > 0).all()


def test_filling_batching_and_accumulating_change_no_gradient():
    together, alone = gradients(PPO()), gradients(PPO(micro_tokens=1))
    assert together.keys() == alone.keys()
    for name, value in together.items():
        assert torch.allclose(value, alone[name], atol=1e-6), name


def test_before_the_first_step_the_ratio_is_one_and_nothing_is_clipped():
    learner, data, figures = prepared(PPO(kl=KL(0.1)))
    assert torch.allclose(data.old, data.rollout, atol=1e-5)
    assert figures["importance"] == pytest.approx(1.0, abs=1e-5)
    assert figures["kl_reference"] == pytest.approx(0.0, abs=1e-6)
    first = learner._accumulate(data, list(range(len(data.segments))), 0.0, False)
    assert first["clip_fraction"] == 0
    assert first["kl_old"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(("epochs", "minibatch", "expected"), [(1, 8, 1), (3, 2, 12), (2, 3, 6), (2, 100, 2)])
def test_optimizer_steps_are_epochs_times_minibatches(epochs, minibatch, expected):
    learner, data, _ = prepared(PPO(epochs=epochs, minibatch=minibatch, micro_tokens=40))
    stepped = []
    learner.optimizer.optimizer.register_step_post_hook(lambda *_: stepped.append(1))
    figures = learner.update(data, progress=0.0, seed=0)
    assert len(stepped) == figures["optimizer_steps"] == expected


def test_every_session_is_in_one_minibatch_and_they_are_of_like_size():
    groups = minibatches(23, 5, torch.Generator().manual_seed(0))
    assert sorted(number for group in groups for number in group) == list(range(23))
    assert {len(group) for group in groups} <= {4, 5}


def test_an_update_moves_the_policy_towards_what_had_an_advantage():
    settings = PPO(epochs=4, minibatch=8, learning_rate=1e-3, kl=None, advantages="raw")
    learner, data, _ = prepared(settings)
    good = torch.arange(len(data)) % 2 == 0
    data.advantages[:] = torch.where(good, 1.0, -1.0)
    before = data.old.clone()
    learner.update(data, progress=0.0, seed=0)
    learner.measure(data)
    change = data.old - before
    assert change[good].mean() > 0.05 > -0.05 > change[~good].mean()


def test_tokens_that_are_not_learned_from_have_no_policy_gradient():
    settings = PPO(learn="choices", kl=None, value_coefficient=0.0)
    learner, data, _ = prepared(settings)
    data.choices[:] = False
    data.learned = data.on("choices")
    learner._accumulate(data, list(range(len(data.segments))), 0.0, False)
    total = sum(float(weight.grad.abs().sum()) for weight in learner.network.parameters() if weight.grad is not None)
    assert total == 0.0


def test_equal_rewards_and_sessions_without_a_choice_give_finite_gradients():
    learner, data, _ = prepared(PPO())
    data.advantages[:] = 0.0
    data.normalize("whiten")
    figures = learner.update(data, progress=0.0, seed=0)
    assert all(math.isfinite(value) for value in figures.values())


def test_warming_up_trains_values_and_nothing_else():
    learner, data, _ = prepared(PPO(minibatch=8))
    data.returns[:] = 1.0
    before = {name: weight.clone() for name, weight in learner.network.named_parameters()}
    learner.update(data, progress=0.0, seed=0, warmup=True)
    changed = {name for name, weight in learner.network.named_parameters() if not torch.equal(weight, before[name])}
    assert changed
    assert all(name.startswith("value_head") for name in changed)


@pytest.mark.parametrize(("detach", "reaches"), [(True, False), (False, True)])
def test_the_gradient_of_values_reaches_the_trunk_unless_it_is_detached(detach, reaches):
    learner, data, _ = prepared(PPO(kl=None, detach_value=detach))
    torch.nn.init.normal_(learner.network.value_head.last.weight)
    data.advantages[:] = 0.0
    data.returns[:] = 1.0
    learner._accumulate(data, list(range(len(data.segments))), 0.0, False)
    total = sum(float(w.grad.abs().sum()) for w in learner.network.trunk.parameters() if w.grad is not None)
    assert (total > 0) is reaches


def test_a_separate_critic_learns_values_and_leaves_the_trunk_alone():
    model = policy(critic="separate")
    learner, data, _ = prepared(PPO(kl=None, minibatch=8), model)
    data.advantages[:], data.returns[:] = 0.0, 1.0
    before = [weight.clone() for weight in model.network.trunk.parameters()]
    learner.update(data, progress=0.0, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(before, model.network.trunk.parameters(), strict=True))
    assert learner.network.critic is not None


def test_the_penalty_of_the_reward_follows_the_divergence_from_the_first_policy():
    model = policy()
    experience(model)  # the functions have their tokens
    settings = PPO(kl=KL(0.5, into="reward", estimator="k1"), gamma=1.0, lam=1.0, advantages="raw")
    learner = Learner(model.network, settings, Sampling())
    with torch.no_grad():
        model.network.causal.get_output_embeddings().weight.mul_(1.5)
    model.engine.forget()
    data = experience(model)
    learner.prepare(data)
    penalty = 0.5 * (data.old - data.reference)
    assert penalty.abs().sum() > 0
    place = data.flat(data.sessions[0])
    expected = (data.rewards - penalty)[place].flip(0).cumsum(0).flip(0)
    assert torch.allclose(data.returns[place], expected, atol=1e-4)


@pytest.mark.parametrize("into", ["loss", "reward"])
def test_the_coefficient_rises_while_the_policy_is_further_away_than_its_target(into):
    model = policy()
    experience(model)  # the functions have their tokens
    estimator = "k3" if into == "loss" else "k1"
    learner = Learner(model.network, PPO(kl=KL(0.1, into=into, estimator=estimator, target=1e-6)), Sampling())
    with torch.no_grad():
        model.network.causal.get_output_embeddings().weight.mul_(1.5)
    model.engine.forget()
    data = experience(model)
    learner.prepare(data)
    learner.update(data, progress=0.0, seed=0)
    assert learner.kl_coefficient > 0.1


def test_the_reference_stays_what_training_began_with():
    model = policy()
    learner, data, _ = prepared(PPO(kl=KL(0.1, estimator="k3"), learning_rate=1e-2), model)
    data.advantages[:] = torch.arange(len(data)) % 2 * 2.0 - 1
    first = data.reference.clone()
    learner.update(data, progress=0.0, seed=0)
    learner.measure(data)
    assert torch.equal(first, data.reference)
    assert not torch.allclose(first, data.old, atol=1e-3)


def test_an_update_that_went_far_ends_early():
    settings = PPO(epochs=10, minibatch=8, learning_rate=3e-2, stop_kl=1e-4, advantages="raw")
    learner, data, _ = prepared(settings)
    data.advantages[:] = 1.0
    assert learner.update(data, progress=0.0, seed=0)["optimizer_steps"] < 10


def test_the_coefficient_adapts_towards_its_target_or_follows_its_line():
    kl = KL(0.1, target=0.02)
    assert kl.adapted(0.1, 0.5) == pytest.approx(0.12)
    assert kl.adapted(0.1, 0.0) == pytest.approx(0.08)
    assert kl.adapted(0.1, 0.02) == pytest.approx(0.1)
    assert KL((0.2, 0.0)).coefficient_at(0.25) == pytest.approx(0.15)
    assert PPO(entropy=(0.1, 0.0)).entropy_at(0.5) == pytest.approx(0.05)
    assert PPO(final_learning_rate=0.1).rate_at(1.0) == pytest.approx(0.1)


def test_a_loss_that_is_no_number_is_named_and_the_weights_stay():
    learner, data, _ = prepared(PPO(minibatch=8))
    before = [weight.clone() for weight in learner.network.parameters()]
    data.returns[0] = float("nan")
    with pytest.raises(Diverged, match="value_loss"):
        learner.update(data, progress=0.0, seed=0)
    assert all(torch.equal(a, b) for a, b in zip(before, learner.network.parameters(), strict=True))


def test_when_the_gpu_is_full_the_passes_are_halved_and_that_is_told(monkeypatch):
    learner, data, _ = prepared(PPO(minibatch=100, epochs=1))
    tried = []
    original = learner._loss

    def tight(data, group, *rest):
        tried.append(len(group))
        if learner.micro_tokens > 200:
            raise torch.cuda.OutOfMemoryError("full")
        return original(data, group, *rest)

    monkeypatch.setattr(learner, "_loss", tight)
    learner.update(data, progress=0.0, seed=0)
    assert learner.micro_tokens <= 200
    assert "out of GPU memory" in learner.notes[0]


def test_measuring_is_halved_as_well_and_measures_the_same(monkeypatch):
    learner, data, _ = prepared(PPO(minibatch=100, epochs=1))
    before, original = data.old.clone(), learner._rows

    def tight(experience, group):
        if learner.micro_tokens > 200:
            raise torch.cuda.OutOfMemoryError("full")
        return original(experience, group)

    monkeypatch.setattr(learner, "_rows", tight)
    data.old.zero_()
    learner.measure(data)
    assert learner.micro_tokens <= 200
    assert torch.allclose(data.old, before, atol=1e-5)


def test_nothing_to_learn_from_and_rewards_that_are_no_numbers_are_refused():
    with pytest.raises(ForgeError, match="nothing to learn from"):
        Experience([[segment([1, 2], [])]])
    with pytest.raises(ForgeError, match="no finite number"):
        Experience([[segment([1, 2], [1], rewards=[float("nan")])]])


def test_sessions_of_other_models_cannot_train_weights():
    from forge import Session, Step
    from forge.session import Action

    chat = Session("q17", "q", steps=(Step(Action("hello")),), score=1.0)
    with pytest.raises(ForgeError, match=r"'q17' has no token ids: play it with an rl.Policy"):
        segments(chat, everything)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: PPO(clip=0),
        lambda: PPO(gamma=1.5),
        lambda: PPO(level="word"),
        lambda: PPO(entropy=(0.1,)),
        lambda: PPO(dual_clip=0.5),
        lambda: PPO(batch=True),
        lambda: KL(estimator="k9"),
        lambda: KL((0.1, 0.2), target=0.1),
        lambda: KL(into="reward", estimator="exact"),
    ],
)
def test_settings_out_of_range_are_refused_where_they_are_given(bad):
    with pytest.raises(ForgeError):
        bad()
