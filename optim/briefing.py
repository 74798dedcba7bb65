"""The words an LLM optimizer reads: the rules, the library, the failures so far, and what the agent did."""

from __future__ import annotations

from collections.abc import Sequence

from forge.session import Session
from forge.task import Task
from functions import Library
from functions.edits import Add, Revise
from optim.evidence import Contrast, Evidence, FailedLibrary
from optim.failures import FunctionUse, failure_clusters, function_use
from optim.filters import Refusal
from optim.traces import trace, within
from optim.version import Change, describe

TRACES = 3  # of each kind of failure
SOLVED = 2  # traces of solved tasks
PACES = ((0.3, "under 0.3 s"), (1.0, "under 1 s"), (3.0, "under 3 s"), (10.0, "under 10 s"))

RULES = """\
You look after the Python functions that another model, the agent, may call while it answers questions. You see what \
the agent did with them on some tasks, and change the functions so that it solves more tasks of the same kind: not \
only these, but others that nobody has seen yet.

{pace}
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
INSTRUCTIONS_RULE = """

- revise_instructions: when the agent fails because of what it was told, or was not told, before the question. Say \
what holds for all tasks of this kind, never what one of them asks."""
ONE_AT_A_TIME = "Take one action at a time, by calling one of these tools:"
ALL_AT_ONCE = "Take up to {most} actions in one reply, each by calling one of these tools:"


def rules(imports: Sequence[str] | None, *, actions_at_once: int = 1, instructions: bool = False) -> str:
    """What stays the same in every request."""
    allowed = "" if imports is None else f"; it may import {', '.join(sorted(imports))} and nothing else"
    pace = ONE_AT_A_TIME if actions_at_once == 1 else ALL_AT_ONCE.format(most=actions_at_once)
    return RULES.format(imports=allowed, pace=pace) + (INSTRUCTIONS_RULE if instructions else "")


def brief(evidence: Evidence, before: Library, now: Library, edits: Sequence[Change], *, history_tokens: int) -> str:
    """What one request shows: evidence first, since it stays the same within a step, then the list as it stands."""
    parts = [
        _failed_sessions(evidence.tasks, evidence.sessions, history_tokens),
        _solved_sessions(evidence.tasks, evidence.sessions, history_tokens // 8),
        _contrasts(evidence.contrasts, history_tokens // 4),
        _table(evidence.tasks, evidence.sessions),
        _use(before, evidence.sessions),
        _failures(evidence.failed, history_tokens // 4),
        _refused(evidence.refused, history_tokens // 8),
        f"# What the agent is told before each question\n{evidence.instructions}" if evidence.instructions else "",
        f"# The functions these sessions were played with (mean score {evidence.score:.3f})\n{_sources(before)}",
    ]
    if edits:
        done = ", ".join(describe(edit) for edit in edits)
        parts.append(f"# The functions after what you have done in this step ({done})\n{_sources(now)}")
    parts.append("Take the next action, for the list as it stands now.")
    return "\n\n".join(part for part in parts if part)


def _sources(library: Library) -> str:
    if not len(library):
        return "(none yet)"
    blocks = []
    for name in library.names:
        function = library[name]
        note = "" if function.trainable else "  # fixed: cannot be changed"
        blocks.append(f"## {name}{note}\n```python\n{function.source.strip()}\n```")
    return "\n".join(blocks)


def _failed_sessions(tasks: Sequence[Task], sessions: Sequence[Session], cap: int) -> str:
    """Failures by what went wrong, the most common first, each with raw traces under its share of the cap."""
    clusters = failure_clusters(tasks, sessions)
    if not clusters:
        return ""
    blocks, left = [], cap
    for place, cluster in enumerate(clusters):
        share = max(left // (len(clusters) - place), min(left, 400))
        traces = within([trace(task, session) for task, session in cluster.members[:TRACES]], share)
        left -= sum(map(len, traces)) // 4
        others = [task.id for task, _ in cluster.members[len(traces) :]]
        more = f"\n(the same in {len(others)} more: {', '.join(others[:20])})" if others else ""
        blocks.append(f"# {len(cluster.members)} failed: {cluster.title}\n" + "\n\n".join(traces) + more)
    return "\n\n".join(within(blocks, cap + 200 * len(clusters)))


def _solved_sessions(tasks: Sequence[Task], sessions: Sequence[Session], cap: int) -> str:
    pairs = [pair for pair in zip(tasks, sessions, strict=True) if (pair[1].score or 0.0) >= 1.0]
    traces = within([trace(task, session) for task, session in pairs[:SOLVED]], cap)
    return f"# Solved ({len(pairs)} in all), for example\n" + "\n\n".join(traces) if traces else ""


def _contrasts(contrasts: Sequence[Contrast], cap: int) -> str:
    """The same task solved and failed, side by side."""
    blocks = [
        f"{trace(contrast.task, contrast.solved, clip=600)}\n--- and {contrast.change} ---\n"
        f"{trace(contrast.task, contrast.failed, clip=600)}"
        for contrast in contrasts
    ]
    kept = within(blocks, cap)
    return "# The same task, once solved and once failed\n" + "\n\n".join(kept) if kept else ""


def _table(tasks: Sequence[Task], sessions: Sequence[Session]) -> str:
    rows = [f"{session.task_id}: {session.score or 0.0:g}" for session in sessions]
    return f"# Score of each of the {len(tasks)} tasks\n" + ", ".join(within(rows, 1500))


def _use(library: Library, sessions: Sequence[Session]) -> str:
    lines = [
        f"- {use.name}: {use.calls} calls in {use.sessions} sessions ({use.solved} of them solved), {use.failures} "
        f"calls failed, {_pace(use)} a call"
        for use in function_use(library.names, sessions)
    ]
    return "# How the functions were used\n" + "\n".join(within(lines, 1500)) if lines else ""


def _pace(use: FunctionUse) -> str:
    """Roughly, so that the same sessions are told in the same words."""
    each = use.seconds / max(use.calls, 1)
    return next((words for limit, words in PACES if each < limit), "more than 10 s")


def _failures(failed: Sequence[FailedLibrary], cap: int) -> str:
    """Edits that were tried on this library and rolled back, worst first; the best are kept under the cap."""
    lines: list[str] = []
    for failure in reversed(failed):
        if failure.score is None:
            continue  # refused before it was played: told under what was refused
        what = ", ".join(describe(edit) for edit in failure.edits) or "no edit"
        code = "\n".join(edit.source.strip() for edit in failure.edits if isinstance(edit, Add | Revise))
        lines.append(f"- {what} (score {failure.score:.3f})" + (f"\n```python\n{code}\n```" if code else ""))
    kept = within(lines, cap)
    if not kept:
        return ""
    return "# Already tried on this list without success: do not propose the same again\n" + "\n".join(reversed(kept))


def _refused(refused: Sequence[Refusal], cap: int) -> str:
    """What the checks turned down, the latest kept under the cap."""
    lines = dict.fromkeys(f"- {describe(refusal.change)}: {refusal.reason}" for refusal in reversed(refused))
    kept = within(list(lines), cap)
    return "# Refused by the checks, before it was tried on any task\n" + "\n".join(reversed(kept)) if kept else ""
