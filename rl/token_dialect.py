"""How a local policy writes actions, in token ids: what every such dialect owes the engine and the learner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Call


class TokenDialect(Protocol):
    """Bound to one tokenizer. Text is turned into ids once; ids that were sampled are never written anew."""

    @property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end an action."""
        ...

    def prompt(self, context: Context) -> list[int]:
        """All that the policy is shown before it acts. It begins with the last prompt and action while nothing was
        cleared from the context."""
        ...

    def read(self, ids: Sequence[int], tools: Sequence[ToolSpec], *, cut: bool) -> tuple[str, tuple[Call, ...]]:
        """The free text and the calls of an action. `cut`: it met the length limit."""
        ...

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> list[int]:
        """An action of another model, or of a demonstration, as this policy would write it."""
        ...

    def choice_length(self, ids: Sequence[int]) -> int:
        """How many of the first ids choose the function: a plan and the function's name. All of them if none is
        named."""
        ...
