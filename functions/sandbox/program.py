"""What a backend runs and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from functions.errors import SandboxError
from functions.function import Function

Answer: TypeAlias = dict[str, Any] | SandboxError
"""{"value": ...} or {"error": kind, ...} as the far side wrote it, or why it wrote nothing."""

Payload: TypeAlias = list[Any]
"""The arguments of a call by name, and the seed of `random` in it."""


@dataclass(frozen=True, slots=True)
class Program:
    """A function with its helpers: `setup` is what the far side loads, `key` stands for all the sources."""

    key: str
    function: Function
    setup: Mapping[str, Any]


class Backend(Protocol):
    """Where programs run. Safe to share between threads."""

    @property
    def level(self) -> str: ...

    @property
    def layers(self) -> dict[str, str]: ...

    @property
    def stateful(self) -> set[str]: ...

    def answers(self, program: Program, payloads: Sequence[Payload]) -> list[Answer]: ...

    def close(self) -> None: ...
