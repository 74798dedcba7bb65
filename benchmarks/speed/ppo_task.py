"""`python -m benchmarks.speed.ppo_task`: one PPO training through `rl.train_ppo` on a task without a language, as JSON.

The prompt is random tokens, the response a fixed number of sampled ones, the reward the share of them whose id is even:
1 is the best, a random policy has about 1/2. Everything else is what users get: agent, executor, sessions, segments.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch

import forge
import rl
from forge.builtin_tools import SUBMIT
from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Call, Session
from forge.task import Task

SPECIAL = ("<pad>", "<bos>", "<eos>", "<unk>")


class BareTokens:
    """A dialect in which the prompt is the question and the whole response the answer."""

    end_ids = frozenset[int]()

    def __init__(self, tokenizer: Any) -> None:  # PreTrainedTokenizerFast
        self._tokenizer = tokenizer

    def prompt(self, context: Context) -> list[int]:
        ids: list[int] = self._tokenizer.encode(context.question, add_special_tokens=False)
        return ids

    def read(self, ids: Sequence[int], tools: Sequence[ToolSpec], *, cut: bool) -> tuple[str, tuple[Call, ...]]:
        return "", (Call(SUBMIT.name, {"answer": len(ids)}),)

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> list[int]:
        return list(action.token_ids)

    def choice_length(self, ids: Sequence[int]) -> int:
        return len(ids)


def even(task: Task, session: Session) -> float:
    """The share of response tokens that are even and no special token."""
    ids = session.steps[0].action.token_ids
    return sum(token % 2 == 0 and token >= len(SPECIAL) for token in ids) / len(ids)


def tokenizer(vocabulary: int) -> Any:  # PreTrainedTokenizerFast
    """One word a token."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from transformers import PreTrainedTokenizerFast

    words = {name: place for place, name in enumerate(SPECIAL)}
    words |= {f"t{place}": place for place in range(len(SPECIAL), vocabulary)}
    inner = Tokenizer(WordLevel(words, unk_token="<unk>"))
    inner.pre_tokenizer = Whitespace()
    made: Any = PreTrainedTokenizerFast
    return made(tokenizer_object=inner, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", unk_token="<unk>",
                padding_side="left")  # fmt: skip


def policy(chosen: argparse.Namespace) -> rl.Policy:
    """The baseline's model."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=chosen.vocab, hidden_size=chosen.hidden, intermediate_size=2 * chosen.hidden,
        num_hidden_layers=chosen.layers, num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=512,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
    )  # fmt: skip
    torch.manual_seed(chosen.seed)
    return rl.Policy(LlamaForCausalLM(config), tokenizer(chosen.vocab), dialect=BareTokens,
                     max_new_tokens=chosen.response, critic=chosen.critic)  # fmt: skip


def options(description: str | None) -> argparse.Namespace:
    """Sizes; the defaults are those of the comparison."""
    parser = argparse.ArgumentParser(description=description)
    sizes = {"layers": 2, "hidden": 64, "vocab": 64, "prompt": 16, "response": 32, "batch": 64, "minibatches": 4,
             "epochs": 4, "updates": 30, "seed": 0, "threads": 2}  # fmt: skip
    for name, value in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--lam", type=float, default=1.0, help="lambda of GAE")
    parser.add_argument("--critic", choices=("head", "separate"), default="head")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    return parser.parse_args()


def prompts(chosen: argparse.Namespace) -> list[list[int]]:
    """Random tokens: one prompt for a look before, and those of the training."""
    generator = torch.Generator().manual_seed(chosen.seed)
    ids: list[list[int]] = torch.randint(
        len(SPECIAL), chosen.vocab, (chosen.batch * chosen.updates + 1, chosen.prompt), generator=generator
    ).tolist()
    return ids


def main(chosen: argparse.Namespace) -> None:
    """Train once; print the figures."""
    torch.set_num_threads(chosen.threads)
    tasks = [Task(str(number), " ".join(f"t{token}" for token in ids)) for number, ids in enumerate(prompts(chosen))]
    settings = rl.PPO(
        batch=chosen.batch, minibatch=chosen.batch // chosen.minibatches, epochs=chosen.epochs,
        learning_rate=chosen.lr, final_learning_rate=1.0, value_clip=0.2, value_coefficient=2.0, lam=chosen.lam,
        kl=rl.KL(0.0, into="reward", estimator="k1"), precision=chosen.precision, validate_every=None,
        checkpoint_every=10**6,
    )  # fmt: skip
    agent = forge.Agent(model=policy(chosen), max_turns=1)
    began = time.perf_counter()
    result = rl.train_ppo(
        agent, forge.Dataset(tasks[1:], metric=even), ppo=settings,
        budget=forge.Budget(rollouts=chosen.batch * chosen.updates), run=forge.Run(None), seed=chosen.seed,
    )  # fmt: skip
    wall = time.perf_counter() - began
    tokens = chosen.batch * chosen.response
    history = result.history
    figures = {
        "parameters": result.policy.parameters,
        "updates": len(history),
        "optimizer_steps": sum(row["optimizer_steps"] for row in history),
        "wall_s": wall,
        "generate_s": statistics.median(row["rollout_seconds"] for row in history),
        "learn_s": statistics.median(row["learn_seconds"] for row in history),
        "end_to_end_tok_per_s": len(history) * tokens / wall,
        "score_first": history[0]["score"],
        "score_last5": statistics.fmean(row["score"] for row in history[-5:]),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(options(__doc__))
