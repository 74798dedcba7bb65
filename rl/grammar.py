"""Which token ids lead to a legal action, one id at a time: for constrained decoding and for the learner's mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from forge.models.protocol import ToolSpec
    from rl.function_tokens import FunctionTokens


Offered = Mapping[str, bool]  # functions by name, and whether each takes an argument
Left = tuple[tuple[int, ...], bool]  # ids of a name that are still to come, and whether an argument follows


@dataclass(frozen=True, slots=True)
class State:
    """Where in an action one is: what is left of each function that it still may be, or behind a function's name."""

    left: tuple[Left, ...]
    argument: bool = False


_ARGUMENT, _END = State((), argument=True), State(())


class Grammar:
    """An action is one function that is offered, its argument if it takes one, and the end; nothing comes before."""

    def __init__(self, dialect: FunctionTokens, vocabulary: int) -> None:
        self._dialect, self._vocabulary = dialect, vocabulary
        self._masks: dict[State, torch.Tensor] = {}

    def start(self, offered: Offered) -> State:
        """Before the first id."""
        return State(tuple(sorted((self._dialect.ids_of(name), takes) for name, takes in offered.items())))

    def after(self, state: State, token: int) -> State:
        left = tuple((ids[1:], takes) for ids, takes in state.left if ids[0] == token)
        if not left:
            return state
        named = [takes for ids, takes in left if not ids]
        return State(left) if not named else _ARGUMENT if named[0] else _END

    def allowed(self, state: State) -> torch.Tensor:
        """A boolean for each id of the vocabulary."""
        if state not in self._masks:
            self._masks[state] = self._mask(state)
        return self._masks[state]

    def along(self, ids: Sequence[int], offered: Offered) -> list[State]:
        """The state before each id of an action."""
        states, state = [], self.start(offered)
        for token in ids:
            states.append(state)
            state = self.after(state, token)
        return states

    def _mask(self, state: State) -> torch.Tensor:
        if state.argument:
            return self._free
        mask = torch.zeros(self._vocabulary, dtype=torch.bool)
        mask[[ids[0] for ids, _ in state.left] or list(self._dialect.end_ids)] = True
        return mask

    @cached_property
    def _free(self) -> torch.Tensor:
        """Text and the end: everything but the marks of the dialect and ids that the tokenizer does not have."""
        mask = torch.zeros(self._vocabulary, dtype=torch.bool)
        mask[: len(self._dialect.tokenizer)] = True
        mask[[token for token in self._dialect.tokenizer.all_special_ids if token not in self._dialect.end_ids]] = False
        return mask


def offered(tools: Sequence[ToolSpec]) -> Offered:
    """What an agent may do."""
    return {spec.name: bool(spec.parameters.get("properties")) for spec in tools}


@dataclass(frozen=True, slots=True)
class Legal:
    """The allowed ids at each of many places: rows of `table_mv`, `row_n` says which."""

    table_mv: torch.Tensor
    row_n: torch.Tensor

    def masked(self, logits_nv: torch.Tensor, places_n: torch.Tensor) -> torch.Tensor:
        """Logits with what is not allowed out of reach; finite, so that gradients are."""
        allowed = self.table_mv[self.row_n[places_n]].to(logits_nv.device)
        return logits_nv.masked_fill(~allowed, -1e9)


def legal(grammar: Grammar, actions: Sequence[Sequence[int]], functions: Offered) -> Legal:
    """Where the ids of actions, one after the other, were drawn from."""
    states = [state for ids in actions for state in grammar.along(ids, functions)]
    numbers = {state: number for number, state in enumerate(dict.fromkeys(states))}
    table = torch.stack([grammar.allowed(state) for state in numbers])
    return Legal(table, torch.tensor([numbers[state] for state in states]))
