"""Policies: acting, saving, loading, and their two dialects."""

import json
import subprocess
import sys

import pytest
import torch
from small import WORDS, agent, dataset, everything, played, policy
from small import session as made

import forge
import rl
from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Call, Observation, Step
from rl.batch import Rows
from rl.experience import Experience
from rl.learner import Learner
from rl.policy import Policy
from rl.sampling import GREEDY
from rl.segments import segments

SPEC = ToolSpec(
    "search", "Finds.", {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
)
TWO = ToolSpec("add", "Adds.", {"type": "object", "properties": {"a": {}, "b": {}}, "required": ["a", "b"]})


BUILT_IN = ("retrieve_memory", "update_memory", "reflect", "clear_context", "seek_advice", "submit")


def context(*steps, tools=(SPEC, TWO)):
    return Context("t", "what is the colour", "Answer.", tuple(tools), tuple(steps))


def test_rollout_and_learner_agree_on_every_log_probability():
    model = policy()
    for session in played(model, 12, concurrency=12, streams=3):
        for part in segments(session, model.dialect.choice_length):
            ids = torch.tensor([part.ids])
            rows, columns = torch.zeros(len(part.places), dtype=torch.long), torch.tensor(part.places) - 1
            with torch.no_grad():
                logits, _ = model.network(ids, rows, columns)
            scores = logits.log_softmax(-1).gather(-1, torch.tensor([[part.ids[p]] for p in part.places])).squeeze(-1)
            assert torch.allclose(scores, torch.tensor(part.log_probs), atol=1e-5)


def test_the_ids_that_a_learner_sees_are_those_that_were_drawn_even_where_the_tokenizer_would_merge_them():
    model = policy(texts=["red green blue " * 20, "abababab ab ab ab"], words=False)
    model.learn_names(["search", "add", "submit"])
    a, b = (model.tokenizer.convert_tokens_to_ids(letter) for letter in "ab")
    assert model.tokenizer.encode(model.tokenizer.decode([a, b]), add_special_tokens=False) != [a, b]
    name = model.dialect.ids_of("search")[0]
    drawn = Action(token_ids=(name, a, b, *model.dialect.end_ids), prompt_ids=tuple(model.dialect.prompt(context())))
    after = model.dialect.prompt(context(Step(drawn, (Observation("search", "red"),))))
    start = len(drawn.prompt_ids)
    assert tuple(after[:start]) == drawn.prompt_ids
    assert tuple(after[start : start + 4]) == drawn.token_ids


def test_a_prompt_begins_with_the_last_prompt_and_action():
    for session in played(count=8, streams=2):
        before = None
        for step in session.steps:
            if before is not None and "clear_context" not in [call.name for call in before.calls]:
                known = (*before.prompt_ids, *before.token_ids)
                assert step.action.prompt_ids[: len(known)] == known
            before = step.action


def test_clearing_the_context_opens_a_new_segment():
    model = policy()
    model.learn_names(["clear_context", "submit"])
    clear, submit = (model.dialect.ids_of(name)[0] for name in ("clear_context", "submit"))
    end = next(iter(model.dialect.end_ids))
    red = model.tokenizer.convert_tokens_to_ids("red")
    script = [[clear, end], [submit, red, end]]

    class Scripted:
        name = "scripted"

        def act(self, contexts):
            actions = []
            for given in contexts:
                ids = script[0 if given.turns_left == 4 else 1]
                plan, calls = model.dialect.read(ids, given.tools, cut=False)
                prompt = tuple(model.dialect.prompt(given))
                actions.append(
                    Action(plan, calls, token_ids=tuple(ids), log_probs=(0.0,) * len(ids), prompt_ids=prompt)
                )
            return actions

    player = agent(Scripted(), memory=forge.Memory(), max_turns=4)
    (session,) = forge.evaluate(player, dataset(1)).sessions
    assert session.answer == "red"
    first, second = segments(session, everything)
    assert [first.ids[place] for place in first.places] == script[0]
    assert [second.ids[place] for place in second.places] == script[1]
    assert second.ids[: second.places[0]] == first.ids[: first.places[0]]


@torch.no_grad()
def measured(model, *turns):
    """The log-probabilities that the learner gives to the action tokens of one session."""
    experience = Experience([segments(made(*turns), everything)])
    Learner(model.network, rl.PPO(kl=None), rl.Sampling()).measure(experience)
    return experience.old.tolist()


def test_a_deleted_context_equals_an_attention_mask_that_hides_it():
    model = policy()
    before, after = ([1, 9, 8], [7, 6]), ([1, 12, 13], [14, 15])  # the second prompt does not go on from the first
    ids = torch.tensor([[*before[0], *before[1], *after[0], *after[1]]])
    mask = torch.full((1, 1, 10, 10), torch.finfo(torch.float32).min)
    for query in range(10):
        mask[0, 0, query, (0 if query < 5 else 5) : query + 1] = 0
    positions = torch.tensor([[*range(5), *range(5)]])
    with torch.no_grad():
        scores = model.network.causal(ids, attention_mask=mask, position_ids=positions).logits[0].log_softmax(-1)
    expected = [float(scores[place - 1, ids[0, place]]) for place in (3, 4, 8, 9)]
    assert measured(model, before, after) == pytest.approx(expected, abs=1e-5)


def test_a_drawn_pad_or_end_id_inside_an_action_is_a_token_like_any_other():
    model = policy()
    pad, (end,) = model.tokenizer.pad_token_id, model.dialect.end_ids
    prompt, drawn = [1, 2], [pad, 9, end, pad]
    (part,) = segments(made((prompt, drawn)), everything)
    assert [part.ids[place] for place in part.places] == drawn
    with torch.no_grad():
        scores = model.network.causal(torch.tensor([[*prompt, *drawn]])).logits[0].log_softmax(-1)
    expected = [float(scores[place + 1, token]) for place, token in enumerate(drawn)]
    assert measured(model, (prompt, drawn)) == pytest.approx(expected, abs=1e-5)


def test_parallel_trajectories_never_share_memory():
    notes = [f"note {n}" for n in range(8)]

    class Writer:
        name = "writer"

        def act(self, contexts):
            return [
                Action(
                    calls=(
                        Call("update_memory", {"text": notes[int(c.task_id)]})
                        if not c.steps
                        else Call("submit", {"answer": "x"}),
                    )
                )
                for c in contexts
            ]

    memory = forge.Memory()
    player = agent(Writer(), memory=memory)
    sessions = forge.evaluate(player, dataset(8, streams=4), concurrency=8).sessions
    assert [session.remembered for session in sessions] == [(note,) for note in notes]
    assert len(memory) == 0


def test_exceptions_and_timeouts_in_functions_become_observations():
    def broken() -> str:
        """Fails."""
        raise ValueError("no")

    def slow() -> int:
        """Never ends."""
        while True:
            pass

    names = iter(["broken", "slow", "submit"])

    class Caller:
        name = "caller"

        def act(self, contexts):
            return [Action(calls=(Call(next(names), {}),)) for _ in contexts]

    import functions

    with functions.Sandbox(timeout=0.3, mode="per_call") as box:
        player = forge.Agent(Caller(), functions=[slow], tools=(forge.Tool(broken),), sandbox=box, max_turns=3)
        session = player.run("q")
    assert [observation.error for _, observation in session.calls][:2] == ["raised", "timeout"]
    assert "ValueError: no" in session.calls[0][1].text


def test_advice_is_charged_once_a_call_and_the_total_score_is_accuracy_minus_its_cost():
    asked = Action(calls=(Call("seek_advice"), Call("seek_advice", {"question": "really ?"})))
    script = {0: asked, 1: Action(calls=(Call("submit", {"answer": "red"}),))}

    class Asker:
        name = "asker"

        def act(self, contexts):
            return [script[len(c.steps)] if c.task_id == "0" else script[1] for c in contexts]

    player = agent(Asker(), expert=forge.GoldExpert(0.3))
    seen = forge.evaluate(player, dataset(4))
    first = seen.sessions[0]
    assert (first.advice_count, first.advice_cost) == (2, 0.6)
    assert [step.cost for step in first.steps] == [0.6, 0.0]
    assert seen.reward == pytest.approx(seen.score - 0.3 * 2 / 4)
    assert seen.advice_rate == 0.25


def test_nothing_is_dropped_out_while_sessions_are_drawn_or_learned_from():
    model = policy()
    model.network.causal.config.attention_dropout = 0.5
    for layer in model.network.causal.base_model.layers:
        layer.self_attn.attention_dropout = 0.5
    model.network.train()  # as a trainer of another library would leave it
    turns = (([1, 9, 8], [7, 6]),)
    assert measured(model, *turns) == measured(model, *turns)
    learner = Learner(model.network, rl.PPO(kl=None, epochs=1, minibatch=1), rl.Sampling())
    experience = Experience([segments(made(*turns), everything)])
    learner.prepare(experience)
    assert learner.update(experience, progress=0.0, seed=0)["kl_old"] == pytest.approx(0.0, abs=1e-9)


@torch.no_grad()
def test_the_value_head_changes_no_logit_and_nothing_is_dropped_out():
    model = policy()
    ids = torch.tensor([[1, 9, 8, 7]])
    plain = model.network.causal(ids).logits
    torch.nn.init.normal_(model.network.value_head.last.weight)
    places = torch.zeros(4, dtype=torch.long), torch.arange(4)
    first, values = model.network(ids, *places)
    second, _ = model.network(ids, *places)
    assert torch.equal(first, second)
    assert torch.allclose(first, plain[0], atol=1e-6)
    assert values.abs().sum() > 0
    assert not model.network.training


def test_each_function_gets_one_token_that_begins_at_the_mean_of_the_others():
    model = policy()
    before = model.network.causal.get_input_embeddings().weight.detach().clone()
    model.learn_names(["search", "add"])
    for name in ("search", "add"):
        (token,) = model.tokenizer.encode(f"[{name}]", add_special_tokens=False)
        row = model.network.causal.get_input_embeddings().weight[token]
        assert torch.allclose(row, before.mean(0), atol=1e-6)
    count = len(model.tokenizer)
    model.learn_names(["search", "add"])
    assert len(model.tokenizer) == count == model.network.causal.config.vocab_size


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action(calls=(Call("search", {"query": "red box"}),)), {"query": "red box"}),
        (Action("a plan", calls=(Call("search", {"query": "red"}),)), {"query": "red"}),
        (Action(calls=(Call("add", {"a": 1, "b": 2}),)), {"a": 1, "b": 2}),
        (Action(calls=(Call("submit", {"answer": "blue"}),)), {"answer": "blue"}),
    ],
)
def test_what_is_written_is_read_back(action, expected):
    model = policy(words=False, texts=[WORDS, '{"a": 1, "b": 2} a plan'])
    model.learn_names(["search", "add", "submit"])
    ids = model.dialect.write(action, (SPEC, TWO))
    plan, (call,) = model.dialect.read(ids, (SPEC, TWO), cut=False)
    assert (plan, call.name, dict(call.arguments), call.error) == (action.text, action.calls[0].name, expected, "")
    assert model.dialect.choice_length(ids) == ids.index(model.dialect.ids_of(call.name)[0]) + 1


