"""`python -m benchmarks.acceptance_mawps`: the acceptance rules on the real loop, from a library that solves half.

Shuffled: the answers of the training tasks are dealt out anew, so that nothing can help and much can harm; how often
is a worse agent shipped? Curve: true answers; the score on the held-out problems against the rollouts spent.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import forge
import optim
from benchmarks import mawps
from benchmarks.curve import student_975
from benchmarks.plots import Point, learning_curve
from forge.statistics import wilson

FIRST = 220  # training problems that the starting library is learned from
SHUFFLED = 100  # problems of a training on shuffled answers
TRAIN, VALIDATION, HOLDOUT = 300, 120, 240  # problems of a training on true answers
MOST = 2_000  # rollouts
GRID = (300, 400, 500, 600, 750, 900, 1_200, 1_500, 2_000)
WORSE = 0.01

ARMS: Mapping[str, tuple[optim.Acceptance, optim.Release | None]] = {
    "ties (AutoGen)": (optim.Ties(), None),
    "strict (paper)": (optim.Paper(), None),
    "minibatch (GEPA)": (optim.Minibatch(), None),
    "posterior": (optim.Posterior(), None),
    "posterior + release": (optim.Posterior(), optim.Release()),
}
OURS = ("posterior", "posterior + release")


@dataclass(frozen=True, slots=True)
class Harm:
    """One training on shuffled answers: true held-out scores of the start, and of what is shipped."""

    arm: str
    seed: int
    start: float
    shipped: float
    kept: int
    rollouts: int


@dataclass(frozen=True, slots=True)
class Course:
    """One training on true answers: (rollouts, held-out score) whenever a version was kept, the start first."""

    arm: str
    seed: int
    points: tuple[tuple[int, float], ...]

    def at(self, rollouts: int) -> float:
        return [score for spent, score in self.points if spent <= rollouts][-1]


@cache
def _start() -> tuple[forge.Agent, forge.Dataset]:
    """An agent that solves about half of the held-out problems, and the problems that it has not seen."""
    train = mawps.load("train")
    first = train.sample(FIRST, seed=0)
    known = {task.id for task in first}
    result = forge.train(mawps.agent(), first, release=None, run=forge.Run(None), seed=0)
    rest = forge.Dataset([task for task in train if task.id not in known], metric=train.metric, name="mawps-rest")
    return result.agent, rest


@cache
def _start_score() -> float:
    return forge.evaluate(_start()[0], mawps.load("test")).score


def harm(job: tuple[str, int]) -> Harm:
    arm, seed = job
    agent, rest = _start()
    tasks = rest.sample(SHUFFLED, seed=seed)
    answers = [task.answer for task in tasks]
    random.Random(f"shuffle:{seed}").shuffle(answers)
    shuffled = [replace(task, answer=answer) for task, answer in zip(tasks, answers, strict=True)]
    rule, release = ARMS[arm]
    result = forge.train(
        agent,
        forge.Dataset(shuffled, metric=rest.metric),
        acceptance=rule,
        release=release,
        schedule=optim.Schedule(patience=6),
        run=forge.Run(None),
        seed=seed,
    )
    shipped = _start_score()
    if result.library != agent.library:
        shipped = forge.evaluate(result.agent, mawps.load("test")).score
    kept = sum(trial.decision == "keep" for trial in result.history)
    return Harm(arm, seed, _start_score(), shipped, kept, result.rollouts)


def course(job: tuple[str, int]) -> Course:
    arm, seed = job
    agent, rest = _start()
    rule, release = ARMS[arm]
    drawn = rest.sample(TRAIN + VALIDATION + (HOLDOUT if release else 0), seed=seed)
    valset, trainset = drawn.split(len(drawn) - TRAIN, seed=seed)
    events: list[Mapping[str, Any]] = []
    result = forge.train(
        agent,
        trainset,
        valset,
        acceptance=rule,
        release=release,
        schedule=optim.Schedule(epochs=100, patience=6),
        budget=forge.Budget(rollouts=MOST),
        run=forge.Run(None, report_to=[events.append]),
        seed=seed,
    )
    spent = {event["step"]: event["rollouts"] for event in events if event["kind"] == "trial"}
    test = mawps.load("test")
    points = [(0, _start_score())]
    if release is not None:  # only what is shipped counts, when the gate is through
        points.append((result.rollouts, forge.evaluate(result.agent, test).score))
    else:
        for trial in result.history:
            if trial.decision == "keep":
                score = forge.evaluate(trial.after.on(agent), test).score
                points.append((spent[trial.step], score))
    return Course(arm, seed, tuple(points))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=300, help="trainings on shuffled answers with the default rule")
    parser.add_argument("--others", type=int, default=40, help="the same, for each of the other rules")
    parser.add_argument("--curve-seeds", type=int, default=10, help="trainings a rule on true answers")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/acceptance-mawps"), help="folder for numbers and plot")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with ProcessPoolExecutor(options.processes) as pool:
        jobs = [(arm, seed) for arm in ARMS for seed in range(options.curve_seeds)]
        courses = list(pool.map(course, jobs))
        _show_courses(courses, options.out)
        seeds = {arm: options.seeds if arm == OURS[1] else options.others for arm in ARMS}
        harms = list(pool.map(harm, [(arm, seed) for arm in ARMS for seed in range(seeds[arm])], chunksize=4))
    _show_harms(harms)
    numbers = {"courses": [asdict(each) for each in courses], "shuffled": [asdict(each) for each in harms]}
    (options.out / "acceptance_mawps.json").write_text(json.dumps(numbers, indent=1))
    print(f"{time.monotonic() - began:.0f} s, numbers and plot in {options.out}")


def _show_courses(courses: Sequence[Course], folder: Path) -> None:
    by_arm = {arm: [each for each in courses if each.arm == arm] for arm in ARMS}
    if not courses:
        return
    print(
        f"true answers, {len(by_arm[OURS[0]])} seeds: held-out score [95% interval over seeds] after so many rollouts"
    )
    print(" " * 20 + "".join(f"{rollouts:>22,}" for rollouts in GRID))
    lines = {arm: [_point(own, rollouts) for rollouts in GRID] for arm, own in by_arm.items()}
    for arm, points in lines.items():
        print(f"{arm:<20}" + "".join(f"  {p.score:.3f} [{p.low:.3f}, {p.high:.3f}]" for p in points))
    best = max((points[-1].score, arm) for arm, points in lines.items() if arm not in OURS)
    steps = sorted({spent for each in courses for spent, _ in each.points} | {MOST})
    for arm, own in by_arm.items():
        for share in (1.0, 0.95):
            reached = next((s for s in steps if statistics.fmean(c.at(s) for c in own) >= share * best[0]), None)
            words = "never" if reached is None else f"at {reached:,} rollouts"
            print(f"{arm:<20} reaches {share:.0%} of the best other rule's final {best[0]:.3f} ({best[1]}): {words}")
    learning_curve(
        folder / "acceptance_mawps.png",
        lines,
        title="MAWPS from a library that solves half: acceptance rules",
        x_label="rollouts",
        y_label="score on held-out problems",
        level=("start", _start_score()),
    )


def _point(courses: Sequence[Course], rollouts: int) -> Point:
    scores = [each.at(rollouts) for each in courses]
    mean = statistics.fmean(scores)
    half = 0.0
    if len(scores) > 1:
        half = student_975(len(scores) - 1) * statistics.stdev(scores) / math.sqrt(len(scores))
    return Point(rollouts, mean, mean - half, mean + half)


def _show_harms(harms: Sequence[Harm]) -> None:
    print(f"\nshuffled answers: trainings that ship an agent more than {WORSE:.0%} worse on the true held-out problems")
    for arm in ARMS:
        own = [each for each in harms if each.arm == arm]
        if own:
            worse = sum(each.shipped < each.start - WORSE for each in own)
            change = statistics.fmean(each.shipped - each.start for each in own)
            low, high = wilson(worse / len(own), len(own))
            print(f"{arm:<20} {worse:>4} of {len(own)} ({worse / len(own):.1%}, 95% interval {low:.1%} to {high:.1%}), "
                  f"mean change {change:+.3f}, {statistics.fmean(each.kept for each in own):.1f} kept")  # fmt: skip


if __name__ == "__main__":
    main()
