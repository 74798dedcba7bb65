"""The tools that Forge brings, those of AGILE (arXiv 2405.14751): submit, memory, reflection, advice, clearing."""

from __future__ import annotations

from typing import Any, Literal

from forge.tools import Tool, World
from functions.errors import ForgeError


def submit(answer: Any, world: World) -> str:  # an answer is any JSON value
    """Give the final answer to the question; this ends the task.

    Args:
        answer: the answer itself, as short as the question allows.
    """
    if world.submitted:
        return "an answer was already submitted in this turn; the first one counts"
    world.submitted, world.answer = True, answer
    return "submitted"


def retrieve_memory(world: World, query: str = "", count: int = 3) -> str:
    """Look up what was remembered from earlier tasks.

    Args:
        query: words to look for; the task's question if left out.
        count: how many entries at most.
    """
    found = _memory(world).search(
        query or world.task.memory_query, count
    )  # the question, without what stands around it
    return "\n".join(f"- ({entry.kind}) {entry.text}" for entry in found) or "(nothing like that is remembered)"


def update_memory(text: str, world: World, kind: Literal["knowledge", "question-answer"] = "knowledge") -> str:
    """Remember something for later tasks.

    Args:
        text: what to remember, understandable without this conversation.
        kind: "question-answer" for a question with its answer.
    """
    _memory(world).add(text, kind=kind, source=world.task.id, stream=world.task.stream)
    return "remembered"


def reflect(lesson: str, world: World) -> str:
    """Remember a general lesson that this task taught, so that similar tasks go better.

    Args:
        lesson: the lesson, in one or two sentences.
    """
    _memory(world).add(lesson, kind="reflection", source=world.task.id, stream=world.task.stream)
    return "remembered"


def seek_advice(world: World, question: str = "") -> str:
    """Ask an expert. Advice costs; ask only when you would probably be wrong without it.

    Args:
        question: what to ask; the task's question if left out.
    """
    if world.expert is None:
        raise ForgeError("this agent has no expert")
    advice = world.expert.advise(world.task, question or world.task.question)
    world.advice_count += 1
    world.advice_cost += world.expert.cost
    return advice


def clear_context(world: World) -> str:
    """Forget the conversation so far, except for the question; what was remembered stays."""
    world.shown_from = len(world.steps) + 1
    return "cleared"


def _memory(world: World) -> Any:
    if world.memory is None:
        raise ForgeError("this agent has no memory")
    return world.memory


SUBMIT = Tool(submit)
MEMORY_TOOLS = (Tool(retrieve_memory), Tool(update_memory), Tool(reflect))
ADVICE_TOOLS = (Tool(seek_advice),)
CLEAR_CONTEXT = Tool(clear_context)