def test_a_function_is_found_by_its_id_never_by_its_text():
    model = policy(words=False, texts=[WORDS, "[search] red"])
    model.learn_names(["search"])
    spelled = [token for letter in "[search]" for token in [model.tokenizer.convert_tokens_to_ids(letter)]]
    assert model.dialect.read(spelled, (SPEC,), cut=False)[1] == ()


def test_constrained_decoding_writes_nothing_but_legal_actions():
    free, held = played(policy(seed=3), 12, streams=4), played(policy(seed=3, constrained=True), 12, streams=4)
    names = {"submit", "seek_advice", "retrieve_memory", "update_memory", "reflect", "clear_context"}
    assert any(not step.action.calls for session in free for step in session.steps)
    for session in held:
        for step in session.steps:
            assert [call.name in names for call in step.action.calls] == [True]
            assert step.action.text == ""


def test_under_constraints_the_stored_log_probability_is_that_of_the_allowed_tokens():
    model = policy(seed=3, constrained=True)
    grammar = None
    for session in played(model, 6, streams=3):
        grammar = grammar or model.grammar()
        for step in session.steps:
            action = step.action
            offered = {name: name != "clear_context" for name in BUILT_IN}
            with torch.no_grad():
                logits = model.network.causal(torch.tensor([[*action.prompt_ids, *action.token_ids]])).logits[0].float()
            for place, state in enumerate(grammar.along(action.token_ids, offered)):
                masked = logits[len(action.prompt_ids) + place - 1].masked_fill(~grammar.allowed(state), -torch.inf)
                score = masked.log_softmax(-1)[action.token_ids[place]]
                assert score.item() == pytest.approx(action.log_probs[place], abs=1e-5)


