"""Sessions as a learner reads them: token ids, and which of them the policy wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from forge.session import Action, Session
from functions.errors import ForgeError


@dataclass(slots=True)
class Segment:
    """One maximal run in which the context only grew. All lists but `ids` have one item for each action token.

    Args:
        ids: everything the policy saw and wrote, in order.
        places: where in `ids` the action tokens are.
        log_probs: of the distribution that each was drawn from.
        rewards: given after each; a step's falls on the step's last token.
        choices: whether the token had a part in choosing the function.
        turns: the number of its turn in the session.
    """

    ids: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)
    choices: list[bool] = field(default_factory=list)
    turns: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)


ChoiceLength = Callable[[Sequence[int]], int]


def segments(session: Session, choice_length: ChoiceLength, *, bonus: float = 0.0) -> list[Segment]:
    """The segments of a session. A prompt that does not extend the last one opens the next, as clearing does.

    Each step's advice cost is charged to the step, the score to the last step (AGILE, arXiv 2405.14751, sec. 2.1).

    Args:
        choice_length: how many of an action's first ids choose the function.
        bonus: added to the last reward: a session-level proxy.

    Raises:
        ForgeError: the session has no token ids, or was not scored.
    """
    if session.score is None:
        raise ForgeError(f"session {session.task_id!r} has no score: play it with forge.evaluate")
    steps = [step for step in session.steps if step.action.finish_reason != "error"]
    found: list[Segment] = []
    for turn, step in enumerate(steps):
        action = step.action
        if not action.token_ids or not action.prompt_ids:
            raise ForgeError(
                f"session {session.task_id!r} has no token ids: play it with an rl.Policy to train weights"
            )
        prompt = list(action.prompt_ids)
        if not found or found[-1].ids != prompt[: len(found[-1])]:
            found.append(Segment())
        segment = found[-1]
        segment.ids += prompt[len(segment) :]
        _append(segment, action, turn, choice_length)
        segment.rewards[-1] -= step.cost
    if found:
        found[-1].rewards[-1] += session.score + bonus
    return found


def _append(segment: Segment, action: Action, turn: int, choice_length: ChoiceLength) -> None:
    count, chosen = len(action.token_ids), choice_length(action.token_ids)
    segment.places += range(len(segment), len(segment) + count)
    segment.ids += action.token_ids
    segment.log_probs += action.log_probs
    segment.rewards += [0.0] * count
    segment.choices += [place < chosen for place in range(count)]
    segment.turns += [turn] * count
