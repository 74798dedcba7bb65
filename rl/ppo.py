"""The settings of PPO, each checked where it is given."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from functions.errors import ForgeError
from rl.loss import Estimator
from rl.settings import require_choice, require_number, require_whole

Tokens = Literal["all", "choices", "arguments"]


def _along(line: float | tuple[float, float], progress: float) -> float:
    first, last = line if isinstance(line, tuple) else (line, line)
    return first + (last - first) * progress


def _require_line(owner: str, settings: object, name: str) -> None:
    line = getattr(settings, name)
    ends = line if isinstance(line, tuple) and len(line) == 2 else (line,)
    if not all(isinstance(end, int | float) and 0 <= end < math.inf for end in ends):
        raise ForgeError(
            f"{owner}({name}={line!r}): give a number from 0 up, or two, for the first and the last update"
        )


@dataclass(frozen=True, slots=True)
class KL:
    """What keeps the policy near the one that training began with.

    Args:
        coefficient: of the divergence, in nats a token; two numbers go linearly from the first to the second.
        into: the "loss", or the "reward" of each token (arXiv 2203.02155).
        estimator: "k1", "k2", "k3" from the drawn token, "exact" KL(policy || reference) over the vocabulary,
            "imitation" KL(reference || policy). The reward takes k1.
        on: "all" action tokens, those that choose a function ("choices"), or what follows ("arguments").
        target: nats a token that the coefficient adapts to (arXiv 1909.08593); None leaves it as it is.
    """

    coefficient: float | tuple[float, float] = 0.05
    into: Literal["loss", "reward"] = "loss"
    estimator: Estimator = "k3"
    on: Tokens = "all"
    target: float | None = None

    def __post_init__(self) -> None:
        _require_line("KL", self, "coefficient")
        require_choice("KL", self, "into", ("loss", "reward"))
        require_choice("KL", self, "estimator", get_args(Estimator))
        require_choice("KL", self, "on", get_args(Tokens))
        if self.target is not None and isinstance(self.coefficient, tuple):
            raise ForgeError("KL(target=...) adapts the coefficient: give one number to begin with")
        if self.target is not None:
            require_number("KL", self, "target", 1e-9, math.inf)
        if self.into == "loss" and self.estimator == "k1":
            raise ForgeError("KL(into='loss', estimator='k1'): its gradient is 0 on average, so it would hold nothing: "
                             "use 'k2', 'k3' or 'exact'")  # fmt: skip
        if self.into == "reward" and self.estimator not in ("k1", "k3"):
            raise ForgeError(f"KL(into='reward', estimator={self.estimator!r}): a reward takes one number a drawn "
                             "token: leave the estimator out")  # fmt: skip

    def coefficient_at(self, progress: float) -> float:
        """The coefficient when this share of the training is done, where it does not adapt."""
        return _along(self.coefficient, progress)

    def adapted(self, coefficient: float, measured: float) -> float:
        """The next coefficient after an update that measured this divergence."""
        if self.target is None:
            return coefficient
        error = min(max(measured / self.target - 1, -0.2), 0.2)
        return coefficient * (1 + error)


@dataclass(frozen=True, slots=True)
class PPO:
    """Proximal policy optimization over agent sessions (arXiv 1707.06347, 2405.14751).

    Args:
        batch: sessions an update, rounded up to whole streams.
        minibatch: sessions an optimizer step.
        epochs: passes over a batch.
        learning_rate: of the policy; falls linearly to `final_learning_rate` times it.
        value_learning_rate: of the value head and critic; None is `learning_rate`.
        clip: how far the ratio may leave 1 before its gradient stops.
        dual_clip: bound on the loss of bad tokens that became likely (arXiv 1912.09729).
        value_clip: how far a value may move from the old one before its gradient stops.
        value_coefficient: of the value loss.
        detach_value: keep the gradient of the value loss out of the policy's trunk.
        entropy: coefficient of the entropy bonus; two numbers go linearly from the first to the second.
        gamma, lam: of generalized advantage estimation, a token or a turn.
        level: one advantage a "token", or one a "turn".
        advantages: "whiten" takes off the mean and divides by the standard deviation, "scale" only divides, "raw".
        learn: which tokens carry the policy's loss and entropy: "all", or those that choose a function ("choices").
        kl: what keeps the policy near the first one; None: nothing, and no reference is kept.
        importance_cap: of the weight of a token that engine and learner rate differently.
        stop_kl: end an update early when the policy is this far (nats a token) from where the update began.
        critic_warmup: first updates, in which only values learn.
        gradient_clip: of the norm.
        weight_decay: of AdamW.
        micro_tokens: ids a forward pass, with filling; a larger minibatch is accumulated. None is 2,048 on a CPU,
            whose caches that suits, else 32,768.
        precision: "fp32", or "bf16" (mixed).
        validate_every: updates between looks at the validation streams; None: there are none, and the last policy is
            the result.
        checkpoint_every: updates between checkpoints.

    Raises:
        ForgeError: a value out of range.
    """

    batch: int = 256
    minibatch: int = 64
    epochs: int = 2
    learning_rate: float = 3e-4
    final_learning_rate: float = 0.1
    value_learning_rate: float | None = None
    clip: float = 0.2
    dual_clip: float | None = None
    value_clip: float | None = None
    value_coefficient: float = 0.5
    detach_value: bool = False
    entropy: float | tuple[float, float] = 0.0
    gamma: float = 1.0
    lam: float = 0.95
    level: Literal["token", "turn"] = "token"
    advantages: Literal["whiten", "scale", "raw"] = "whiten"
    learn: Literal["all", "choices"] = "all"
    kl: KL | None = KL()
    importance_cap: float = 2.0
    stop_kl: float | None = None
    critic_warmup: int = 0
    gradient_clip: float = 1.0
    weight_decay: float = 0.0
    micro_tokens: int | None = None
    precision: Literal["fp32", "bf16"] = "fp32"
    validate_every: int | None = 10
    checkpoint_every: int = 1

    def __post_init__(self) -> None:
        for name in ("batch", "minibatch", "epochs", "checkpoint_every"):
            require_whole("PPO", self, name, 1)
        for name in ("learning_rate", "clip", "gradient_clip", "importance_cap"):
            require_number("PPO", self, name, 1e-12, math.inf)
        for name in ("gamma", "lam", "final_learning_rate"):
            require_number("PPO", self, name, 0.0, 1.0)
        for name in ("value_coefficient", "weight_decay"):
            require_number("PPO", self, name, 0.0, math.inf)
        require_whole("PPO", self, "critic_warmup", 0)
        for name in ("value_learning_rate", "value_clip", "stop_kl"):
            if getattr(self, name) is not None:
                require_number("PPO", self, name, 1e-12, math.inf)
        for name in ("validate_every", "micro_tokens"):
            if getattr(self, name) is not None:
                require_whole("PPO", self, name, 1)
        if self.dual_clip is not None:
            require_number("PPO", self, "dual_clip", 1.0, math.inf)
        _require_line("PPO", self, "entropy")
        require_choice("PPO", self, "level", ("token", "turn"))
        require_choice("PPO", self, "advantages", ("whiten", "scale", "raw"))
        require_choice("PPO", self, "learn", ("all", "choices"))
        require_choice("PPO", self, "precision", ("fp32", "bf16"))

    def entropy_at(self, progress: float) -> float:
        """The entropy coefficient when this share of the training is done."""
        return _along(self.entropy, progress)

    def rate_at(self, progress: float) -> float:
        """The share of the first learning rate that is left."""
        return 1.0 - (1.0 - self.final_learning_rate) * progress
