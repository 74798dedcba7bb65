"""The two drivers of `Agent.play`: free (each stream at its own pace) and lockstep (one batch of contexts for all)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any

from forge.agent import Agent, Play
from forge.budget import Meter
from forge.models.protocol import AsyncModel, Context
from forge.session import Session
from forge.task import Task
from forge.terminal import LOOK_EVERY, may_ask

Done = Callable[[Session], None]


@dataclass(frozen=True, slots=True)
class Stream:
    """Tasks that share one memory, in order, and which repeat of them this is."""

    tasks: tuple[Task, ...]
    repeat: int = 0


def drive(
    agent: Agent, streams: Sequence[Stream], *, seed: int, concurrency: int, meter: Meter, done: Done
) -> list[tuple[Session, ...]]:
    """Play all streams, the way that suits the model; `done` hears of each session as its stream ends, in any thread.

    A stream that would start after the budget is spent is not played. Both drivers give the same sessions, at any
    concurrency.
    """
    if isinstance(agent.model, AsyncModel):
        sessions: list[tuple[Session, ...]] = run_async(
            lambda: free(agent, streams, seed=seed, concurrency=concurrency, meter=meter, done=done)
        )
        return sessions
    return lockstep(agent, streams, seed=seed, concurrency=concurrency, meter=meter, done=done)


def lockstep(
    agent: Agent, streams: Sequence[Stream], *, seed: int, concurrency: int, meter: Meter, done: Done
) -> list[tuple[Session, ...]]:
    """At most `concurrency` streams at a time; one `act` serves them all."""
    finished: dict[int, tuple[Session, ...]] = {}
    waiting = _allowed(enumerate(streams), meter)
    plays: dict[int, Play] = {}
    contexts: dict[int, Context] = {}

    def advance(place: int, step: Callable[[], Context]) -> None:
        try:
            contexts[place] = step()
        except StopIteration as end:
            finished[place] = end.value
            del plays[place]
            _account(end.value, meter, done)

    while True:
        while len(plays) < concurrency and (item := next(waiting, None)):
            place, stream = item
            plays[place] = agent.play(stream.tasks, seed=seed, repeat=stream.repeat)
            advance(place, plays[place].__next__)
        if not contexts:
            break
        batch = dict(contexts)
        contexts.clear()
        actions = agent.model.act(list(batch.values()))
        for place, action in zip(batch, actions, strict=True):
            play = plays[place]
            advance(place, lambda play=play, action=action: play.send(action))  # type: ignore[misc]
    return [finished[place] for place in sorted(finished)]


async def free(
    agent: Agent, streams: Sequence[Stream], *, seed: int, concurrency: int, meter: Meter, done: Done
) -> list[tuple[Session, ...]]:
    """At most `concurrency` streams in flight; functions run in threads, so that a slow one holds up nobody else."""
    finished: dict[int, tuple[Session, ...]] = {}
    waiting = _allowed(enumerate(streams), meter)

    async def worker(threads: ThreadPoolExecutor) -> None:
        while item := next(waiting, None):
            place, stream = item
            play = agent.play(stream.tasks, seed=seed, repeat=stream.repeat)
            try:
                finished[place] = await _played(agent, play, threads)
            except (KeyboardInterrupt, SystemExit) as stop:
                raise _Stopped(stop) from None
            loop = asyncio.get_running_loop()  # a metric may ask a model, which must not hold up the others
            await loop.run_in_executor(threads, _account, finished[place], meter, done)

    count = min(concurrency, len(streams))
    with ThreadPoolExecutor(max_workers=max(1, count), thread_name_prefix="forge-play") as threads, may_ask():
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(count):
                    group.create_task(worker(threads))
        except* Exception as failures:  # noqa: BLE001 - the group is unwrapped and raised
            raise _first(failures) from None
    return [finished[place] for place in sorted(finished)]


async def _played(agent: Agent, play: Play, threads: ThreadPoolExecutor) -> tuple[Session, ...]:
    loop = asyncio.get_running_loop()

    def step(action: Any) -> Context | tuple[Session, ...]:  # None starts the generator
        try:
            return play.send(action)
        except StopIteration as end:
            sessions: tuple[Session, ...] = end.value
            return sessions

    context = await loop.run_in_executor(threads, copy_context().run, step, None)
    while isinstance(context, Context):
        action = await agent.model.act_async(context)
        context = await loop.run_in_executor(threads, copy_context().run, step, action)
    return context


def _allowed(streams: Iterator[tuple[int, Stream]], meter: Meter) -> Iterator[tuple[int, Stream]]:
    """The streams in order, as long as the budget lasts; with a limit on rollouts, never more than that."""
    left = meter.rollouts_left
    for place, stream in streams:
        if meter.exhausted or (left is not None and left <= 0):
            return
        if left is not None:
            left -= len(stream.tasks)
        yield place, stream


def _account(sessions: tuple[Session, ...], meter: Meter, done: Done) -> None:
    for session in sessions:
        meter.add(session.usage, rollouts=1)
        done(session)


def _first(failures: BaseExceptionGroup[Exception]) -> BaseException:
    inner = failures.exceptions[0]
    if isinstance(inner, _Stopped):
        return inner.stop
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


class _Stopped(Exception):
    """Carries what should end the process out of a task: raised there, it would break off the loop itself."""

    def __init__(self, stop: BaseException) -> None:
        self.stop = stop


def run_one(agent: Agent, task: Task, seed: int) -> Session:
    """One task over the agent's own memory."""
    if isinstance(agent.model, AsyncModel):
        session: Session = run_async(lambda: arun_one(agent, task, seed))
        return session
    play = agent.play((task,), seed=seed, memory=agent.memory)
    context = next(play)
    while True:
        try:
            context = play.send(agent.model.act([context])[0])
        except StopIteration as end:
            sessions: tuple[Session, ...] = end.value
            return sessions[0]


async def arun_one(agent: Agent, task: Task, seed: int) -> Session:
    """One task over the agent's own memory, inside an event loop."""
    if not isinstance(agent.model, AsyncModel):
        with may_ask():
            return await asyncio.to_thread(run_one, agent, task, seed)
    with ThreadPoolExecutor(max_workers=1) as threads, may_ask():
        sessions = await _played(agent, agent.play((task,), seed=seed, memory=agent.memory), threads)
    return sessions[0]


async def _interruptible(work: Coroutine[Any, Any, Any]) -> Any:
    """A signal that comes just before the loop falls asleep, or to another thread, does not wake it: it looks."""

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)

    looking = asyncio.create_task(look())
    try:
        return await work
    finally:
        looking.cancel()


def run_async(make: Callable[[], Any]) -> Any:
    """Run a coroutine to its end from synchronous code; inside a running loop (a notebook), in a thread of its own.

    What interrupts the caller ends it first: nothing goes on behind the caller's back.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_interruptible(make()))
    outcome: Future[Any] = Future()  # waited for in place of the thread: an interrupted join takes it for ended (3.11)
    begun: Future[Callable[[], object]] = Future()  # with what ends it

    async def cancellable() -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        begun.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await make()

    def work() -> None:
        try:
            outcome.set_result(asyncio.run(cancellable()))
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
            outcome.set_exception(error)

    thread = threading.Thread(target=work, name="forge-drive")
    thread.start()
    try:
        wait([outcome])
    except BaseException:
        with contextlib.suppress(RuntimeError):  # it has ended by itself meanwhile
            begun.result()()
        wait([outcome])
        thread.join()
        raise
    thread.join()
    return outcome.result()
