"""The portable backend: Monty, an interpreter of a subset of Python in processes of its own (extra `monty`).

For machines without Landlock and seccomp. What it lacks is an error, never done some other way: much of the standard
library, `yield`, and dataclass arguments.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from functions.errors import (
    FunctionCrashed,
    FunctionMemory,
    FunctionRaised,
    FunctionTimeout,
    LoadError,
    ResultNotJSON,
    ResultTooLarge,
    SandboxError,
    SandboxUnavailable,
)
from functions.sandbox.inside import wire
from functions.sandbox.program import Answer, Payload, Program

GRACE_SECONDS = 0.5  # until a process that does not notice its own limit is killed


class MontyBackend:
    """A pool of Monty processes; each call gets a session of its own. Mutable; safe to share between threads.

    Raises:
        SandboxUnavailable: the extra is not installed.
    """

    def __init__(self, timeout: float, memory_mb: int, result_limit: int) -> None:
        try:
            import pydantic_monty
        except ImportError as error:
            raise SandboxUnavailable(
                "the portable backend needs the package pydantic-monty: pip install 'forge-agents[monty]'"
            ) from error
        self._monty: Any = pydantic_monty
        self._timeout, self._memory_mb, self._result_limit = timeout, memory_mb, result_limit
        self._limits = {"max_feed_duration_secs": timeout, "max_memory": memory_mb << 20}
        self._lock = threading.Lock()
        self._pool: Any = None

    level = "monty"

    @property
    def layers(self) -> dict[str, str]:
        return {"interpreter": "on"}

    @property
    def stateful(self) -> set[str]:
        """None: every call has a session of its own."""
        return set()

    def answers(self, program: Program, payloads: Sequence[Payload]) -> list[Answer]:
        """One answer a payload, in order."""
        return [self._answer(program.setup, arguments) for arguments, _ in payloads]

    def _answer(self, setup: Mapping[str, Any], arguments: Mapping[str, Any]) -> Answer:
        if decoded := sorted(setup["binding"]["decode"]):
            return LoadError(f"the portable backend passes plain JSON only; the annotation of {decoded[0]} wants more")
        code = "\n".join([source for _, source in setup["sources"]] + [_call(setup, arguments)])
        try:
            with self._running().checkout(limits=self._limits) as session:
                value = session.feed_run(code, inputs={"_arguments": dict(arguments)}, print_callback=_discard)
        except self._monty.MontySyntaxError as error:
            return LoadError(f"the source does not load: {str(error)[:500]}")
        except self._monty.MontyCrashedError as error:
            return (
                self._timed_out()
                if error.timed_out
                else FunctionCrashed("the process died", exit_code=error.exit_status)
            )
        except self._monty.MontyError as error:
            return self._raised(error.exception())
        try:
            text = wire.dumps(value)
        except wire.NotJSON as error:
            return ResultNotJSON(f"the result holds {error}; return plain JSON values")
        if len(text) > self._result_limit:
            return ResultTooLarge(f"the result takes {len(text)} bytes, more than {self._result_limit}")
        return {"value": wire.loads(text.encode("ascii"))}

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            if self._pool is not None:
                self._pool.__exit__(None, None, None)
                self._pool = None

    def _running(self) -> Any:
        with self._lock:
            if self._pool is None:
                self._pool = self._monty.Monty(request_timeout=self._timeout + GRACE_SECONDS).__enter__()
            return self._pool

    def _raised(self, error: BaseException) -> SandboxError:
        if isinstance(error, TimeoutError) and "time limit exceeded" in str(error):
            return self._timed_out()
        if isinstance(error, MemoryError):
            return FunctionMemory(f"asked for more than {self._memory_mb} MiB of memory")
        return FunctionRaised(type(error).__name__, str(error)[:2000])

    def _timed_out(self) -> FunctionTimeout:
        return FunctionTimeout(f"took longer than {self._timeout:g} s", clock="wall")


def _call(setup: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    """The last line: the function called with its arguments, each where its signature wants it."""
    binding = setup["binding"]
    given: Sequence[str] = [name for name in binding["positional"] if name in arguments]
    parts = [f"_arguments[{name!r}]" for name in given]
    rest = binding["var_positional"]
    if rest and rest in arguments:
        parts.append(f"*_arguments[{rest!r}]")
    named = [name for name in arguments if name not in given and name != rest]
    parts += [f"**{{{', '.join(f'{name!r}: _arguments[{name!r}]' for name in named)}}}"] if named else []
    return f"{setup['name']}({', '.join(parts)})"


def _discard(stream: str, text: str) -> None:
    """What functions print goes nowhere."""
