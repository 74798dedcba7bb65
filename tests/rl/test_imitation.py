"""Imitation: which tokens are learned, from whom, and when it stops."""

import math
import os
from collections import Counter

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from hypothesis import given
from hypothesis import strategies as st
from small import WORDS, agent, policy

import forge
import rl
from forge.session import Action, Call, Observation, Session, Step
from rl.demonstrations import written_segments
from rl.imitation import IGNORED, _by_length, _labels, _split, foretold

NOTHING = "(nothing like that is remembered)"


def shown(question, answer, *, looked=True):
    """A demonstration by hand: look into memory, then answer."""
    look = Step(Action(calls=(Call("retrieve_memory"),)), (Observation("retrieve_memory", NOTHING),))
    submit = Step(
        Action(calls=(Call("submit", {"answer": answer}, text=answer),)), (Observation("submit", "submitted"),)
    )
    return Session(question, question, answer=answer, steps=(look, submit) if looked else (submit,), score=1.0)


def demonstrations(count=24):
    words = ["red", "green", "blue", "one", "two", "three"]
    return [shown(f"what is the colour {words[n % 6]} ?", words[n % 6]) for n in range(count)]


def parts_of(sessions, player, model=None):
    return [part for parts in written_segments(sessions, model or player.model, player) for part in parts]


def test_just_the_tokens_that_the_policy_writes_carry_a_label():
    player = agent(policy(), memory=forge.Memory())
    player.model.learn_names(["retrieve_memory", "submit"])
    (part,) = parts_of([shown("what is red ?", "red")], player)
    labels = _labels(part)
    written = [token for token in labels if token != IGNORED]
    names = [player.model.dialect.ids_of(name)[0] for name in ("retrieve_memory", "submit")]
    (end,) = player.model.dialect.end_ids
    (red,) = player.model.tokenizer.encode("red", add_special_tokens=False)
    assert written == [names[0], end, names[1], red, end]
    assert len(labels) == len(part.ids) > len(written)


def test_the_loss_is_the_mean_over_action_tokens_alone():
    player = agent(policy(), memory=forge.Memory())
    player.model.learn_names(["retrieve_memory", "submit"])
    parts = parts_of(demonstrations(6), player)
    loss, _ = foretold(player.model, parts)
    total = count = 0
    with torch.no_grad():
        for part in parts:
            scores = player.model.network.causal(torch.tensor([part.ids])).logits[0].log_softmax(-1)
            total -= sum(float(scores[place - 1, part.ids[place]]) for place in part.places)
            count += len(part.places)
    assert loss == pytest.approx(total / count, rel=1e-5)


def test_a_policy_learns_to_act_as_it_was_shown_and_the_first_one_stays():
    player = agent(policy(), memory=forge.Memory(), max_turns=3)
    before = player.model.digest
    looks = []
    result = rl.imitate(player, demonstrations(120), on_look=looks.append,
                        imitation=rl.Imitation(epochs=40, batch=24, learning_rate=1e-2, every=40))  # fmt: skip
    assert player.model.digest == before
    assert result.history == tuple(looks)
    assert result.history[-1].accuracy > 0.9
    acting = forge.Agent(model=result.policy.with_sampling(rl.GREEDY), memory=forge.Memory(), max_turns=3)
    session = acting.run("what is the colour green ?")
    assert session.answer == "green"
    assert [call.name for call, _ in session.calls] == ["retrieve_memory", "submit"]


def test_stopping_waits_for_the_accuracy_that_is_asked_for():
    settings = {"epochs": 200, "batch": 12, "learning_rate": 1e-2, "every": 2}
    player = agent(policy(), memory=forge.Memory())
    early = rl.imitate(player, demonstrations(), imitation=rl.Imitation(patience=1, **settings))
    ripe = rl.imitate(player, demonstrations(), imitation=rl.Imitation(patience=1, least_accuracy=0.99, **settings))
    assert len(early.history) < len(ripe.history)
    assert max(look.accuracy for look in ripe.history) >= 0.99


def test_the_weights_of_the_lowest_held_out_loss_are_kept():
    player = agent(policy(), memory=forge.Memory())
    words = ["red", "green", "blue", "one", "two", "three"]  # answered at random: what is learned by heart fails
    lessons = [shown(f"what is {words[n % 6]} {words[n // 6]} ?", words[n * n * 5 % 7 % 6]) for n in range(36)]
    settings = rl.Imitation(epochs=40, batch=12, learning_rate=0.02, validation=0.3, every=2, patience=50)
    result = rl.imitate(player, lessons, imitation=settings, seed=3)
    losses = [look.loss for look in result.history]
    held_out, _ = _split(lessons, settings.validation, 3)
    kept, _ = foretold(result.policy, parts_of(held_out, player, result.policy))
    assert kept == pytest.approx(min(losses)) != pytest.approx(losses[-1])


