"""What a model is to an agent: contexts in, actions out, batch first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from forge.session import Action, Step

if TYPE_CHECKING:
    from forge.dialect import Dialect


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of one function or tool: `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    kind: str = "function"  # "function": learnable, sandboxed; "tool": trusted, on the host


@dataclass(frozen=True, slots=True)
class Context:
    """All that a model may see when it acts. The task's answer is not in it."""

    task_id: str
    question: str
    instructions: str
    tools: tuple[ToolSpec, ...]
    steps: tuple[Step, ...] = ()
    dialect: Dialect | None = None  # None: the model's own way of writing actions
    seed: int = 0  # keyed by (run seed, task, repeat): the same for candidate and incumbent
    turns_left: int = 1


@runtime_checkable
class Model(Protocol):
    """A policy: for each context, the next action. Failing to reply is an Action with finish_reason "error"."""

    name: str

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        """One action a context, in order."""
        ...


@runtime_checkable
class AsyncModel(Model, Protocol):
    """A model that waits on a network; many contexts are in flight at once."""

    async def act_async(self, context: Context) -> Action:
        """The action for one context."""
        ...
