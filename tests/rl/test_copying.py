"""Weights from scratch that practise copying can copy what they have never seen."""

import pytest
import torch

import rl
from functions import ForgeError
from rl import copying

SMALL = {"layers": 2, "width": 64, "heads": 2, "words": True, "seed": 3}
TEXTS = [" ".join(f"w{number}" for number in range(40))]


def copied(policy):
    """The share of tokens, of sequences that no practice has drawn, that are foretold when they are said again."""
    generator = torch.Generator().manual_seed(10_000)
    size = policy.network.causal.config.vocab_size
    once = torch.stack([torch.randperm(size, generator=generator)[:12] for _ in range(50)])
    with torch.no_grad():
        told = policy.network.causal(input_ids=torch.cat([once, once], 1)).logits[:, 12:-1].argmax(-1)
    return float((told == once[:, 1:]).float().mean())


def test_a_policy_that_has_practised_copies_new_sequences_and_another_does_not():
    assert copied(rl.Policy.tiny(TEXTS, **SMALL)) < 0.2
    assert copied(rl.Policy.tiny(TEXTS, copying=True, **SMALL)) > 0.7


@pytest.mark.filterwarnings("ignore:after 25 steps")
def test_practice_is_the_same_for_the_same_seed(monkeypatch):
    monkeypatch.setattr(copying, "MOST_STEPS", 25)
    first, again, other = (rl.Policy.tiny(TEXTS, copying=True, **{**SMALL, "seed": seed}) for seed in (3, 3, 4))
    weights = [policy.network.state_dict() for policy in (first, again, other)]
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())
    assert any(not torch.equal(weight, weights[2][name]) for name, weight in weights[0].items())


def test_weights_that_do_not_come_to_copy_are_warned_of(monkeypatch):
    monkeypatch.setattr(copying, "MOST_STEPS", 25)
    with pytest.warns(UserWarning, match="after 25 steps of practice the model does not copy"):
        rl.Policy.tiny(TEXTS, copying=True, **SMALL)


def test_one_layer_cannot_practise_copying():
    with pytest.raises(ForgeError, match="two layers at least: give layers=2, or copying=False"):
        rl.Policy.tiny(TEXTS, copying=True, **{**SMALL, "layers": 1})


def test_practice_that_diverges_hands_nothing_over():
    network = rl.Policy.tiny(TEXTS, **SMALL).network.causal
    with torch.no_grad():
        network.lm_head.weight.fill_(float("nan"))
    with pytest.raises(ForgeError, match=r"diverged at step 1 \(loss nan\): give another seed"):
        copying.practise_copying(network)
