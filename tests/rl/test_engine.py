"""Generation with keys and values kept across executor turns."""

import pytest
import torch
from small import agent, dataset, policy

import forge
from rl.engine import Limits, Request
from rl.sampling import GREEDY, Sampling


def limits(model, *, new_tokens=5, sampling=GREEDY, end_ids=frozenset()):
    return Limits(frozenset(end_ids), new_tokens, 512, sampling)


def from_scratch(model, prompt, count):
    """Greedy decoding that computes everything again for every token."""
    ids = list(prompt)
    for _ in range(count):
        logits = model.network.causal(torch.tensor([ids]), use_cache=False).logits[0, -1]
        ids.append(int(logits.argmax()))
    return ids[len(prompt) :]


def log_probs_from_scratch(model, prompt, ids):
    with torch.no_grad():
        logits = model.network.causal(torch.tensor([[*prompt, *ids]]), use_cache=False).logits[0].float()
    scores = logits.log_softmax(-1)
    return [float(scores[len(prompt) + place - 1, token]) for place, token in enumerate(ids)]


def prompts(model, lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    size = len(model.tokenizer)
    return [torch.randint(5, size, (length,), generator=generator).tolist() for length in lengths]


@torch.no_grad()
def test_prompts_of_different_lengths_in_one_batch_give_what_each_gives_alone():
    model = policy()
    asked = prompts(model, [3, 17, 9, 30, 4])
    results = model.engine.generate([Request(prompt) for prompt in asked], limits(model))
    for prompt, result in zip(asked, results, strict=True):
        assert result.ids == from_scratch(model, prompt, 5)
        assert result.cut


@torch.no_grad()
def test_going_on_with_kept_keys_and_values_equals_computing_everything_again():
    model = policy()
    asked, lengths = prompts(model, [6, 12, 8, 3]), [0] * 4
    for turn in range(4):
        requests = [Request(prompt, seed=turn, kept=known) for prompt, known in zip(asked, lengths, strict=True)]
        results = model.engine.generate(requests, limits(model, sampling=Sampling()))
        for prompt, result in zip(asked, results, strict=True):
            expected = log_probs_from_scratch(model, prompt, result.ids)
            assert result.log_probs == pytest.approx(expected, abs=1e-5)
        lengths = [len(prompt) + len(result.ids) for prompt, result in zip(asked, results, strict=True)]
        blocks = prompts(model, [2, 7, 1, 11], seed=turn + 1)
        asked = [[*p, *r.ids, *block] for p, r, block in zip(asked, results, blocks, strict=True)]
        order = [2, 0, 3, 1]
        asked, lengths = [asked[i] for i in order], [lengths[i] for i in order]


@torch.no_grad()
def test_only_new_tokens_are_computed_when_a_sequence_goes_on():
    model = policy()
    seen = []
    original = model.network.extend
    model.network.extend = lambda ids, *rest: seen.append(ids.numel()) or original(ids, *rest)
    (prompt,) = prompts(model, [40])
    (result,) = model.engine.generate([Request(prompt)], limits(model, new_tokens=3))
    first = sum(seen)
    seen.clear()
    model.engine.generate([Request([*prompt, *result.ids, 7, 8], kept=43)], limits(model, new_tokens=3))
    assert (first, sum(seen)) == (40 + 2, 3 + 2)


@torch.no_grad()
def test_a_common_beginning_is_computed_once():
    model = policy()
    seen = []
    original = model.network.extend
    model.network.extend = lambda ids, *rest: seen.append(ids.numel()) or original(ids, *rest)
    (common,) = prompts(model, [50])
    asked = [[*common, token] for token in range(6, 16)]
    results = model.engine.generate([Request(prompt) for prompt in asked], limits(model, new_tokens=2))
    assert sum(seen) == 50 + 10 + 10
    for prompt, result in zip(asked, results, strict=True):
        assert result.ids == from_scratch(model, prompt, 2)


@torch.no_grad()
def test_rows_that_are_done_leave_the_batch_and_the_others_stay_right():
    model = policy()
    asked = prompts(model, [5, 5, 5, 5, 5, 5], seed=3)
    alone = [from_scratch(model, prompt, 8) for prompt in asked]
    ends = {ids[2] for ids in alone[::2]}
    results = model.engine.generate([Request(prompt) for prompt in asked], limits(model, new_tokens=8, end_ids=ends))
    for ids, result in zip(alone, results, strict=True):
        stop = next((place + 1 for place, token in enumerate(ids) if token in ends), 8)
        assert result.ids == ids[:stop]
        assert result.cut is (not ends & set(ids))


@torch.no_grad()
def test_forgetting_follows_changed_weights():
    model = policy()
    (prompt,) = prompts(model, [10])
    (first,) = model.engine.generate([Request(prompt)], limits(model))
    model.network.causal.get_output_embeddings().weight.mul_(-1)
    model.engine.forget()
    longer = [*prompt, *first.ids, 7]
    (second,) = model.engine.generate([Request(longer, kept=15)], limits(model))
    assert second.ids == from_scratch(model, longer, 5)


def test_what_is_drawn_depends_on_neither_the_batch_nor_its_order():
    tasks = dataset(12, streams=6)
    seen = []
    for concurrency in (1, 4, 6):
        player = agent(policy(), memory=forge.Memory(), expert=forge.GoldExpert(0.1), max_turns=3)
        sessions = forge.evaluate(player, tasks, concurrency=concurrency, seed=5).sessions
        seen.append([[step.action.token_ids for step in session.steps] for session in sessions])
    assert seen[0] == seen[1] == seen[2]


def test_a_context_that_does_not_fit_ends_the_session_and_nothing_else():
    player = agent(policy(context=24), max_turns=8)
    sessions = forge.evaluate(player, dataset(4), seed=1).sessions
    assert {session.stop for session in sessions} <= {"model_error", "turns", "submitted"}
    broken = [session for session in sessions if session.stop == "model_error"]
    assert broken
    assert "does not fit the policy's context of 24" in broken[0].error
