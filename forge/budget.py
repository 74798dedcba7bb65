"""Limits on what a training or an evaluation may spend, and the meter that counts."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, fields

from forge.session import Usage
from functions.errors import ForgeError


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits over everything that one training does; None is no limit.

    Args:
        rollouts: sessions played.
        tokens: input and output tokens of all models.
        usd: US dollars, as priced by the model's provider table.
        seconds: wall time.
    """

    rollouts: int | None = None
    tokens: int | None = None
    usd: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is None:
                continue
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0 or math.isinf(limit):
                raise ForgeError(f"Budget({field.name}={limit!r}) allows nothing: give a number above 0, or None for "
                                 "no limit")  # fmt: skip


class Meter:
    """Counts what is spent against a budget. Mutable, shared by threads; its clock starts when it is made.

    Args:
        seconds: spent before.
    """

    def __init__(self, budget: Budget | None = None, *, seconds: float = 0.0) -> None:
        self.budget = budget or Budget()
        self._usage = Usage()
        self._rollouts = 0
        self._began = time.monotonic() - seconds
        self._lock = threading.Lock()
        self._held_back = 0.0

    def add(self, usage: Usage = Usage(), *, rollouts: int = 0) -> None:  # noqa: B008 - Usage is frozen
        with self._lock:
            self._usage += usage
            self._rollouts += rollouts

    @property
    def spent(self) -> Usage:
        return self._usage

    @property
    def rollouts(self) -> int:
        return self._rollouts

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def hold_back(self, share: float) -> None:
        """Keep a share of every limit for later: until this is called with 0, the limits are lower by it."""
        self._held_back = share

    @property
    def exhausted(self) -> str | None:
        """Which limit is reached, in words; None while all hold."""
        limits = (
            ("rollouts", self._rollouts, self.budget.rollouts),
            ("tokens", self._usage.tokens, self.budget.tokens),
            ("usd", self._usage.usd, self.budget.usd),
            ("seconds", self.seconds, self.budget.seconds),
        )
        for name, spent, limit in limits:
            if limit is not None and spent >= self._allowed(limit):
                held = f", of which {limit - self._allowed(limit):g} are held back" if self._held_back else ""
                return f"{name} {spent:g} of {limit:g}{held}"
        return None

    @property
    def rollouts_left(self) -> int | None:
        """How many sessions may still start; None without a limit."""
        if self.budget.rollouts is None:
            return None
        return max(0, int(self._allowed(self.budget.rollouts)) - self._rollouts)

    def _allowed(self, limit: float) -> float:
        allowed = limit * (1 - self._held_back)
        return float(int(allowed)) if isinstance(limit, int) else allowed
