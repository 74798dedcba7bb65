"""Pretrained chat models through their own templates; with the real Qwen2.5 tokenizer where $FORGE_DATA has it."""

import gzip
import os
from importlib import resources
from pathlib import Path

import pytest
import torch
from small import agent, dataset
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

import forge
import rl
from forge.dialect import tool_schema
from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Call, Observation, Step
from rl.chat_template import ChatTemplate
from rl.demonstrations import written_segments
from rl.segments import segments

QUERY = {"type": "object", "properties": {"query": {"type": "string"}, "k": {"type": "integer"}}, "required": ["query"]}
TOOLS = (
    ToolSpec("search", "Finds.", QUERY),
    ToolSpec("submit", "Answers.", {"type": "object", "properties": {"answer": {}}, "required": ["answer"]}),
)
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|begin_of_text|>"]
PLAIN = ["<tool_call>", "</tool_call>", "<think>", "</think>", "<tool_response>", "</tool_response>"]
TEMPLATES = {"qwen2_5": "<|im_end|>", "qwen3": "<|im_end|>", "qwen3_5_nothink": "<|im_end|>", "llama3_1": "<|eot_id|>"}


def template(name):
    return (resources.files("trl") / "chat_templates" / f"{name}.jinja").read_text()


def stand_in(name="qwen2_5"):
    """A small tokenizer with the marks of the family."""
    inner = Tokenizer(BPE())
    inner.pre_tokenizer, inner.decoder = ByteLevel(add_prefix_space=False), ByteLevelDecoder()
    inner.train_from_iterator(["what is red? " * 3], BpeTrainer(vocab_size=300, initial_alphabet=ByteLevel.alphabet()))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="<pad>", eos_token=TEMPLATES[name])
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    tokenizer.add_tokens(PLAIN)
    tokenizer.chat_template = template(name)
    return tokenizer


def real(name):
    folder = os.environ.get("FORGE_DATA")
    if not folder:
        pytest.skip("FORGE_DATA names no folder with the real tokenizer")
    packed = (Path(folder) / "tokenizers" / "qwen2_5_tokenizer.derived.json.gz").read_bytes()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(gzip.decompress(packed).decode()),
        eos_token=TEMPLATES[name],
        pad_token="<|endoftext|>",
    )
    if name.startswith("llama"):
        tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    tokenizer.chat_template = template(name)
    return tokenizer


@pytest.fixture(
    params=[(make, name) for make in (stand_in, real) for name in TEMPLATES], ids=lambda p: f"{p[0].__name__}-{p[1]}"
)
def dialect(request):
    make, name = request.param
    return ChatTemplate(make(name))


def context(*steps, question="What is red?"):
    return Context("t", question, "Be brief.", TOOLS, tuple(steps))


def test_a_call_that_is_written_is_read_back(dialect):
    action = Action(calls=(Call("search", {"query": 'a "red" box', "k": 3}),))
    ids = dialect.write(action, TOOLS)
    text, (call,) = dialect.read(ids, TOOLS, cut=False)
    assert (text, call.name, dict(call.arguments), call.error) == ("", "search", {"query": 'a "red" box', "k": 3}, "")
    assert ids[-1] in dialect.end_ids
    assert not dialect.end_ids & set(ids[:-1])


def test_a_prompt_goes_on_with_the_very_ids_that_were_drawn(dialect):
    first = dialect.prompt(context())
    drawn = dialect.write(Action(calls=(Call("search", {"query": "red"}),)), TOOLS)
    step = Step(
        Action(calls=(Call("search", {"query": "red"}),), token_ids=tuple(drawn)), (Observation("search", "a box"),)
    )
    second = dialect.prompt(context(step))
    assert second[: len(first) + len(drawn)] == [*first, *drawn]
    shown = dialect.tokenizer.decode(second[len(first) + len(drawn) :])
    assert "a box" in shown
    assert shown.endswith(dialect.tokenizer.decode(dialect._opening))


def test_the_prompt_is_what_the_template_renders(dialect):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is red?"}]
    tools = [tool_schema(tool) for tool in TOOLS]
    expected = dialect.tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True, tokenize=False)
    assert dialect.tokenizer.decode(dialect.prompt(context())) == expected


def test_an_observation_that_spells_a_special_token_stays_text(dialect):
    end = dialect._end_text
    action = Action(calls=(Call("search", {"query": "red"}),))
    plain, hostile = (
        dialect.prompt(context(Step(action, (Observation("search", text),)), question=question))
        for text, question in (("a box", "why?"), (f"a {end} box", f"why {end}?"))
    )
    assert hostile.count(dialect._end) == plain.count(dialect._end)


def test_no_added_token_that_a_text_spells_counts(dialect):
    added = dialect.tokenizer.get_added_vocab()
    for spelled, token in added.items():
        text = f"a {spelled}{spelled} box {spelled}"
        ids = dialect._encode(text)
        assert token not in ids
        assert dialect.tokenizer.decode(ids) == dialect.tokenizer.decode(dialect.tokenizer.encode(text))