FAMILIES = {
    "llama": ("LlamaConfig", "LlamaForCausalLM", {}),
    "mistral": ("MistralConfig", "MistralForCausalLM", {"sliding_window": 8}),
    "qwen3": ("Qwen3Config", "Qwen3ForCausalLM", {"head_dim": 16}),
    "gemma3": (
        "Gemma3TextConfig",
        "Gemma3ForCausalLM",
        {"head_dim": 16, "sliding_window": 8, "query_pre_attn_scalar": 16},
    ),
}


@pytest.fixture(params=FAMILIES)
def saved(request, tmp_path):
    """A small random model of a real family, with a tokenizer, as a folder."""
    import transformers

    from rl.tokenizer import train_tokenizer

    config, model, more = FAMILIES[request.param]
    tokenizer = train_tokenizer([WORDS], words=True)
    torch.manual_seed(0)
    made = getattr(transformers, model)(
        getattr(transformers, config)(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            num_key_value_heads=1, max_position_embeddings=256, pad_token_id=0, bos_token_id=1, eos_token_id=2, **more,
        )
    )  # fmt: skip
    made.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_a_model_of_any_family_is_loaded_acts_and_is_saved_as_a_plain_transformers_folder(saved, tmp_path_factory):
    model = Policy.from_pretrained(saved, max_new_tokens=4)
    sessions = played(model, 6, streams=3)
    for session in sessions:  # kept keys and values, sliding windows included, equal a whole pass
        for part in segments(session, model.dialect.choice_length):
            with torch.no_grad():
                logits = model.network.causal(torch.tensor([part.ids]), use_cache=False).logits[0].float()
            scores = logits.log_softmax(-1)
            expected = [float(scores[place - 1, part.ids[place]]) for place in part.places]
            assert part.log_probs == pytest.approx(expected, abs=1e-4)
    torch.nn.init.normal_(model.network.value_head.last.weight)
    target = tmp_path_factory.mktemp("out")
    model.save_pretrained(target)
    again = Policy.from_pretrained(target)
    assert again.digest == model.digest
    assert list(again.dialect.functions) == list(model.dialect.functions)
    assert torch.equal(again.network.value_head.last.weight, model.network.value_head.last.weight)
    program = (
        "import sys, torch\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n"
        f"model = AutoModelForCausalLM.from_pretrained({str(target)!r})\n"
        f"tokenizer = AutoTokenizer.from_pretrained({str(target)!r})\n"
        "assert not any(name == 'rl' or name.startswith('forge') for name in sys.modules)\n"
        "print(len(tokenizer), model(torch.tensor([[1, 5, 6]])).logits.sum().item())"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=target, check=True)
    with torch.no_grad():
        expected = model.network.causal(torch.tensor([[1, 5, 6]])).logits.sum().item()
    count, total = printed.stdout.split()
    assert int(count) == len(model.tokenizer)
    assert float(total) == pytest.approx(expected, rel=1e-4)


