"""One event loop in a thread of its own, where all model calls run, whichever loop or thread they come from.

Clients of HTTP libraries belong to the loop that made them; one loop for the process's life keeps them valid.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

_Result = TypeVar("_Result")


async def run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Await `work` on the shared loop; cancelling the awaiting task cancels it there."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _loop(os.getpid())))


def run_sync(work: Coroutine[Any, Any, _Result]) -> _Result:
    """`run` from synchronous code."""
    future = asyncio.run_coroutine_threadsafe(work, _loop(os.getpid()))
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


@cache
def _loop(process: int) -> asyncio.AbstractEventLoop:
    """One a process: a forked child does not have its parent's thread."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="forge-models", daemon=True).start()
    return loop
