"""The same agent under TRL's GRPO."""

import os

import pytest
import torch
from small import agent, dataset, policy

import forge
import rl

os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"


def trainer(player, tasks, folder, *, rewards, model=None, prompts=None):
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    rows = Dataset.from_list([{"prompt": prompt} for prompt in prompts or [task.question for task in tasks]])
    settings = GRPOConfig(
        output_dir=str(folder), per_device_train_batch_size=8, num_generations=4, max_steps=2, use_cpu=True, bf16=False,
        report_to=[], save_strategy="no", logging_strategy="no", disable_tqdm=True, learning_rate=1e-2,
        gradient_checkpointing=False, max_completion_length=64,
    )  # fmt: skip
    return GRPOTrainer(
        model=model or player.model.network.model, reward_funcs=rewards, args=settings, train_dataset=rows,
        processing_class=player.model.tokenizer, rollout_func=rl.to_trl_rollout_func(player, tasks),
    )  # fmt: skip


def questions(count=4):
    rows = [{"question": f"what is {word} ?", "answer": word} for word in ["red", "green", "blue", "one"][:count]]
    return forge.Dataset(rows, metric=lambda task, session: session.answer == task.answer)


def test_an_agent_with_tools_is_trained_by_grpo(tmp_path):
    tasks, seen = questions(), []

    def total_score(reward, answer, advice_cost, **_):
        seen.append((reward, answer, advice_cost))
        return reward

    player = agent(policy(), expert=forge.GoldExpert(0.3), max_turns=3)
    grpo = trainer(player, tasks, tmp_path, rewards=total_score)
    before = player.model.digest
    grpo.train()
    assert player.model.digest != before
    assert all(len(column) == 8 for call in seen for column in call)
    assert {cost for _, _, costs in seen for cost in costs} > {0.0}


def test_what_the_executor_wrote_is_masked_and_the_rest_is_as_it_was_drawn(tmp_path):
    tasks = questions()
    player = agent(policy(), expert=forge.GoldExpert(0.3), max_turns=3)
    grpo = trainer(player, tasks, tmp_path, rewards=lambda reward, **_: reward)
    made = grpo.rollout_func([task.question for task in tasks], grpo)
    for prompt, ids, scores, mask in zip(
        made["prompt_ids"], made["completion_ids"], made["logprobs"], made["env_mask"], strict=True
    ):
        with torch.no_grad():
            logits = player.model.network.causal(torch.tensor([[*prompt, *ids]])).logits[0].log_softmax(-1)
        for place, (token, score, ours) in enumerate(zip(ids, scores, mask, strict=True)):
            if ours:
                assert score == pytest.approx(float(logits[len(prompt) + place - 1, token]), abs=1e-4)
            else:
                assert score == 0.0
        assert mask[0] == 1
    assert any(0 in mask for mask in made["env_mask"])


def test_what_grpo_cannot_hold_is_refused(tmp_path):
    tasks = questions()
    player = agent(policy(), max_turns=2)
    other = trainer(player, tasks, tmp_path, rewards=lambda **_: 0.0, model=policy().network.model)
    with pytest.raises(forge.ForgeError, match="another model"):
        other.rollout_func(["what is red ?"], other)
    right = trainer(player, tasks, tmp_path, rewards=lambda **_: 0.0)
    with pytest.raises(forge.ForgeError, match="plain questions"):
        right.rollout_func([[{"role": "user", "content": "hi"}]], right)
    with pytest.raises(forge.ForgeError, match="no task of the data set"):
        right.rollout_func(["what is this ?"], right)
    with pytest.raises(forge.ForgeError, match="two tasks ask"):
        rl.to_trl_rollout_func(player, dataset(6))
    with pytest.raises(forge.ForgeError, match=r"rl\.Policy"):
        rl.to_trl_rollout_func(forge.Agent(model="router"))
    with pytest.raises(forge.ForgeError, match="constrained=False"):
        rl.to_trl_rollout_func(agent(policy(constrained=True)))
