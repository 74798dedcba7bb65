"""What a training learns: a library and, where it is told to, the agent's instructions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from forge.agent import Agent
from functions import Library
from functions.edits import Add, Remove, Revise, Terminate

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class ReviseInstructions(BaseModel):
    """Replace what the agent is told before every question."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    tool_name: ClassVar[str] = "revise_instructions"
    action: Literal["instructions"] = "instructions"
    instructions: str = Field(min_length=1, max_length=8_000, description="The new instructions, whole.")


Change: TypeAlias = Annotated[Add | Revise | Remove | Terminate | ReviseInstructions, Field(discriminator="action")]


@dataclass(frozen=True, slots=True)
class Version:
    """One state of what is learned. `key` identifies it by content."""

    library: Library
    instructions: str

    @classmethod
    def of(cls, agent: Agent) -> Version:
        return cls(agent.library, agent.instructions)

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.library.version}\0{self.instructions}".encode()).hexdigest()[:32]

    def apply(self, changes: Iterable[Change]) -> Version:
        """The version after the changes; raises EditError, see `Library.apply`."""
        changes = list(changes)
        told = [change.instructions for change in changes if isinstance(change, ReviseInstructions)]
        edits = [change for change in changes if not isinstance(change, ReviseInstructions)]
        return Version(self.library.apply(edits), told[-1] if told else self.instructions)

    def on(self, agent: Agent) -> Agent:
        """The agent with this version in place of its own."""
        return replace(agent, library=self.library, instructions=self.instructions)


def describe(change: Change) -> str:
    """A change in two words."""
    return f"{change.action} {getattr(change, 'name', '')}".strip()


def changes_from(data: Any) -> list[Change]:  # JSON values, as the event log holds them
    """The changes that `model_dump(mode="json")` took apart; raises pydantic.ValidationError if they are none."""
    return _adapter().validate_python(data)


@cache
def _adapter() -> TypeAdapter[list[Change]]:
    from pydantic import TypeAdapter

    return TypeAdapter(list[Change])
