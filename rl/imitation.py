"""Imitation: supervised learning of the tokens that a policy should have written, executor tokens left out."""

from __future__ import annotations

import math
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch

from forge.agent import Agent
from forge.evaluate import Evaluation
from forge.session import Session
from functions.errors import ForgeError
from rl.batch import PROCESSOR_TOKENS, by_budget, rows
from rl.demonstrations import fitting, given_sessions, written_segments
from rl.experience import Diverged
from rl.policy import Policy
from rl.segments import Segment
from rl.settings import require_choice, require_number, require_whole

Lesson = TypeVar("Lesson")

IGNORED = -100  # a label that carries no loss
TOGETHER = 50  # batches that are drawn at once and sorted by length


@dataclass(frozen=True, slots=True)
class Imitation:
    """Args:
        epochs: passes over the demonstrations at most.
        batch: segments an optimizer step.
        learning_rate: highest; it warms up over the first 3% of steps and falls to 0 along a cosine.
        validation: share of the sessions that is held out.
        every: optimizer steps between two looks at the held-out sessions.
        patience: looks without a gain, in loss or in accuracy, after which training stops, once the accuracy is at
            `least_accuracy`; the weights of the lowest loss are kept: where demonstrations act at random, as in whether
            they ask, the accuracy of even the true policy is a matter of luck.
        least_accuracy: share of held-out actions that must be right to the last token before training may stop early:
            copying from the context forms suddenly and late.
        seconds: wall time at most; None is no limit.
        precision: "fp32", or "bf16" (mixed).
        by_length: batches of segments of like length, which are filled up less: quicker where lengths differ much.

    Raises:
        ForgeError: a value out of range.
    """

    epochs: float = 3.0
    batch: int = 32
    learning_rate: float = 1e-3
    validation: float = 0.05
    every: int = 100
    patience: int = 5
    least_accuracy: float = 0.0
    seconds: float | None = None
    precision: str = "fp32"
    by_length: bool = False

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate"):
            require_number("Imitation", self, name, 1e-12)
        for name in ("batch", "every", "patience"):
            require_whole("Imitation", self, name, 1)
        for name in ("validation", "least_accuracy"):
            require_number("Imitation", self, name, 0.0, 1.0)
        if self.validation in (0, 1):
            raise ForgeError(f"Imitation(validation={self.validation!r}): give a share between 0 and 1: some sessions "
                             "are held out, and some are not")  # fmt: skip
        if self.seconds is not None:
            require_number("Imitation", self, "seconds", 0.0)
        require_choice("Imitation", self, "precision", ("fp32", "bf16"))


@dataclass(frozen=True, slots=True)
class Look:
    """How well held-out actions are foretold after some optimizer steps."""

    step: int
    loss: float
    accuracy: float  # share of actions that are right to the last token
    seconds: float


@dataclass(frozen=True, slots=True)
class ImitationResult:
    """The agent with the trained policy, and what was seen on the way."""

    agent: Agent
    history: tuple[Look, ...]
    segments: int
    tokens: int  # action tokens that were learned from, once each
    notes: tuple[str, ...] = ()  # what was left out, and why

    @property
    def policy(self) -> Policy:
        policy: Policy = self.agent.model
        return policy


def imitate(
    agent: Agent,
    demonstrations: Iterable[Session] | Evaluation,
    *,
    imitation: Imitation = Imitation(),
    seed: int = 0,
    on_look: Callable[[Look], None] | None = None,
) -> ImitationResult:
    """Teach a copy of the agent's policy to act as in the demonstrations.

    Args:
        agent: its model is an `rl.Policy`, which stays as it is.
        demonstrations: sessions of any model: gold trajectories, a stronger model's, or a data set's own annotations.
            An action of several calls is shown as one action a call where the policy's dialect makes one a turn.
        on_look: hears of each look at the held-out sessions.

    Raises:
        ForgeError: the model is no policy, or fewer than two demonstrations have actions that fit its context.
        Diverged: the loss or a weight is no finite number.
    """
    policy = _policy(agent)
    if not isinstance(imitation, Imitation):
        raise ForgeError(f"imitate(imitation={imitation!r:.60}): give rl.Imitation(...)")
    sessions = given_sessions(demonstrations)
    policy.learn_names([*agent.library.names, *(tool.name for tool in agent.all_tools), *_called(sessions)])
    lessons, notes = fitting(written_segments(sessions, policy, agent), policy.context)
    held_out, training = _split(lessons, imitation.validation, seed)
    parts = [part for lesson in training for part in lesson]
    looker = _Looker(policy, [part for lesson in held_out for part in lesson], imitation, on_look)
    _train(policy, parts, imitation, seed, looker)
    looker.restore()
    policy.network.eval()
    policy.engine.forget()
    tokens = sum(len(part.places) for part in parts)
    return ImitationResult(replace(agent, model=policy), tuple(looker.looks), len(parts), tokens, notes)


