"""`rl.train_ppo`: play streams, give each session its part in what comes after, update, look at other streams."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from forge.agent import Agent
from forge.budget import Budget
from forge.run import Run
from forge.task import Dataset
from functions.errors import ForgeError
from rl.function_tokens import FunctionTokens
from rl.policy import Policy
from rl.ppo import PPO
from rl.processes import Processes
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
        valset: streams on which the policy is looked at, greedily, and the best one kept; None splits a tenth
            off; with fewer than 20 streams, or `PPO(validate_every=None)`, there is none and the last policy is kept.
        sessions: what a session is worth to those after it: `FittedValue()`, `Heuristic()`, `CriticValue()`; None:
            nothing.
        sampling: how the policy explores.
        budget: rollouts or seconds in training; validation is not counted.
        concurrency: streams that are played side by side.
        run: a folder for the log, checkpoints and the policy, or a `forge.Run`.
        accelerator: an `accelerate.Accelerator`; None is one for the policy's device. Under `accelerate launch` the
            processes share streams, minibatches and gradients, and the first one writes the run.

    Raises:
        ForgeError: bad arguments, a run folder of another training, or a loss that is no finite number (the last
            checkpoint stays).
    """
    _check(agent, dataset, valset, ppo, sampling, budget, concurrency)
    _check_objective(sessions)
    processes = Processes.on(agent.model.network.device) if accelerator is None else Processes(accelerator)
    _check_accelerator(processes.accelerator)
    with Run.open(_reporting(run) if processes.main else None) as record:
        folder = record.path if processes.main else _folder(run)
        training = Training(agent, dataset, valset, ppo, sessions, sampling, budget, concurrency, record, folder, seed,
                            processes)  # fmt: skip
        return training.run()


def _check(
    agent: Agent,
    dataset: Dataset,
    valset: Dataset | None,
    ppo: PPO,
    sampling: Sampling,
    budget: Budget,
    concurrency: int,
) -> None:
    if not isinstance(agent, Agent) or not isinstance(agent.model, Policy):
        given = getattr(getattr(agent, "model", agent), "name", agent)
        raise ForgeError(f"train_ppo(agent with model {given!r:.60}): weights are trained of an rl.Policy, such as "
                         "rl.Policy.from_pretrained(path); forge.train is for other models")  # fmt: skip
    if not isinstance(dataset, Dataset) or not (valset is None or isinstance(valset, Dataset)):
        raise ForgeError("train_ppo(agent, dataset, valset): data sets are forge.Dataset(rows, metric=...)")
    for name, value, kind in (("ppo", ppo, PPO), ("sampling", sampling, Sampling), ("budget", budget, Budget)):
        if not isinstance(value, kind):
            raise ForgeError(f"train_ppo({name}={value!r:.60}): give {kind.__name__}(...)")
    if valset is not None and ppo.validate_every is None:
        raise ForgeError("train_ppo(valset=..., ppo=PPO(validate_every=None)): there is a validation set, and it would "
                         "never be looked at: leave one of the two out")  # fmt: skip
    if concurrency < 1:
        raise ForgeError(f"concurrency={concurrency}: at least 1 stream at a time")
    if budget.tokens is not None or budget.usd is not None:
        raise ForgeError(f"train_ppo(budget={budget!r}): a training of weights counts rollouts and seconds: give "
                         "forge.Budget(rollouts=20_000), or seconds=")  # fmt: skip
    if budget.rollouts is None and budget.seconds is None:
        raise ForgeError("train_ppo(budget=...): say when to stop: forge.Budget(rollouts=20_000), or seconds=")
    if sampling.temperature == 0:
        raise ForgeError("train_ppo(sampling=Sampling(temperature=0)): greedy sessions explore nothing: give a "
                         "temperature above 0")  # fmt: skip
    if sampling.greedy_arguments and not isinstance(agent.model.dialect, FunctionTokens):
        raise ForgeError("Sampling(greedy_arguments=True) needs to see where a function is named: give the policy "
                         "dialect=rl.FunctionTokens")  # fmt: skip
    if ppo.kl is not None and ppo.kl.on != "all" and not isinstance(agent.model.dialect, FunctionTokens):
        raise ForgeError(f"KL(on={ppo.kl.on!r}) needs to see where a function is named: give the policy "
                         "dialect=rl.FunctionTokens, or say on='all'")  # fmt: skip
    if sampling.greedy_arguments and ppo.learn == "all":
        raise ForgeError("Sampling(greedy_arguments=True) draws only what chooses the function, and PPO(learn='all') "
                         "would learn from tokens that were not drawn: say PPO(learn='choices')")  # fmt: skip


def _check_objective(sessions: SessionObjective | None) -> None:
    if sessions is None or (not isinstance(sessions, type) and callable(getattr(sessions, "bonuses", None))):
        return
    given = f"rl.{sessions.__name__}" if isinstance(sessions, type) else repr(sessions)
    raise ForgeError(f"train_ppo(sessions={given:.60}): give rl.FittedValue(), rl.Heuristic(), rl.CriticValue(), None, "
                     "or an object with a method bonuses(trajectories)")  # fmt: skip


def _check_accelerator(accelerator: Any) -> None:
    from accelerate import Accelerator

    if not isinstance(accelerator, Accelerator):
        raise ForgeError(f"train_ppo(accelerator={accelerator!r:.60}): give an accelerate.Accelerator, or leave it out")
    if (steps := accelerator.gradient_accumulation_steps) != 1:
        raise ForgeError(f"Accelerator(gradient_accumulation_steps={steps}), given here or set by accelerate launch: "
                         f"each gradient would be divided by {steps}, and every optimizer step has its whole minibatch "
                         "already: leave it at 1, and say how much fits with PPO(micro_tokens=...)")  # fmt: skip


def _folder(run: Run | str | Path | None) -> Path | None:
    path = run.path if isinstance(run, Run) else run
    return None if path is None else Path(path)


def _reporting(run: Run | str | Path | None) -> Run:
    """The run, with a report on the terminal if nobody chose one."""
    if isinstance(run, Run):
        return run
    from rl.console import ConsoleReport

    return Run(run, report_to=[ConsoleReport()] if sys.stderr.isatty() else [])
