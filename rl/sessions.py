"""Session-level optimisation (AGILE, arXiv 2405.14751, sec. 2.2): what a session is worth to those that follow it.

A trajectory is the sessions of one stream over one memory. A session's reward is changed by the value of the state
that it leaves behind, so that each can then be learned from on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from forge.session import Session
from functions.errors import ForgeError
from rl.similarity import Embed, similarity

CELLS = 6  # 0, 1 or more similar questions before, and whether memory holds something similar
KNOWN = 1_000  # questions of other trajectories that one is likened to
NEAREST = 10  # of these, that say of what kind it is


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The sessions of one stream, in order.

    Args:
        remembered: what memory held before the first.
        start_values: of the critic at the start of each session.
    """

    sessions: tuple[Session, ...]
    remembered: tuple[str, ...] = ()
    start_values: tuple[float, ...] = ()


class SessionObjective(Protocol):
    """Gives each session of each trajectory a bonus, added to its last reward."""

    def bonuses(self, trajectories: Sequence[Trajectory]) -> list[list[float]]: ...


@dataclass(frozen=True, slots=True)
class Heuristic:
    """The paper's: advice that is sought is worth beta / (M + 1) more if a similar question is still to come, where M
    counts similar ones that memory holds already: those that were asked about before, and what it began with.

    Args:
        beta: 0.1 in the paper.
        threshold: cosine from which two questions are similar; 0.46 in the paper, with its own embeddings.
        embed: texts to vectors; None compares weighted words.
    """

    beta: float = 0.1
    threshold: float = 0.46
    embed: Embed | None = None

    def __post_init__(self) -> None:
        if not self.beta >= 0 or not -1 <= self.threshold <= 1:
            raise ForgeError(f"Heuristic(beta={self.beta}, threshold={self.threshold}): beta from 0 up, the threshold "
                             "a cosine from -1 to 1")  # fmt: skip

    def bonuses(self, trajectories: Sequence[Trajectory]) -> list[list[float]]:
        return [self._bonuses(trajectory) for trajectory in trajectories]

    def _bonuses(self, trajectory: Trajectory) -> list[float]:
        questions = [session.question for session in trajectory.sessions]
        alike = similarity(questions, questions, self.embed) >= self.threshold
        asked = [session.advice_count > 0 for session in trajectory.sessions]
        known = np.zeros(len(questions), dtype=int)  # similar entries that memory held before the first session
        if trajectory.remembered:
            known = (similarity(trajectory.remembered, questions, self.embed) >= self.threshold).sum(axis=0)
        bonuses = []
        for place, session in enumerate(trajectory.sessions):
            coming = bool(alike[place, place + 1 :].any())
            held = int(known[place]) + sum(bool(alike[place, earlier]) and asked[earlier] for earlier in range(place))
            bonuses.append(self.beta / (held + 1) if session.advice_count and coming else 0.0)
        return bonuses


