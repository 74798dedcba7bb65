"""`python -m benchmarks.medqa_advice`: when should GPT-3.5 ask GPT-4? Recorded answers to MedQA, played by the agent.

The agent answers what GPT-3.5 did, or asks, and then answers what GPT-4 did. It is sure where GPT-3.5 gave the same
letter with documents at hand and without. Three ways to decide: never ask, always ask, or ask where it is less sure
than a threshold; this is chosen by total score on one half of the questions and scored on the other, both ways round.
Total score is accuracy minus the cost of advice times its rate (AGILE, arXiv 2405.14751).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import forge
from benchmarks import medqa
from forge.models.protocol import Context
from forge.session import Action, Call
from forge.task import Dataset, Task
from functions import ForgeError

COSTS = (0.1, 0.2, 0.3, 0.4, 0.5)
OWN, AGAIN, ADVISER = "gpt35_cot", "gpt35_rag_32", "gpt4_cot"
NEVER, ALWAYS = 0.0, math.inf  # confidence below which one asks


@dataclass(frozen=True, slots=True)
class Answerer:
    """A model that answers as was recorded, and asks first where it is not sure enough.

    Args:
        letters: of each task; None answers nothing.
        confidence: in each letter.
        asks_below: the confidence from which on it does not ask.
    """

    letters: Mapping[str, str | None]
    confidence: Mapping[str, float]
    asks_below: float
    name: str = "recorded"

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        """Ask, or submit: its own letter, or what the adviser said."""
        return [Action(calls=(self._call(context),)) for context in contexts]

    def _call(self, context: Context) -> Call:
        if context.steps:
            return Call("submit", {"answer": context.steps[-1].observations[0].text})
        if self.confidence[context.task_id] < self.asks_below:
            return Call("seek_advice")
        return Call("submit", {"answer": self.letters[context.task_id]})


@dataclass(frozen=True, slots=True)
class Adviser:
    """An expert that answers as was recorded, right or wrong."""

    letters: Mapping[str, str | None]
    cost: float

    def advise(self, task: Task, question: str) -> str:
        return self.letters[task.id] or "I cannot tell."


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way to decide, at one cost; `thresholds` are those of the two halves."""

    cost: float
    policy: str
    evaluation: forge.Evaluation
    thresholds: tuple[float, ...]


def confidences(recorded: medqa.Recorded) -> dict[str, float]:
    """How much of what the model answered to each question agrees with the answer that it gives; 0 without one."""
    own, again = recorded.letters[OWN], recorded.letters[AGAIN]
    return {task: 0.0 if letter is None else (1 + (letter == again[task])) / 2 for task, letter in own.items()}


def outcomes(recorded: medqa.Recorded, costs: Sequence[float] = COSTS, *, seed: int = 0) -> list[Outcome]:
    """Every way at every cost.

    Args:
        seed: of the halves.
    """
    sure = confidences(recorded)
    thresholds = [NEVER, *sorted(set(sure.values()) - {NEVER}), ALWAYS]
    halves = recorded.dataset.split(0.5, seed=seed)
    found = []
    for cost in costs:
        played = [{t: _played(recorded, sure, half, t, cost) for t in thresholds} for half in halves]
        chosen = [_best(half) for half in reversed(played)]  # each half by what was best on the other
        for name, used in (("never", [NEVER] * 2), ("always", [ALWAYS] * 2), ("by confidence", chosen)):
            both = [half[threshold] for half, threshold in zip(played, used, strict=True)]
            found.append(Outcome(cost, name, _together(both), tuple(used)))
    return found


def main() -> None:
    """Print what was recorded, then the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mirage", type=Path, help="a clone of Teddy-XiongGZ/MIRAGE to read the recordings from")
    parser.add_argument("--seed", type=int, default=0, help="of the halves (0)")
    arguments = parser.parse_args()
    recorded = medqa.recorded(arguments.mirage)
    _print_runs(recorded)
    found = outcomes(recorded, seed=arguments.seed)
    print(f"\n{'cost':>4}  {'asks':<13} {'asked':>6} {'accuracy':>8} {'total score':>11}  95% interval")
    for outcome in found:
        played, (low, high) = outcome.evaluation, outcome.evaluation.reward_interval
        print(f"{outcome.cost:>4.1f}  {outcome.policy:<13} {played.advice_rate:>6.1%} {played.accuracy:>8.1%} "
              f"{played.reward:>11.3f}  {low:.3f} to {high:.3f}")  # fmt: skip
    print("\nby confidence, against the better of never and always (paired, 95% interval)")
    for cost in COSTS:
        never, always, chosen = (outcome for outcome in found if outcome.cost == cost)
        better = max(never, always, key=lambda outcome: outcome.evaluation.reward)
        versus = forge.compare(better.evaluation, chosen.evaluation, by="reward")
        low, high = versus.interval
        below = " and ".join(f"{threshold:g}" for threshold in dict.fromkeys(chosen.thresholds))
        print(f"{cost:>4.1f}  {versus.difference:+.3f} ({low:+.3f} to {high:+.3f}) over {better.policy}; "
              f"it asks below {below}")  # fmt: skip


def _print_runs(recorded: medqa.Recorded) -> None:
    answers = {task.id: task.answer for task in recorded.dataset}
    print(f"{len(answers):,} questions\n\n{'run':<13} {'right':>6} {'published':>9} {'cannot be read':>14}")
    for run, letters in recorded.letters.items():
        share = sum(letter == answers[task] for task, letter in letters.items()) / len(answers)
        published = f"{medqa.PUBLISHED[run].score:.1%}" if run in medqa.PUBLISHED else ""
        print(f"{run:<13} {share:>6.1%} {published:>9} {sum(letter is None for letter in letters.values()):>14}")


def _played(
    recorded: medqa.Recorded, sure: Mapping[str, float], half: Dataset, asks_below: float, cost: float
) -> forge.Evaluation:
    model = Answerer(recorded.letters[OWN], sure, asks_below)
    expert = Adviser(recorded.letters[ADVISER], cost)
    return forge.evaluate(medqa.agent(model, expert=expert), half)


def _best(half: Mapping[float, forge.Evaluation]) -> float:
    """The threshold of the highest total score; of equal ones that which asks least."""
    return max(half, key=lambda threshold: half[threshold].reward)


def _together(parts: Sequence[forge.Evaluation]) -> forge.Evaluation:
    return forge.Evaluation(
        sessions=tuple(session for part in parts for session in part.sessions),
        streams=tuple(stream for part in parts for stream in part.streams),
        tasks=sum(part.tasks for part in parts),
    )


if __name__ == "__main__":
    try:
        main()
    except ForgeError as error:
        sys.exit(f"error: {error}")
