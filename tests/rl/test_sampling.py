"""How tokens are drawn."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from forge import ForgeError
from rl.sampling import Sampling, draw, uniforms

LOGITS = torch.tensor([[2.0, 1.0, 0.0, -1.0]])


def drawn_often(sampling, count=20_000):
    noise = torch.from_numpy(uniforms([7], count))[0]
    return draw(LOGITS.expand(count, -1), noise, sampling)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_stored_log_probability_is_that_of_the_tempered_distribution(temperature):
    ids, log_probs = drawn_often(Sampling(temperature=temperature))
    expected = (LOGITS[0] / temperature).log_softmax(-1)
    assert torch.allclose(log_probs, expected[ids], atol=1e-6)
    shares = torch.bincount(ids, minlength=4) / len(ids)
    assert torch.allclose(shares, expected.exp(), atol=0.01)


def test_with_top_p_the_stored_log_probability_is_that_of_the_tokens_that_are_left():
    ids, log_probs = drawn_often(Sampling(top_p=0.7))  # 0.64 alone is not enough: two are left
    assert set(ids.tolist()) == {0, 1}
    expected = LOGITS[0, :2].log_softmax(-1)
    assert torch.allclose(log_probs, expected[ids], atol=1e-6)


def test_a_token_that_is_not_allowed_is_never_drawn_and_the_others_share_its_part():
    masked = LOGITS.masked_fill(torch.tensor([True, False, False, False]), -torch.inf)
    ids, log_probs = draw(masked.expand(500, -1), torch.from_numpy(uniforms([3], 500))[0], Sampling())
    assert 0 not in ids
    assert torch.allclose(log_probs, LOGITS[0, 1:].log_softmax(-1)[ids - 1], atol=1e-6)


def test_greedy_takes_the_likeliest_and_leaves_nothing_to_luck():
    ids, log_probs = draw(LOGITS, torch.tensor([0.99]), Sampling(temperature=0))
    assert (ids.item(), log_probs.item()) == (0, 0.0)
    rows = LOGITS.expand(2, -1)
    ids, log_probs = draw(rows, torch.tensor([0.999, 0.999]), Sampling(), torch.tensor([True, False]))
    assert ids.tolist() == [0, 3]
    assert log_probs[0] == 0.0 > log_probs[1]


@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=5, unique=True), st.integers(1, 40))
def test_noise_depends_on_the_seed_of_the_row_alone(seeds, count):
    together = uniforms(seeds, count)
    assert together.shape == (len(seeds), count)
    assert ((together >= 0) & (together < 1)).all()
    for row, seed in enumerate(seeds):
        assert np.array_equal(uniforms([seed], count + 3)[0, :count], together[row])


def test_noise_is_even_within_a_row_and_across_rows():
    for numbers in (uniforms([1], 50_000)[0], uniforms(range(50_000), 1)[:, 0]):
        assert np.histogram(numbers, bins=10, range=(0, 1))[0] == pytest.approx([5000] * 10, abs=300)


@pytest.mark.parametrize("bad", [{"temperature": -1}, {"temperature": float("nan")}, {"top_p": 0}, {"top_p": 1.5}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ForgeError, match=next(iter(bad))):
        Sampling(**bad)
