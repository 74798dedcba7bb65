"""One training of a bench in a folder of its own: its library, its policy, and what it cost. A finished one is read."""

from __future__ import annotations

import json
import statistics
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import forge
import optim
from benchmarks.bench.course import TOGETHER, Course, device
from benchmarks.bench.outcome import Cell
from benchmarks.bench.regimes import WEIGHTS, Training, lacking
from benchmarks.bench.spent import DONE, Spent, paid_in, spent_in, timed, times
from functions import Library
from functions.errors import ForgeError
from functions.storage import write_whole

if TYPE_CHECKING:
    import rl

POLICY, LIBRARY, TIMES = "policy", "library", "times.json"
FEWEST_CALLS = "Call a function at once, and write nothing before it."


class Interrupted(ForgeError):
    """A training was cut off; what it has done is kept."""


@dataclass(frozen=True)
class Trainer:
    """Args:
    course: the data set.
    folder: a folder for each training lies in it.
    model: what is trained without weights: a model, or its id.
    optimizer: of functions; None is what fits the model.
    """

    course: Course
    folder: Path
    model: Any = "router"
    optimizer: Any = None

    def train(self, training: Training, seed: int, usd: float | None = None) -> Spent:
        """Do the training, or read what it spent; what it goes on from must be done.

        Args:
            usd: what it may spend on top of what it has spent before it was interrupted; None is no limit.

        Raises:
            Interrupted: it was cut off, and goes on the next time.
            ForgeError: it spent what it may, or its folder cannot be written; it goes on the next time, too.
        """
        folder = self.folder / training.name
        if not (folder / DONE).exists():
            folder.mkdir(parents=True, exist_ok=True)
            with timed(folder / TIMES, on_gpu=training.regime in WEIGHTS and device() == "cuda"):
                spent = self._step(training, folder, seed, usd)
            write_whole(folder / DONE, json.dumps(asdict(spent) | times(folder / TIMES)))
        return spent_in(folder)

    def agent(self, cell: Cell, model: Any = None) -> forge.Agent:
        """The agent of a cell, without the part that it does without."""
        return ablated(self.course.agent(self.model if model is None else model, cell.advice_cost), lacking(cell))

    def library(self, training: Training | None) -> Library:
        """The functions that a training ends with: its own, or those of what it goes on from; none without tools."""
        if training is not None and training.cell.without == "tools":
            return Library()
        for step in reversed(training.chain if training is not None else ()):
            if (found := self.folder / step.name / LIBRARY).exists():
                return Library.load(found)
        return Library()

    def policy(self, training: Training, *, constrained: bool = False) -> rl.Policy:
        """The weights that a training ends with.

        Args:
            constrained: it writes legal actions only, and no plan before them; so does one without planning.
        """
        import rl

        constrained = constrained or training.cell.without == "planning"
        for step in reversed(training.chain):
            if (found := self.folder / step.name / POLICY).exists():
                names = self.library(training).names
                return rl.Policy.from_pretrained(found, functions=names, constrained=constrained)
        raise ForgeError(f"{training.name} has no policy in {self.folder}: train it first")

    def _step(self, training: Training, folder: Path, seed: int, usd: float | None) -> Spent:
        if training.regime in ("forge", "ppo+forge"):
            return self._forge(training, folder, seed, None if usd is None else usd + paid_in(folder))
        if training.regime in ("sft", "forge+sft"):
            return self._imitate(training, folder, seed)
        return self._ppo(training, folder, seed)

    def _forge(self, training: Training, folder: Path, seed: int, usd: float | None) -> Spent:
        tasks, valset = self.course.function_tasks(seed)
        before = training.before
        model = None if before is None else self.policy(before)
        agent = self.agent(training.cell, model)
        settings = self._settings(training.cell.without, local=model is not None)
        settings["budget"] = replace(settings.get("budget", forge.Budget()), usd=usd)
        result = forge.train(
            agent, tasks, valset, **settings, seed=seed,
            concurrency=TOGETHER if model is not None else 16, run=forge.Run(folder / "run", resume=True),
        )  # fmt: skip
        if result.stopped == "interrupted":
            raise Interrupted(f"{training.name} was interrupted")
        if result.stopped.startswith(("budget spent: usd", "run folder failed")):  # the run goes on where it ended
            raise ForgeError(f"{training.name} is not finished, {result.stopped}: the same command goes on with it, "
                             "given more --usd or room on the disk")  # fmt: skip
        result.library.save(folder / LIBRARY)
        return Spent(
            rollouts=result.rollouts,
            tokens=result.cost.tokens,
            usd=result.cost.usd,
            curve=forging_curve(result) if before is None else (),  # else on other tasks than PPO's curve
            notes=(
                *result.notes,
                *_cut_short(training, result),
                f"{training.name} shipped {result.shipped}: {result.why}",
            ),
        )

    def _settings(self, without: str, *, local: bool) -> dict[str, Any]:
        """Of `forge.train`, without a part of it."""
        optimizer = optim.SynthesisOptimizer() if local and self.optimizer is None else self.optimizer
        if without == "progressive":
            if not isinstance(optimizer, optim.AgentOptimizer):
                raise ForgeError("--without progressive: only a language model as optimizer updates progressively: "
                                 "give --optimizer")  # fmt: skip
            optimizer = replace(optimizer, progressive=False)
        settings: dict[str, Any] = {"optimizer": optimizer}
        if without == "rollback":
            settings["acceptance"] = optim.Always()
        if without == "early_stop":
            # a search that ends by itself may go on as long as it likes, a language model needs a limit
            settings["schedule"] = optim.Schedule(patience=None)
            settings["budget"] = forge.Budget(rollouts=20_000)
        if without == "filters":
            settings["filters"] = None
        if without == "release":
            settings["release"] = None
        return settings

    def _imitate(self, training: Training, folder: Path, seed: int) -> Spent:
        import rl

        library = self.library(training.before)
        start = replace(self.agent(training.cell), library=library)
        shown = self.course.demonstrations(start, seed)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)  # also what this process has told before
            policy = self.course.policy(library, shown, seed)
        result = rl.imitate(
            replace(start, model=policy), shown, imitation=self.course.imitation(len(shown)), seed=seed,
            on_look=lambda look: _told(folder, "imitation", step=look.step, accuracy=look.accuracy),
        )  # fmt: skip
        result.policy.save_pretrained(folder / POLICY)
        notes = (f"{training.name}: {each.message}" for each in told if each.category is UserWarning)
        return Spent(demonstrations=len(shown), notes=tuple(notes))

    def _ppo(self, training: Training, folder: Path, seed: int) -> Spent:
        import rl

        recipe, before = self.course.recipe(), training.before
        assert before is not None
        tasks, validation = self.course.weight_tasks(seed)
        agent = replace(self.agent(training.cell, self.policy(before)), library=self.library(before))
        crosses = agent.memory is not None and agent.expert is not None  # else a session is worth nothing to others
        result = rl.train_ppo(
            agent, tasks, validation, ppo=recipe.ppo, sampling=recipe.sampling,
            sessions=recipe.sessions if crosses else None, budget=forge.Budget(rollouts=recipe.rollouts),
            concurrency=TOGETHER, run=forge.Run(folder / "run", resume=True), seed=seed,
        )  # fmt: skip
        if result.stop == "interrupted":
            raise Interrupted(f"{training.name} was interrupted")
        result.policy.save_pretrained(folder / POLICY)
        offset = sum(spent_in(self.folder / step.name).rollouts for step in before.chain)
        start = [(offset, result.baseline.reward)] if result.baseline is not None else []
        looks = [(offset + row["rollouts"], row["validation_reward"]) for row in result.history
                 if "validation_reward" in row]  # fmt: skip
        return Spent(
            rollouts=result.rollouts,
            tokens=round(sum(row["action_tokens"] for row in result.history)),
            curve=tuple((float(rollouts), float(reward)) for rollouts, reward in [*start, *looks]),
            notes=tuple(result.notes),
        )


