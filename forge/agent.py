"""An agent: a model with a library of functions, tools, memory and an expert. Frozen; a training makes another."""

from __future__ import annotations

import atexit
import hashlib
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import InitVar, dataclass, field
from functools import cache
from typing import Any

from forge import models
from forge.builtin_tools import ADVICE_TOOLS, CLEAR_CONTEXT, MEMORY_TOOLS, SUBMIT
from forge.dialect import Dialect
from forge.executor import Executor
from forge.expert import Expert
from forge.memory import Memory
from forge.models.protocol import Context
from forge.session import Action, Observation, Session, Step, StopReason, Usage
from forge.task import Task
from forge.tools import Tool, World
from functions import Function, Library, Sandbox
from functions.errors import ForgeError

INSTRUCTIONS = "Answer the question. Use the functions where they help, then submit the answer."

Play = Generator[Context, Action, tuple[Session, ...]]


@dataclass(frozen=True)
class Agent:
    """Args:
    model: a LiteLLM id, "router" (offline, no language model), or a Model.
    functions: callables, Functions, or a Library: sandboxed, learnable unless frozen. Read them as `library`.
    tools: `forge.Tool`s: trusted, on the host, never rewritten.
    instructions: what the model is told first.
    memory: shared by the tasks of a stream; None: the agent remembers nothing.
    expert: who answers when the agent seeks advice.
    sandbox: where functions run; None is one that all agents of this process share.
    dialect: how the model writes actions; None is the model's own way.
    max_turns: model turns a task at most.
    max_tokens: tokens a task at most, in and out; None is no limit.
    max_seconds: wall time a task at most; None is no limit.
    withheld: built-in tools that it does not get, such as "reflect".

    Raises:
        ForgeError: names clash, a limit is not positive, or what is withheld is no built-in tool.
    """

    model: Any  # str or Model on the way in, a Model afterwards
    functions: InitVar[Library | Iterable[Function | Callable[..., Any]]] = ()
    tools: tuple[Tool, ...] = ()
    instructions: str = INSTRUCTIONS
    memory: Memory | None = None
    expert: Expert | None = None
    sandbox: Sandbox = None  # type: ignore[assignment]  # filled in below
    dialect: Dialect | None = None
    max_turns: int = 10
    max_tokens: int | None = None
    max_seconds: float | None = None
    withheld: tuple[str, ...] = ()
    library: Library = field(default_factory=Library)

    def __post_init__(self, functions: Library | Iterable[Function | Callable[..., Any]]) -> None:
        if isinstance(functions, Function) or not isinstance(functions, Iterable):
            raise ForgeError(f"functions={functions!r:.80}: give a list of functions, or a Library")
        if not isinstance(self.tools, Sequence) or not all(isinstance(tool, Tool) for tool in self.tools):
            raise ForgeError(f"tools={self.tools!r:.80}: give a list of forge.Tool(callable)")
        given = functions if isinstance(functions, Library) else Library(functions)
        if len(given) and len(self.library):
            raise ForgeError("give an agent its functions as functions=[...] or as library=..., not both")
        settings = {
            "model": models.resolve(self.model),
            "tools": tuple(self.tools),
            "library": given if len(given) else self.library,
            "sandbox": shared_sandbox() if self.sandbox is None else self.sandbox,
        }
        for name, value in settings.items():
            object.__setattr__(self, name, value)
        for name in ("max_turns", "max_tokens", "max_seconds"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise ForgeError(f"Agent({name}={limit!r}): give a number above 0")
        self._check_withheld()
        self._require_distinct_names()

    def run(self, task: str | Task, *, seed: int = 0) -> Session:
        """Work on one question; the agent's memory, if any, learns from it."""
        from forge.drive import run_one

        self.check()
        return run_one(self, _as_task(task), seed)

    async def arun(self, task: str | Task, *, seed: int = 0) -> Session:
        """`run`, inside an event loop."""
        from forge.drive import arun_one

        self.check()
        return await arun_one(self, _as_task(task), seed)

    def check(self) -> None:
        """Raise a ForgeError if the model is unknown or has no key; nothing is sent."""
        if check := getattr(self.model, "check", None):
            check()

    def play(self, tasks: Sequence[Task], *, seed: int = 0, repeat: int = 0, memory: Memory | None = None) -> Play:
        """Work on the tasks of one stream, in order: yields a context, is sent an action, returns the sessions.

        Args:
            memory: to read and write; None forks the agent's own, so that it stays as it is.
        """
        if memory is None and self.memory is not None:
            memory = self.memory.fork()
        executor = Executor(self.library, self.all_tools, self.sandbox)
        sessions: tuple[Session, ...] = ()
        for task in tasks:
            sessions += ((yield from self._session(task, memory, executor, seed, repeat)),)
        return sessions

    @property
    def all_tools(self) -> tuple[Tool, ...]:
        """The agent's own tools and the built-in ones that its memory and expert allow."""
        memory = (*MEMORY_TOOLS, CLEAR_CONTEXT) if self.memory is not None else ()
        advice = ADVICE_TOOLS if self.expert is not None else ()
        given = (tool for tool in (*memory, *advice) if tool.name not in self.withheld)
        return (*self.tools, *given, SUBMIT)

    def _session(
        self, task: Task, memory: Memory | None, executor: Executor, seed: int, repeat: int
    ) -> Generator[Context, Action, Session]:
        began = time.monotonic()
        world = World(task, memory, self.expert)
        known = 0 if memory is None else len(memory)
        usage, error = Usage(), ""
        stop: StopReason = "turns"
        for turn in range(self.max_turns):
            action = yield Context(
                task_id=task.id,
                question=task.question,
                instructions=self.instructions,
                tools=executor.specs,
                steps=tuple(world.steps[world.shown_from :]),
                dialect=self.dialect,
                seed=_seed(seed, task.id, repeat),
                turns_left=self.max_turns - turn,
            )
            usage += action.usage
            spent = world.advice_cost
            observations = _observations(action, executor, world)
            world.steps.append(Step(action, observations, world.advice_cost - spent))
            if action.finish_reason == "error":
                stop, error = "model_error", action.text
                break
            if world.submitted:
                stop = "submitted"
                break
            if reason := self._limit(usage, time.monotonic() - began):
                stop = reason
                break
        return Session(
            task_id=task.id,
            question=task.question,
            answer=world.answer,
            steps=tuple(world.steps),
            stop=stop,
            usage=usage,
            advice_count=world.advice_count,
            advice_cost=world.advice_cost,
            remembered=() if memory is None else tuple(entry.text for entry in memory.since(known)),
            seed=seed,
            repeat=repeat,
            seconds=time.monotonic() - began,
            library_version=self.library.version,
            sandbox_level=self.sandbox.level if len(self.library) else "",
            error=error,
        )

    def _limit(self, usage: Usage, seconds: float) -> StopReason | None:
        if self.max_tokens is not None and usage.tokens >= self.max_tokens:
            return "tokens"
        if self.max_seconds is not None and seconds >= self.max_seconds:
            return "seconds"
        return None

    def _check_withheld(self) -> None:
        known = [tool.name for tool in (*MEMORY_TOOLS, CLEAR_CONTEXT, *ADVICE_TOOLS)]
        if isinstance(self.withheld, str) or not set(self.withheld) <= set(known):
            raise ForgeError(f"Agent(withheld={self.withheld!r}): give a list of built-in tools: {', '.join(known)}")

    def _require_distinct_names(self) -> None:
        seen: set[str] = set()
        for name in [*self.library.names, *(tool.name for tool in self.all_tools)]:
            if name in seen:
                raise ForgeError(f"two of the agent's functions and tools are called {name!r}: rename one")
            seen.add(name)


def _observations(action: Action, executor: Executor, world: World) -> tuple[Observation, ...]:
    """One for each call, in order, answers last; a nudge where there is no call."""
    if action.finish_reason == "error":
        return ()
    if not action.calls:
        return (Observation("", _nudge(action), error="no_call"),)
    submits_last = sorted(range(len(action.calls)), key=lambda place: action.calls[place].name == SUBMIT.name)
    seen = {place: executor.execute(action.calls[place], world) for place in submits_last}
    return tuple(seen[place] for place in range(len(action.calls)))


def _nudge(action: Action) -> str:
    if action.finish_reason == "length":
        return "Your reply was cut off at the length limit before it was complete. Write less, and make one call."
    if not action.text.strip():
        return "Your reply was empty. Call a function, or submit the answer."
    return "Your reply contained no call that could be read. Call a function, or submit the answer."


def _as_task(task: str | Task) -> Task:
    if isinstance(task, Task):
        return task
    if not isinstance(task, str) or not task.strip():
        raise ForgeError(f"run({task!r}): give a question as text, or a forge.Task")
    return Task(id="question", question=task)


def _seed(seed: int, task_id: str, repeat: int) -> int:
    """Keyed by purpose, never by order of arrival: candidate and incumbent meet the same luck."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{task_id}:{repeat}".encode()).digest()[:4], "big") >> 1


@cache
def shared_sandbox() -> Sandbox:
    """The sandbox of every agent that brings none; closed when the process ends."""
    sandbox = Sandbox(mode="worker")
    atexit.register(sandbox.close)
    return sandbox
