"""The backend of the kernel's fences: children of a zygote, in three modes, with an audit for smuggled state."""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
import warnings
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from functions.errors import FunctionTimeout, ProtocolError, SandboxError, SandboxUnavailable
from functions.sandbox.policy import DEFAULT_IMPORTS, SELDOM_USED
from functions.sandbox.program import Answer, Payload, Program
from functions.sandbox.supervisor import Child, EndedEarly, Zygote, ZygoteLost, verdict

Mode: TypeAlias = Literal["per_call", "per_batch", "worker"]

RECYCLE_CALLS = 10_000
RECYCLE_BUSY_SECONDS = 30.0
IDLE_WORKERS = 8
BATCH_TEXT = 1 << 20  # characters of inputs that one process is given at a time
END_SECONDS = 1.0  # for a process to end after its last answer
REQUIRED = ("landlock", "seccomp")


class KernelBackend:
    """Runs programs in processes fenced in by Landlock, seccomp and namespaces. Mutable; shared between threads.

    Its zygote starts with the first call, and starts anew after `close` or a fork of the host.
    """

    def __init__(
        self,
        *,
        timeout: float,
        memory_mb: int,
        result_limit: int,
        imports: Sequence[str] | None,
        mode: Mode,
        audit: float,
        seed: int,
        allow_degraded: Sequence[str],
    ) -> None:
        self.timeout, self.memory_mb, self.result_limit = timeout, memory_mb, result_limit
        self.imports, self.mode, self.allow_degraded = imports, mode, tuple(allow_degraded)
        self.stateful: set[str] = set()
        self._audit, self._chance = audit, random.Random(f"audit:{seed}")
        self._process, self._lock = os.getpid(), threading.RLock()
        self._zygote: Zygote | None = None
        self._missing: dict[str, str] = {}
        self._idle: OrderedDict[str, list[Child]] = OrderedDict()

    @property
    def level(self) -> str:
        """ "full", "partial" without one required layer, "process_only" without both."""
        self._running()
        return ("full", "partial", "process_only")[sum(layer in self._missing for layer in REQUIRED)]

    @property
    def layers(self) -> dict[str, str]:
        """Each layer: "on", or why it is not."""
        self._running()
        names = ("landlock", "seccomp", "namespaces", "root", "capabilities")
        return {name: self._missing.get(name, "on") for name in names}

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            for children in self._idle.values():
                for child in children:
                    child.close()
            self._idle.clear()
            if self._zygote is not None:
                self._zygote.close()
                self._zygote = None

    def answers(self, program: Program, payloads: Sequence[Payload]) -> list[Answer]:
        """An answer for each payload; if the zygote is lost on the way, once more with another."""
        if self._process != os.getpid():  # a fork of the host: another thread may have held the lock just then
            self._process, self._lock = os.getpid(), threading.RLock()
        try:
            return self._attempt(program, payloads)
        except ZygoteLost:
            self._restart()
        try:
            return self._attempt(program, payloads)
        except ZygoteLost:
            raise SandboxUnavailable("the sandbox process died twice in a row: is the machine out of memory?") from None

    def _attempt(self, program: Program, payloads: Sequence[Payload]) -> list[Answer]:
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

    def _audited(self, program: Program, payloads: Sequence[Payload], answers: list[Answer]) -> list[Answer]:
        """The answers, a sample of them compared with runs alone; if one differs, all of them alone."""
        for payload, answer in zip(payloads, answers, strict=True):
            if self._chance.random() < self._audit and not _same(answer, self._alone(program, payload)):
                self.stateful.add(program.key)
                self._drop_workers(program.key)
                return [self._alone(program, again) for again in payloads]
        return answers

    def _alone(self, program: Program, payload: Payload) -> Answer:
        return self._in_one_process(program, [payload])[0]

    def _in_one_process(self, program: Program, payloads: Sequence[Payload]) -> list[Answer]:
        """One child for all inputs; where one of them ends it, that one fails and the rest get another."""
        setup, texts = json.dumps(program.setup), [json.dumps(payload) for payload in payloads]
        answers: list[Answer] = []
        while len(answers) < len(payloads):
            answers += self._started_batch(setup, _fitting(texts[len(answers) :]))
        return answers

    def _started_batch(self, setup: str, payloads: Sequence[str]) -> list[Answer]:
        """The answers of one child, up to the first that it did not survive."""
        answers: list[Answer] = []
        child = self._spawn(cpu_seconds=self.timeout * len(payloads))
        deadline = time.monotonic() + self.timeout
        child.send((setup, f"[{', '.join(payloads)}]"), deadline)
        child.finish_sending()
        try:
            for place in range(len(payloads)):
                answers.append(child.receive(deadline, self.result_limit))
                deadline = time.monotonic() + (self.timeout if place + 1 < len(payloads) else END_SECONDS)
            self._require_clean_end(child, deadline)
        except (FunctionTimeout, EndedEarly, ProtocolError) as error:
            answers[len(payloads) - 1 :] = []  # of the last one that then ended badly
            answers.append(self._failure(child, error, self.timeout * len(payloads)))
        return answers

    def _require_clean_end(self, child: Child, deadline: float) -> None:
        """A whole answer counts only from a process that then ended by itself, well."""
        ending = child.ended_cleanly(deadline)
        if ending is None:
            raise FunctionTimeout("", clock="wall")
        if ending.exit_code != 0:
            raise EndedEarly

    def _by_worker(self, program: Program, payload: Payload) -> Answer:
        child = self._worker(program)
        began = time.monotonic()
        deadline = began + self.timeout
        child.send((json.dumps([payload]),), deadline)
        try:
            answer = child.receive(deadline, self.result_limit)
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
        return verdict(ending, cpu_limit=cpu_limit, timeout=self.timeout, memory_mb=self.memory_mb)

    def _worker(self, program: Program) -> Child:
        """An idle worker that has this program loaded, or a new one."""
        while True:
            with self._lock:
                self._running()
                parked = self._idle.get(program.key)
                child = parked.pop() if parked else None
            if child is None:
                child = self._spawn(cpu_seconds=RECYCLE_BUSY_SECONDS + self.timeout)
                child.send((json.dumps(program.setup),), time.monotonic() + self.timeout)
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


def _fitting(texts: Sequence[str]) -> Sequence[str]:
    """As many of the first texts as make a batch of bounded size, at least one."""
    size = 0
    for place, text in enumerate(texts):
        size += len(text)
        if place and size > BATCH_TEXT:
            return texts[:place]
    return texts


def _same(first: Answer, second: Answer) -> bool:
    """Whether two runs agree: the same value to the type, or the same kind of failure."""
    if isinstance(first, SandboxError) or isinstance(second, SandboxError):
        return type(first) is type(second)
    if "value" in first and "value" in second:
        return json.dumps(first["value"]) == json.dumps(second["value"])
    return first.get("error") == second.get("error") and first.get("name") == second.get("name")
