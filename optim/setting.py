"""The arguments of a training, checked before anything is spent."""

from __future__ import annotations

from dataclasses import dataclass

from forge.agent import Agent
from forge.budget import Budget
from forge.task import Dataset
from functions.errors import ForgeError
from optim.acceptance import Acceptance, Posterior
from optim.agent_optimizer import AgentOptimizer
from optim.evidence import Optimizer
from optim.filters import Filters
from optim.plan import Plan, planned
from optim.release import Release
from optim.schedule import Schedule
from optim.split import Parts, split


@dataclass(frozen=True, slots=True)
class Setting:
    """What a training needs to know; `None` has become the default."""

    agent: Agent
    parts: Parts
    optimizer: Optimizer
    acceptance: Acceptance
    release: Release | None
    filters: Filters | None
    schedule: Schedule
    budget: Budget
    seed: int

    @property
    def plan(self) -> Plan:
        return planned(
            self.agent, self.parts, self.optimizer, self.acceptance, self.release, self.budget, self.schedule
        )


def checked(
    agent: Agent,
    dataset: Dataset,
    valset: Dataset | None,
    optimizer: Optimizer | None,
    acceptance: Acceptance | None,
    release: Release | None,
    filters: Filters | None,
    schedule: Schedule | None,
    budget: Budget | None,
    concurrency: int,
    seed: int,
) -> Setting:
    if not isinstance(agent, Agent):
        raise ForgeError(f"train(agent={agent!r}): give a forge.Agent")
    if not isinstance(dataset, Dataset) or not (valset is None or isinstance(valset, Dataset)):
        raise ForgeError("train(agent, dataset, valset): data sets are forge.Dataset(rows, metric=...)")
    for name, value, method, example in (
        ("optimizer", optimizer, "propose", "optim.AgentOptimizer('openai/gpt-5') or optim.SynthesisOptimizer()"),
        ("acceptance", acceptance, "judge", "optim.Posterior(), optim.Paper(), optim.Ties() or optim.Minibatch()"),
        ("release", release, "judge", "optim.Release(), or None for no gate"),
        ("filters", filters, "replay", "optim.Filters(), or None for none"),
        ("schedule", schedule, "batches", "optim.Schedule(epochs=10)"),
        ("budget", budget, "rollouts", "forge.Budget(usd=5)"),
    ):
        if value is not None and not hasattr(value, method):
            raise ForgeError(f"{name}={value!r:.60}: give {example}")
    if concurrency < 1:
        raise ForgeError(f"concurrency={concurrency}: at least 1 session at a time")
    optimizer = optimizer if optimizer is not None else default_optimizer(agent)
    acceptance = acceptance if acceptance is not None else Posterior()
    for part in (agent, optimizer):
        if check := getattr(part, "check", None):
            check()
    parts = split(dataset, valset, acceptance, gate=release is not None, seed=seed)
    return Setting(
        agent,
        parts,
        optimizer,
        acceptance,
        release,
        filters,
        schedule or default_schedule(optimizer),
        budget or Budget(),
        seed,
    )


def default_schedule(optimizer: Optimizer) -> Schedule:
    return Schedule(minibatch=24) if isinstance(optimizer, AgentOptimizer) else Schedule()


def default_optimizer(agent: Agent) -> Optimizer:
    """The search for an agent without a language model; otherwise the agent's own model as the optimizer."""
    if agent.model.name == "router":
        from optim.synthesis import SynthesisOptimizer

        return SynthesisOptimizer()
    if not hasattr(agent.model, "complete"):
        raise ForgeError(f"the model {agent.model.name!r} cannot write functions: give optimizer=optim.AgentOptimizer("
                         "'provider/model') or optim.SynthesisOptimizer()")  # fmt: skip
    return AgentOptimizer(agent.model)