class Teacher:
    """Another model, without token ids."""

    name = "teacher"

    def act(self, contexts):
        return [Action(calls=(Call("submit", {"answer": "red"}, text="red"),)) for _ in contexts]


def test_sessions_of_a_stronger_model_teach_as_well():
    rows = [{"question": f"what is {word} ?", "answer": word} for word in ("red", "blue", "green", "one")]
    seen = forge.evaluate(forge.Agent(model=Teacher()), forge.Dataset(rows))
    result = rl.imitate(agent(policy()), seen, imitation=rl.Imitation(epochs=30, learning_rate=1e-2))
    assert result.tokens == 3 * result.segments
    assert forge.Agent(model=result.policy.with_sampling(rl.GREEDY)).run("what is two ?").answer == "red"


def test_sessions_of_another_policy_are_read_by_what_they_say_not_by_their_ids():
    rows = forge.Dataset(
        [{"question": f"what is {word} ?", "answer": word} for word in ("red", "blue", "green", "one")]
    )
    teacher, student = (agent(policy(seed=seed), expert=forge.GoldExpert(0.1), max_turns=2) for seed in (0, 1))
    teacher.model.learn_names(["seek_advice", "submit"])
    student.model.learn_names(["submit", "seek_advice"])  # so that the ids are the other way round
    seen = forge.evaluate(teacher, rows, seed=1)
    parts = parts_of(seen.sessions, student)
    specs = [forge.models.protocol.ToolSpec(tool.name, tool.description, tool.parameters) for tool in student.all_tools]
    told = [step.action for session in seen.sessions for step in session.steps]
    assert {call.name for action in told for call in action.calls} & {"submit", "seek_advice"}
    read = []
    for part in parts:
        for turn in dict.fromkeys(part.turns):
            ids = [part.ids[p] for p, t in zip(part.places, part.turns, strict=True) if t == turn]
            read += [call.name for call in student.model.dialect.read(ids, specs, cut=False)[1]]
    assert read == [call.name for action in told for call in action.calls]


def test_time_is_a_limit():
    player = agent(policy(), memory=forge.Memory())
    settings = rl.Imitation(epochs=10_000, every=1, seconds=0.5)
    assert rl.imitate(player, demonstrations(), imitation=settings).history[-1].seconds < 20


@pytest.mark.parametrize("every", [1, 100])
def test_a_loss_that_is_no_number_ends_imitation_at_its_step_and_hands_over_nothing(every):
    player = agent(policy(), memory=forge.Memory())
    looks = []
    with pytest.raises(rl.Diverged, match=r"^imitation, step \d+: the held-out loss is nan.*learning_rate"):
        rl.imitate(player, demonstrations(), on_look=looks.append,
                   imitation=rl.Imitation(learning_rate=1e20, epochs=6, every=every))  # fmt: skip
    assert math.isnan(looks[-1].loss)
    assert all(math.isfinite(look.loss) for look in looks[:-1])


def test_a_weight_that_is_no_number_is_not_handed_over_even_if_no_loss_shows_it():
    player = agent(policy(), memory=forge.Memory())
    player.model.learn_names(tool.name for tool in player.all_tools)
    with torch.no_grad():  # of a word that no demonstration has
        unused = player.model.tokenizer.convert_tokens_to_ids("box")
        player.model.network.causal.get_input_embeddings().weight[unused] = math.nan
    with pytest.raises(rl.Diverged, match=r"step 1: .*embed_tokens\.weight has values that are no finite numbers"):
        rl.imitate(player, demonstrations(), imitation=rl.Imitation(epochs=1))


def test_demonstrations_that_do_not_fit_are_left_out_and_told():
    long = [shown("what is the colour " + "red " * 60 + "?", "red") for _ in range(3)]
    player = agent(policy(context=48), memory=forge.Memory())
    result = rl.imitate(player, [*demonstrations(6), *long], imitation=rl.Imitation(epochs=1, validation=0.3))
    (note,) = result.notes
    assert note.startswith("3 of 9 segments of the demonstrations are longer than the policy's context of 48 tokens")
    assert result.segments == 6 - 2  # held out are sessions that can be looked at
    assert rl.imitate(player, demonstrations(4), imitation=rl.Imitation(epochs=1)).notes == ()


def test_when_fewer_than_two_demonstrations_are_left_the_error_says_what_became_of_the_others():
    player = agent(policy(context=8), memory=forge.Memory())
    with pytest.raises(forge.ForgeError, match=r"^0 of 4 .* give at least 2.*: 4 of 4 segments .* context of 8 tokens"):
        rl.imitate(player, demonstrations(4))
    silent = Session("q", "what is red ?")
    with pytest.raises(forge.ForgeError, match=r"^1 of 2 demonstrations can be learned from, .* one is held out$"):
        rl.imitate(agent(policy(), memory=forge.Memory()), [silent, *demonstrations(1)])


