"""A library offered as a Model Context Protocol server: every function a tool, every call in the sandbox."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.executor import as_text
from functions import Library, Sandbox, SandboxError
from functions.errors import ForgeError

if TYPE_CHECKING:
    from mcp.server import Server

MISSING = "serving functions needs the package mcp: pip install 'forge-agents[mcp]'"


def serve(library: Library, *, sandbox: Sandbox | None = None, http: int | None = None) -> None:
    """Serve until the client goes away, or Ctrl-C.

    Args:
        library: what is offered.
        sandbox: where calls run; None is one of its own, with a process for each function between calls.
        http: a port on this machine for streamable HTTP at /mcp; None speaks over standard input and output.

    Raises:
        ForgeError: the library is empty, the package mcp is missing, or the port is taken.
    """
    if not len(library):
        raise ForgeError("the library has no functions to serve")
    with sandbox if sandbox is not None else Sandbox(mode="worker") as box:
        server = server_of(library, box)
        if http is None:
            _over_pipes(server)
        else:
            _over_http(server, http)


def server_of(library: Library, sandbox: Sandbox) -> Server[Any]:
    """The library as a server of the official package, to be run over any transport."""
    try:
        import mcp.types as types
        from mcp.server import Server
    except ImportError as error:
        raise ForgeError(MISSING) from error
    tools = [
        types.Tool(name=name, description=function.description, input_schema=function.parameters)
        for name, function in library.items()
    ]

    async def list_tools(context: Any, parameters: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools)

    async def call_tool(context: Any, parameters: types.CallToolRequestParams) -> types.CallToolResult:
        if parameters.name not in library:
            return failed(f"there is no function {parameters.name!r}; there are {', '.join(library.names)}")
        helpers = library.helpers(parameters.name)
        try:
            value = await sandbox.acall(library[parameters.name], parameters.arguments or {}, helpers=helpers)
        except SandboxError as error:
            return failed(f"{parameters.name}: {error.kind}: {error}")
        words = types.TextContent(type="text", text=as_text(value))
        return types.CallToolResult(content=[words], structured_content={"result": value})

    def failed(words: str) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text=words)], is_error=True)

    return Server(
        "forge",
        instructions="Functions that an agent's training has learned.",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def library_in(folder: Path) -> Library:
    """The library of a run's folder, or of a folder that is a saved library itself.

    Raises:
        ForgeError: the folder holds neither.
    """
    for place in (folder, folder / "library"):
        if (place / "library.json").exists():
            return Library.load(place)
    raise ForgeError(f"{folder} holds no library: give the folder of a run, or one that Library.save wrote")


def _over_pipes(server: Server[Any]) -> None:
    import anyio
    from mcp.server.stdio import stdio_server

    async def run() -> None:
        async with stdio_server() as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())

    anyio.run(run)


def _over_http(server: Server[Any], port: int) -> None:
    import uvicorn

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise ForgeError(f"port {port} cannot be used ({error}): choose another with --http") from error
    uvicorn.run(server.streamable_http_app(), host="127.0.0.1", port=port, log_level="warning")
