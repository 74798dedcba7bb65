"""Which token ids lead to a legal action, one id at a time: for constrained decoding and for the learner's mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from rl.function_tokens import FunctionTokens


@dataclass(frozen=True, slots=True)
class State:
    """Where in an action one is: the ids that are left of each function that it still may be; none once it is named."""

    left: tuple[tuple[int, ...], ...]


_ARGUMENT = State(())


class Grammar:
    """An action is one function that is offered, its argument, and the end; nothing comes before the function."""

    def __init__(self, dialect: FunctionTokens, vocabulary: int) -> None:
        self._dialect, self._vocabulary = dialect, vocabulary
        self._masks: dict[State, torch.Tensor] = {}

    def start(self, offered: Sequence[str]) -> State:
        """Before the first id; `offered` are names of functions."""
        return State(tuple(sorted(self._dialect.ids_of(name) for name in offered)))

    def after(self, state: State, token: int) -> State:
        left = tuple(ids[1:] for ids in state.left if ids[0] == token)
        return State(left) if all(left) and left else _ARGUMENT if state.left else state

    def allowed(self, state: State) -> torch.Tensor:
        """A boolean for each id of the vocabulary."""
        if state not in self._masks:
            self._masks[state] = self._mask(state)
        return self._masks[state]

    def along(self, ids: Sequence[int], offered: Sequence[str]) -> list[State]:
        """The state before each id of an action."""
        states, state = [], self.start(offered)
        for token in ids:
            states.append(state)
            state = self.after(state, token)
        return states

    def _mask(self, state: State) -> torch.Tensor:
        if not state.left:
            return self._free
        mask = torch.zeros(self._vocabulary, dtype=torch.bool)
        mask[[ids[0] for ids in state.left]] = True
        return mask

    @cached_property
    def _free(self) -> torch.Tensor:
        """Text and the end: everything but the marks of the dialect and ids that the tokenizer does not have."""
        mask = torch.zeros(self._vocabulary, dtype=torch.bool)
        mask[: len(self._dialect.tokenizer)] = True
        mask[[token for token in self._dialect.tokenizer.all_special_ids if token not in self._dialect.end_ids]] = False
        return mask


@dataclass(frozen=True, slots=True)
class Legal:
    """The allowed ids at each of many places: rows of `table_mv`, `row_n` says which."""

    table_mv: torch.Tensor
    row_n: torch.Tensor

    def masked(self, logits_nv: torch.Tensor, places_n: torch.Tensor) -> torch.Tensor:
        """Logits with what is not allowed out of reach; finite, so that gradients are."""
        allowed = self.table_mv[self.row_n[places_n]].to(logits_nv.device)
        return logits_nv.masked_fill(~allowed, -1e9)


def legal(grammar: Grammar, actions: Sequence[Sequence[int]], offered: Sequence[str]) -> Legal:
    """Where the ids of actions, one after the other, were drawn from."""
    states = [state for ids in actions for state in grammar.along(ids, offered)]
    numbers = {state: number for number, state in enumerate(dict.fromkeys(states))}
    table = torch.stack([grammar.allowed(state) for state in numbers])
    return Legal(table, torch.tensor([numbers[state] for state in states]))
