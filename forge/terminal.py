"""The person at this process's terminal: asked one question at a time, whichever thread it comes from."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LOOK_EVERY = 0.1  # seconds between two looks at whether what is waited for is still awaited
_turn = threading.Lock()  # one a process, as its terminal is
_abandoned: ContextVar[threading.Event | None] = ContextVar("abandoned", default=None)


@contextmanager
def may_ask() -> Iterator[None]:
    """Threads that work in this block's context are not kept by an unanswered question once the block is left.

    Python hands Ctrl-C to the main thread alone: one that waits for a line would wait on, and the process for it.
    """
    event = threading.Event()
    before = _abandoned.set(event)
    try:
        yield
    finally:
        event.set()
        _abandoned.reset(before)


def ask(question: str, prompt: str) -> str:
    """What the person types, without the end of the line; other questions wait until this one is answered.

    Raises:
        KeyboardInterrupt: Ctrl-C, the end of the input, or nobody waits for the answer any more (`may_ask`).
    """
    abandoned = _abandoned.get() or threading.Event()
    while not _turn.acquire(timeout=LOOK_EVERY):
        _require_awaited(abandoned)
    try:
        _require_awaited(abandoned)
        print(question)
        return _answer(prompt, abandoned)
    finally:
        _turn.release()


def _answer(prompt: str, abandoned: threading.Event) -> str:
    try:
        return _line(prompt, abandoned)
    except EOFError:
        why = "The input has ended: nobody is there to answer"
    except KeyboardInterrupt:
        why = "Interrupted: this question stays unanswered"
    abandoned.set()  # and with it whatever else was to be asked
    print(f"\n{why}", flush=True)
    raise KeyboardInterrupt(why)


def _line(prompt: str, abandoned: threading.Event) -> str:
    if sys.stdin is None:
        raise EOFError
    if os.name != "posix" or not sys.stdin.isatty():
        return input(prompt)  # of a notebook or a pipe, which cannot be looked at without taking from it
    print(prompt, end="", flush=True)
    while not select.select([sys.stdin], [], [], LOOK_EVERY)[0]:
        _require_awaited(abandoned)
    if not (line := sys.stdin.readline()):
        raise EOFError
    return line.rstrip("\n")


def _require_awaited(abandoned: threading.Event) -> None:
    if abandoned.is_set():
        raise KeyboardInterrupt