def test_an_adapter_trains_little_is_taken_off_for_the_reference_and_merged_when_saved(saved, tmp_path_factory):
    model = Policy.from_pretrained(saved, lora=2, functions=["submit", "search"], max_new_tokens=4)
    trained = [name for name, weight in model.network.causal.named_parameters() if weight.requires_grad]
    assert any("lora_" in name for name in trained)
    assert any("trainable_tokens" in name for name in trained)
    assert all("lora_" in name or "trainable_tokens" in name for name in trained)
    ids, places = torch.tensor([[1, 5]]), (torch.zeros(2, dtype=torch.long), torch.tensor([0, 1]))
    learner = Learner(model.network, rl.PPO(), rl.Sampling())
    with torch.no_grad():
        before, _ = model.network(ids, *places)
        for name, weight in model.network.named_parameters():
            if "lora_B" in name:
                weight.normal_()
        after, _ = model.network(ids, *places)
        reference = learner._reference_logits(Rows(ids, *places, ids[0]))
        with model.network.model.disable_adapter():
            off, _ = model.network(ids, *places)
        again, _ = model.network(ids, *places)
    assert not torch.allclose(before, after, atol=1e-3)
    assert torch.allclose(before, reference, atol=1e-6)
    assert torch.allclose(before, off, atol=1e-6)
    assert torch.equal(after, again)
    target = tmp_path_factory.mktemp("merged")
    model.save_pretrained(target)
    merged = Policy.from_pretrained(target)
    with torch.no_grad():
        assert torch.allclose(merged.network(torch.tensor([[1, 5]]), *places)[0], after, atol=1e-4)


