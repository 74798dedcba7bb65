"""The record of one task being worked on: plain values that go to JSON and back unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from functions.errors import ForgeError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

StopReason = Literal["submitted", "turns", "tokens", "seconds", "model_error"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent: model calls, tokens, US dollars, and seconds waited for models."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_calls: int = 0
    usd: float = 0.0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_calls + other.cached_calls,
            self.usd + other.usd,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One call that a model asks for. `error` is set, and `arguments` empty, where its text could not be read."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    error: str = ""
    text: str = ""  # the arguments as the model wrote them


@dataclass(frozen=True, slots=True)
class Action:
    """One turn of a model: free text (a plan), then calls. A text-only turn of a chat model is its answer.

    `token_ids` and `log_probs` (one each per generated token) are there where a local policy acted, and `prompt_ids`,
    all that it was shown before them.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    finish_reason: str = "stop"  # "length": cut off; "error": no reply could be had, `text` says why
    usage: Usage = Usage()
    token_ids: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    prompt_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """What a call gave back. `text` is what the model reads; `error` is the kind of failure ("" if none)."""

    name: str
    text: str
    value: Any = None
    error: str = ""
    call_id: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """An action and what came of it; an action without calls may still meet an observation (a nudge).

    `cost` is the advice that was charged for in this step.
    """

    action: Action
    observations: tuple[Observation, ...] = ()
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Session:
    """Everything that happened on one task. Both trainings learn from sessions and from nothing else."""

    task_id: str
    question: str
    answer: Any = None  # what the agent submitted
    steps: tuple[Step, ...] = ()
    stop: StopReason = "submitted"
    usage: Usage = Usage()
    advice_count: int = 0
    advice_cost: float = 0.0
    remembered: tuple[str, ...] = ()  # the entries that this session added to memory
    score: float | None = None  # the metric's, in [0, 1]; None until scored
    feedback: str = ""
    seed: int = 0
    repeat: int = 0
    seconds: float = 0.0
    library_version: str = ""
    sandbox_level: str = ""
    error: str = ""  # why the model or the metric failed, if it did

    @property
    def reward(self) -> float | None:
        """Score minus the cost of advice (AGILE's per-session reward); None until scored."""
        return None if self.score is None else self.score - self.advice_cost

    @property
    def calls(self) -> tuple[tuple[Call, Observation], ...]:
        """Every call with its observation, in order."""
        return tuple(pair for step in self.steps for pair in zip(step.action.calls, step.observations, strict=False))

    def to_json(self) -> str:
        """One line of ASCII; NaN, infinities and lone surrogates survive."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Session:
        """The session that `to_json` wrote.

        Raises:
            ForgeError: the text is no session.
        """
        from pydantic import ValidationError

        try:
            return _adapter().validate_python(json.loads(text))
        except (ValueError, ValidationError) as error:
            raise ForgeError(f"this is no session of Forge: {error}") from error


@cache
def _adapter() -> TypeAdapter[Session]:
    from pydantic import TypeAdapter

    return TypeAdapter(Session)
