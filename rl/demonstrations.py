"""Demonstrations as a policy would have written them, and those of them that fit its context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from forge.agent import Agent
from forge.builtin_tools import CLEAR_CONTEXT, SUBMIT
from forge.evaluate import Evaluation
from forge.executor import Executor
from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Session, Step
from functions.errors import ForgeError
from rl.policy import Policy
from rl.segments import Segment, segments

LAST = {CLEAR_CONTEXT.name: 1, SUBMIT.name: 2}  # what takes effect when all other calls of an action are done


def given_sessions(demonstrations: Iterable[Session] | Evaluation) -> list[Session]:
    """Raises:
    ForgeError: something else is among them.
    """
    given = demonstrations.sessions if isinstance(demonstrations, Evaluation) else demonstrations
    sessions = list(given) if isinstance(given, Iterable) else [given]
    for session in sessions:
        if not isinstance(session, Session):
            raise ForgeError(f"imitate(demonstrations=...) holds {session!r:.60}: give a list of forge.Session, or "
                             "what forge.evaluate returns")  # fmt: skip
    return sessions


def written_segments(sessions: Iterable[Session], policy: Policy, agent: Agent) -> list[list[Segment]]:
    """The segments of each session, as the policy would have written them; ids that it did write stay as they are."""
    specs = Executor(agent.library, agent.all_tools, agent.sandbox).specs
    return [_written(session, policy, agent.instructions, specs) for session in sessions]


def _written(session: Session, policy: Policy, instructions: str, specs: tuple[ToolSpec, ...]) -> list[Segment]:
    steps: list[Step] = []
    shown: list[Step] = []
    for step in (part for whole in session.steps for part in _writable(whole, policy, specs)):
        if step.action.finish_reason == "error":
            continue
        context = Context(session.task_id, session.question, instructions, specs, tuple(shown))
        ids = _own_ids(step.action, policy, specs)
        prompt = policy.dialect.prompt(context)
        action = replace(step.action, token_ids=ids, log_probs=(0.0,) * len(ids), prompt_ids=tuple(prompt))
        steps.append(replace(step, action=action))
        shown = [] if _clears(step.action) else [*shown, steps[-1]]
    whole = replace(session, steps=tuple(steps), score=session.score or 0.0)
    return segments(whole, policy.dialect.choice_length)


def _writable(step: Step, policy: Policy, specs: Sequence[ToolSpec]) -> list[Step]:
    """The step, or one for each of its calls where the dialect cannot write them in one action."""
    calls = step.action.calls
    if len(calls) < 2:
        return [step]
    try:
        policy.dialect.write(step.action, specs)
    except ForgeError:
        order = sorted(range(len(calls)), key=lambda place: LAST.get(calls[place].name, 0))
        return [_part(step, place, first=place == order[0]) for place in order]
    return [step]


def _part(step: Step, place: int, *, first: bool) -> Step:
    """One call of an action with what came of it; the plan goes before the first."""
    action = replace(step.action, calls=step.action.calls[place : place + 1], token_ids=(), log_probs=(), prompt_ids=(),
                     text=step.action.text if first else "")  # fmt: skip
    return Step(action, step.observations[place : place + 1], step.cost if first else 0.0)


def _own_ids(action: Action, policy: Policy, specs: Sequence[ToolSpec]) -> tuple[int, ...]:
    """The ids that were drawn, where they mean the same to this policy: another's may stand for anything."""
    ids, size = tuple(action.token_ids), len(policy.tokenizer)
    if ids and all(token < size for token in ids):
        read = policy.dialect.read(ids, specs, cut=action.finish_reason == "length")
        if read == (action.text, action.calls):
            return ids
    return tuple(policy.dialect.write(action, specs))


def _clears(action: Action) -> bool:
    return any(call.name == CLEAR_CONTEXT.name for call in action.calls)


def fitting(written: Sequence[Sequence[Segment]], context: int) -> tuple[list[list[Segment]], tuple[str, ...]]:
    """The demonstrations with what of them fits the context, and what there is to tell of the rest.

    Raises:
        ForgeError: fewer than two are left.
    """
    kept = [[part for part in parts if len(part) <= context] for parts in written]
    kept = [parts for parts in kept if parts]
    lengths = [len(part) for parts in written for part in parts]
    long = [length for length in lengths if length > context]
    told = ""
    if long:
        told = (f"{len(long)} of {len(lengths)} segments of the demonstrations are longer than the policy's context of "
                f"{context} tokens, the longest has {max(long)}: they are left out")  # fmt: skip
    if len(kept) < 2:
        raise ForgeError(f"{len(kept)} of {len(written)} demonstrations can be learned from, give at least 2, one is "
                         f"held out{told and ': '}{told}")  # fmt: skip
    return kept, (told,) if told else ()
