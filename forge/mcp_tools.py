"""The tools of a Model Context Protocol server as an agent's own."""

from __future__ import annotations

import asyncio
import keyword
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from forge.tools import Tool
from functions.errors import ForgeError


class MCPToolError(Exception):
    """A tool of an MCP server failed; the words are the server's."""


@contextmanager
def mcp_tools(
    command: Sequence[str] | None = None,
    *,
    url: str | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 60.0,
) -> Iterator[tuple[Tool, ...]]:
    """Connect to a server, for the length of a `with` block, and give its tools for `Agent(tools=...)`.

    They run in the server, trusted like any tool. A name that is no Python identifier is written with underscores:
    "get-weather" is called get_weather.

    Args:
        command: program and arguments of a server to start, which ends with the block.
        url: of a server that runs already, over streamable HTTP.
        environment: variables for the program, beside PATH and the like.
        timeout_seconds: for connecting, and for each call.

    Raises:
        ForgeError: neither or both of command and url, no package mcp, or no server there.
    """
    if (command is None) == (url is None) or isinstance(command, str):
        raise ForgeError("mcp_tools: give a command as a list, such as ['npx', 'some-server'], or url='http://...'")
    connection = _Connection(_target(command, url, environment), timeout_seconds)
    named = command[0] if command else url
    try:
        offered = connection.open()
    except Exception as error:
        raise ForgeError(f"no MCP server answers at {named!r}: {_first_words(error)}") from error
    try:
        yield tuple(_tool(connection, each, name) for each, name in zip(offered, _names(offered), strict=True))
    finally:
        connection.close()


class _Connection:
    """A client in a thread of its own: it must be opened and closed by the same task. Mutable."""

    def __init__(self, target: Any, timeout_seconds: float) -> None:
        self._target = target
        self._timeout = timeout_seconds
        self._loop = asyncio.new_event_loop()
        self._offered: Future[list[Any]] = Future()
        self._stop: asyncio.Event | None = None
        self._client: Any = None
        self._thread = threading.Thread(target=self._work, name="forge-mcp", daemon=True)

    def open(self) -> list[Any]:
        self._thread.start()
        return self._offered.result(timeout=2 * self._timeout)

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:  # a JSON value, or text
        work = self._client.call_tool(name, dict(arguments), read_timeout_seconds=self._timeout)
        try:
            result = asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=self._timeout + 5)
        except Exception as error:
            raise MCPToolError(f"the MCP server did not answer: {_first_words(error)}") from error
        texts = [part.text for part in result.content if getattr(part, "type", "") == "text"]
        if result.is_error:
            raise MCPToolError("\n".join(texts) or "the tool failed without a word")
        if result.structured_content is not None:
            inside = result.structured_content
            return inside["result"] if set(inside) == {"result"} else inside
        return "\n".join(texts) if texts else f"({len(result.content)} parts that are no text)"

    def close(self) -> None:
        if self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(timeout=10)

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # noqa: BLE001 - carried to whoever opened the connection
            if not self._offered.done():
                self._offered.set_exception(error)
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        from mcp import Client

        self._stop = asyncio.Event()
        async with asyncio.timeout(self._timeout) as limit, Client(self._target) as client:
            self._client = client
            tools = await _all_tools(client)
            limit.reschedule(None)
            self._offered.set_result(tools)
            await self._stop.wait()


async def _all_tools(client: Any) -> list[Any]:
    tools: list[Any] = []
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            return tools


def _target(command: Sequence[str] | None, url: str | None, environment: Mapping[str, str] | None) -> Any:
    try:
        from mcp import StdioServerParameters
    except ImportError as error:
        raise ForgeError("tools of an MCP server need the package mcp: pip install 'forge-agents[mcp]'") from error
    if command is None:
        return url
    return StdioServerParameters(command=command[0], args=list(command[1:]), env=dict(environment or {}))


def _tool(connection: _Connection, offered: Any, name: str) -> Tool:
    return Tool(
        _caller(connection, offered.name),
        name=name,
        description=offered.description or offered.title or offered.name,
        parameters=offered.input_schema,
    )


def _caller(connection: _Connection, name: str) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        return connection.call(name, arguments)

    return call


def _names(offered: Sequence[Any]) -> list[str]:
    """An identifier for each tool, its own."""
    found: list[str] = []
    for tool in offered:
        plain = re.sub(r"\W", "_", tool.name, flags=re.ASCII)
        if not plain.isidentifier() or keyword.iskeyword(plain):
            plain = f"tool_{plain}"
        name, number = plain, 2
        while name in found:
            name, number = f"{plain}_{number}", number + 1
        found.append(name)
    return found


def _first_words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error) or type(error).__name__
