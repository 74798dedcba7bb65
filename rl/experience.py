"""What one update learns from: the action tokens of many sessions, flat, with their advantages."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from functions.errors import ForgeError
from rl.batch import Rows, rows
from rl.gae import gae, whiten
from rl.grammar import Grammar, Legal, Offered, legal
from rl.ppo import PPO, Tokens
from rl.segments import Segment


class Diverged(ForgeError):
    """A reward, loss, gradient or weight is no finite number; the weights are those of the last good step."""


class Experience:
    """Segments of sessions and one number for each action token, in their order. Mutable: filled step by step.

    Args:
        sessions: the segments of each session; one without action tokens is left out.
        cut: of each session, whether it was cut by something that is no part of the task.

    Raises:
        ForgeError: no action token is left.
        Diverged: a reward is no finite number.
    """

    def __init__(self, sessions: Sequence[Sequence[Segment]], cut: Sequence[bool] = ()) -> None:
        kept = [number for number, parts in enumerate(sessions) if any(part.places for part in parts)]
        if not kept:
            raise ForgeError("there is nothing to learn from: no session has a token that the policy wrote (did every "
                             "prompt overflow its context?)")  # fmt: skip
        self.cut = [bool(cut[number]) if cut else False for number in kept]
        self.segments: list[Segment] = []
        self.sessions: list[list[int]] = []
        for number in kept:
            parts = [part for part in sessions[number] if part.places]
            self.sessions.append(list(range(len(self.segments), len(self.segments) + len(parts))))
            self.segments += parts
        self._all = rows(self.segments)
        counts = [len(segment.places) for segment in self.segments]
        self.stops = torch.tensor(counts).cumsum(0).tolist()
        self.starts = [stop - count for stop, count in zip(self.stops, counts, strict=True)]
        self.rollout = self._flat([segment.log_probs for segment in self.segments])
        self.rewards = self._flat([segment.rewards for segment in self.segments])
        self.choices = torch.tensor([choice for segment in self.segments for choice in segment.choices])
        self.turns = torch.tensor([turn for segment in self.segments for turn in segment.turns])
        if not math.isfinite(float(self.rewards.sum())):
            raise Diverged("a reward is no finite number: look at the metric, the expert's cost and sessions=")
        self.old, self.values, self.reference, self.advantages, self.returns = torch.zeros(5, len(self.rewards)).clone()
        self.weights = torch.ones_like(self.rewards)
        self.learned = torch.ones_like(self.choices)  # which tokens carry the policy's loss
        self.legal: Legal | None = None  # what constrained decoding allowed

    def constrain(self, grammar: Grammar, functions: Offered) -> None:
        """The tokens were drawn from the legal ones alone, and so they are learned."""
        actions = [
            [segment.ids[place] for place, number in zip(segment.places, segment.turns, strict=True) if number == turn]
            for segment in self.segments
            for turn in dict.fromkeys(segment.turns)
        ]
        self.legal = legal(grammar, actions, functions)

    @staticmethod
    def _flat(parts: Sequence[Sequence[float]]) -> torch.Tensor:
        return torch.tensor([value for part in parts for value in part], dtype=torch.float32)

    def __len__(self) -> int:
        return len(self.rewards)

    def flat(self, segments: Sequence[int]) -> torch.Tensor:
        """Where the action tokens of some segments are."""
        return torch.cat([torch.arange(self.starts[number], self.stops[number]) for number in segments])

    def rows(self, segments: Sequence[int]) -> Rows:
        """Some segments side by side."""
        flat, everything = self.flat(segments), self._all
        counts = torch.tensor([self.stops[number] - self.starts[number] for number in segments])
        longest = max(len(self.segments[number]) for number in segments)
        return Rows(
            ids_bt=everything.ids_bt[torch.tensor(segments), :longest],
            rows_n=torch.repeat_interleave(torch.arange(len(segments)), counts),
            columns_n=everything.columns_n[flat],
            targets_n=everything.targets_n[flat],
        )

    def on(self, tokens: Tokens) -> torch.Tensor:
        """Which tokens are of a kind."""
        if tokens == "all":
            return torch.ones_like(self.choices)
        return self.choices if tokens == "choices" else ~self.choices

    def estimate(self, settings: PPO, penalty: torch.Tensor | None = None) -> None:
        """Fill in advantages and returns from rewards and values; `penalty` is taken off each token's reward.

        A session's segments are one sequence: clearing the context does not end it.
        """
        rewards = self.rewards if penalty is None else self.rewards - penalty
        places = [self.flat(parts) for parts in self.sessions]
        if settings.level == "turn":
            self._estimate_turns(places, rewards, settings)
        else:
            advantages, returns = self._estimate(
                [rewards[place] for place in places], [self.values[place] for place in places], settings
            )
            order = torch.cat(places)
            self.advantages[order], self.returns[order] = torch.cat(advantages), torch.cat(returns)

    def _estimate_turns(self, places: Sequence[torch.Tensor], rewards: torch.Tensor, settings: PPO) -> None:
        """A turn is one action: its reward is the sum, its value that before its first token."""
        numbers = [torch.unique_consecutive(self.turns[place], return_inverse=True)[1] for place in places]
        summed = [
            torch.zeros(int(number[-1]) + 1).index_add(0, number, rewards[place])
            for number, place in zip(numbers, places, strict=True)
        ]
        firsts = [
            place[torch.cat([torch.tensor([0]), (number.diff() > 0).nonzero().squeeze(-1) + 1])]
            for number, place in zip(numbers, places, strict=True)
        ]
        advantages, returns = self._estimate(summed, [self.values[first] for first in firsts], settings)
        for number, place, advantage, value in zip(numbers, places, advantages, returns, strict=True):
            self.advantages[place], self.returns[place] = advantage[number], value[number]

    def _estimate(
        self, rewards: Sequence[torch.Tensor], values: Sequence[torch.Tensor], settings: PPO
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        pad = torch.nn.utils.rnn.pad_sequence
        lengths = torch.tensor([len(part) for part in rewards])
        # The state behind a cut was never seen; the last one that was stands in for it.
        bootstrap = torch.tensor([float(part[-1]) if cut else 0.0 for part, cut in zip(values, self.cut, strict=True)])
        advantages, returns = gae(
            pad(list(rewards), batch_first=True), pad(list(values), batch_first=True), lengths,
            gamma=settings.gamma, lam=settings.lam, bootstrap_b=bootstrap,
        )  # fmt: skip
        counts = lengths.tolist()
        return (
            [row[:count] for row, count in zip(advantages, counts, strict=True)],
            [row[:count] for row, count in zip(returns, counts, strict=True)],
        )

    def normalize(self, how: str, summed: Callable[[torch.Tensor], torch.Tensor] | None = None) -> None:
        """Whiten or scale the advantages of the tokens that are learned from; `summed` as in `whiten`."""
        if how != "raw":
            chosen = self.learned
            self.advantages[chosen] = whiten(self.advantages[chosen], center=how == "whiten", summed=summed)


def minibatches(count: int, size: int, generator: torch.Generator) -> list[list[int]]:
    """Numbers of sessions in random groups, none much smaller than another."""
    order = torch.randperm(count, generator=generator).tolist()
    groups = max(1, round(count / size))
    return [order[start::groups] for start in range(groups)]