def test_an_adapter_that_imitation_trained_is_the_reference(saved):
    model = Policy.from_pretrained(saved, lora=2, max_new_tokens=4)
    for name, weight in model.network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight)
    learner = Learner(model.network, rl.PPO(), rl.Sampling())
    experience = Experience([segments(session, model.dialect.choice_length) for session in played(model, 4)])
    learner.measure(experience)
    assert torch.allclose(experience.old, experience.reference, atol=1e-6)


def test_a_policy_on_the_hub_is_loaded_with_its_settings_and_values_as_one_in_a_folder_is(tmp_path, monkeypatch):
    model, commit = policy(constrained=True, max_new_tokens=3), "0123456789" * 4
    torch.nn.init.normal_(model.network.value_head.last.weight)
    cached = tmp_path / "models--forge--tiny"  # what a download leaves
    model.save_pretrained(cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    again = Policy.from_pretrained("forge/tiny")
    assert (again.digest, again.constrained, again.max_new_tokens) == (model.digest, True, 3)
    assert torch.equal(again.network.value_head.last.weight, model.network.value_head.last.weight)
    for name in ("forge_policy.json", "forge_values.pt"):  # a plain model
        (cached / "snapshots" / commit / name).unlink()
    plain = Policy.from_pretrained("forge/tiny")
    assert (plain.digest, plain.constrained) == (model.digest, False)


def test_what_an_agent_always_has_needs_no_naming_before_an_adapter(saved):
    assert len(played(Policy.from_pretrained(saved, lora=2, max_new_tokens=4), 2)) == 2


def test_the_same_seed_loads_the_same_policy_and_another_another_adapter(saved):
    first, same, other = (Policy.from_pretrained(saved, lora=2, seed=seed) for seed in (0, 0, 1))
    assert first.digest == same.digest != other.digest
    heads = [each.network.value_head.first.weight for each in (first, same, other)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


def test_a_model_without_keys_and_values_is_refused_by_name():
    from transformers import MambaConfig, MambaForCausalLM

    tokenizer = policy().tokenizer
    config = MambaConfig(vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(forge.ForgeError, match="MambaForCausalLM cannot be trained here"):
        Policy(MambaForCausalLM(config), tokenizer)


def test_new_functions_cannot_join_a_policy_with_an_adapter(saved):
    model = Policy.from_pretrained(saved, lora=2, functions=["submit"])
    with pytest.raises(forge.ForgeError, match="before an adapter is put on"):
        model.learn_names(["another"])


def test_a_copy_has_weights_of_its_own_and_another_sampling_has_not():
    model = policy()
    copied, view = model.copy(), model.with_sampling(GREEDY)
    with torch.no_grad():
        model.network.causal.get_output_embeddings().weight.zero_()
    assert copied.network.causal.get_output_embeddings().weight.abs().sum() > 0
    assert view.network is model.network
    assert (view.sampling, model.sampling != GREEDY) == (GREEDY, True)


def test_the_session_of_a_policy_survives_being_written_down():
    (session, *_) = played(count=2)
    assert forge.Session.from_json(session.to_json()) == session


def test_bad_input_is_refused_with_the_way_out(tmp_path, monkeypatch):
    from rl.tokenizer import train_tokenizer

    with pytest.raises(forge.ForgeError, match="no text to train on"):
        Policy.tiny([" "])
    with pytest.raises(forge.ForgeError, match="multiple of the heads"):
        Policy.tiny([WORDS], width=30, heads=4)
    with pytest.raises(forge.ForgeError, match="can be loaded from"):
        Policy.from_pretrained(tmp_path)
    model = policy()
    tokenizer = train_tokenizer([WORDS], words=True)
    tokenizer.pad_token = None
    with pytest.raises(forge.ForgeError, match="no pad token: set"):
        Policy(model.network.causal, tokenizer)
    large = train_tokenizer([" ".join(f"word{n}" for n in range(500))], words=True)
    with pytest.raises(forge.ForgeError, match=r"ids and the model .* embeddings"):
        Policy(model.network.causal, large)
    model.save_pretrained(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(forge.ForgeError, match="no CUDA GPU"):
        Policy.from_pretrained(tmp_path, device="cuda")
    for device in ("banana", "cuda:7"):
        with pytest.raises(forge.ForgeError, match=f"device='{device}'"):
            Policy.from_pretrained(tmp_path, device=device)
    with pytest.raises(forge.ForgeError, match="device='cuda'"):
        model.to("cuda")
    with pytest.raises(forge.ForgeError, match="dtype='int8'"):
        Policy.from_pretrained(tmp_path, dtype="int8")
    settings = json.loads((tmp_path / "forge_policy.json").read_text())
    (tmp_path / "forge_policy.json").write_text(json.dumps(settings | {"dialect": "Other"}))
    with pytest.raises(forge.ForgeError, match=r"speaks Other: give from_pretrained\(dialect=Other\)"):
        Policy.from_pretrained(tmp_path)
    assert Policy.from_pretrained(tmp_path, dialect=rl.FunctionTokens).max_new_tokens == model.max_new_tokens
    (tmp_path / "forge_policy.json").write_text("{")
    with pytest.raises(forge.ForgeError, match="is damaged"):
        Policy.from_pretrained(tmp_path)


def test_a_policy_that_was_saved_without_a_critic_is_given_one_and_the_other_way_round(tmp_path):
    for kind, other in (("head", "separate"), ("separate", "head")):
        model = policy(critic=kind)
        torch.nn.init.normal_(model.network.value_head.last.weight)
        model.save_pretrained(tmp_path / kind)
        same = Policy.from_pretrained(tmp_path / kind)
        assert torch.equal(same.network.value_head.last.weight, model.network.value_head.last.weight)
        again = Policy.from_pretrained(tmp_path / kind, critic=other)
        assert (again.network.critic is not None) is (other == "separate")
        assert again.network.value_head.last.weight.abs().sum() == 0  # the saved one read other hidden states
        assert again.digest == model.digest
    critic = Policy.from_pretrained(tmp_path / "head", critic="separate").network
    for weight, first in zip(critic.critic.parameters(), critic.trunk.parameters(), strict=True):
        assert torch.equal(weight, first)


@pytest.mark.parametrize("lora", [0, -1, "x", True])
def test_a_rank_that_is_none_is_refused_before_anything_is_loaded(lora):
    with pytest.raises(forge.ForgeError, match=rf"lora={lora!r}\): give a rank from 1 up"):
        Policy.from_pretrained("/nowhere", lora=lora)


def test_one_name_where_a_list_is_meant_is_refused():
    with pytest.raises(forge.ForgeError, match=r"functions='search'\): give a list of names, such as \['search'\]"):
        Policy.from_pretrained("/nowhere", functions="search")


@pytest.mark.parametrize(
    ("name", "message"),
    [("model.safetensors", "no causal language model"), ("forge_values.pt", "the values in .* remove the file")],
)
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_torn_file_is_told_with_its_folder(tmp_path, name, message, share):
    policy().save_pretrained(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(forge.ForgeError, match=message) as told:
        Policy.from_pretrained(tmp_path)
    assert str(tmp_path) in str(told.value)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": 1}, "temperature: Extra inputs are not permitted"),
        ({"max_new_tokens": "x"}, "max_new_tokens: Input should be a valid integer"),
        ({"critic": "none"}, "critic: Input should be 'head' or 'separate'"),
    ],
)
def test_saved_settings_that_this_version_does_not_know_are_named(tmp_path, changed, message):
    policy().save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "forge_policy.json").read_text())
    (tmp_path / "forge_policy.json").write_text(json.dumps(settings | changed))
    with pytest.raises(forge.ForgeError, match=rf"forge_policy\.json is damaged.*{message}.*remove it"):
        Policy.from_pretrained(tmp_path)


def test_a_folder_without_a_pad_token_is_told_what_to_save_there_and_that_helps(tmp_path):
    model = policy()
    model.tokenizer.pad_token = None
    model.save_pretrained(tmp_path)
    with pytest.raises(forge.ForgeError, match=r"no pad token: save one that has.*save_pretrained\(folder\)"):
        Policy.from_pretrained(tmp_path)
    model.tokenizer.pad_token = model.tokenizer.eos_token
    model.tokenizer.save_pretrained(tmp_path)
    assert Policy.from_pretrained(tmp_path).digest == model.digest
