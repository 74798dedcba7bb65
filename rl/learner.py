"""One update of PPO: from experience to changed weights."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import Any, TypeVar

import torch

from functions.errors import ForgeError
from rl.batch import PROCESSOR_TOKENS, Rows, by_budget
from rl.experience import Diverged, Experience, minibatches
from rl.heap import keep_freed_memory
from rl.loss import entropy, exact_kl, importance, policy_loss, sampled_kl, value_loss
from rl.network import Network
from rl.ppo import KL, PPO
from rl.processes import Processes
from rl.sampling import Sampling

Result = TypeVar("Result")


class Learner:
    """A network with its optimizer and reference. Mutable.

    Args:
        network: what is trained.
        settings: of PPO.
        sampling: how the sessions were drawn: log-probabilities are of that distribution's temperature.
        processes: with their `accelerate.Accelerator`; None are those that were launched.
    """

    def __init__(self, network: Network, settings: PPO, sampling: Sampling, processes: Processes | None = None) -> None:
        self.settings, self.temperature = settings, sampling.temperature or 1.0
        self.processes = processes or Processes.on(network.device)
        self.accelerator = self.processes.accelerator
        if network.device.type == "cpu":
            keep_freed_memory()
        self.kl_coefficient = settings.kl.coefficient_at(0.0) if settings.kl is not None else 0.0
        self._kl_before = 0.0  # what the last sessions were drawn with, where it is part of the reward
        self.micro_tokens = settings.micro_tokens or (PROCESSOR_TOKENS if network.device.type == "cpu" else 32_768)
        self.notes: list[str] = []  # recoveries to be told
        self._reference = _frozen_copy(network) if settings.kl is not None else None
        self._adapter = _adapter(network) if settings.kl is not None else []
        optimizer = torch.optim.AdamW(_groups(network, settings), weight_decay=settings.weight_decay, betas=(0.9, 0.95),
                                      fused=True)  # fmt: skip
        self._rates = [group["lr"] for group in optimizer.param_groups]
        self.module, self.optimizer = self.accelerator.prepare(network, optimizer)
        self.network = network

    @torch.no_grad()
    def measure(self, experience: Experience) -> None:
        """Fill in what the policy and its reference think of each action token now, before the update."""
        self.network.eval()
        everything = range(len(experience.segments))
        self._where_it_fits(experience, everything, lambda: self._measure(experience, everything))

    def _measure(self, experience: Experience, everything: Sequence[int]) -> None:
        for group in by_budget([len(experience.segments[number]) for number in everything], self.micro_tokens):
            part = self._rows(experience, group)
            flat = experience.flat(group)
            with self._autocast():
                logits, values = self.network(part.ids_bt, part.rows_n, part.columns_n)
                experience.old[flat] = self._log_probs(_legal(experience, flat, logits), part).cpu()
                experience.values[flat] = values.float().cpu()
                if self._needs_reference_log_probs:
                    reference = _legal(experience, flat, self._reference_logits(part))
                    experience.reference[flat] = self._log_probs(reference, part).cpu()

    def _where_it_fits(self, experience: Experience, parts: Sequence[int], work: Callable[[], Result]) -> Result:
        """Do it, with shorter passes if the GPU is full.

        Raises:
            ForgeError: one segment alone is too long, or other processes would wait for this one in vain.
        """
        while True:
            try:
                return work()
            except torch.cuda.OutOfMemoryError:
                longest = max(len(experience.segments[number]) for number in parts or [0])
                if self.micro_tokens <= longest:
                    raise ForgeError(f"the GPU has no memory for one segment of {longest} tokens: use a smaller model, "
                                     "lora=, precision='bf16', or shorter sessions") from None  # fmt: skip
                if self.processes.count > 1:
                    raise ForgeError(f"a GPU has no memory for passes of {self.micro_tokens} tokens: resume with "
                                     f"PPO(micro_tokens={self.micro_tokens // 2})") from None  # fmt: skip
                self.micro_tokens = max(longest, self.micro_tokens // 2)
                self.notes.append(f"out of GPU memory: micro_tokens is now {self.micro_tokens}")
                self.optimizer.zero_grad()
                torch.cuda.empty_cache()

    @property
    def _needs_reference_log_probs(self) -> bool:
        kl = self.settings.kl
        return kl is not None and (kl.into == "reward" or kl.estimator in ("k1", "k2", "k3"))

    def prepare(self, experience: Experience) -> dict[str, float]:
        """Measure, then fill in advantages."""
        settings, kl = self.settings, self.settings.kl
        self.measure(experience)
        figures: dict[str, float] = {}
        penalty = None
        if kl is not None and self._needs_reference_log_probs:
            estimate = sampled_kl(experience.old, experience.reference, "k1") * experience.on(kl.on)
            figures["kl_reference"] = self._kl_before = self._mean(estimate, experience.on(kl.on))
            if kl.into == "reward":
                penalty = self.kl_coefficient * estimate
        experience.learned = experience.on(settings.learn)
        experience.weights = importance(experience.old, experience.rollout, cap=settings.importance_cap)
        experience.estimate(settings, penalty)
        figures["value_explained"] = self._explained(experience)
        figures["importance"] = self._mean(experience.weights, experience.learned)
        experience.normalize(settings.advantages, self.processes.summed)
        return figures

    def update(self, experience: Experience, *, progress: float, seed: int, warmup: bool = False) -> dict[str, float]:
        """All epochs over an experience that was prepared.

        Args:
            progress: the share of the training that is done, for what falls over time.
            seed: of the order of sessions.
            warmup: train values only.

        Returns:
            Means over the update, by name.

        Raises:
            Diverged: a loss is no finite number.
        """
        settings = self.settings
        for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
            group["lr"] = rate * settings.rate_at(progress)
        if settings.kl is not None and settings.kl.target is None:
            self.kl_coefficient = settings.kl.coefficient_at(progress)
        generator = torch.Generator().manual_seed(seed)
        totals: dict[str, float] = defaultdict(float)
        steps, stopped_early = 0, False
        count, before = self._sessions(experience)
        for _ in range(settings.epochs):
            for chosen in minibatches(count, settings.minibatch, generator):
                own = [number - before for number in chosen if 0 <= number - before < len(experience.sessions)]
                parts = [segment for number in own for segment in experience.sessions[number]]
                figures = self._step(experience, parts, settings.entropy_at(progress), warmup)
                steps += 1
                for name, value in figures.items():
                    totals[name] += value
            if settings.stop_kl is not None and not warmup:
                stopped_early = self.processes.totals({"kl": figures["kl_old"]})["kl"] > settings.stop_kl
            if stopped_early:
                break
        means = {name: value / steps for name, value in self.processes.totals(totals).items()}
        means["gradient_norm"] /= self.processes.count  # the same everywhere, as all else is a part of the whole
        means |= {"optimizer_steps": float(steps), "stopped_early": float(stopped_early)}
        if settings.kl is not None and not warmup:
            self.kl_coefficient = settings.kl.adapted(self.kl_coefficient, means.get("kl", self._kl_before))
        return means

    def _sessions(self, experience: Experience) -> tuple[int, int]:
        """How many all processes have, and how many come before those of this one."""
        counts = self.processes.gathered([len(experience.sessions)])
        return sum(counts), sum(counts[: int(self.accelerator.process_index)])

    def _step(self, experience: Experience, parts: Sequence[int], bonus: float, warmup: bool) -> dict[str, float]:
        """One optimizer step over a minibatch, in as many passes as the budget of tokens needs."""
        figures = self._where_it_fits(experience, parts, lambda: self._accumulate(experience, parts, bonus, warmup))
        if warmup:
            for weight in self.optimizer.param_groups[0]["params"]:
                weight.grad = None
        norm = self.accelerator.clip_grad_norm_(self.module.parameters(), self.settings.gradient_clip)
        broken = [name for name, value in figures.items() if not math.isfinite(value)]
        if self.processes.totals({"broken": len(broken) + (not torch.isfinite(norm))})["broken"]:
            self.optimizer.zero_grad()
            raise Diverged(f"{' and '.join(broken) or 'the gradient'} is no finite number")
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {**figures, "gradient_norm": float(norm)}

    def _accumulate(self, experience: Experience, parts: Sequence[int], bonus: float, warmup: bool) -> dict[str, float]:
        flat = experience.flat(parts) if parts else torch.zeros(0, dtype=torch.long)
        kl = self.settings.kl
        counts = {
            "learned": float(experience.learned[flat].sum()),
            "all": float(len(flat)),
            "kl": float(experience.on(kl.on)[flat].sum()) if kl is not None else 0.0,
        }
        counts = {name: max(value, 1.0) for name, value in self.processes.totals(counts).items()}
        totals: dict[str, float] = defaultdict(float)
        groups = by_budget([len(experience.segments[number]) for number in parts], self.micro_tokens)
        for place, group in enumerate(groups):
            last = place + 1 == len(groups)
            with nullcontext() if last else self.accelerator.no_sync(self.module):
                loss, figures = self._loss(experience, [parts[number] for number in group], counts, bonus, warmup)
                self.accelerator.backward(loss * self.processes.count)  # gradients are averaged over processes
            for name, value in figures.items():
                totals[name] += value
        if not groups:  # all of this minibatch is with other processes, which wait for a gradient
            loss, figures = self._loss(experience, [0], counts, bonus, warmup)
            self.accelerator.backward(loss * 0.0)
            totals |= dict.fromkeys(figures, 0.0)
        return dict(totals)

    def _loss(
        self, experience: Experience, group: Sequence[int], counts: Mapping[str, float], bonus: float, warmup: bool
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss of some segments: sums over their tokens, divided by the counts of the whole minibatch."""
        settings, kl = self.settings, self.settings.kl
        part, flat = self._rows(experience, group), experience.flat(group)
        device = part.ids_bt.device

        def of(values: torch.Tensor) -> torch.Tensor:
            return values[flat].to(device)

        with self._autocast():
            logits, values = self.module(
                part.ids_bt, part.rows_n, part.columns_n, detach_value=settings.detach_value or warmup
            )
        logits, values = _legal(experience, flat, logits.float()), values.float()
        critic = value_loss(values, of(experience.returns), of(experience.values), clip=settings.value_clip)
        critic = critic.sum() / counts["all"]
        figures = {"value_loss": float(critic.detach())}
        loss = settings.value_coefficient * critic
        if warmup:
            if self.processes.count > 1:  # which wait for a gradient of every weight
                loss = loss + logits.sum() * 0.0
            return loss, figures
        learned = of(experience.learned)
        scaled = logits[learned] / self.temperature
        log_probs = _chosen(scaled, part.targets_n[learned])
        old, weight = of(experience.old)[learned], of(experience.weights)[learned]
        surrogate, clipped = policy_loss(
            log_probs, old, of(experience.advantages)[learned], clip=settings.clip, dual_clip=settings.dual_clip
        )
        policy = (weight * surrogate).sum() / counts["learned"]
        spread = entropy(scaled).sum() / counts["learned"]
        loss = loss + policy - bonus * spread
        figures |= {
            "policy_loss": float(policy.detach()),
            "entropy": float(spread.detach()),
            "clip_fraction": float(clipped.sum()) / counts["learned"],
            "kl_old": float(sampled_kl(old, log_probs.detach(), "k3").sum()) / counts["learned"],
        }
        if kl is not None and kl.into == "loss":
            divergence = self._divergence(kl, experience, flat, part, logits) / counts["kl"]
            loss = loss + self.kl_coefficient * divergence
            figures["kl"] = float(divergence.detach())
        return loss, figures

    def _divergence(
        self, kl: KL, experience: Experience, flat: torch.Tensor, part: Rows, logits: torch.Tensor
    ) -> torch.Tensor:
        held = experience.on(kl.on)[flat].to(logits.device)
        if not bool(held.any()):
            return logits.sum() * 0.0
        if kl.estimator in ("k1", "k2", "k3"):
            log_probs = _chosen(logits[held] / self.temperature, part.targets_n[held])
            return sampled_kl(log_probs, experience.reference[flat].to(logits.device)[held], kl.estimator).sum()
        with torch.no_grad(), self._autocast():
            reference = _legal(experience, flat, self._reference_logits(part))[held]
        now, first = logits[held] / self.temperature, reference.float() / self.temperature
        return exact_kl(now, first, forward=kl.estimator == "imitation").sum()

    def _mean(self, values: torch.Tensor, mask: torch.Tensor) -> float:
        sums = self.processes.totals({"values": float((values * mask).sum()), "count": float(mask.sum())})
        return sums["values"] / max(sums["count"], 1.0)

    def _explained(self, experience: Experience) -> float:
        """The share of the returns' variance that the values explain."""
        everything = torch.ones_like(experience.choices)
        left = experience.returns - experience.values
        spread, unexplained = (
            self._mean((part - self._mean(part, everything)).square(), everything)
            for part in (experience.returns, left)
        )
        return 1 - unexplained / spread if spread > 1e-12 else 0.0

    def state(self) -> dict[str, float]:
        """What changes between updates, besides the weights and the optimizer."""
        return {"kl_coefficient": self.kl_coefficient, "micro_tokens": float(self.micro_tokens)}

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on from what `state` gave."""
        self.kl_coefficient = float(state["kl_coefficient"])
        self.micro_tokens = min(self.micro_tokens, int(state["micro_tokens"]))

    def _autocast(self) -> torch.autocast:
        """Ours, since accelerate has one precision for all trainings of a process."""
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16")

    def _rows(self, experience: Experience, group: Sequence[int]) -> Rows:
        return experience.rows(group).to(self.accelerator.device)

    def _reference_logits(self, part: Rows) -> torch.Tensor:
        if self._reference is not None:
            logits, _ = self._reference(part.ids_bt, part.rows_n, part.columns_n)
        else:
            with self._first_adapter():
                logits, _ = self.network(part.ids_bt, part.rows_n, part.columns_n)
        return logits.float()  # type: ignore[no-any-return]

    @contextmanager
    def _first_adapter(self) -> Iterator[None]:
        """Inside, the adapter is what training began with: as good as off, unless imitation had trained it."""
        now = [weight.data for weight, _ in self._adapter]
        for weight, first in self._adapter:
            weight.data = first
        try:
            yield
        finally:
            for (weight, _), data in zip(self._adapter, now, strict=True):
                weight.data = data

    def _log_probs(self, logits: torch.Tensor, part: Rows) -> torch.Tensor:
        return _chosen(logits.float() / self.temperature, part.targets_n)


def _legal(experience: Experience, flat: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """What constrained decoding ruled out has no probability here either."""
    return logits if experience.legal is None else experience.legal.masked(logits, flat)


def _chosen(logits_nv: torch.Tensor, ids_n: torch.Tensor) -> torch.Tensor:
    return torch.log_softmax(logits_nv, -1).gather(-1, ids_n.unsqueeze(-1)).squeeze(-1)


def _frozen_copy(network: Network) -> Network | None:
    """The policy that training begins with; None where only an adapter is trained, whose first weights are enough."""
    if network.adapted:
        return None
    return deepcopy(network).requires_grad_(False).eval()


def _adapter(network: Network) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The weights of an adapter, if there is one, and what they are now."""
    if not network.adapted:
        return []
    return [(weight, weight.detach().clone()) for weight in network.model.parameters() if weight.requires_grad]


def _groups(network: Network, settings: PPO) -> list[dict[str, Any]]:
    critic = [network.value_head, *([] if network.critic is None else [network.critic])]
    of_critic = {id(weight) for part in critic for weight in part.parameters()}
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    value_rate = settings.value_learning_rate or settings.learning_rate
    return [
        {"params": [w for w in trained if id(w) not in of_critic], "lr": settings.learning_rate},
        {"params": [w for w in trained if id(w) in of_critic], "lr": value_rate},
    ]
