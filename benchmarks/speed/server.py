"""A local server of the OpenAI protocol in a process of its own, which answers after a given time and counts."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_PROGRAM = r"""
import asyncio, json, sys
delay, message = float(sys.argv[1]), json.loads(sys.argv[2])
reason = "tool_calls" if "tool_calls" in message else "stop"
body = json.dumps({"id": "x", "object": "chat.completion", "created": 0, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": message, "finish_reason": reason}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}).encode()
answered = 0

def response(content):
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content) + content

async def serve(reader, writer):
    global answered
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            if head[0].startswith(b"get /count"):
                writer.write(response(str(answered).encode()))
                continue
            length = next(line for line in head if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            await asyncio.sleep(delay)
            answered += 1
            writer.write(response(body))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def answered(self) -> int:
        """How many replies it has given so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/count") as response:
            return int(response.read())


@contextmanager
def server(message: dict[str, Any], *, delay: float) -> Iterator[Server]:
    """Serve the same assistant message to every request, each after `delay` seconds."""
    command = [sys.executable, "-c", _PROGRAM, str(delay), json.dumps(message)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(int(process.stdout.readline()))
        finally:
            process.terminate()
