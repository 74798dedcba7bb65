"""One cell of the experiment at a time: imitate, train, evaluate, and write down every question that was answered."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import forge
import rl
from benchmarks.storeqa_ppo import recipe, shop
from benchmarks.storeqa_ppo.baselines import AlwaysAsks, AsksWhenUnsure

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
TOGETHER = 256  # streams played side by side


@dataclass(frozen=True, slots=True)
class Cell:
    """A training: imitation (a variant of `recipe.STARTS`), or PPO from it at a cost."""

    variant: str
    seed: int
    cost: float | None = None

    @property
    def name(self) -> str:
        cost = "" if self.cost is None else f"-c{self.cost:g}"
        return f"{self.variant.replace(' ', '-')}{cost}-s{self.seed}"

    @property
    def start(self) -> Cell:
        """The imitation that PPO begins with."""
        return self if self.cost is None else Cell(recipe.VARIANTS[self.variant].start, self.seed)

    @property
    def memory(self) -> bool | forge.Memory:
        return recipe.STARTS[self.start.variant]


def run(cell: Cell, folder: Path, threads: int) -> Mapping[str, Any]:
    """The result of a cell; one that was finished before is read, one that was cut off goes on."""
    import torch

    torch.set_num_threads(threads)
    path = folder / f"{cell.name}.json"
    if not path.exists():
        began = time.monotonic()
        result = _imitate(cell, folder) if cell.cost is None else _train(cell, folder)
        result = {"cell": [cell.variant, cell.seed, cell.cost], "all_seconds": time.monotonic() - began, **result}
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(result), encoding="utf-8")
        os.replace(partial, path)
    done: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return done


def _imitate(cell: Cell, folder: Path) -> dict[str, Any]:
    tasks = shop.streams(recipe.DEMONSTRATIONS, seed=f"demonstrations-{cell.seed}")
    teacher = recipe.agent(shop.Demonstrator(tasks, memory=cell.memory is not False), memory=cell.memory)
    shown = forge.evaluate(teacher, tasks, concurrency=TOGETHER)
    began = time.monotonic()
    result = rl.imitate(
        recipe.agent(recipe.policy(cell.seed), memory=cell.memory), shown, imitation=recipe.IMITATION, seed=cell.seed
    )
    seconds = time.monotonic() - began
    result.policy.save_pretrained(folder / cell.start.name)
    greedy = result.policy.with_sampling(rl.GREEDY)
    found = {
        "seconds": seconds,
        "parameters": result.policy.parameters,
        "looks": [[look.step, look.loss, look.accuracy] for look in result.history],
        "greedy": answered(recipe.agent(greedy, memory=cell.memory)),
        "sampled": answered(recipe.agent(result.policy, memory=cell.memory)),
    }
    if cell.memory is True:
        found["always"] = answered(recipe.agent(AlwaysAsks()))
        never = rl.Policy.from_pretrained(folder / cell.start.name, constrained=True, sampling=rl.GREEDY)
        found["never"] = answered(replace(recipe.agent(never), expert=None))
        found["thresholds"] = {
            str(threshold): answered(recipe.agent(AsksWhenUnsure(greedy, threshold))) for threshold in THRESHOLDS
        }
    return found


def _train(cell: Cell, folder: Path) -> dict[str, Any]:
    variant = recipe.VARIANTS[cell.variant]
    assert cell.cost is not None
    policy = rl.Policy.from_pretrained(folder / cell.start.name)
    result = rl.train_ppo(
        recipe.agent(policy, cost=cell.cost, memory=cell.memory),
        shop.streams(recipe.TRAIN, seed=f"ppo-{cell.seed}"),
        shop.streams(recipe.VALIDATION, seed=f"validation-{cell.seed}"),
        ppo=variant.ppo,
        sessions=variant.sessions,
        sampling=variant.sampling,
        budget=forge.Budget(rollouts=recipe.ROLLOUTS),
        run=forge.Run(folder / "runs" / cell.name, resume=True),
        seed=cell.seed,
    )
    sampled = result.policy.with_sampling(rl.Sampling())
    return {
        "seconds": result.seconds,
        "rollouts": result.rollouts,
        "best_update": result.best_update,
        "history": [dict(row) for row in result.history],
        "greedy": answered(result.agent),
        "sampled": answered(recipe.agent(sampled, cost=cell.cost, memory=cell.memory)),
    }


def answered(agent: forge.Agent) -> list[list[Any]]:
    """Each evaluation question: stream, place in it, kind, right, advice sought, memory read."""
    tasks = shop.streams(recipe.EVALUATION, seed="evaluation")
    seen = forge.evaluate(agent, tasks, concurrency=TOGETHER)
    rows, places = [], dict.fromkeys(tasks.streams(), 0)
    for task, session in zip(tasks, seen.sessions, strict=True):
        looked = any(call.name == "retrieve_memory" for call, _ in session.calls)
        rows.append([task.stream, places[task.stream], _kind(task), session.score, session.advice_count, looked])
        places[task.stream] += 1
    return rows


def _kind(task: forge.Task) -> str:
    kind = str(task.metadata["kind"])
    return kind if kind != "opinion" else "opinion, again" if task.metadata["returning"] else "opinion, first"
