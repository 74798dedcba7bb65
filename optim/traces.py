"""Sessions as an optimizer reads them, under a cap on tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence

from forge.session import Session
from forge.task import Task

CHARACTERS_PER_TOKEN = 4  # a rough bound, so that no tokenizer is needed


def trace(task: Task, session: Session, *, clip: int = 1500) -> str:
    """One session, raw: what the agent wrote and called, what came back, what was expected."""
    lines = [f"## Task {task.id}: score {session.score or 0.0:g}", f"Question: {_clipped(task.question, clip)}"]
    for step in session.steps:
        if step.action.text and not (step.action.calls and step.action.calls[0].text == step.action.text):
            lines.append(f"Agent: {_clipped(step.action.text, clip)}")
        lines += [f"Call: {call.name}({_clipped(_arguments(call.arguments, call.text), clip)})"
                  for call in step.action.calls]  # fmt: skip
        lines += [f"{'Error' if seen.error else 'Result'} of {seen.name or 'the turn'}: {_clipped(seen.text, clip)}"
                  for seen in step.observations]  # fmt: skip
    lines.append(f"Submitted: {_clipped(str(session.answer), 300)}" + (f" ({session.stop})" if session.stop else ""))
    if (session.score or 0.0) < 1.0:
        lines.append(f"Expected: {_clipped(str(task.answer), 300)}")
    if session.feedback:
        lines.append(f"Feedback: {_clipped(session.feedback, 500)}")
    return "\n".join(lines)


def within(texts: Sequence[str], tokens: int) -> list[str]:
    """The first texts that fit the cap together; one that is too long by itself is skipped."""
    kept, left = [], tokens * CHARACTERS_PER_TOKEN
    for text in texts:
        if len(text) <= left:
            kept.append(text)
            left -= len(text)
    return kept


def _arguments(arguments: object, text: str) -> str:
    return text or json.dumps(arguments, ensure_ascii=False, default=str)


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 3 :]}"
