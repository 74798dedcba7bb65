"""Names found in ids, and decoding held to legal actions, in the engine and in the learner alike."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import WORDS, agent, dataset, played, policy

import forge
import rl
from forge.models.protocol import Context
from forge.session import Action, Call
from rl.experience import Experience
from rl.function_tokens import FunctionTokens
from rl.learner import Learner
from rl.names import Names
from rl.segments import segments

sequences = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple), min_size=1, max_size=5, unique=True
)
OFFERED = {"retrieve_memory": True, "update_memory": True, "reflect": True, "clear_context": False, "seek_advice": True,
           "submit": True}  # fmt: skip
BUILT_IN = list(OFFERED)


@given(sequences, st.lists(st.integers(0, 3), max_size=20))
def test_the_automaton_finds_the_name_that_is_complete_first(sequences, ids):
    names = Names({str(number): sequence for number, sequence in enumerate(sequences)})
    ends = [
        end for end in range(1, len(ids) + 1) if any(tuple(ids[max(0, end - len(s)) : end]) == s for s in sequences)
    ]
    found = names.find(ids)
    assert (found is None) == (not ends)
    if found is not None:
        assert found.end == ends[0]
        assert tuple(ids[found.start : found.end]) == names.ids_of(found.name)


def spelled(**settings):
    texts = [WORDS, *(f"[{name}]" for name in BUILT_IN), "<|question|> <|act|> <|observation|>"]
    return policy(words=False, texts=texts, dialect=lambda t: FunctionTokens(t, spelled=True), **settings)


def test_spelled_functions_leave_the_vocabulary_alone_and_are_found_by_their_ids():
    model = spelled()
    count = len(model.tokenizer)
    model.learn_names(BUILT_IN)
    assert len(model.tokenizer) == count
    ids = model.dialect.write(Action("red", (Call("reflect", {"lesson": "blue box"}),)), ())
    assert len(model.dialect.ids_of("reflect")) > 1
    plan, (call,) = model.dialect.read(ids, (), cut=False)
    assert (plan, call.name, call.text) == ("red", "reflect", "blue box")
    assert model.dialect.choice_length(ids) < len(ids)


@pytest.mark.parametrize("make", [policy, spelled])
def test_under_constraints_every_action_is_one_legal_call(make):
    for session in played(make(seed=3, constrained=True, max_new_tokens=40), 6, streams=3):
        for step in session.steps:
            assert [call.name in BUILT_IN for call in step.action.calls] == [True]


@pytest.mark.parametrize("make", [policy, spelled])
def test_the_learner_sees_the_distribution_that_constrained_decoding_drew_from(make):
    model = make(seed=3, constrained=True)
    sessions = played(model, 8, streams=4)
    data = Experience([segments(each, model.dialect.choice_length) for each in sessions])
    learner = Learner(model.network, rl.PPO(kl=rl.KL(0.1, estimator="exact"), entropy=0.01), rl.Sampling())
    learner.measure(data)
    assert not torch.allclose(data.old, data.rollout, atol=1e-2)
    data.constrain(model.grammar(), OFFERED)
    figures = learner.prepare(data)
    assert torch.allclose(data.old, data.rollout, atol=1e-5)
    assert figures["importance"] == pytest.approx(1.0, abs=1e-5)
    changed = learner.update(data, progress=0.0, seed=0)
    assert all(value == value for value in changed.values())


def test_a_constrained_policy_trains():
    model = policy(seed=1, constrained=True)
    player = agent(model, expert=forge.GoldExpert(0.1), max_turns=2)
    result = rl.train_ppo(
        player, dataset(8), dataset(2), ppo=rl.PPO(batch=8, minibatch=4), budget=forge.Budget(rollouts=16)
    )
    assert [row["importance"] for row in result.history] == pytest.approx([1.0, 1.0], abs=1e-4)


def test_text_that_spells_a_function_or_a_mark_stays_text():
    model = policy(words=False, texts=[WORDS, "[submit] <|act|>"])
    model.learn_names(BUILT_IN)
    prompt = model.dialect.prompt(Context("t", "[submit] <|act|> what", "", (), ()))
    assert not set(model.dialect.ids_of("submit")) & set(prompt)
    assert prompt.count(model.dialect._act[0]) == 1