def _cut_short(training: Training, result: optim.Result) -> tuple[str, ...]:
    return (f"{training.name} was cut short: {result.stopped}",) if result.stopped.startswith("budget") else ()


def forging_curve(result: optim.Result) -> tuple[tuple[float, float], ...]:
    """Total scores by rollouts: of the start, of what was kept on the way, and of what is shipped."""

    def total(sessions: Sequence[forge.Session]) -> float:
        return statistics.fmean(session.reward or 0.0 for session in sessions)

    ends = []
    if result.baseline is not None:
        ends.append((0, total(result.start_sessions)))
    if not any(session.advice_count for session in (*result.start_sessions, *result.sessions)):
        ends += [(trial.spent, trial.score) for trial in result.history
                 if trial.decision == "keep" and trial.score is not None]  # fmt: skip
    if result.score is not None:
        ends.append((result.rollouts, total(result.sessions)))
    return tuple((float(rollouts), score) for rollouts, score in ends)


def ablated(agent: forge.Agent, part: str) -> forge.Agent:
    """The agent without a part of it; parts of a training leave it as it is."""
    if part == "memory":
        return replace(agent, memory=None)
    if part == "reflection":
        return replace(agent, withheld=(*agent.withheld, "reflect"))
    if part == "advice":
        return replace(agent, expert=None)
    if part == "tools":
        return replace(agent, tools=(), library=Library())
    if part == "planning":
        return replace(agent, instructions=f"{agent.instructions}\n{FEWEST_CALLS}")
    return agent


def _told(folder: Path, kind: str, **values: float) -> None:
    """A line about how far a training is, for whoever watches the folder."""
    with (folder / "progress.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": kind, **values}) + "\n")
