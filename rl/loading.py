"""Policies from folders and from the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from forge.builtin_tools import ADVICE_TOOLS, CLEAR_CONTEXT, MEMORY_TOOLS, SUBMIT
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
    seed: int,
    settings: Mapping[str, Any],
) -> Policy:
    """See `Policy.from_pretrained`."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rl.policy import SETTINGS, VALUES

    if dtype not in ("float32", "bfloat16", "float16"):
        raise ForgeError(f"from_pretrained(dtype={dtype!r}): one of 'float32', 'bfloat16', 'float16'")
    place = usable(device)
    try:
        with without_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(path)
            model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype))
        model.to(place)
    except (OSError, ValueError, KeyError) as error:
        raise ForgeError(
            f"no causal language model with its tokenizer can be loaded from {str(path)!r}: {error}"
        ) from error
    saved = _saved_settings(Path(path) / SETTINGS, dialect=settings.get("dialect"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = kind(model, tokenizer, **{**saved, **settings})
        if (Path(path) / VALUES).exists():
            policy.load_values(Path(path) / VALUES)
        if lora is not None:
            functions = [*(tool.name for tool in (SUBMIT, *MEMORY_TOOLS, *ADVICE_TOOLS, CLEAR_CONTEXT)), *functions]
        policy.learn_names(functions)
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


def _saved_settings(path: Path, *, dialect: Any) -> dict[str, Any]:  # the user's own dialect, or None
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
        name = saved.pop("dialect")
        if dialect is None and name not in dialects:
            raise ForgeError(f"the policy in {path.parent} speaks {name}: give from_pretrained(dialect={name})")
        return saved if dialect is not None else {**saved, "dialect": dialects[name]}
    except (OSError, ValueError, KeyError) as error:
        raise ForgeError(f"{path} is damaged ({error!r}): remove it to load the plain transformers folder") from error


def usable(device: str | torch.device | None) -> torch.device:
    """The device, or the GPU if there is one.

    Raises:
        ForgeError: there is no such device here.
    """
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
        torch.zeros(1, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        gpu = "no CUDA GPU" if str(device).startswith("cuda") else "no such device"
        raise ForgeError(f"device={str(device)!r}: {gpu} can be used here: give device='cpu', or leave it out "
                         f"({str(error).splitlines()[0]})") from error  # fmt: skip
    return place


def _adapt(policy: Policy, lora: Any) -> None:  # int or peft.LoraConfig
    from peft import LoraConfig, get_peft_model

    from rl.function_tokens import FunctionTokens

    if isinstance(lora, int):
        new = list(policy.dialect.own_ids) if isinstance(policy.dialect, FunctionTokens) else []
        lora = LoraConfig(r=lora, lora_alpha=2 * lora, target_modules="all-linear", trainable_token_indices=new or None)
    policy.network.model = get_peft_model(policy.network.model, lora)
    policy.network.eval()
