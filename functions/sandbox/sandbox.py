"""Runs functions far from the host: one interface, three modes, one family of errors."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import TracebackType
from typing import Any, Literal, get_args

from functions.errors import (
    ArgumentError,
    ForgeError,
    FunctionMemory,
    FunctionRaised,
    LoadError,
    ProtocolError,
    ResultNotJSON,
    ResultTooLarge,
    SandboxError,
    SandboxUnavailable,
)
from functions.function import Function
from functions.sandbox.inside import wire
from functions.sandbox.kernel_backend import REQUIRED, KernelBackend, Mode
from functions.sandbox.monty import MontyBackend
from functions.sandbox.policy import DEFAULT_IMPORTS, check_source
from functions.sandbox.program import Answer, Backend, Payload, Program

BackendName = Literal["kernel", "monty"]
BATCH = 64
MESSAGE = 2000  # characters of an error's message


class Sandbox:
    """Where functions run. Mutable; share it between threads and tasks, and close it at the end.

    A function gets JSON in and gives JSON out. It has no files, no network, no environment, no other process, and no
    state from one call to the next. Not claimed: protection against bugs of the kernel, or against side channels.

    Args:
        timeout: seconds a call may take, on the wall clock.
        memory_mb: how much memory a call may ask for, in MiB.
        imports: what functions may import: modules of the standard library, and installed packages. None allows the
            whole standard library and leaves everything to the kernel's fences.
        mode: "per_call" gives each call a process of its own; "per_batch" one to the up to 64 calls of a batch in
            `map`; "worker" keeps a process for each function between calls. The last two make each call in a fresh
            namespace, and repeat a sample of calls alone to see whether a function cheats: see `stateful`.
        audit: the share of calls that are repeated, in [0, 1].
        seed: of the audit's choice, and of `random` inside functions (with the function and its arguments).
        result_limit: bytes of an encoded result.
        backend: "kernel" is Linux's own fences; "monty" is an interpreter of a subset of Python that runs on any
            system (extra `monty`), where each call stands alone whatever the mode.
        allow_degraded: layers ("landlock", "seccomp") without which to go on if the machine lacks them. Without this
            word a machine that lacks one is refused.

    Raises:
        ForgeError: an argument is out of range.
    """

    def __init__(
        self,
        timeout: float = 2.0,
        memory_mb: int = 256,
        imports: Iterable[str] | None = DEFAULT_IMPORTS,
        mode: Mode = "per_call",
        *,
        audit: float = 0.01,
        seed: int = 0,
        result_limit: int = 1 << 20,
        backend: BackendName = "kernel",
        allow_degraded: Iterable[str] = (),
    ) -> None:
        numbers = (timeout, memory_mb, audit, result_limit)
        if not all(isinstance(number, int | float) for number in numbers):
            raise ForgeError(f"Sandbox(timeout, memory_mb, audit, result_limit) = {numbers}: give numbers")
        if isinstance(imports, str) or isinstance(allow_degraded, str):
            raise ForgeError("Sandbox(imports=, allow_degraded=): give a list of names, such as ('math', 're')")
        if mode not in get_args(Mode):
            raise ForgeError(f"Sandbox(mode={mode!r}): one of {', '.join(get_args(Mode))}")
        if backend not in get_args(BackendName):
            raise ForgeError(f"Sandbox(backend={backend!r}): one of {', '.join(get_args(BackendName))}")
        if not 0 < timeout < 86_400 or not 1 <= memory_mb <= 1 << 20 or not 0 <= audit <= 1 or result_limit < 100:
            raise ForgeError(
                f"Sandbox(timeout={timeout}, memory_mb={memory_mb}, audit={audit}, result_limit={result_limit}): "
                "timeout above 0 s and under a day, memory of at least 1 MiB, audit from 0 to 1, at least 100 bytes"
            )
        self.timeout, self.memory_mb, self.mode, self.result_limit = float(timeout), int(memory_mb), mode, result_limit
        self.imports = None if imports is None else tuple(dict.fromkeys(imports))
        self.allow_degraded = tuple(allow_degraded)
        if unknown := set(self.allow_degraded) - set(REQUIRED):
            raise ForgeError(f"allow_degraded names {sorted(unknown)}: layers that may be given up are {REQUIRED}")
        self._allowed = None if self.imports is None else frozenset(name.partition(".")[0] for name in self.imports)
        self._seed = seed
        self._lock = threading.Lock()
        self._programs: OrderedDict[str, Program] = OrderedDict()
        self._backend: Backend
        if backend == "monty":
            self._backend = MontyBackend(self.timeout, self.memory_mb, result_limit)
        else:
            self._backend = KernelBackend(
                timeout=self.timeout,
                memory_mb=self.memory_mb,
                result_limit=result_limit,
                imports=self.imports,
                mode=mode,
                audit=audit,
                seed=seed,
                allow_degraded=self.allow_degraded,
            )

    # --- the public calls ---------------------------------------------------------------------------------------------

    def call(self, function: Function, arguments: Mapping[str, Any], *, helpers: Sequence[Function] = ()) -> Any:
        """The function's value on these arguments.

        Args:
            helpers: other functions that it calls by name, those without needs of their own first.

        Raises:
            SandboxError: why there is no value.
        """
        program = self._program(function, helpers)
        payload = self._payload(program, arguments)
        return self._value(program, self._backend.answers(program, [payload])[0])

    def map(
        self, function: Function, arguments: Iterable[Mapping[str, Any]], *, helpers: Sequence[Function] = ()
    ) -> Iterator[Any | SandboxError]:
        """The values in the order of the inputs; an error stands in the place of its value.

        Raises:
            PolicyError: the source breaks the policy, so that no call could run.
            SandboxUnavailable: no call can run on this machine.
        """
        program = self._program(function, helpers)
        inputs = iter(arguments)
        while batch := list(islice(inputs, BATCH)):
            yield from self._mapped(program, batch)

    async def acall(self, function: Function, arguments: Mapping[str, Any], *, helpers: Sequence[Function] = ()) -> Any:
        """`call` without holding up the event loop."""
        return await asyncio.to_thread(self.call, function, arguments, helpers=helpers)

    async def amap(
        self, function: Function, arguments: Iterable[Mapping[str, Any]], *, helpers: Sequence[Function] = ()
    ) -> AsyncIterator[Any | SandboxError]:
        """`map` without holding up the event loop."""
        program = await asyncio.to_thread(self._program, function, helpers)
        inputs = iter(arguments)
        while batch := list(islice(inputs, BATCH)):
            for outcome in await asyncio.to_thread(self._mapped, program, batch):
                yield outcome

    def check(self, function: Function, *, helpers: Sequence[Function] = ()) -> None:
        """The static policy alone; nothing is run.

        Raises:
            PolicyError: with line, reason and hint.
        """
        self._program(function, helpers)

    @property
    def stateful(self) -> set[str]:
        """Closures that answered differently when run alone; they get a process for each call from then on."""
        return self._backend.stateful

    @property
    def level(self) -> str:
        """ "full" or "monty"; "partial" without one required layer, "process_only" without both."""
        return self._backend.level

    @property
    def layers(self) -> dict[str, str]:
        """Each layer of isolation: "on", or why it is not."""
        return self._backend.layers

    def close(self) -> None:
        """End all processes. A closed sandbox starts anew when it is used again."""
        self._backend.close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- before and after ---------------------------------------------------------------------------------------------

    def _program(self, function: Function, helpers: Sequence[Function]) -> Program:
        """The closure, checked against the policy once."""
        if not isinstance(function, Function):
            raise ForgeError(f"{function!r:.60} is no Function: make one with Function.from_source or @function")
        key = function.version if not helpers else "+".join(f.version for f in (*helpers, function))
        program = self._programs.get(key)
        if program is not None:
            return program
        sources = [(part.name, part.source) for part in (*helpers, function)]
        for _, source in sources:
            check_source(source, self._allowed)
        setup = {
            "sources": sources,
            "name": function.name,
            "binding": function.binding,
            "imports": None if self._allowed is None else sorted(self._allowed),
            "random": any("random" in source for _, source in sources),
            "limit": self.result_limit,
        }
        program = Program(key, function, setup)
        with self._lock:
            self._programs[key] = program
            if len(self._programs) > 4096:
                self._programs.popitem(last=False)
        return program

    def _payload(self, program: Program, arguments: Mapping[str, Any]) -> Payload:
        """The arguments as they go over the wire, with the seed of this call.

        Raises:
            ArgumentError: they do not fit the parameters, or are not strict JSON.
        """
        checked = program.function.validate(arguments)
        try:
            plain = wire.plain(checked, depth=-1)
        except wire.NotJSON as error:
            raise ArgumentError(f"{program.function.name}: the arguments hold {error}; give JSON values") from None
        seed = 0
        if program.setup["random"]:
            text = json.dumps([self._seed, program.key, plain], sort_keys=True)
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        return [plain, seed]

    def _value(self, program: Program, answer: Answer) -> Any:
        if isinstance(answer, SandboxError):
            raise answer
        if "value" in answer:
            return program.function.check_result(answer["value"])
        raise self._error(answer)

    def _error(self, answer: Mapping[str, Any]) -> SandboxError:
        kind = answer.get("error")
        words, name, trace = (_printable(answer.get(part, "")) for part in ("message", "name", "traceback"))
        match kind:
            case "raised":
                return FunctionRaised(name, words, trace)
            case "load":
                return LoadError(f"the source does not load: {name}: {words}{trace and chr(10)}{trace}"[:MESSAGE])
            case "memory":
                return FunctionMemory(f"asked for more than {self.memory_mb} MiB of memory")
            case "result_not_json":
                return ResultNotJSON(f"the result holds {words}; return plain JSON values")
            case "result_too_large":
                return ResultTooLarge(f"the result takes {words} bytes, more than {self.result_limit}")
        return ProtocolError("the function's process sent an answer of no known kind")

    def _mapped(self, program: Program, batch: Sequence[Mapping[str, Any]]) -> list[Any | SandboxError]:
        payloads: list[Payload] = []
        outcomes: list[Any | SandboxError] = []
        places: list[int] = []
        for place, arguments in enumerate(batch):
            try:
                payloads.append(self._payload(program, arguments))
                places.append(place)
                outcomes.append(None)
            except SandboxError as error:
                outcomes.append(error)
        for place, answer in zip(places, self._backend.answers(program, payloads), strict=True):
            try:
                outcomes[place] = self._value(program, answer)
            except SandboxUnavailable:
                raise
            except SandboxError as error:
                outcomes[place] = error
        return outcomes


def _printable(words: object, most: int = MESSAGE) -> str:
    """A child's words once more made harmless: it may have written them itself."""
    text = words[:most] if isinstance(words, str) else ""
    return "".join(c if c == "\n" or c.isprintable() else ascii(c)[1:-1] for c in text)[:most]
