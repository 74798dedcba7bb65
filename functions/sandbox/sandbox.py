"""Runs functions far from the host: one interface, three modes, one family of errors."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import Any, Literal, TypeAlias, get_args

from functions.errors import (
    ArgumentError,
    ForgeError,
    FunctionMemory,
    FunctionRaised,
    FunctionTimeout,
    LoadError,
    ProtocolError,
    ResultNotJSON,
    ResultTooLarge,
    SandboxError,
    SandboxUnavailable,
)
from functions.function import Function
from functions.sandbox.inside import wire
from functions.sandbox.monty import MontyBackend
from functions.sandbox.policy import DEFAULT_IMPORTS, SELDOM_USED, check_source
from functions.sandbox.supervisor import Child, EndedEarly, Zygote, ZygoteLost, verdict

Mode: TypeAlias = Literal["per_call", "per_batch", "worker"]
Backend: TypeAlias = Literal["kernel", "monty"]
Answer: TypeAlias = dict[str, Any] | SandboxError  # a frame of the child, or why there is none

BATCH = 64
RECYCLE_CALLS = 10_000
RECYCLE_BUSY_SECONDS = 30.0
IDLE_WORKERS = 8
REQUIRED = ("landlock", "seccomp")


@dataclass(frozen=True, slots=True)
class _Program:
    """A function with its helpers, as the child loads it."""

    key: str
    function: Function
    setup: Mapping[str, Any]


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
        backend: Backend = "kernel",
        allow_degraded: Iterable[str] = (),
    ) -> None:
        if mode not in get_args(Mode):
            raise ForgeError(f"Sandbox(mode={mode!r}): one of {', '.join(get_args(Mode))}")
        if backend not in get_args(Backend):
            raise ForgeError(f"Sandbox(backend={backend!r}): one of {', '.join(get_args(Backend))}")
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
        self.stateful: set[str] = set()
        """Closures that answered differently when run alone; they get a process for each call from then on."""
        self._portable: MontyBackend | None = None
        if backend == "monty":
            self._portable = MontyBackend(self.timeout, self.memory_mb, result_limit)
        self._allowed = None if self.imports is None else frozenset(self.imports)
        self._audit, self._seed = audit, seed
        self._chance = random.Random(f"audit:{seed}")
        self._lock = threading.RLock()
        self._zygote: Zygote | None = None
        self._missing: dict[str, str] = {}
        self._programs: OrderedDict[str, _Program] = OrderedDict()
        self._idle: OrderedDict[str, list[Child]] = OrderedDict()

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
        return self._value(program, self._answers(program, [payload])[0])

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
    def level(self) -> str:
        """ "full" or "monty"; "partial" without one required layer, "process_only" without both."""
        if self._portable is not None:
            return "monty"
        self._running()
        return ("full", "partial", "process_only")[sum(layer in self._missing for layer in REQUIRED)]

    @property
    def layers(self) -> dict[str, str]:
        """Each layer of isolation: "on", or why it is not."""
        if self._portable is not None:
            return {"interpreter": "on"}
        self._running()
        names = ("landlock", "seccomp", "namespaces", "root", "capabilities")
        return {name: self._missing.get(name, "on") for name in names}

    def close(self) -> None:
        """End all processes. A closed sandbox starts anew when it is used again."""
        if self._portable is not None:
            self._portable.close()
        with self._lock:
            for children in self._idle.values():
                for child in children:
                    child.close()
            self._idle.clear()
            if self._zygote is not None:
                self._zygote.close()
                self._zygote = None

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- before and after ---------------------------------------------------------------------------------------------

    def _program(self, function: Function, helpers: Sequence[Function]) -> _Program:
        """The closure, checked against the policy once."""
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
            "imports": self.imports,
            "random": any("random" in source for _, source in sources),
            "limit": self.result_limit,
        }
        program = _Program(key, function, setup)
        with self._lock:
            self._programs[key] = program
            if len(self._programs) > 4096:
                self._programs.popitem(last=False)
        return program

    def _payload(self, program: _Program, arguments: Mapping[str, Any]) -> list[Any]:
        """The arguments as they go over the wire, with the seed of this call.

        Raises:
            ArgumentError: they do not fit the parameters, or are not strict JSON.
        """
        checked = program.function.validate(arguments)
        try:
            plain = wire.plain(checked)
        except wire.NotJSON as error:
            raise ArgumentError(f"{program.function.name}: the arguments hold {error}; give JSON values") from None
        seed = 0
        if program.setup["random"]:
            text = json.dumps([self._seed, program.key, plain], sort_keys=True)
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
        return [plain, seed]

    def _value(self, program: _Program, answer: Answer) -> Any:
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
                return LoadError(f"the source does not load: {name}: {words}" + (f"\n{trace}" if trace else ""))
            case "memory":
                return FunctionMemory(f"asked for more than {self.memory_mb} MiB of memory")
            case "result_not_json":
                return ResultNotJSON(f"the result holds {words}; return plain JSON values")
            case "result_too_large":
                return ResultTooLarge(f"the result takes {words} bytes, more than {self.result_limit}")
        return ProtocolError("the function's process sent an answer of no known kind")

    def _mapped(self, program: _Program, batch: Sequence[Mapping[str, Any]]) -> list[Any | SandboxError]:
        payloads: list[list[Any]] = []
        outcomes: list[Any | SandboxError] = []
        places: list[int] = []
        for place, arguments in enumerate(batch):
            try:
                payloads.append(self._payload(program, arguments))
                places.append(place)
                outcomes.append(None)
            except SandboxError as error:
                outcomes.append(error)
        for place, answer in zip(places, self._answers(program, payloads), strict=True):
            try:
                outcomes[place] = self._value(program, answer)
            except SandboxUnavailable:
                raise
            except SandboxError as error:
                outcomes[place] = error
        return outcomes

    # --- the modes ----------------------------------------------------------------------------------------------------

    def _answers(self, program: _Program, payloads: Sequence[list[Any]]) -> list[Answer]:
        """An answer for each payload; if the zygote is lost on the way, once more with another."""
        if self._portable is not None:
            return [self._portable.answer(program.setup, arguments) for arguments, _ in payloads]
        try:
            return self._attempt(program, payloads)
        except ZygoteLost:
            self._restart()
        try:
            return self._attempt(program, payloads)
        except ZygoteLost:
            raise SandboxUnavailable("the sandbox process died twice in a row: is the machine out of memory?") from None

    def _attempt(self, program: _Program, payloads: Sequence[list[Any]]) -> list[Answer]:
        if self.mode == "per_call" or program.key in self.stateful:
            return [self._alone(program, payload) for payload in payloads]
        if self.mode == "per_batch":
            return self._audited(program, payloads, self._in_one_process(program, payloads))
        answers = []
        for payload in payloads:
            if program.key in self.stateful:
                answers.append(self._alone(program, payload))
            else:
                answers += self._audited(program, [payload], [self._by_worker(program, payload)])
        return answers

    def _audited(self, program: _Program, payloads: Sequence[list[Any]], answers: list[Answer]) -> list[Answer]:
        """The answers, a sample of them compared with runs alone; if one differs, all of them alone."""
        for payload, answer in zip(payloads, answers, strict=True):
            if self._chance.random() < self._audit and not _same(answer, self._alone(program, payload)):
                self.stateful.add(program.key)
                self._drop_workers(program.key)
                return [self._alone(program, again) for again in payloads]
        return answers

    def _alone(self, program: _Program, payload: list[Any]) -> Answer:
        return self._in_one_process(program, [payload])[0]

    def _in_one_process(self, program: _Program, payloads: Sequence[list[Any]]) -> list[Answer]:
        """One child for all inputs; where one of them ends it, that one fails and the rest get another."""
        answers: list[Answer] = []
        while len(answers) < len(payloads):
            rest = payloads[len(answers) :]
            child = self._spawn(cpu_seconds=self.timeout * len(rest))
            deadline = time.monotonic() + self.timeout
            child.send_all((program.setup, rest), deadline)
            child.finish_sending()
            try:
                for place in range(len(rest)):
                    answers.append(child.receive(deadline, self.result_limit))
                    deadline = time.monotonic() + (self.timeout if place + 1 < len(rest) else 1.0)
                self._require_clean_end(child, deadline)
            except (FunctionTimeout, EndedEarly, ProtocolError) as error:
                if len(answers) == len(payloads):
                    answers.pop()
                answers.append(self._failure(child, error, self.timeout * len(rest)))
        return answers

    def _require_clean_end(self, child: Child, deadline: float) -> None:
        """A whole answer counts only from a process that then ended by itself, well."""
        ending = child.ended_cleanly(deadline)
        if ending is None:
            raise FunctionTimeout("", clock="wall")
        if ending.exit_code != 0:
            raise EndedEarly

    def _by_worker(self, program: _Program, payload: list[Any]) -> Answer:
        child = self._worker(program)
        began = time.monotonic()
        deadline = began + self.timeout
        child.send([payload], deadline)
        try:
            answer: dict[str, Any] = child.receive(deadline, self.result_limit)
        except (FunctionTimeout, EndedEarly, ProtocolError) as error:
            return self._failure(child, error, RECYCLE_BUSY_SECONDS + self.timeout)
        child.busy_seconds += time.monotonic() - began
        child.calls += 1
        if "value" in answer and child.calls < RECYCLE_CALLS and child.busy_seconds < RECYCLE_BUSY_SECONDS:
            self._park(program.key, child)
        else:
            child.close()
        return answer

    def _failure(self, child: Child, error: Exception, cpu_limit: float) -> SandboxError:
        """Why a child gave no valid answer; it is ended if it still runs.

        Raises:
            ZygoteLost: nobody knows, since the zygote is gone too.
        """
        try:
            ending = child.ending()
        except ZygoteLost:
            self._restart()
            ending = None
        if isinstance(error, FunctionTimeout):
            return FunctionTimeout(f"took longer than {self.timeout:g} s", clock="wall")
        if isinstance(error, ProtocolError):
            return error
        if ending is None:
            raise ZygoteLost
        return verdict(ending, cpu_limit=cpu_limit, timeout=self.timeout)

    # --- processes ----------------------------------------------------------------------------------------------------

    def _worker(self, program: _Program) -> Child:
        """An idle worker that has this program loaded, or a new one."""
        while True:
            with self._lock:
                self._running()
                parked = self._idle.get(program.key)
                child = parked.pop() if parked else None
            if child is None:
                child = self._spawn(cpu_seconds=RECYCLE_BUSY_SECONDS + self.timeout)
                child.send(program.setup, time.monotonic() + self.timeout)
                return child
            if not child.gone:
                return child
            child.close()

    def _park(self, key: str, child: Child) -> None:
        """Keep a worker for the next call; the longest unused one goes when there are too many."""
        with self._lock:
            self._idle.setdefault(key, []).append(child)
            self._idle.move_to_end(key)
            while sum(map(len, self._idle.values())) > IDLE_WORKERS:
                oldest, children = next(iter(self._idle.items()))
                if children:
                    children.pop(0).close()
                if not children:
                    del self._idle[oldest]

    def _drop_workers(self, key: str) -> None:
        with self._lock:
            for child in self._idle.pop(key, ()):
                child.close()

    def _spawn(self, *, cpu_seconds: float) -> Child:
        return self._running().spawn(self.memory_mb << 20, int(cpu_seconds) + 2)

    def _running(self) -> Zygote:
        """The zygote, started if there is none; after a fork of the host, a new one."""
        with self._lock:
            if self._zygote is not None and self._zygote.alive:
                return self._zygote
            self._idle.clear()
            if self._zygote is not None and self._zygote.owned:
                self._zygote.kill()
            self._zygote = self._started()
            return self._zygote

    def _restart(self) -> None:
        with self._lock:
            if self._zygote is not None:
                self._zygote.kill()
                self._zygote = None
            self._idle.clear()

    def _started(self) -> Zygote:
        if sys.platform != "linux":
            raise SandboxUnavailable(
                f"the sandbox needs Linux (Landlock and seccomp), and this is {sys.platform}: run Forge in a Linux "
                "container, or use the portable subset of Python: pip install 'forge-agents[monty]' and "
                "Sandbox(backend='monty')"
            )
        names = DEFAULT_IMPORTS if self.imports is None else self.imports
        packages = [name for name in names if name.partition(".")[0] not in sys.stdlib_module_names]
        standard = [name for name in names if name not in packages and name not in SELDOM_USED]
        zygote = Zygote(standard, packages)
        given_up = [layer for layer in REQUIRED if layer in zygote.missing]
        if given_up and set(given_up) <= set(self.allow_degraded):
            zygote.close()
            zygote = Zygote(standard, packages, without=given_up)
            zygote.missing.update({layer: "given up by allow_degraded" for layer in given_up})
            _warn_once(given_up)
        elif given_up:
            zygote.close()
            raise SandboxUnavailable(_refusal(given_up, zygote.missing))
        if escaped := [deed for deed in zygote.escaped if not _excused(deed, given_up)]:
            zygote.close()
            raise SandboxUnavailable(
                f"a sandboxed process could still {' and '.join(escaped)}: this machine's kernel does not hold what it "
                "promises; run Forge in another container or machine"
            )
        self._missing = zygote.missing
        return zygote


_FIXES = {
    "landlock": "a kernel of 5.13 or newer with Landlock enabled (lsm=...,landlock), not blocked by the container",
    "seccomp": "a kernel with seccomp filters, not blocked by the container",
}


def _refusal(missing: Sequence[str], reasons: Mapping[str, str]) -> str:
    what = "; ".join(f"{layer} ({reasons[layer]}): it needs {_FIXES[layer]}" for layer in missing)
    words = ", ".join(repr(layer) for layer in missing)
    return (f"this machine cannot give full isolation: {what}. Or, if you accept weaker isolation, say so with "
            f"Sandbox(allow_degraded=({words},))")  # fmt: skip


def _excused(deed: str, given_up: Sequence[str]) -> bool:
    return ("landlock" in given_up) if "file" in deed else ("seccomp" in given_up)


_warned: set[str] = set()


def _warn_once(layers: Sequence[str]) -> None:
    words = ", ".join(layers)
    if words not in _warned:
        _warned.add(words)
        warnings.warn(f"functions run with weaker isolation: no {words}", RuntimeWarning, stacklevel=2)


def _printable(words: object, most: int = 2500) -> str:
    """A child's words once more made harmless: it may have written them itself."""
    text = words[:most] if isinstance(words, str) else ""
    return "".join(c if c == "\n" or c.isprintable() else ascii(c)[1:-1] for c in text)[:most]


def _same(first: Answer, second: Answer) -> bool:
    """Whether two runs agree: the same value to the type, or the same kind of failure."""
    if isinstance(first, SandboxError) or isinstance(second, SandboxError):
        return type(first) is type(second)
    if "value" in first and "value" in second:
        return json.dumps(first["value"]) == json.dumps(second["value"])
    return first.get("error") == second.get("error") and first.get("name") == second.get("name")


__all__ = ["Mode", "Sandbox"]
