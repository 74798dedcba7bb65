"""Policies from folders and from the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from functions.errors import ForgeError

if TYPE_CHECKING:
    from rl.policy import Policy


def load(
    kind: type[Policy],
    path: str | Path,
    *,
    lora: Any,  # int or peft.LoraConfig
    functions: Iterable[str],
    dtype: str,
    device: str | None,
    settings: Mapping[str, Any],
) -> Policy:
    """See `Policy.from_pretrained`."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rl.policy import SETTINGS, VALUES

    if dtype not in ("float32", "bfloat16", "float16"):
        raise ForgeError(f"from_pretrained(dtype={dtype!r}): one of 'float32', 'bfloat16', 'float16'")
    place = _device(device)
    try:
        with without_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(path)
            model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype))
        model.to(place)
    except (OSError, ValueError, KeyError) as error:
        raise ForgeError(
            f"no causal language model with its tokenizer can be loaded from {str(path)!r}: {error}"
        ) from error
    saved = _saved_settings(Path(path) / SETTINGS)
    policy = kind(model, tokenizer, **{**saved, **settings})
    policy.learn_names(functions)
    if (Path(path) / VALUES).exists():
        policy.load_values(Path(path) / VALUES)
    if lora is not None:
        _adapt(policy, lora)
    return policy


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Transformers draws one for each file, which is over at once."""
    from transformers.utils import logging

    bars: Any = logging  # untyped
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def _saved_settings(path: Path) -> dict[str, Any]:
    """The policy's own settings, where Forge saved it."""
    from functools import partial

    from rl.chat_template import ChatTemplate
    from rl.function_tokens import FunctionTokens

    if not path.exists():
        return {}
    try:
        saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        shown = {name: saved.pop(name, False) for name in ("instructions", "spelled")}
        dialects = {"FunctionTokens": partial(FunctionTokens, **shown), "ChatTemplate": ChatTemplate}
        return {**saved, "dialect": dialects[saved["dialect"]]}
    except (OSError, ValueError, KeyError) as error:
        raise ForgeError(f"{path} is damaged ({error!r}): remove it to load the plain transformers folder") from error


def _device(device: str | None) -> str:
    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ForgeError(f"from_pretrained(device={device!r}): no CUDA GPU can be used here: give device='cpu', or "
                         "leave it out")  # fmt: skip
    return device


def _adapt(policy: Policy, lora: Any) -> None:  # int or peft.LoraConfig
    from peft import LoraConfig, get_peft_model

    from rl.function_tokens import FunctionTokens

    if isinstance(lora, int):
        new = list(policy.dialect.own_ids) if isinstance(policy.dialect, FunctionTokens) else []
        lora = LoraConfig(r=lora, lora_alpha=2 * lora, target_modules="all-linear", trainable_token_indices=new or None)
    policy.network.model = get_peft_model(policy.network.model, lora)
    policy.network.eval()
