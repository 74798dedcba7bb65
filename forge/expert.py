"""Who answers when an agent asks for advice, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from forge.terminal import ask
from functions.errors import ForgeError

if TYPE_CHECKING:
    from forge.models.chat import ChatModel
    from forge.task import Task


class Expert(Protocol):
    """Gives advice on a task; `cost` is taken off the session's reward, once a call."""

    @property
    def cost(self) -> float: ...

    def advise(self, task: Task, question: str) -> str: ...


def _require_cost(cost: float) -> None:
    if not 0 <= cost <= 1:
        raise ForgeError(f"an expert's cost={cost!r} must lie in [0, 1], where 1 is the value of a right answer")


@dataclass(frozen=True, slots=True)
class GoldExpert:
    """Knows the task's answer: the expert of AGILE's trainings (arXiv 2405.14751)."""

    cost: float = 0.0

    def __post_init__(self) -> None:
        _require_cost(self.cost)

    def advise(self, task: Task, question: str) -> str:
        if task.answer is None:
            raise ForgeError(f"task {task.id!r} has no answer: GoldExpert advises on labelled tasks only")
        return str(task.answer)


@dataclass(frozen=True, slots=True)
class ModelExpert:
    """Another, stronger model.

    Args:
        model: a LiteLLM id, such as "openai/gpt-5", or a chat model.

    Raises:
        ForgeError: it is none of these, or the cost is not between 0 and 1.
    """

    model: str | ChatModel
    cost: float = 0.0
    instructions: str = field(default="Answer the question as an expert, briefly. Say only the answer and why.")

    def __post_init__(self) -> None:
        from forge.models import resolve

        _require_cost(self.cost)
        model: Any = resolve(self.model) if isinstance(self.model, str) else self.model
        if not hasattr(model, "complete_sync"):
            raise ForgeError(f"ModelExpert({self.model!r}): an expert writes free text: give a LiteLLM id, such as "
                             "'openai/gpt-5', or a chat model")  # fmt: skip
        object.__setattr__(self, "model", model)

    def advise(self, task: Task, question: str) -> str:
        from forge.models.chat import ChatRequest

        messages = (
            {"role": "system", "content": self.instructions},
            {"role": "user", "content": question if question == task.question else f"{task.question}\n\n{question}"},
        )
        model: Any = self.model
        reply = model.complete_sync(ChatRequest(messages=messages))
        if reply.error:
            raise ForgeError(f"the expert {model.name!r} gave no answer: {reply.error}")
        return str(reply.text)


@dataclass(frozen=True, slots=True)
class ConsoleExpert:
    """A person at the terminal, who is asked one question at a time.

    Ctrl-C at a question, and the end of the input, interrupt whatever asked it: nothing is made up, or charged.
    """

    cost: float = 0.0

    def __post_init__(self) -> None:
        _require_cost(self.cost)

    def advise(self, task: Task, question: str) -> str:
        asks = f"\nIt asks: {question}" if question != task.question else ""
        return ask(f"\nThe agent asks for advice on: {task.question}{asks}", "Your advice: ").strip()
