"""A small MCP server written with the official package: what an agent's tools are tried against."""

import os

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("double")


@server.tool(name="get-weather")
def weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}"


@server.tool(name="get_weather")
def other_weather(city: str) -> str:
    """Another one, which would have the same name."""
    return f"sun in {city}"


@server.tool()
def divide(a: float, b: float) -> float:
    """a / b"""
    if b == 0:
        raise ToolError("division by zero")
    return a / b


@server.tool()
def die() -> str:
    """Ends the server."""
    os._exit(3)


if __name__ == "__main__":
    server.run()
