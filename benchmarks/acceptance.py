"""`python -m benchmarks.acceptance`: every acceptance rule in worlds where the truth is known, at the same rollouts.

A world has tasks that a version of the agent solves nearly always or nearly never, and an optimizer whose proposals
are useful (each unsolved task becomes solved with a chance drawn from 0.1 to 0.4), harmful (each solved one is lost
with a chance from 0.05 to 0.3) or neither (2% of the tasks are dealt anew). The rules are those that `forge.train`
uses, the comparison too; only the sessions are drawn instead of played.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from benchmarks.plots import Bar, grouped_bars
from forge.drive import Stream
from forge.session import Session
from forge.task import Task
from optim.acceptance import Acceptance, Minibatch, Pair, Paper, Posterior, Ties, selection_of
from optim.comparison import compared
from optim.release import Release, certify

WORLDS = {"rich": (0.15, 0.25), "sparse": (0.05, 0.30), "barren": (0.0, 0.35)}
"""Shares of useful and of harmful proposals; the rest are neither."""
BUDGETS = (400, 1600)
TRAIN, VALIDATION, HOLDOUT = 30, 100, 240  # tasks; the rules that compare on training tasks get as few as the paper
POPULATION = 1_000  # tasks on which the truth is measured
START, NOISE = 0.4, 0.1  # solved tasks at the start; a session goes against that with this chance
USEFUL, HARMFUL, DEALT_ANEW = (0.1, 0.4), (0.05, 0.3), 0.02
WORSE = 0.01  # a result that is more than this below the start counts as worse


@dataclass(frozen=True, slots=True)
class Arm:
    """An acceptance rule, with or without the release gate."""

    rule: Acceptance
    gate: bool = False


ARMS = {
    "ties (AutoGen)": Arm(Ties()),
    "strict (paper)": Arm(Paper()),
    "minibatch (GEPA)": Arm(Minibatch()),
    "posterior": Arm(Posterior()),
    "posterior + release": Arm(Posterior(), gate=True),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One rule in one world at one budget, over all seeds. Gains are in [-1, 1], after the truth."""

    budget: int
    world: str
    arm: str
    seeds: int
    gain: float
    low: float
    high: float
    worse: float
    proposals: float
    certified: float