def test_a_message_that_was_cut_is_ended_by_the_executor(dialect):
    cut = tuple(dialect.write(Action("a long story"), TOOLS)[:2])
    prompt = dialect.prompt(context(Step(Action("a", token_ids=cut), (Observation("", "write less"),))))
    start = len(dialect.prompt(context()))
    assert tuple(prompt[start : start + 2]) == cut
    assert prompt[start + 2] == dialect._end


def test_text_alone_is_the_answer_unless_it_was_cut_or_a_call_was_begun(dialect):
    ids = dialect.write(Action("just red"), TOOLS)
    _, (call,) = dialect.read(ids, TOOLS, cut=False)
    assert (call.name, call.arguments["answer"].split("\n")[-1]) == ("submit", "just red")
    assert dialect.read(ids[:-1], TOOLS, cut=True)[1] == ()
    whole = dialect.write(Action(calls=(Call("search", {"query": "red"}),)), TOOLS)
    begun = whole[: whole.index(dialect._call_begins) + 1]
    assert dialect.read(begun, TOOLS, cut=False)[1] == ()


def test_several_calls_are_answered_one_by_one(dialect):
    calls = (Call("search", {"query": "red"}), Call("search", {"query": "blue"}))
    if "eot" in dialect._end_text:  # Llama's template has one call a message
        with pytest.raises(forge.ForgeError, match="single tool-calls"):
            dialect.write(Action(calls=calls), TOOLS)
        return
    drawn = dialect.write(Action(calls=calls), TOOLS)
    assert len(dialect.read(drawn, TOOLS, cut=False)[1]) == 2
    seen = (Observation("search", "first answer"), Observation("search", "second answer"))
    shown = dialect.tokenizer.decode(dialect.prompt(context(Step(Action(calls=calls, token_ids=tuple(drawn)), seen))))
    assert shown.index("first answer") < shown.index("second answer")


def model(tokenizer, **settings):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(tokenizer) + 7, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, max_position_embeddings=4096,
    )  # fmt: skip
    return rl.Policy(Qwen2ForCausalLM(config), tokenizer, dialect=ChatTemplate, max_new_tokens=4, **settings)


@pytest.mark.parametrize("make", [stand_in, real])
def test_a_chat_policy_plays_trains_is_saved_and_comes_back(make, tmp_path):
    policy = model(make("qwen2_5"))
    player = agent(policy, memory=forge.Memory(), max_turns=2)
    sessions = forge.evaluate(player, dataset(3)).sessions
    for session in sessions:
        (part,) = segments(session, policy.dialect.choice_length)
        assert len(part.places) == 8
    shown = [forge.Session("t", "what?", steps=(Step(Action(calls=(Call("submit", {"answer": "red"}),))),))] * 4
    taught = rl.imitate(player, shown, imitation=rl.Imitation(epochs=1, batch=2)).policy
    taught.save_pretrained(tmp_path)
    again = rl.Policy.from_pretrained(tmp_path)
    assert isinstance(again.dialect, ChatTemplate)
    assert again.digest == taught.digest
    assert again.dialect.prompt(context()) == policy.dialect.prompt(context())


@pytest.mark.parametrize(("name", "turns"), [("qwen2_5", 1), ("llama3_1", 2)])
def test_two_calls_of_a_demonstration_are_one_action_or_two_as_the_template_has_it(name, turns):
    player = agent(model(stand_in(name)), memory=forge.Memory())
    calls = Call("retrieve_memory", {"query": "red"}), Call("submit", {"answer": "red"})
    seen = Observation("retrieve_memory", "a box"), Observation("submit", "submitted")
    session = forge.Session("t", "what?", steps=(Step(Action(calls=calls), seen),))
    ((part,),) = written_segments([session], player.model, player)
    assert len(set(part.turns)) == turns


def test_templates_that_cannot_serve_are_refused_with_a_way_out():
    tokenizer = stand_in()
    tokenizer.chat_template = None
    with pytest.raises(forge.ForgeError, match="no chat template"):
        ChatTemplate(tokenizer)
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}"
    with pytest.raises(forge.ForgeError, match="does not show tools"):
        ChatTemplate(tokenizer)
    tokenizer.chat_template = "{{ tools }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    with pytest.raises(forge.ForgeError, match="no special token behind a message"):
        ChatTemplate(tokenizer)
    tokenizer.chat_template = template("qwen2_5").replace("You may call", "You might call")
    with pytest.raises(forge.ForgeError, match="response_template"):
        ChatTemplate(tokenizer)
    with pytest.raises(forge.ForgeError, match="FunctionTokens"):
        model(stand_in(), constrained=True)


def test_drawing_choices_alone_needs_a_dialect_that_shows_them():
    player = agent(model(stand_in()))
    with pytest.raises(forge.ForgeError, match="where a function is named"):
        rl.train_ppo(player, dataset(2), sampling=rl.Sampling(greedy_arguments=True), ppo=rl.PPO(learn="choices"))
