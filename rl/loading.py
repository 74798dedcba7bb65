"""Policies from folders and from the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from forge.builtin_tools import ADVICE_TOOLS, CLEAR_CONTEXT, MEMORY_TOOLS, SUBMIT
from functions.errors import ForgeError

if TYPE_CHECKING:
    from rl.policy import Policy


def require_model(path: str | Path) -> None:
    """Look for a model before work begins that needs it later; its weights are not loaded.

    Raises:
        ForgeError: there is none with that name, or it has no tokenizer.
    """
    from transformers import AutoConfig, AutoTokenizer

    try:
        with without_progress_bars():
            AutoConfig.from_pretrained(path)
            AutoTokenizer.from_pretrained(path)
    except (OSError, ValueError, KeyError) as error:
        raise _not_found(path, error) from error


def _not_found(path: str | Path, error: Exception) -> ForgeError:
    return ForgeError(f"no causal language model with its tokenizer can be loaded from {str(path)!r}: {error}")


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
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rl.policy import SETTINGS, VALUES

    if isinstance(functions, str):
        raise ForgeError(f"from_pretrained(functions={functions!r}): give a list of names, such as [{functions!r}]")
    if lora is not None:
        _check_adapter(lora)
    if dtype not in ("float32", "bfloat16", "float16"):
        raise ForgeError(f"from_pretrained(dtype={dtype!r}): one of 'float32', 'bfloat16', 'float16'")
    place = usable(device)
    try:
        with without_progress_bars():
            tokenizer = AutoTokenizer.from_pretrained(path)
            model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=getattr(torch, dtype))
            settings_file, values_file = (_beside(path, name) for name in (SETTINGS, VALUES))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise _not_found(path, error) from error
    if tokenizer.pad_token_id is None:
        raise ForgeError(f"the tokenizer of {str(path)!r} has no pad token: save one that has, in the folder of the "
                         "model: tokenizer = transformers.AutoTokenizer.from_pretrained(...); tokenizer.pad_token = "
                         "tokenizer.eos_token; tokenizer.save_pretrained(folder)")  # fmt: skip
    model.to(place)
    saved = {} if settings_file is None else _saved_settings(settings_file, dialect=settings.get("dialect"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = kind(model, tokenizer, **{**saved, **settings})
        if values_file is not None:
            policy.load_values(values_file)
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


def _beside(path: str | Path, name: str) -> Path | None:
    """A file that `Policy.save_pretrained` wrote beside the model: in its folder or on the hub."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    if Path(path).is_dir():
        return Path(path) / name if (Path(path) / name).exists() else None
    try:
        return Path(hf_hub_download(str(path), name))
    except EntryNotFoundError:  # a plain model has none; without a network, one that is not in the cache
        return None


class _Settings(BaseModel):
    """What `Policy.save_pretrained` writes beside the weights."""

    model_config = ConfigDict(extra="forbid", strict=True)

    dialect: str
    instructions: Any = False  # of the dialect, which may be the user's own
    spelled: Any = False
    max_new_tokens: int = 64
    constrained: bool = False
    critic: Literal["head", "separate"] = "head"


def _saved_settings(path: Path, *, dialect: Any) -> dict[str, Any]:  # the user's own dialect, or None
    """The policy's own settings, as Forge saved them."""
    from functools import partial

    from rl.chat_template import ChatTemplate
    from rl.function_tokens import FunctionTokens

    try:
        saved = _Settings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ForgeError(f"{path} is damaged, or of another version of Forge ({_in_words(error)}): mend it, or remove "
                         "it to load the plain transformers folder") from error  # fmt: skip
    own = saved.model_dump(include={"max_new_tokens", "constrained", "critic"})
    if dialect is not None:
        return own
    shown = saved.model_dump(include={"instructions", "spelled"})
    dialects = {"FunctionTokens": partial(FunctionTokens, **shown), "ChatTemplate": ChatTemplate}
    if saved.dialect not in dialects:
        raise ForgeError(f"the policy in {path.parent} speaks {saved.dialect}: give "
                         f"from_pretrained(dialect={saved.dialect})")  # fmt: skip
    return own | {"dialect": dialects[saved.dialect]}


def _in_words(error: OSError | ValidationError) -> str:
    if isinstance(error, OSError):
        return str(error)
    return "; ".join(": ".join([".".join(map(str, each["loc"])), each["msg"]]) for each in error.errors())


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


def _check_adapter(lora: Any) -> None:  # int or peft.LoraConfig
    from peft import PeftConfig

    rank = isinstance(lora, int) and not isinstance(lora, bool) and lora > 0
    if not rank and not isinstance(lora, PeftConfig):
        raise ForgeError(f"from_pretrained(lora={lora!r:.60}): give a rank from 1 up, or a peft.LoraConfig; None "
                         "trains all weights")  # fmt: skip


def _adapt(policy: Policy, lora: Any) -> None:  # int or peft.LoraConfig
    from peft import LoraConfig, get_peft_model

    from rl.function_tokens import FunctionTokens

    if isinstance(lora, int):
        new = list(policy.dialect.own_ids) if isinstance(policy.dialect, FunctionTokens) else []
        lora = LoraConfig(r=lora, lora_alpha=2 * lora, target_modules="all-linear", trainable_token_indices=new or None)
    policy.network.model = get_peft_model(policy.network.model, lora)
    policy.network.eval()