@dataclass(frozen=True, slots=True)
class FittedValue:
    """V(S) fitted to what the trajectories earned: r~ = r + V(after) - V(before), which telescopes.

    V is a sum over the questions still to come of their expected reward, given whether memory holds something similar
    now, how many similar questions come before them, and whether agents look into memory for such questions: a table of
    means, each drawn towards the mean of its kind. It is cross-fitted: no trajectory is valued by what it did or earned
    itself, or a session's own action would move the value that it is held against.

    Args:
        folds: of the cross-fit; with fewer trajectories, one each.
        prior: how many observations the mean of all weighs in each cell.
        threshold: cosine from which a question is similar to another, or to an entry of memory. A finer measure of
            nearness would let one entry move many questions by what little their means differ by chance.
        reads: tools that look into memory.
        embed: texts to vectors; None compares weighted words.
    """

    folds: int = 4
    prior: float = 10.0
    threshold: float = 0.46
    reads: tuple[str, ...] = ("retrieve_memory",)
    embed: Embed | None = None

    def __post_init__(self) -> None:
        if self.folds < 2 or not self.prior > 0 or not -1 <= self.threshold <= 1:
            raise ForgeError(f"FittedValue(folds={self.folds}, prior={self.prior}, threshold={self.threshold}): at "
                             "least 2 folds, a prior above 0, and a cosine from -1 to 1")  # fmt: skip

    def bonuses(self, trajectories: Sequence[Trajectory]) -> list[list[float]]:
        """Raises:
        ForgeError: there is one trajectory, on which V would be fitted and used.
        """
        return [np.diff(values).tolist() for values in self.values(trajectories)]

    def values(self, trajectories: Sequence[Trajectory]) -> list[np.ndarray]:
        """V before each session, and 0 after the last."""
        if len(trajectories) < 2:
            raise ForgeError("FittedValue needs at least 2 trajectories an update: give the data set more streams, or "
                             "PPO a larger batch")  # fmt: skip
        cells = [self._cells(trajectory) for trajectory in trajectories]
        rewards = [np.array([session.reward or 0.0 for session in t.sessions]) for t in trajectories]
        folds = min(self.folds, len(trajectories))
        found: list[np.ndarray] = [np.zeros(0)] * len(trajectories)
        for fold in range(folds):
            others = [number for number in range(len(trajectories)) if number % folds != fold]
            kinds = self._kinds(trajectories, [trajectories[number] for number in others])
            placed = [np.where(c < 0, -1, kind * CELLS + c) for c, kind in zip(cells, kinds, strict=True)]
            table = self._fit([placed[n] for n in others], [rewards[n] for n in others])
            for number in range(fold, len(trajectories), folds):
                found[number] = _summed(placed[number], table)
        return found

    def _kinds(self, trajectories: Sequence[Trajectory], others: Sequence[Trajectory]) -> list[np.ndarray]:
        """For each question, whether memory is looked into for most of those nearest to it in `others` (1) or not (0).

        The nearest, however far: a question about a new product is of the kind of those about others.
        """
        known = [session for trajectory in others for session in trajectory.sessions]
        known = known[:: -(-len(known) // KNOWN)]
        looked = np.array([any(call.name in self.reads for call, _ in session.calls) for session in known])
        questions = [session.question for trajectory in trajectories for session in trajectory.sessions]
        alike = similarity(questions, [session.question for session in known], self.embed)
        count = min(NEAREST, len(known))
        nearest = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        ends = np.cumsum([len(trajectory.sessions) for trajectory in trajectories])
        return np.split((looked[nearest].mean(axis=1) >= 0.5).astype(int), ends[:-1])

    def _cells(self, trajectory: Trajectory) -> np.ndarray:
        """For each state i and question j >= i, the cell within its kind; -1 for questions that have passed."""
        sessions = trajectory.sessions
        count, questions = len(sessions), [session.question for session in sessions]
        entries = [*trajectory.remembered, *(text for session in sessions for text in session.remembered)]
        added = np.cumsum([len(trajectory.remembered), *(len(session.remembered) for session in sessions)])
        near = np.zeros((count + 1, count))  # the best entry for question j, among those that state i holds
        if entries:
            best = np.maximum.accumulate(similarity(entries, questions, self.embed), axis=0)
            near = np.where((added > 0)[:, None], best[np.maximum(added - 1, 0)], 0.0)
        similar = similarity(questions, questions, self.embed) >= self.threshold
        np.fill_diagonal(similar, False)
        before = np.vstack([np.zeros(count), np.cumsum(similar, axis=0)])  # similar to j among the first i
        until = np.array([before[place, place] for place in range(count)])
        between = np.clip(until - before, 0, 2).astype(int)
        cells = between * 2 + (near >= self.threshold)
        passed = np.arange(count)[None, :] < np.arange(count + 1)[:, None]
        return np.where(passed, -1, cells)

    def _fit(self, cells: Sequence[np.ndarray], rewards: Sequence[np.ndarray]) -> np.ndarray:
        size = 2 * CELLS
        flat = [each[each >= 0] for each in cells]
        earned = [np.broadcast_to(r, c.shape)[c >= 0] for c, r in zip(cells, rewards, strict=True)]
        places, values = np.concatenate(flat), np.concatenate(earned)
        counts = np.bincount(places, minlength=size)
        sums = np.bincount(places, weights=values, minlength=size)
        half = size // 2  # questions that memory is not looked into for, and those that it is
        table = np.zeros(size)
        for part in (slice(0, half), slice(half, size)):
            mean = sums[part].sum() / max(1, counts[part].sum())
            table[part] = (sums[part] + self.prior * mean) / (counts[part] + self.prior)
        return table


def _summed(cells: np.ndarray, table: np.ndarray) -> np.ndarray:
    values: np.ndarray = np.where(cells >= 0, table[cells], 0.0).sum(axis=1)
    return values


@dataclass(frozen=True, slots=True)
class CriticValue:
    """The critic's own value at the start of the next session, discounted: the critic learns what is still to come.

    Args:
        discount: a session; 0 looks at the session alone.
    """

    discount: float = 0.9
    needs_start_values: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not 0 <= self.discount <= 1:
            raise ForgeError(f"CriticValue(discount={self.discount}): give a number from 0 to 1")

    def bonuses(self, trajectories: Sequence[Trajectory]) -> list[list[float]]:
        return [[self.discount * value for value in (*t.start_values[1:], 0.0)] for t in trajectories]
