"""A local language model that acts: a `forge.Model` whose weights are trained."""

from __future__ import annotations

import hashlib
import json
import pickle
import time
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch

from forge.models.protocol import Context
from forge.session import Action, Usage
from forge.task import Dataset
from functions.errors import ForgeError
from rl.copying import practise_copying
from rl.engine import Engine, Generated, Limits, Request, TransformersEngine
from rl.function_tokens import FunctionTokens
from rl.grammar import Grammar, offered
from rl.network import Critic, Network
from rl.sampling import Sampling
from rl.token_dialect import TokenDialect
from rl.tokenizer import train_tokenizer

VALUES = "forge_values.pt"  # the value head and critic, beside the plain transformers files
SETTINGS = "forge_policy.json"


class Policy:
    """A causal language model with its tokenizer and dialect. Mutable: training changes its weights, so the trainings
    of `rl` work on a copy.

    Args:
        model: of transformers.
        tokenizer: of transformers, with a pad and an end token.
        dialect: how it writes actions, made from the tokenizer: `FunctionTokens` or `ChatTemplate`.
        sampling: how tokens are drawn when it acts.
        max_new_tokens: ids an action at most.
        constrained: allow only ids that go on to a legal action (`FunctionTokens` only).
        critic: "head" reads the value off the policy's own hidden states, "separate" off a trunk of its own.

    Raises:
        ForgeError: the tokenizer has no pad token or more ids than the model has embeddings.
    """

    name = "policy"

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        dialect: Callable[[Any], TokenDialect] = FunctionTokens,
        sampling: Sampling = Sampling(),
        max_new_tokens: int = 64,
        constrained: bool = False,
        critic: Critic = "head",
    ) -> None:
        if max_new_tokens < 1:
            raise ForgeError(f"Policy(max_new_tokens={max_new_tokens}): give at least 1")
        _require_fitting(model, tokenizer)
        self.tokenizer, self.sampling, self.max_new_tokens = tokenizer, sampling, max_new_tokens
        self.network = Network(model.eval(), critic=critic).eval()
        self.network.to(model.device)
        self.network.check()
        self.dialect = dialect(tokenizer)
        self.constrained = constrained
        if constrained and not isinstance(self.dialect, FunctionTokens):
            raise ForgeError("Policy(constrained=True) needs the dialect FunctionTokens: a chat template's calls are "
                             "free text")  # fmt: skip
        self._fit_embeddings()
        self.engine: Engine = TransformersEngine(self.network)

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        lora: Any = None,  # int or peft.LoraConfig
        functions: Iterable[str] = (),
        dtype: str = "float32",
        device: str | None = None,
        seed: int = 0,
        **settings: Any,  # of the class
    ) -> Policy:
        """A causal language model from a folder or the Hugging Face hub, or a policy that was saved.

        Args:
            lora: train a low-rank adapter only (arXiv 2106.09685): its rank, or a `peft.LoraConfig`.
            functions: names that get a token of their own now; with `lora`, which trains their embeddings, those of
                the agent's own functions and tools are needed, what every agent has is known.
            dtype: of the weights: "float32", "bfloat16", "float16".
            device: "cpu", "cuda", ...; None is the GPU if there is one.
            seed: of the first weights of an adapter, a value head and a critic.
            settings: those of the class; what was saved with the policy holds where they are left out. With another
                kind of `critic` than the saved one, the critic begins as a copy of the trunk and its head afresh.

        Raises:
            ForgeError: nothing can be loaded from there, the device is not there, or a setting is out of range.
        """
        from rl.loading import load

        return load(cls, path, lora=lora, functions=functions, dtype=dtype, device=device, seed=seed,
                    settings=settings)  # fmt: skip

    @classmethod
    def tiny(
        cls,
        texts: Iterable[str] | Dataset,
        *,
        layers: int = 2,
        width: int = 128,
        heads: int = 4,
        context: int = 512,
        vocabulary: int = 4096,
        words: bool = False,
        tied: bool = False,
        copying: bool = False,
        seed: int = 0,
        **settings: Any,  # of the class
    ) -> Policy:
        """A policy from scratch, in the shape of Llama, with a tokenizer trained on the texts.

        Args:
            texts: what the tokenizer is trained on; of a data set, its questions and answers.
            words: one token a word, for small closed vocabularies; else byte-level BPE.
            tied: tokens are written with the vectors they are read with: copying forms sooner, other things may not.
            copying: the first weights have practised copying (`rl.copying`), which imitation otherwise learns suddenly
                and late: some hundred optimizer steps, on the GPU if there is one.
            seed: of the first weights.

        Raises:
            ForgeError: there is no text, the width is no multiple of the heads, or one layer is to practise copying.
        """
        from transformers import LlamaConfig, LlamaForCausalLM

        if width % heads:
            raise ForgeError(f"Policy.tiny(width={width}, heads={heads}): the width must be a multiple of the heads")
        if isinstance(texts, Dataset):
            texts = [text for task in texts for text in (task.question, str(task.answer))]
        tokenizer = train_tokenizer(texts, size=vocabulary, words=words)
        config = LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=width, intermediate_size=-(-8 * width // 3 // 8) * 8,
            num_hidden_layers=layers,
            num_attention_heads=heads, num_key_value_heads=heads, max_position_embeddings=context,
            pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id, tie_word_embeddings=tied,
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            causal: Any = LlamaForCausalLM(config)
            if copying:
                practise_copying(causal.to("cuda" if torch.cuda.is_available() else "cpu"), seed)
            return cls(causal.to("cpu"), tokenizer, **settings)

    @property
    def context(self) -> int:
        """Ids that a prompt and its action may have together."""
        return int(getattr(self.network.causal.config, "max_position_embeddings", None) or 2**31)

    @property
    def parameters(self) -> int:
        """How many weights the language model has."""
        return sum(weight.numel() for weight in self.network.causal.parameters())

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        """The next action for each context; one whose prompt does not fit is an error."""
        if not contexts:
            return []
        began = time.perf_counter()
        self.learn_names(spec.name for spec in contexts[0].tools)
        requests = [self._request(context) for context in contexts]
        fits = [number for number, request in enumerate(requests) if len(request.prompt) < self.context]
        try:
            results = dict(zip(fits, self.engine.generate([requests[n] for n in fits], self.limits()), strict=True))
        except torch.cuda.OutOfMemoryError as error:
            raise ForgeError(f"the GPU has no memory to go on with {len(fits)} contexts at once: give a lower "
                             "concurrency=") from error  # fmt: skip
        seconds = (time.perf_counter() - began) / len(contexts)
        return [
            self._action(context, requests[number], results.get(number), seconds)
            for number, context in enumerate(contexts)
        ]

    def limits(self) -> Limits:
        """What bounds a generation of this policy."""
        return Limits(
            end_ids=self.dialect.end_ids,
            new_tokens=self.max_new_tokens,
            context=self.context,
            sampling=self.sampling,
            names=self.dialect.functions if isinstance(self.dialect, FunctionTokens) else None,
            grammar=self.grammar() if self.constrained else None,
        )

    def grammar(self) -> Grammar:
        """Which ids are legal; for constrained decoding, in the engine and in the learner alike."""
        assert isinstance(self.dialect, FunctionTokens)
        return Grammar(self.dialect, self.network.causal.config.vocab_size)

    def _request(self, context: Context) -> Request:
        kept = 0
        if context.steps and (last := context.steps[-1].action).prompt_ids:
            kept = len(last.prompt_ids) + len(last.token_ids)
        return Request(
            prompt=self.dialect.prompt(context),
            seed=context.seed * 1_000_003 + context.turns_left,
            kept=kept,
            offered=offered(context.tools) if self.constrained else {},
        )

    def _action(self, context: Context, request: Request, result: Generated | None, seconds: float) -> Action:
        if result is None:
            text = f"a prompt of {len(request.prompt)} tokens does not fit the policy's context of {self.context}"
            return Action(text, finish_reason="error")
        plan, calls = self.dialect.read(result.ids, context.tools, cut=result.cut)
        return Action(
            text=plan,
            calls=calls,
            finish_reason="length" if result.cut else "stop",
            usage=Usage(1, len(request.prompt), len(result.ids), seconds=seconds),
            token_ids=tuple(result.ids),
            log_probs=tuple(result.log_probs),
            prompt_ids=tuple(request.prompt),
        )

    def learn_names(self, names: Iterable[str]) -> None:
        """Give functions a token each, where the dialect has such and they have none yet.

        Raises:
            ForgeError: the policy has an adapter, which would not train the new embeddings.
        """
        if isinstance(self.dialect, FunctionTokens) and self.dialect.learn(names):
            if hasattr(self.network.model, "get_base_model"):
                raise ForgeError("functions need tokens of their own before an adapter is put on: "
                                 "Policy.from_pretrained(..., lora=..., functions=[their names])")  # fmt: skip
            self._fit_embeddings()
            self.engine.forget()

    @torch.no_grad()
    def _fit_embeddings(self) -> None:
        """A row for each id of the tokenizer; new rows begin at the mean of the others."""
        causal, critic = self.network.causal, self.network.critic
        fitted, wanted = getattr(causal, "forge_fitted", self._pretrained_ids()), len(self.tokenizer)
        for model in (causal, critic):
            if model is not None and wanted > model.get_input_embeddings().weight.shape[0]:
                model.resize_token_embeddings(wanted, mean_resizing=False)
        layers = [causal.get_input_embeddings(), causal.get_output_embeddings()]
        for layer in layers if critic is None else [*layers, critic.get_input_embeddings()]:
            layer.weight[fitted:wanted] = layer.weight[:fitted].mean(0)
        causal.forge_fitted = wanted

    def _pretrained_ids(self) -> int:
        new = self.dialect.new_tokens if isinstance(self.dialect, FunctionTokens) else 0
        return len(self.tokenizer) - new

    @property
    def digest(self) -> str:
        """A content hash of the language model's weights."""
        digest = hashlib.sha256()
        for name, weight in self.network.causal.state_dict().items():
            digest.update(name.encode())
            digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()[:16]

    def with_sampling(self, sampling: Sampling) -> Policy:
        """The same weights, drawn from in another way."""
        other = object.__new__(Policy)
        other.__dict__.update(self.__dict__)
        other.sampling = sampling
        return other

    def copy(self) -> Policy:
        """A policy with weights of its own."""
        self.engine.forget()
        return deepcopy(self)

    def to(self, device: str | torch.device) -> Policy:
        """Move the weights; returns itself.

        Raises:
            ForgeError: there is no such device here.
        """
        from rl.loading import usable

        self.network.to(usable(device))
        self.engine.forget()
        return self

    def save_pretrained(self, path: str | Path) -> None:
        """Write a folder that transformers loads without Forge; an adapter is merged into the weights."""
        from rl.loading import without_progress_bars

        folder = Path(path)
        model = self.network.model
        plain = deepcopy(model).merge_and_unload() if hasattr(model, "merge_and_unload") else model
        with without_progress_bars():
            plain.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        values = {name: part.state_dict() for name, part in self._value_parts().items()}
        torch.save(values, folder / VALUES)
        settings = {
            "dialect": type(self.dialect).__name__,
            **{name: getattr(self.dialect, name, False) for name in ("instructions", "spelled")},
            "max_new_tokens": self.max_new_tokens,
            "constrained": self.constrained,
            "critic": "head" if self.network.critic is None else "separate",
        }
        (folder / SETTINGS).write_text(json.dumps(settings, indent=2), encoding="utf-8")

    def _value_parts(self) -> dict[str, Any]:
        parts = {"head": self.network.value_head, "critic": self.network.critic}
        return {name: part for name, part in parts.items() if part is not None}

    def load_values(self, path: Path) -> None:
        """The value head and critic that `save_pretrained` wrote. Of another kind of critic they say nothing: then this
        one begins afresh.

        Raises:
            ForgeError: the file is damaged, or of another model.
        """
        parts = self._value_parts()
        try:
            values = torch.load(path, map_location=self.network.device, weights_only=True)
            if values.keys() == parts.keys():
                for name, part in parts.items():
                    part.load_state_dict(values[name])
        except (OSError, RuntimeError, AttributeError, LookupError, pickle.UnpicklingError, EOFError) as error:
            raise ForgeError(f"the values in {path} cannot be read ({error}): remove the file, and the value head and "
                             "critic begin afresh") from error  # fmt: skip


def _require_fitting(model: Any, tokenizer: Any) -> None:
    if tokenizer.pad_token_id is None:
        raise ForgeError("the tokenizer has no pad token: set tokenizer.pad_token, to tokenizer.eos_token if nothing "
                         "else is meant for it")  # fmt: skip
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        raise ForgeError(f"the tokenizer has {len(tokenizer)} ids and the model {rows} embeddings: they do not belong "
                         "together, or model.resize_token_embeddings(len(tokenizer)) was forgotten")  # fmt: skip