@dataclass(slots=True)
class World:
    """Mutable: counts the rollouts that were drawn."""

    seed: str
    useful: float
    harmful: float
    spent: int = 0
    versions: list[list[bool]] = field(default_factory=list)
    drawn: dict[tuple[int, int, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        draw = Random(f"start:{self.seed}")
        self.versions.append([draw.random() < START for _ in range(TRAIN + VALIDATION + HOLDOUT + POPULATION)])

    def propose(self, parent: int) -> int:
        """A new version, by its place."""
        draw = Random(f"propose:{self.seed}:{len(self.versions)}")
        kind, solved = draw.random(), self.versions[parent]
        if kind < self.useful:
            chance = draw.uniform(*USEFUL)
            child = [known or draw.random() < chance for known in solved]
        elif kind < self.useful + self.harmful:
            chance = draw.uniform(*HARMFUL)
            child = [known and draw.random() >= chance for known in solved]
        else:
            share = sum(solved) / len(solved)
            child = [draw.random() < share if draw.random() < DEALT_ANEW else known for known in solved]
        self.versions.append(child)
        return len(self.versions) - 1

    def score(self, version: int, task: int, repeat: int) -> float:
        """What a session scores: drawn once for each version, task and repeat."""
        key = (version, task, repeat)
        if key not in self.drawn:
            self.spent += 1
            right = Random(f"{self.seed}:{key}").random() >= NOISE
            self.drawn[key] = float(self.versions[version][task] == right)
        return self.drawn[key]

    def truth(self, version: int) -> float:
        solved = self.versions[version][-POPULATION:]
        return NOISE + (1 - 2 * NOISE) * sum(solved) / len(solved)


TASKS = [Task(str(number), f"task {number}") for number in range(TRAIN + VALIDATION + HOLDOUT)]


def trained(world: World, arm: Arm, budget: int) -> tuple[int, int, bool]:
    """The version that is shipped, how many were proposed, and whether it is certified."""
    release = Release()
    limit = budget * (1 - release.share) if arm.gate else budget
    tasks = TASKS[:TRAIN] if selection_of(arm.rule) == "train" else TASKS[TRAIN : TRAIN + VALIDATION]
    line, proposals = [0], 0
    while world.spent < limit:
        incumbent, candidate = line[-1], world.propose(line[-1])

        def play(streams: Sequence[Stream]) -> list[tuple[Session, Session]]:
            if world.spent + len(streams) > limit:
                raise _Spent
            return [(_session(world, incumbent, s), _session(world, candidate, s)) for s in streams]  # noqa: B023

        try:
            _, verdict = compared(arm.rule, tasks, play, purpose=f"{world.seed}:{proposals}")
        except _Spent:
            break
        proposals += 1
        if verdict == "keep":
            line.append(candidate)
    if not arm.gate:
        return line[-1], proposals, False
    certificate, place = certify(release, len(line) - 1, HOLDOUT, _gate(world, line, budget))
    return (line[-1 - place] if place >= 0 else 0), proposals, certificate.certified


class _Spent(Exception):
    pass


def _session(world: World, version: int, stream: Stream) -> Session:
    task = int(stream.tasks[0].id)
    return Session(stream.tasks[0].id, "", score=world.score(version, task, stream.repeat), repeat=stream.repeat)


def _gate(world: World, line: Sequence[int], budget: int) -> Callable[[int, int], Sequence[Pair]]:
    def play(place: int, count: int) -> list[Pair]:
        pairs = []
        for task in range(TRAIN + VALIDATION, TRAIN + VALIDATION + count):
            if world.spent + 2 > budget:
                break
            pairs.append(Pair(str(task), world.score(0, task, 0), world.score(line[-1 - place], task, 0)))
        return pairs

    return play


def simulate(job: tuple[str, str, int, int]) -> tuple[float, int, bool]:
    """The true gain, the number of proposals and the certificate of one training: arm, world, budget, seed."""
    arm, kind, budget, seed = job
    world = World(f"{kind}:{seed}", *WORLDS[kind])
    version, proposals, certified = trained(world, ARMS[arm], budget)
    return world.truth(version) - world.truth(0), proposals, certified


def table(seeds: int, processes: int) -> list[Row]:
    """Every rule in every world at every budget."""
    cells = [(arm, world, budget) for budget in BUDGETS for world in WORLDS for arm in ARMS]
    jobs = [(*cell, seed) for cell in cells for seed in range(seeds)]
    with ProcessPoolExecutor(processes) as pool:
        outcomes = list(pool.map(simulate, jobs, chunksize=max(1, seeds // 8)))
    found = []
    for place, (arm, world, budget) in enumerate(cells):
        own = outcomes[place * seeds : (place + 1) * seeds]
        gains = [gain for gain, _, _ in own]
        mean, half = statistics.fmean(gains), 1.96 * statistics.stdev(gains) / math.sqrt(seeds)
        found.append(
            Row(
                budget,
                world,
                arm,
                seeds,
                mean,
                mean - half,
                mean + half,
                worse=sum(gain < -WORSE for gain in gains) / seeds,
                proposals=statistics.fmean(count for _, count, _ in own),
                certified=sum(certified for _, _, certified in own) / seeds,
            )
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=300, help="trainings a cell, at least 2")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/acceptance"), help="folder for table and plot")
    options = parser.parse_args()
    began = time.monotonic()
    rows = table(max(2, options.seeds), options.processes)
    print(f"true gain in points (95% interval) and share of seeds that end worse than the start, {rows[0].seeds} seeds")
    for budget in BUDGETS:
        for world in WORLDS:
            print(f"\n{budget} rollouts, {world} world ({WORLDS[world][0]:.0%} useful, {WORLDS[world][1]:.0%} harmful)")
            for row in rows:
                if (row.budget, row.world) == (budget, world):
                    print(f"  {row.arm:<20} {100 * row.gain:+6.1f} [{100 * row.low:+.1f}, {100 * row.high:+.1f}]  "
                          f"worse {row.worse:6.1%}  proposals {row.proposals:5.1f}"
                          + (f"  certified {row.certified:.0%}" if ARMS[row.arm].gate else ""))  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "acceptance.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
    print(f"\nplot: {_plot(rows, options.out / 'acceptance.png')}   {time.monotonic() - began:.0f} s")


def _plot(rows: Sequence[Row], path: Path) -> Path:
    panels = {
        f"{world} world, {budget} rollouts": [
            Bar(row.arm, 100 * row.gain, 100 * row.low, 100 * row.high, f"{row.worse:.0%} worse")
            for row in rows
            if (row.budget, row.world) == (budget, world)
        ]
        for budget in BUDGETS
        for world in WORLDS
    }
    return grouped_bars(path, panels, columns=len(WORLDS), x_label="true gain, points (95% interval over seeds)")


if __name__ == "__main__":
    main()
