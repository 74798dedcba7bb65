"""`rl.train_ppo`: play streams, give each session its part in what comes after, update, look at other streams."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from forge.agent import Agent
from forge.budget import Budget
from forge.run import Run
from forge.task import Dataset
from rl.ppo import PPO
from rl.result import PPOResult
from rl.sampling import Sampling
from rl.sessions import SessionObjective
from rl.training import Training


def train_ppo(
    agent: Agent,
    dataset: Dataset,
    valset: Dataset | None = None,
    *,
    ppo: PPO = PPO(),
    sessions: SessionObjective | None = None,
    sampling: Sampling = Sampling(),
    budget: Budget = Budget(rollouts=20_000),
    concurrency: int = 256,
    run: Run | str | Path | None = None,
    seed: int = 0,
    accelerator: Any = None,
) -> PPOResult:
    """Train a copy of the agent's policy by PPO on what its sessions earn (AGILE, arXiv 2405.14751).

    Args:
        agent: its model is an `rl.Policy`, which stays as it is and is the reference.
        dataset: played stream by stream, over and over until the budget is spent.
        valset: streams on which the policy is looked at, greedily, and the best one kept; None splits a tenth off;
            an empty share (fewer than 20 streams) keeps the last policy.
        sessions: what a session is worth to those after it: `FittedValue()`, `Heuristic()`, `CriticValue()`; None:
            nothing.
        sampling: how the policy explores.
        budget: rollouts or seconds in training; validation is not counted.
        concurrency: streams that are played side by side.
        run: a folder for the log, checkpoints and the policy, or a `forge.Run`.
        accelerator: an `accelerate.Accelerator`; None is made from `ppo.precision` and the policy's device.

    Raises:
        ForgeError: bad arguments, a run folder of another training, or a loss that is no finite number (the last
            checkpoint stays).
    """
    with Run.open(_reporting(run)) as record:
        training = Training(agent, dataset, valset, ppo, sessions, sampling, budget, concurrency, record, seed,
                            accelerator)  # fmt: skip
        return training.run()


def _reporting(run: Run | str | Path | None) -> Run:
    """The run, with a report on the terminal if nobody chose one."""
    if isinstance(run, Run):
        return run
    from rl.console import ConsoleReport

    return Run(run, report_to=[ConsoleReport()] if sys.stderr.isatty() else [])
