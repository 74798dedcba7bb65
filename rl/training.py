"""The loop of `rl.train_ppo`, one update after the other, and how it goes on after it was killed."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from forge.agent import Agent
from forge.budget import Budget, Meter
from forge.evaluate import Evaluation, compare, evaluate
from forge.executor import Executor
from forge.identity import agent_digest, in_words, name_of
from forge.run import Run
from forge.session import Session, Usage
from forge.task import Dataset, Task
from functions.errors import ForgeError
from rl.checkpoint import Checkpoint
from rl.experience import Diverged, Experience
from rl.grammar import offered
from rl.learner import Learner
from rl.policy import Policy
from rl.ppo import PPO
from rl.processes import Processes
from rl.result import PPOResult, StopReason
from rl.sampling import GREEDY, Sampling
from rl.segments import segments
from rl.sessions import SessionObjective, Trajectory

CUT = ("seconds",)  # a stop that is no part of the task: the value goes on behind it
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
        folder: Path | None,
        seed: int,
        processes: Processes,
    ) -> None:
        self.ppo, self.objective, self.sampling, self.seed = ppo, objective, sampling, seed
        self.budget, self.concurrency, self.record = budget, concurrency, record
        self.dataset, self.valset = _split(dataset, valset, ppo, seed)
        policy: Policy = agent.model.copy()
        policy.learn_names([*agent.library.names, *(tool.name for tool in agent.all_tools)])
        self.policy = policy
        self.processes = processes
        self.learner = Learner(policy.network, ppo, sampling, processes)
        self.actor = replace(agent, model=policy.with_sampling(sampling))
        self.judged = replace(agent, model=policy.with_sampling(GREEDY))
        self.streams = list(self.dataset.streams().values())
        if len(self.streams) < processes.count:
            raise ForgeError(f"{processes.count} processes share {len(self.streams)} streams: give at least one each")
        self.state = Checkpoint()
        self.kept = 0  # updates in the last checkpoint
        self.checkpoint_path = None if folder is None else folder / "checkpoint"

    def run(self) -> PPOResult:
        """Update until the budget is spent."""
        stop: StopReason = "done"
        self.record.begin(may_change=("budget",), **self._settings())
        self._start_trackers()
        self._resume()
        meter = Meter(self.budget, seconds=self.state.seconds)
        meter.add(rollouts=self.state.rollouts)
        try:
            if self.state.updates == 0:
                self._validate()
            while not self._exhausted(meter):
                self._update(meter)
        except KeyboardInterrupt:
            stop = "interrupted"
            self._resume()
        except Diverged as error:
            where = f"; the checkpoint of update {self.kept} is kept" if self.kept else ""
            self.record.failed(str(error))
            raise Diverged(f"update {self.state.updates + 1}: {error}{where}. A lower learning_rate "
                           "may help") from error  # fmt: skip
        return self._result(stop)

    def _start_trackers(self) -> None:
        """Those of `Accelerator(log_with=...)`, if the user has not started them; others are the run's."""
        accelerator = self.processes.accelerator
        if accelerator.log_with and not accelerator.trackers:
            accelerator.init_trackers("forge", config={"seed": self.seed, "ppo": repr(self.ppo)})

    def _update(self, meter: Meter) -> None:
        state, number = self.state, self.state.updates
        began = time.perf_counter()
        progress = self._progress(meter)
        everything = self._play(number, meter)
        rolled = time.perf_counter()
        experience = self._experience(everything)
        figures = self.learner.prepare(experience)
        warmup = number < self.ppo.critic_warmup
        figures |= self.learner.update(experience, progress=progress, seed=_mixed(self.seed, number), warmup=warmup)
        self.policy.engine.forget()
        learned = time.perf_counter()
        tokens = self.processes.totals({"tokens": float(len(experience))})["tokens"]
        figures |= _figures(everything) | {
            "update": number + 1.0,
            "sessions": float(sum(map(len, everything))),
            "rollouts": float(meter.rollouts),
            "action_tokens": tokens,
            "kl_coefficient": self.learner.kl_coefficient,
            "learning_rate": self.learner.optimizer.param_groups[0]["lr"],
            "rollout_seconds": rolled - began,
            "learn_seconds": learned - rolled,
            "tokens_per_second": tokens / (learned - began),
        }
        state.history.append(figures)
        state.updates, state.rollouts, state.seconds = number + 1, meter.rollouts, meter.seconds
        every = self.ppo.validate_every
        last = self._exhausted(meter)
        if every is None or state.updates % every == 0 or last or self.valset is None:
            self._validate()
        if state.updates % self.ppo.checkpoint_every == 0 or last:
            self._save()
        for note in self.learner.notes:
            self.record.log("note", text=note)
        state.notes += self.learner.notes
        self.learner.notes = []
        self.record.log("update", **{"step": number + 1, **figures})
        self.processes.accelerator.log(figures, step=number + 1)

    def _progress(self, meter: Meter) -> float:
        """The share of the budget that is spent."""
        shares = [meter.rollouts / self.budget.rollouts if self.budget.rollouts else 0.0,
                  meter.seconds / self.budget.seconds if self.budget.seconds else 0.0]  # fmt: skip
        return self.processes.first(min(1.0, max(shares)))

    def _exhausted(self, meter: Meter) -> bool:
        return bool(self.processes.first(meter.exhausted is not None))

    def _play(self, number: int, meter: Meter) -> list[tuple[Session, ...]]:
        """The next whole streams, at least a batch of sessions, scored; each process plays its share of them."""
        chosen: list[tuple[Task, ...]] = []
        count, place = 0, self.state.next_stream
        while (count < self.ppo.batch or len(chosen) < self.processes.count) and len(chosen) < len(self.streams):
            epoch, index = divmod(place, len(self.streams))
            if index == 0 or not chosen:
                order = random.Random(f"{self.seed}:epoch:{epoch}").sample(range(len(self.streams)), len(self.streams))
            tasks = self.streams[order[index]]
            place += 1
            if any(tasks is other for other in chosen):
                continue  # the end of one pass meets the next: no stream twice in one update
            chosen.append(tasks)
            count += len(tasks)
        self.state.next_stream = place
        by_id = self._played(self.actor, chosen, self.dataset, _mixed(self.seed, number))
        meter.add(sum((session.usage for session in by_id.values()), Usage()), rollouts=len(by_id))
        return [tuple(by_id[task.id] for task in tasks) for tasks in chosen]

    def _played(
        self, agent: Agent, streams: Sequence[tuple[Task, ...]], dataset: Dataset, seed: int
    ) -> dict[str, Session]:
        """The scored sessions of these streams by task."""
        own = Dataset([task for tasks in self.processes.share(streams) for task in tasks], metric=dataset.metric)
        seen = evaluate(agent, own, concurrency=self.concurrency, seed=seed)
        return {session.task_id: session for session in self.processes.gathered(seen.sessions)}

    def _experience(self, everything: Sequence[tuple[Session, ...]]) -> Experience:
        """What this process learns from: the sessions that it played."""
        pairs = list(zip(everything, self._bonuses(everything), strict=True))
        flat = [pair for sessions, row in self.processes.share(pairs) for pair in zip(sessions, row, strict=True)]
        return self._told(
            Experience(
                [segments(session, self.policy.dialect.choice_length, bonus=bonus) for session, bonus in flat],
                [session.stop in CUT for session, _ in flat],
            )
        )

    def _told(self, experience: Experience) -> Experience:
        """What constrained decoding allowed, the learner knows."""
        if self.policy.constrained:
            specs = Executor(self.actor.library, self.actor.all_tools, self.actor.sandbox).specs
            experience.constrain(self.policy.grammar(), offered(specs))
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
        by_id = self._played(self.judged, list(self.valset.streams().values()), self.valset, _mixed(self.seed, -1))
        self.policy.engine.forget()
        tasks = list(self.valset)
        seen = Evaluation(tuple(by_id[task.id] for task in tasks), tuple(task.stream for task in tasks), len(tasks))
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
            self.state.save(self.checkpoint_path, self.learner)
            self.kept = self.state.updates

    def _resume(self) -> None:
        if self.checkpoint_path is not None and Checkpoint.found(self.checkpoint_path, self.processes):
            self.state = Checkpoint.load(self.checkpoint_path, self.learner)
            self.kept = self.state.updates
            self.policy.engine.forget()

    def _settings(self) -> dict[str, Any]:
        """What a run that is resumed must have in common."""
        return {
            "regime": "ppo",
            "model": self.actor.model.name,
            "agent": agent_digest(self.actor),
            "library": self.actor.library.version,
            "metric": name_of(self.dataset.metric),
            "dataset": self.dataset.digest,
            "validation": "" if self.valset is None else self.valset.digest,
            "ppo": asdict(replace(self.ppo, micro_tokens=None)),  # which may follow the memory that there is
            "sessions": in_words(self.objective),
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
        if self.record.path is not None:  # of the main process alone
            final.save_pretrained(self.record.path / "policy")
        self.record.log("stop", why=stop, best_update=result.best_update, rollouts=result.rollouts)
        return result


def _split(dataset: Dataset, valset: Dataset | None, ppo: PPO, seed: int) -> tuple[Dataset, Dataset | None]:
    if valset is not None:
        return dataset, valset
    if ppo.validate_every is None or len(dataset.streams()) < LEAST_STREAMS:
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
