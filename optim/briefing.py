"""The words an LLM optimizer reads: the rules, the library, the failures so far, and what the agent did."""

from __future__ import annotations

import json
from collections.abc import Sequence

from forge.session import Session
from forge.task import Task
from functions import Library
from functions.edits import Add, Edit, Revise
from optim.evidence import Evidence, FailedLibrary

CHARACTERS_PER_TOKEN = 4  # a rough bound, so that no tokenizer is needed

RULES = """\
You look after the Python functions that another model, the agent, may call while it answers questions. You see what \
the agent did with them on some tasks, and change the functions so that it solves more tasks of the same kind: not \
only these, but others that nobody has seen yet.

Take one action at a time, by calling one of these tools:
- add_function: for something the agent keeps working out by itself, or gets wrong. Write a general function that \
serves a whole family of questions; everything specific comes in as an argument, and no answer is written into it.
- revise_function: when calls fail or mislead. Look at the errors: either the code is wrong, or the arguments are hard \
to get right; then make it easier to call. Leave a function alone that works and that solved tasks depend on.
- remove_function: only if a function is surely of no use, or does harm.
- terminate: when nothing more would help. A needless change costs tasks that are solved now.

Every function is plain Python source with exactly one public def of the given name, type annotations on every \
parameter and on the result, and a docstring that says when to use it and what each argument means: that text is all \
the agent sees. Arguments and results are JSON values. It runs alone in a sandbox: no files, no network, no state \
between calls{imports}. Helper functions may stand in the same source with a leading underscore; it may also call the \
other functions of the list by name."""


def rules(imports: Sequence[str] | None) -> str:
    """What stays the same in every request."""
    allowed = "" if imports is None else f"; it may import {', '.join(sorted(imports))} and nothing else"
    return RULES.format(imports=allowed)


def brief(evidence: Evidence, before: Library, now: Library, edits: Sequence[Edit], *, history_tokens: int) -> str:
    """What one request shows: evidence first, since it stays the same within a step, then the list as it stands."""
    parts = [
        _histories(evidence, history_tokens),
        _table(evidence.tasks, evidence.sessions),
        _failures(evidence.failed, history_tokens // 4),
        f"# The functions these sessions were played with (mean score {evidence.score:.3f})\n{_sources(before)}",
    ]
    if edits:
        done = ", ".join(describe(edit) for edit in edits)
        parts.append(f"# The functions after what you have done in this step ({done})\n{_sources(now)}")
    parts.append("Take the next action, for the list as it stands now.")
    return "\n\n".join(part for part in parts if part)


def describe(edit: Edit) -> str:
    """An edit in two words."""
    return f"{type(edit).__name__.lower()} {getattr(edit, 'name', '')}".strip()


def _sources(library: Library) -> str:
    if not len(library):
        return "(none yet)"
    blocks = []
    for name in library.names:
        function = library[name]
        note = "" if function.trainable else "  # fixed: cannot be changed"
        blocks.append(f"## {name}{note}\n```python\n{function.source.strip()}\n```")
    return "\n".join(blocks)


def _failures(failed: Sequence[FailedLibrary], cap: int) -> str:
    """Edits that were tried on this library and rolled back, worst first; the best are kept under the cap."""
    lines: list[str] = []
    for failure in reversed(failed):
        what = ", ".join(describe(edit) for edit in failure.edits) or "no edit"
        outcome = f"refused: {failure.reason}" if failure.score is None else f"score {failure.score:.3f}"
        code = "\n".join(edit.source.strip() for edit in failure.edits if isinstance(edit, Add | Revise))
        lines.append(f"- {what} ({outcome})" + (f"\n```python\n{code}\n```" if code else ""))
    kept = _within(lines, cap)
    if not kept:
        return ""
    return "# Already tried on this list without success: do not propose the same again\n" + "\n".join(reversed(kept))


def _table(tasks: Sequence[Task], sessions: Sequence[Session]) -> str:
    rows = [f"{session.task_id}: {session.score or 0.0:g}" for session in sessions]
    return f"# Score of each of the {len(tasks)} tasks\n" + ", ".join(_within(rows, 1500))


def _histories(evidence: Evidence, cap: int) -> str:
    """Raw traces under the cap: failed tasks first, then as many solved ones as fit."""
    pairs = list(zip(evidence.tasks, evidence.sessions, strict=True))
    pairs.sort(key=lambda pair: (pair[1].score or 0.0) >= 1.0)
    traces = [trace(task, session) for task, session in pairs]
    shown = _within(traces, cap)
    left = f" ({len(traces) - len(shown)} more are left out)" if len(shown) < len(traces) else ""
    return f"# What the agent did, failed tasks first{left}\n" + "\n\n".join(shown)


def trace(task: Task, session: Session, *, clip: int = 1500) -> str:
    """One session as the optimizer reads it."""
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


def _arguments(arguments: object, text: str) -> str:
    return text or json.dumps(arguments, ensure_ascii=False, default=str)


def _clipped(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 3 :]}"


def _within(texts: Sequence[str], tokens: int) -> list[str]:
    """The first texts that fit the cap together; one that is too long by itself is skipped."""
    kept, left = [], tokens * CHARACTERS_PER_TOKEN
    for text in texts:
        if len(text) <= left:
            kept.append(text)
            left -= len(text)
    return kept
