"""A real HTTP server on this machine that speaks the OpenAI chat protocol, from a script, with faults on demand."""

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What the server sends to one request: a message, or a fault."""

    text: str | None = None
    calls: tuple[tuple[str, Any], ...] = ()  # (name, arguments); arguments that are text are sent as they are
    finish_reason: str | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    cut: bool = False  # close the connection in the middle of the body
    body: str | None = None  # instead of a proper one
    usage: dict[str, int] | None = field(default_factory=lambda: {"prompt_tokens": 10, "completion_tokens": 5})


Script = Callable[[dict[str, Any]], Answer]


class OpenAIServer:
    """Answers by a function of the request, or by a list of answers, the last again and again. A context manager."""

    def __init__(self, script: Script | list[Answer]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._script, self._lock = script, threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> "OpenAIServer":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: dict[str, Any]) -> Answer:
        with self._lock:
            self.requests.append(request)
            if isinstance(self._script, list):
                return self._script[min(len(self.requests), len(self._script)) - 1]
        return self._script(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = outer.answer(request)
                time.sleep(answer.wait)
                body = (answer.body if answer.body is not None else json.dumps(reply(answer, request))).encode()
                try:
                    self.send_response(answer.status)
                    for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body[: len(body) // 2] if answer.cut else body)
                    if answer.cut:
                        self.wfile.flush()
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                except OSError:
                    pass  # the client did not wait

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler


def reply(answer: Answer, request: dict[str, Any]) -> dict[str, Any]:
    """The body of the protocol."""
    if answer.status != 200:
        return {"error": {"message": f"scripted {answer.status}", "type": "scripted", "code": None}}
    calls = [
        {"id": f"call_{place}", "type": "function",
         "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)}}
        for place, (name, given) in enumerate(answer.calls)
    ]  # fmt: skip
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if calls:
        message["tool_calls"] = calls
    reason = answer.finish_reason or ("tool_calls" if calls else "stop")
    body: dict[str, Any] = {
        "id": "x", "object": "chat.completion", "created": 0, "model": request["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
    }  # fmt: skip
    if answer.usage is not None:
        body["usage"] = {**answer.usage, "total_tokens": sum(answer.usage.values())}
    return body