def _policy(agent: Agent) -> Policy:
    if not isinstance(agent, Agent) or not isinstance(agent.model, Policy):
        given = getattr(getattr(agent, "model", agent), "name", agent)
        raise ForgeError(f"imitate(agent with model {given!r:.60}): weights are trained of an rl.Policy, such as "
                         "rl.Policy.from_pretrained(path)")  # fmt: skip
    return agent.model.copy()


def _called(sessions: Iterable[Session]) -> list[str]:
    return sorted({call.name for session in sessions for call, _ in session.calls})


def _split(lessons: Sequence[Lesson], share: float, seed: int) -> tuple[list[Lesson], list[Lesson]]:
    """Held-out demonstrations and the rest, by seed."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lessons), generator=generator).tolist()
    count = min(max(1, round(share * len(lessons))), len(lessons) - 1)
    return [lessons[n] for n in order[:count]], [lessons[n] for n in order[count:]]


class _Looker:
    """Looks at held-out actions now and then, keeps the best weights, and says when to stop. Mutable."""

    def __init__(
        self, policy: Policy, parts: Sequence[Segment], settings: Imitation, on_look: Callable[[Look], None] | None
    ) -> None:
        self.policy, self.parts, self.settings, self._on_look = policy, parts, settings, on_look
        self.looks: list[Look] = []
        self._best: dict[str, torch.Tensor] | None = None
        self._loss, self._accuracy = math.inf, 0.0
        self._began = time.monotonic()
        self._stale = 0

    def look(self, step: int) -> bool:
        """Whether training should stop here."""
        loss, accuracy = foretold(self.policy, self.parts)
        look = Look(step, loss, accuracy, time.monotonic() - self._began)
        self.looks.append(look)
        if self._on_look is not None:
            self._on_look(look)
        if not math.isfinite(loss):
            raise _diverged(step, f"the held-out loss is {loss}")
        gains = loss < self._loss, accuracy > self._accuracy
        if gains[0]:
            self._loss = loss
            self._best = {name: value.detach().clone() for name, value in self.policy.network.state_dict().items()}
        self._accuracy = max(self._accuracy, accuracy)
        self._stale = 0 if any(gains) else self._stale + 1
        late = self.settings.seconds is not None and look.seconds >= self.settings.seconds
        ripe = self._accuracy >= self.settings.least_accuracy
        return late or (ripe and self._stale >= self.settings.patience)

    def restore(self) -> None:
        """Put the best weights back."""
        if self._best is not None:
            self.policy.network.load_state_dict(self._best)
        for name, weight in self.policy.network.named_parameters():
            if not bool(weight.isfinite().all()):  # of a token that is nowhere held out, so that no loss has shown it
                raise _diverged(self.looks[-1].step, f"{name} has values that are no finite numbers")


def _diverged(step: int, what: str) -> Diverged:
    return Diverged(f"imitation, step {step}: {what}. A lower Imitation(learning_rate=...) may help; the agent that "
                    "was given is as it was")  # fmt: skip


@torch.no_grad()
def foretold(policy: Policy, parts: Sequence[Segment]) -> tuple[float, float]:
    """The mean loss of an action token, in nats, and the share of actions that greedy decoding would write as they are
    when it is shown all that came before."""
    network, device = policy.network.eval(), policy.network.device
    loss, tokens, right, count = 0.0, 0, 0, 0
    for group in by_budget([len(part) for part in parts], PROCESSOR_TOKENS if device.type == "cpu" else 16_384):
        part = rows([parts[number] for number in group]).to(device)
        logits, _ = network(part.ids_bt, part.rows_n, part.columns_n)
        losses = torch.nn.functional.cross_entropy(logits, part.targets_n, reduction="none")
        loss, tokens = loss + float(losses.sum()), tokens + len(losses)
        correct = (logits.argmax(-1) == part.targets_n).cpu()
        turns = torch.tensor([turn + 10_000 * number for number in group for turn in parts[number].turns])
        _, number_of = torch.unique_consecutive(turns, return_inverse=True)
        whole = torch.ones(int(number_of[-1]) + 1, dtype=torch.bool).scatter_reduce(
            0, number_of, correct, "amin", include_self=True
        )
        right, count = right + int(whole.sum()), count + len(whole)
    return loss / tokens, right / count


def _train(policy: Policy, parts: Sequence[Segment], settings: Imitation, seed: int, looker: _Looker) -> None:
    """TRL's SFTTrainer on rows of ids and labels."""
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from datasets import Dataset as Rows
    from transformers import PrinterCallback, TrainerCallback
    from trl.trainer.sft_config import SFTConfig

    from rl.imitation_trainer import ImitationTrainer

    class Look(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step % settings.every == 0 or state.global_step == state.max_steps:
                control.should_training_stop |= looker.look(state.global_step)
                policy.network.train()

    if settings.by_length:
        parts = [parts[number] for number in _by_length([len(part) for part in parts], settings, seed)]
    labels = [_labels(part) for part in parts]
    data = Rows.from_dict({"input_ids": [part.ids for part in parts], "labels": labels})
    with tempfile.TemporaryDirectory() as folder, _accelerate_of_its_own():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # checkpointing has another name from transformers 5.23 on
            config = SFTConfig(
                output_dir=folder, num_train_epochs=1.0 if settings.by_length else settings.epochs,
                train_sampling_strategy="sequential" if settings.by_length else "random",
                per_device_train_batch_size=settings.batch,
                learning_rate=settings.learning_rate, lr_scheduler_type="cosine", warmup_steps=0.03, max_length=None,
                packing=False, seed=seed, use_cpu=policy.network.device.type == "cpu",
                bf16=settings.precision == "bf16", report_to=[], save_strategy="no", logging_strategy="no",
                disable_tqdm=True, gradient_checkpointing=False, dataset_kwargs={"skip_prepare_dataset": True},
                remove_unused_columns=False,
            )  # fmt: skip
        trainer = ImitationTrainer(policy.network, config, data, policy.tokenizer, [Look()])
        trainer.remove_callback(PrinterCallback)
        policy.network.train()
        try:
            trainer.train()
        except torch.cuda.OutOfMemoryError as error:
            raise ForgeError(f"the GPU has no memory for {settings.batch} segments at once: give a smaller "
                             "Imitation(batch=...), a smaller model, or lora=") from error  # fmt: skip


@contextmanager
def _accelerate_of_its_own() -> Iterator[None]:
    """The trainer sets its device and mixed precision for the process: whoever trains after it would have them, too."""
    from accelerate.state import AcceleratorState, PartialState

    name, states = "ACCELERATE_MIXED_PRECISION", (PartialState._shared_state, AcceleratorState._shared_state)
    variable, before = os.environ.pop(name, None), [dict(state) for state in states]
    try:
        yield
    finally:
        for state, shared in zip(states, before, strict=True):
            state.clear()
            state.update(shared)
        os.environ.pop(name, None)
        if variable is not None:
            os.environ[name] = variable


def _by_length(lengths: Sequence[int], settings: Imitation, seed: int) -> list[int]:
    """Places of segments in the order of all epochs: of like length within a batch, batches in random order.

    The epochs are one sequence, of which the last batch alone may be short, so that all are cut where they are here.
    """
    generator, size = torch.Generator().manual_seed(seed), settings.batch
    drawn: list[int] = []
    for epoch in range(math.ceil(settings.epochs)):
        whole = torch.randperm(len(lengths), generator=generator).tolist()
        drawn += whole[: math.ceil((settings.epochs - epoch) * len(lengths))]
    order: list[int] = []
    for start in range(0, len(drawn), TOGETHER * size):
        alike = sorted(drawn[start : start + TOGETHER * size], key=lengths.__getitem__)
        batches = [alike[place : place + size] for place in range(0, len(alike), size)]
        short = batches.pop() if len(batches[-1]) < size else []
        for number in torch.randperm(len(batches), generator=generator).tolist():
            order += batches[number]
        order += short
    return order


def _labels(part: Segment) -> list[int]:
    labels = [IGNORED] * len(part)
    for place in part.places:
        labels[place] = part.ids[place]
    return labels