def test_an_action_with_two_calls_is_shown_as_two_where_a_turn_has_one_call():
    calls = Call("submit", {"answer": "red"}, text="red"), Call("retrieve_memory", {"query": "box"}, text="box")
    seen = Observation("submit", "submitted"), Observation("retrieve_memory", "nothing like that")
    session = Session("q", "what is red ?", answer="red", steps=(Step(Action("look", calls), seen),), score=1.0)
    player = agent(policy(texts=[WORDS, "look"]), memory=forge.Memory())
    player.model.learn_names(["retrieve_memory", "submit"])
    (part,) = parts_of([session], player)
    said = player.model.tokenizer.decode
    turns = [[part.ids[p] for p, t in zip(part.places, part.turns, strict=True) if t == turn] for turn in (0, 1)]
    assert [said(ids) for ids in turns] == ["look [retrieve_memory] box <|end|>", "[submit] red <|end|>"]
    between = said(part.ids[part.places[3] + 1 : part.places[4]])
    assert between == "<|observation|> nothing like that <|act|>"  # each call is followed by what came of it


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_on_a_cpu_the_quick_loss_teaches_what_the_loss_of_trl_teaches(monkeypatch, precision):
    from rl.imitation_trainer import ImitationTrainer

    def learned():
        settings = rl.Imitation(epochs=2, batch=8, every=1, precision=precision)
        return rl.imitate(agent(policy()), demonstrations(), imitation=settings, seed=3)

    quick = learned()
    monkeypatch.delattr(ImitationTrainer, "compute_loss")
    of_trl = learned()
    assert of_trl.history[-1].loss < of_trl.history[0].loss
    for name, weight in of_trl.policy.network.state_dict().items():
        torch.testing.assert_close(quick.policy.network.state_dict()[name], weight, atol=1e-5, rtol=1e-4)


def test_mixed_precision_ends_with_the_imitation_that_asked_for_it():
    settings = rl.Imitation(epochs=1, batch=8, precision="bf16")
    rl.imitate(agent(policy()), demonstrations(), imitation=settings)
    assert "ACCELERATE_MIXED_PRECISION" not in os.environ  # what is started from here would heed it
    assert Accelerator(cpu=True).mixed_precision == "no"  # PPO's, and its first ratio would not be one


def test_the_precision_that_a_process_was_launched_with_is_not_that_of_imitation(monkeypatch):
    from rl import imitation_trainer

    seen = set()

    class Seen(imitation_trainer.ImitationTrainer):
        def compute_loss(self, *arguments, **named):
            seen.add(self.accelerator.mixed_precision)
            return super().compute_loss(*arguments, **named)

    monkeypatch.setattr(imitation_trainer, "ImitationTrainer", Seen)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    rl.imitate(agent(policy()), demonstrations(), imitation=rl.Imitation(epochs=1, batch=8))
    assert seen == {"no"}


def test_the_precision_that_a_process_was_launched_with_is_there_after_imitation(monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    rl.imitate(agent(policy()), demonstrations(), imitation=rl.Imitation(epochs=1, batch=8))
    assert os.environ["ACCELERATE_MIXED_PRECISION"] == "bf16"


def test_what_trains_after_an_imitation_may_do_so_on_another_device():
    states = (PartialState._shared_state, AcceleratorState._shared_state)
    before = [dict(state) for state in states]
    for state in states:
        state.clear()
    try:
        rl.imitate(agent(policy()), demonstrations(), imitation=rl.Imitation(epochs=1, batch=8))
        assert not any(states)  # else accelerate would hold PPO to the processor
    finally:
        for state, found in zip(states, before, strict=True):
            state.update(found)


@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=300),
    st.integers(1, 8),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.integers(0, 9),
)
def test_batches_of_like_length_show_every_segment_once_an_epoch(lengths, batch, epochs, seed):
    order = _by_length(lengths, rl.Imitation(epochs=epochs, batch=batch), seed)
    assert Counter(order) == dict.fromkeys(range(len(lengths)), int(epochs))


def test_batches_of_like_length_are_filled_up_less_and_half_an_epoch_is_half_of_it():
    lengths = torch.randint(10, 500, (2001,), generator=torch.Generator().manual_seed(1)).tolist()

    def filled(order):
        return sum(16 * max(lengths[place] for place in order[at : at + 16]) for at in range(0, len(order), 16))

    order = _by_length(lengths, rl.Imitation(epochs=1.5, batch=16), 0)
    assert len(order) == 3002
    assert filled(order) < 1.1 * 1.5 * sum(lengths) < 1.6 * 1.5 * sum(lengths) < 1.5 * filled(range(2001))


def test_a_policy_learns_from_batches_of_like_length_too():
    settings = rl.Imitation(epochs=3, batch=8, learning_rate=1e-2, every=3, by_length=True)
    looks = rl.imitate(agent(policy()), demonstrations(), imitation=settings).history
    assert [look.step for look in looks] == [3, 6, 9]
    assert looks[-1].loss < looks[0].loss
