"""The loop of `rl.train_ppo`, one update after the other, and how it goes on after it was killed."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from forge.agent import Agent
from forge.budget import Budget, Meter
from forge.evaluate import Evaluation, compare, evaluate
from forge.run import Run
from forge.session import Session
from forge.task import Dataset, Task
from functions.errors import ForgeError
from rl.checkpoint import Checkpoint
from rl.experience import Experience
from rl.function_tokens import FunctionTokens
from rl.learner import Diverged, Learner
from rl.policy import Policy
from rl.ppo import PPO
from rl.result import PPOResult, StopReason
from rl.sampling import GREEDY, Sampling
from rl.segments import segments
from rl.sessions import SessionObjective, Trajectory

CUT = ("seconds", "interrupted", "model_error")  # stops that are no part of the task: the value goes on behind them
LEAST_STREAMS = 20  # for a validation set to be split off


class Training:
    """One training. Mutable: the policy, the learner and what was seen so far."""

    def __init__(
        self,
        agent: Agent,
        dataset: Dataset,
        valset: Dataset | None,
        ppo: PPO,
        objective: SessionObjective | None,
        sampling: Sampling,
        budget: Budget,
        concurrency: int,
        record: Run,
        seed: int,
        accelerator: Any,
    ) -> None:
        _check(agent, dataset, valset, ppo, sampling, budget, concurrency)
        self.ppo, self.objective, self.sampling, self.seed = ppo, objective, sampling, seed
        self.budget, self.concurrency, self.record = budget, concurrency, record
        self.dataset, self.valset = _split(dataset, valset, seed)
        policy: Policy = agent.model.copy()
        policy.learn_names([*agent.library.names, *(tool.name for tool in agent.all_tools)])
        self.policy = policy
        self.learner = Learner(policy.network, ppo, sampling, accelerator)
        self.actor = replace(agent, model=policy.with_sampling(sampling))
        self.judged = replace(agent, model=policy.with_sampling(GREEDY))
        self.streams = list(self.dataset.streams().values())
        self.state = Checkpoint()
        self.checkpoint_path = None if record.path is None else record.path / "checkpoint"

    def run(self) -> PPOResult:
        """Update until the budget is spent."""
        stop: StopReason = "done"
        self.record.begin(may_change=("budget",), **self._settings())
        self._resume()
        meter = Meter(self.budget, seconds=self.state.seconds)
        meter.add(rollouts=self.state.rollouts)
        try:
            if self.state.updates == 0:
                self._validate()
            while not meter.exhausted:
                self._update(meter)
        except KeyboardInterrupt:
            stop = "interrupted"
            self._resume()
        except Diverged as error:
            where = f"; the checkpoint of update {self.state.updates} is kept" if self.checkpoint_path else ""
            self.record.failed(str(error))
            raise Diverged(f"update {self.state.updates + 1}: {error}{where}. A lower learning_rate "
                           "may help") from error  # fmt: skip
        return self._result(stop)

    def _update(self, meter: Meter) -> None:
        state, number = self.state, self.state.updates
        began = time.perf_counter()
        progress = self._progress(meter)
        played = self._play(number, meter)
        rolled = time.perf_counter()
        experience = self._experience(played)
        drawn = experience.choices if self.sampling.greedy_arguments else None
        figures = self.learner.prepare(experience, drawn=drawn)
        warmup = number < self.ppo.critic_warmup
        figures |= self.learner.update(experience, progress=progress, seed=_mixed(self.seed, number), warmup=warmup)
        self.policy.engine.forget()
        learned = time.perf_counter()
        figures |= _figures(played) | {
            "update": number + 1.0,
            "rollouts": float(meter.rollouts),
            "action_tokens": float(len(experience)),
            "kl_coefficient": self.learner.kl_coefficient,
            "learning_rate": self.learner.optimizer.param_groups[0]["lr"],
            "rollout_seconds": rolled - began,
            "learn_seconds": learned - rolled,
            "tokens_per_second": len(experience) / (learned - began),
        }
        state.history.append(figures)
        state.updates, state.rollouts, state.seconds = number + 1, meter.rollouts, meter.seconds
        if state.updates % self.ppo.validate_every == 0 or meter.exhausted:
            self._validate()
        if state.updates % self.ppo.checkpoint_every == 0 or meter.exhausted:
            self._save()
        for note in self.learner.notes:
            self.record.log("note", text=note)
        state.notes += self.learner.notes
        self.learner.notes = []
        self.record.log("update", **{"step": number + 1, **figures})

    def _progress(self, meter: Meter) -> float:
        """The share of the budget that is spent."""
        shares = [meter.rollouts / self.budget.rollouts if self.budget.rollouts else 0.0,
                  meter.seconds / self.budget.seconds if self.budget.seconds else 0.0]  # fmt: skip
        return min(1.0, max(shares))

    def _play(self, number: int, meter: Meter) -> list[tuple[Session, ...]]:
        """The next whole streams, at least a batch of sessions, scored."""
        chosen: list[tuple[Task, ...]] = []
        count, place = 0, self.state.next_stream
        while count < self.ppo.batch:
            epoch, index = divmod(place, len(self.streams))
            if index == 0 or not chosen:
                order = random.Random(f"{self.seed}:epoch:{epoch}").sample(range(len(self.streams)), len(self.streams))
            tasks = self.streams[order[index]]
            if any(tasks is other for other in chosen):
                break  # a small data set: no stream twice in one update
            chosen.append(tasks)
            count, place = count + len(tasks), place + 1
        self.state.next_stream = place
        part = Dataset([task for tasks in chosen for task in tasks], metric=self.dataset.metric)
        seen = evaluate(self.actor, part, concurrency=self.concurrency, seed=_mixed(self.seed, number))
        meter.add(seen.cost, rollouts=len(seen.sessions))
        by_id = {session.task_id: session for session in seen.sessions}
        return [tuple(by_id[task.id] for task in tasks) for tasks in chosen]

    def _experience(self, played: Sequence[tuple[Session, ...]]) -> Experience:
        bonuses = self._bonuses(played)
        flat = [(session, bonus) for sessions, row in zip(played, bonuses, strict=True)
                for session, bonus in zip(sessions, row, strict=True)]  # fmt: skip
        return self._told(
            Experience(
                [segments(session, self.policy.dialect.choice_length, bonus=bonus) for session, bonus in flat],
                [session.stop in CUT for session, _ in flat],
            )
        )

    def _told(self, experience: Experience) -> Experience:
        """What constrained decoding allowed, the learner knows."""
        if self.policy.constrained:
            offered = [*self.actor.library.names, *(tool.name for tool in self.actor.all_tools)]
            experience.constrain(self.policy.grammar(), offered)
        return experience

    def _bonuses(self, played: Sequence[tuple[Session, ...]]) -> list[list[float]]:
        if self.objective is None:
            return [[0.0] * len(sessions) for sessions in played]
        memory = self.actor.memory
        known = () if memory is None else tuple(entry.text for entry in memory)
        starts = self._start_values(played) if getattr(self.objective, "needs_start_values", False) else None
        trajectories = [
            Trajectory(sessions, known, () if starts is None else tuple(starts[number]))
            for number, sessions in enumerate(played)
        ]
        return self.objective.bonuses(trajectories)

    def _start_values(self, played: Sequence[tuple[Session, ...]]) -> list[list[float]]:
        """The critic's value of the state in which each session begins."""
        length = self.policy.dialect.choice_length
        flat = [segments(session, length) for sessions in played for session in sessions]
        experience = self._told(Experience(flat))
        self.learner.measure(experience)
        places = iter(experience.sessions)
        values = [
            float(experience.values[experience.starts[next(places)[0]]]) if any(p.places for p in parts) else 0.0
            for parts in flat
        ]
        rows, start = [], 0
        for sessions in played:
            rows.append(values[start : start + len(sessions)])
            start += len(sessions)
        return rows

    def _validate(self) -> None:
        """Look at the policy on the validation streams, and keep it if it is the best so far."""
        state = self.state
        if self.valset is None:
            state.keep(self.policy.network)
            return
        seen = evaluate(self.judged, self.valset, concurrency=self.concurrency, seed=_mixed(self.seed, -1))
        self.policy.engine.forget()
        if state.baseline is None:
            state.baseline = seen
        if state.validation is None or seen.reward > state.validation.reward:
            state.validation, state.best_update = seen, state.updates
            state.keep(self.policy.network)
        figures = {"reward": seen.reward, "score": seen.score, "advice_rate": seen.advice_rate}
        if state.history:
            state.history[-1] |= {f"validation_{name}": value for name, value in figures.items()}
        self.record.log("validation", step=state.updates, **figures)

    def _save(self) -> None:
        if self.checkpoint_path is not None:
            self.state.save(self.checkpoint_path, self.policy, self.learner)

    def _resume(self) -> None:
        if self.checkpoint_path is not None and self.checkpoint_path.exists():
            self.state = Checkpoint.load(self.checkpoint_path, self.policy, self.learner)
            self.policy.engine.forget()

    def _settings(self) -> dict[str, Any]:
        """What a run that is resumed must have in common."""
        return {
            "regime": "ppo",
            "agent": self.actor.model.name,
            "dataset": self.dataset.digest,
            "validation": "" if self.valset is None else self.valset.digest,
            "ppo": asdict(self.ppo),
            "sessions": repr(self.objective),
            "sampling": asdict(self.sampling),
            "seed": self.seed,
            "weights": self.policy.digest,
            "budget": asdict(self.budget),
        }

    def _result(self, stop: StopReason) -> PPOResult:
        state = self.state
        final = self.policy.copy()
        final.network.load_state_dict(state.best or self.policy.network.state_dict())
        final.network.eval()
        baseline, validation = state.baseline, state.validation
        result = PPOResult(
            agent=replace(self.actor, model=final.with_sampling(GREEDY)),
            baseline=baseline,
            validation=validation,
            comparison=compare(baseline, validation, by="reward") if baseline and validation else None,
            history=tuple(state.history),
            best_update=state.best_update if self.valset is not None else state.updates,
            stop=stop,
            rollouts=state.rollouts,
            seconds=state.seconds,
            notes=tuple(state.notes),
        )
        if self.record.path is not None:
            final.save_pretrained(self.record.path / "policy")
        self.record.log("stop", why=stop, best_update=result.best_update, rollouts=result.rollouts)
        return result


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
    if concurrency < 1:
        raise ForgeError(f"concurrency={concurrency}: at least 1 stream at a time")
    if budget.rollouts is None and budget.seconds is None:
        raise ForgeError("train_ppo(budget=...): say when to stop: forge.Budget(rollouts=20_000), or seconds=")
    if sampling.temperature == 0:
        raise ForgeError("train_ppo(sampling=Sampling(temperature=0)): greedy sessions explore nothing: give a "
                         "temperature above 0")  # fmt: skip
    if sampling.greedy_arguments and not isinstance(agent.model.dialect, FunctionTokens):
        raise ForgeError("Sampling(greedy_arguments=True) needs to see where a function is named: give the policy "
                         "dialect=rl.FunctionTokens")  # fmt: skip
    if sampling.greedy_arguments and ppo.learn == "all":
        raise ForgeError("Sampling(greedy_arguments=True) draws only what chooses the function, and PPO(learn='all') "
                         "would learn from tokens that were not drawn: say PPO(learn='choices')")  # fmt: skip


def _split(dataset: Dataset, valset: Dataset | None, seed: int) -> tuple[Dataset, Dataset | None]:
    if valset is not None:
        return dataset, valset
    if len(dataset.streams()) < LEAST_STREAMS:
        return dataset, None
    held_out, rest = dataset.split(0.1, seed=f"ppo:{seed}")
    return rest, held_out


def _figures(played: Sequence[tuple[Session, ...]]) -> dict[str, float]:
    """Means over the sessions of an update."""
    sessions = [session for row in played for session in row]
    seen = Evaluation(tuple(sessions), ("",) * len(sessions), len(sessions))
    turns = sum(len(session.steps) for session in sessions) / len(sessions)
    return {"reward": seen.reward, "score": seen.score, "advice_rate": seen.advice_rate, "turns": turns,
            "cut_off": sum(session.stop != "submitted" for session in sessions) / len(sessions)}  # fmt: skip


def _mixed(seed: int, number: int) -> int:
    """A seed for each update."""
    return random.Random(f"{seed}:{number}").getrandbits(31)
