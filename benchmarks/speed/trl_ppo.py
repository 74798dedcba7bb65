"""The task of `ppo_task` by TRL's PPOTrainer, whose last release is 1.12.0; run by `benchmarks.speed.ppo`, prints JSON.

TRL wants the reward as a network, so the rule is dressed up as one. The settings are those under which it takes as many
optimizer steps as it says: one batch a device with gradient_accumulation_steps=1. With accumulation over its
mini-batches it takes about one an epoch.
"""

from __future__ import annotations

import os

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import argparse
import json
import statistics
import tempfile
import time
import warnings
from typing import Any

import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification
from transformers.modeling_outputs import BaseModelOutput
from trl.experimental.ppo import PPOConfig, PPOTrainer, ppo_trainer

from benchmarks.speed.ppo_task import SPECIAL, options, prompts, tokenizer


class EvenSoFar(torch.nn.Module):
    """The share of even response tokens up to each place, as a hidden state."""

    def __init__(self, prompt: int) -> None:
        super().__init__()
        self._prompt = prompt

    def forward(self, input_ids: torch.Tensor, **_: Any) -> BaseModelOutput:
        good = ((input_ids % 2 == 0) & (input_ids >= len(SPECIAL))).float()
        good[:, : self._prompt] = 0
        places = torch.arange(1, input_ids.shape[1] + 1).float().sub(self._prompt).clamp(min=1)
        return BaseModelOutput(hidden_states=((good.cumsum(1) / places).unsqueeze(-1),))


class Reward(torch.nn.Module):
    """What TRL takes for a reward model."""

    base_model_prefix = "model"

    def __init__(self, prompt: int) -> None:
        super().__init__()
        self.model, self.unused = EvenSoFar(prompt), torch.nn.Parameter(torch.zeros(1))

    def score(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden


def main(chosen: argparse.Namespace) -> None:
    """Train once; print the figures."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(chosen.threads)
    torch.manual_seed(chosen.seed)
    shape: dict[str, Any] = {
        "vocab_size": chosen.vocab, "hidden_size": chosen.hidden, "intermediate_size": 2 * chosen.hidden,
        "num_hidden_layers": chosen.layers, "num_attention_heads": 4, "num_key_value_heads": 4,
        "max_position_embeddings": 512, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
        "tie_word_embeddings": False,
    }  # fmt: skip
    policy, reference = LlamaForCausalLM(LlamaConfig(**shape)), LlamaForCausalLM(LlamaConfig(**shape))
    critic: Any = LlamaForSequenceClassification  # untyped
    value = critic(LlamaConfig(**shape | {"num_labels": 1}))
    reference.load_state_dict(policy.state_dict())
    rows = Dataset.from_dict({"input_ids": prompts(chosen)[1:]})
    settings = PPOConfig(
        output_dir=tempfile.mkdtemp(), report_to=[], logging_steps=1, save_strategy="no", disable_tqdm=True,
        use_cpu=True, bf16=chosen.precision == "bf16", seed=chosen.seed, per_device_train_batch_size=chosen.batch,
        gradient_accumulation_steps=1, num_mini_batches=chosen.minibatches, num_ppo_epochs=chosen.epochs,
        local_rollout_forward_batch_size=chosen.batch, response_length=chosen.response, temperature=1.0,
        total_episodes=chosen.batch * chosen.updates, learning_rate=chosen.lr, lr_scheduler_type="constant",
        kl_coef=0.0, gamma=1.0, lam=chosen.lam, cliprange=0.2, vf_coef=0.5, num_sample_generations=0,
        gradient_checkpointing=False,
    )  # fmt: skip
    generating, learning, scores, steps = [], [], [], []
    generate = ppo_trainer.batch_generation

    def timed(*arguments: Any, **more: Any) -> Any:
        began = time.perf_counter()
        result = generate(*arguments, **more)
        generating.append(time.perf_counter() - began)
        return result

    ppo_trainer.batch_generation = timed

    class Trainer(PPOTrainer):  # type: ignore[misc]  # TRL is not typed
        last = 0.0

        def log(self, logs: Any, *_: Any, **__: Any) -> None:
            now = time.perf_counter()
            learning.append(now - self.last - generating[-1])
            self.last = now
            scores.append(logs["objective/scores"])

    trainer = Trainer(
        args=settings, processing_class=tokenizer(chosen.vocab), model=policy, ref_model=reference,
        reward_model=Reward(chosen.prompt), value_model=value, train_dataset=rows,
        eval_dataset=rows.select(range(chosen.batch)),
    )  # fmt: skip
    trainer.optimizer.optimizer.register_step_post_hook(lambda *_: steps.append(1))
    began = trainer.last = time.perf_counter()
    trainer.train()
    wall = time.perf_counter() - began
    figures = {
        "updates": len(scores),
        "optimizer_steps": len(steps),
        "wall_s": wall,
        "generate_s": statistics.median(generating[1:]),
        "learn_s": statistics.median(learning[1:]),
        "end_to_end_tok_per_s": len(scores) * chosen.batch * chosen.response / wall,
        "score_first": scores[0],
        "score_last5": statistics.fmean(scores[-5:]),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(options(__doc__))
