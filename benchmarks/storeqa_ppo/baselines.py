"""What PPO is held against: always asking, and the imitation policy with a threshold on its confidence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from forge.models.protocol import Context
from forge.session import Action, Call
from rl.policy import Policy


class AsksWhenUnsure:
    """The greedy policy, but advice is sought where it is about to submit and its own arguments so far in the task have
    a joint probability below `threshold`.

    Args:
        policy: greedy.
        threshold: 0 asks no more than the policy does.
    """

    name = "asks when unsure"

    def __init__(self, policy: Policy, threshold: float) -> None:
        self._policy, self._threshold = policy, threshold

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        actions = self._policy.act(contexts)
        unsure = [number for number, action in enumerate(actions) if self._may_ask(contexts[number], action)]
        for number, confidence in zip(
            unsure, self._confidences([(contexts[n], actions[n]) for n in unsure]), strict=True
        ):
            if confidence < self._threshold:
                asking = Action(calls=(Call("seek_advice"),))
                ids = self._policy.dialect.write(asking, contexts[number].tools)
                actions[number] = Action(calls=asking.calls, token_ids=tuple(ids))
        return actions

    def _may_ask(self, context: Context, action: Action) -> bool:
        asked = any(call.name == "seek_advice" for step in context.steps for call in step.action.calls)
        return not asked and any(call.name == "submit" for call in action.calls)

    @torch.no_grad()
    def _confidences(self, parts: Sequence[tuple[Context, Action]]) -> list[float]:
        from rl.batch import rows
        from rl.segments import Segment

        if not parts:
            return []
        found = []
        for context, action in parts:
            segment = Segment()
            for done in [*(step.action for step in context.steps), action]:
                segment.ids += done.prompt_ids[len(segment) :]
                chosen = self._policy.dialect.choice_length(done.token_ids)
                segment.places += range(len(segment) + chosen, len(segment) + len(done.token_ids))
                segment.ids += done.token_ids
            found.append(segment)
        part = rows(found)
        logits, _ = self._policy.network(part.ids_bt, part.rows_n, part.columns_n)
        log_probs = torch.log_softmax(logits, -1).gather(-1, part.targets_n.unsqueeze(-1)).squeeze(-1)
        counts = [len(segment.places) for segment in found]
        return [math.exp(float(each.sum())) for each in torch.split(log_probs, counts)]


class AlwaysAsks:
    """Asks, and submits what it is told."""

    name = "always asks"

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        return [self._one(context) for context in contexts]

    def _one(self, context: Context) -> Action:
        if not context.steps:
            return Action(calls=(Call("seek_advice"),))
        return Action(calls=(Call("submit", {"answer": context.steps[-1].observations[0].text}),))
