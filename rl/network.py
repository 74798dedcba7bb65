"""What is trained: a causal language model, and a value of each state beside it."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import nn

from functions.errors import ForgeError
from rl.cache import RaggedCache

Critic = Literal["head", "separate"]


class Network(nn.Module):
    """A policy's weights. `forward` is the learner's pass, `extend` the engine's.

    Args:
        model: a causal language model of transformers, or one with a PEFT adapter.
        critic: "head": the value is read off the policy's hidden states; "separate": off a copy of its trunk.

    Raises:
        ForgeError: hidden states cannot be turned into logits outside the model.
    """

    def __init__(self, model: Any, *, critic: Critic = "head") -> None:  # PreTrainedModel or PeftModel
        super().__init__()
        if critic not in ("head", "separate"):
            raise ForgeError(f"critic={critic!r}: one of 'head', 'separate'")
        self.model = model
        config = self.causal.config
        width = int(config.hidden_size)
        self.value_head = ValueHead(width)
        self.critic = _copied_trunk(self.causal) if critic == "separate" else None
        self._scale, self._cap = _logit_changes(config)
        self._has_sliding = "sliding_attention" in (getattr(config, "layer_types", None) or ())
        self._window = int(getattr(config, "sliding_window", None) or 0)
        # Where no layer is told apart (Mistral, Phi-3), a window holds for all, unless it is switched off.
        self._all_sliding = (
            self._window > 0
            and not getattr(config, "layer_types", None)
            and getattr(config, "use_sliding_window", True) is not False
        )

    @property
    def causal(self) -> Any:  # PreTrainedModel
        """The language model, below an adapter if there is one."""
        return self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model

    @property
    def trunk(self) -> Any:  # PreTrainedModel
        """The language model without its head."""
        return self.causal.base_model

    @property
    def device(self) -> torch.device:
        device: torch.device = self.causal.device
        return device

    @property
    def adapted(self) -> bool:
        """Whether only a PEFT adapter is trained."""
        return hasattr(self.model, "disable_adapter")

    def forward(
        self, ids_bt: torch.Tensor, rows_n: torch.Tensor, columns_n: torch.Tensor, *, detach_value: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and values at chosen places of sequences that are filled up on the right.

        Args:
            ids_bt: token ids; filling comes last, where causal attention keeps it from being seen.
            rows_n, columns_n: places; the logits there are of the token after.
            detach_value: keep the gradient of the value out of the trunk.

        Returns:
            Logits, places by vocabulary, and values, one a place, both in float32.
        """
        hidden = self.trunk(input_ids=ids_bt, use_cache=False).last_hidden_state
        chosen = hidden[rows_n, columns_n]
        logits = self.logits(chosen).float()
        if self.critic is not None:
            seen = self.critic(input_ids=ids_bt, use_cache=False).last_hidden_state[rows_n, columns_n]
        else:
            seen = chosen.detach() if detach_value else chosen
        return logits, self.value_head(seen)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """What the model's own forward pass makes of its last hidden states."""
        logits: torch.Tensor = self.causal.get_output_embeddings()(hidden)
        if self._scale != 1.0:
            logits = logits * self._scale
        if self._cap is not None:
            logits = torch.tanh(logits / self._cap) * self._cap
        return logits

    def extend(self, ids_bw: torch.Tensor, positions_bw: torch.Tensor, cache: RaggedCache) -> torch.Tensor:
        """Hidden states of a block of tokens appended to cached sequences."""
        keys = torch.arange(cache.get_seq_length(), device=ids_bw.device)
        mask: Any = (keys <= positions_bw.unsqueeze(-1)).unsqueeze(1)
        mask = self._additive(mask)
        if self._has_sliding or self._all_sliding:
            near = mask + self._additive((keys > positions_bw.unsqueeze(-1) - self._window).unsqueeze(1))
            mask = near if self._all_sliding else {"full_attention": mask, "sliding_attention": near}
        output = self.trunk(
            input_ids=ids_bw, attention_mask=mask, position_ids=positions_bw, past_key_values=cache, use_cache=True
        )
        hidden: torch.Tensor = output.last_hidden_state
        return hidden

    def _additive(self, allowed: torch.Tensor) -> torch.Tensor:
        dtype = self.causal.dtype
        lowest = torch.finfo(dtype).min / 2  # two of them may be added
        return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill_(~allowed, lowest)

    @torch.no_grad()
    def check(self) -> None:
        """Raises:
        ForgeError: logits from hidden states differ from the model's own, or going on from kept keys and values gives
            other hidden states than computing all again.
        """
        ids = torch.arange(min(6, self.causal.get_input_embeddings().weight.shape[0]), device=self.device).unsqueeze(0)
        kind = type(self.causal).__name__
        try:
            own = self.causal(input_ids=ids, use_cache=False).logits
            hidden = self.trunk(input_ids=ids, use_cache=False).last_hidden_state
            ours, kept = self.logits(hidden), self._in_two_blocks(ids)
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ForgeError(f"{kind} cannot be trained here: it does not take token ids, positions and kept keys and "
                             f"values as causal language models of transformers do ({error})") from error  # fmt: skip
        if not torch.allclose(own, ours, atol=1e-3, rtol=1e-3):
            raise ForgeError(f"{kind} changes its logits after the output layer in a way that rl does not know: use "
                             "another architecture, or teach it to Network.logits")  # fmt: skip
        if (difference := float((hidden - kept).abs().max())) > _tolerance(hidden):
            raise ForgeError(f"{kind} gives other hidden states when it goes on from kept keys and values (by "
                             f"{difference:.2g}): rollouts would not be what is learned from")  # fmt: skip

    def _in_two_blocks(self, ids_bt: torch.Tensor) -> torch.Tensor:
        cache, found, start = RaggedCache(), [], 0
        cache.make_room(1, ids_bt.shape[1])
        for block in torch.split(ids_bt, -(-ids_bt.shape[1] // 2), dim=1):
            stop = start + block.shape[1]
            positions = torch.arange(start, stop, device=ids_bt.device).unsqueeze(0)
            found.append(self.extend(block, positions, cache.at(slice(0, 1), positions, stop)))
            start = stop
        return torch.cat(found, dim=1)


def _tolerance(hidden: torch.Tensor) -> float:
    """What rounding may do to hidden states of this size."""
    return float(hidden.abs().max()) * (1e-3 if hidden.dtype == torch.float32 else 0.1)


class ValueHead(nn.Module):
    """The value of a state from its hidden state: a small perceptron that begins at 0."""

    def __init__(self, width: int, hidden: int = 64) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(width, hidden), nn.Linear(hidden, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        values: torch.Tensor = self.last(torch.tanh(self.first(hidden.float()))).squeeze(-1)
        return values


def _copied_trunk(causal: Any) -> Any:
    from copy import deepcopy

    return deepcopy(causal.base_model)


def _logit_changes(config: Any) -> tuple[float, float | None]:
    """What an architecture does to its logits after the output layer: a factor, and a soft limit."""
    scale = float(getattr(config, "logit_scale", None) or 1.0)
    if divisor := getattr(config, "logits_scaling", None):
        scale /= float(divisor)
    cap = getattr(config, "final_logit_softcapping", None)
    return scale, None if cap is None else float(cap)
