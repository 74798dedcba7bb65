"""The only place where a call becomes an observation: functions through the sandbox, tools on their world."""

from __future__ import annotations

import difflib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from forge.models.protocol import ToolSpec
from forge.session import Call, Observation
from forge.tools import Tool, World
from functions import FunctionRaised, Library, Sandbox, SandboxError

CLIP = 8_000  # characters of a result that a model is shown


class Executor:
    """Runs the calls of one agent. Every failure is an observation that the model can act on.

    KeyboardInterrupt and SystemExit pass through.
    """

    def __init__(self, library: Library, tools: Sequence[Tool], sandbox: Sandbox) -> None:
        self.library = library
        self.tools: Mapping[str, Tool] = {tool.name: tool for tool in tools}
        self.sandbox = sandbox
        self._helpers = {name: library.helpers(name) for name in library.names}
        self.specs: tuple[ToolSpec, ...] = (
            *(ToolSpec(f.name, f.description, f.parameters, "function") for f in library.values()),
            *(tool.spec for tool in tools),
        )

    def execute(self, call: Call, world: World) -> Observation:
        """What the call gives back: a value as text, or an error by kind."""
        began = time.perf_counter()
        text, value, error = self._outcome(call, world)
        return Observation(call.name, _clipped(text), value, error, call.id, time.perf_counter() - began)

    def _outcome(self, call: Call, world: World) -> tuple[str, Any, str]:
        if call.error:
            return f"{call.name}: {call.error}", None, "malformed"
        if call.name not in self.library and call.name not in self.tools:
            return self._unknown(call.name), None, "unknown_name"
        try:
            if call.name in self.library:
                function = self.library[call.name]
                value = self.sandbox.call(function, call.arguments, helpers=self._helpers[call.name])
            else:
                value = self.tools[call.name].call(call.arguments, world)
        except FunctionRaised as error:
            return f"{call.name} raised {error}", None, error.kind
        except SandboxError as error:
            return f"{call.name} failed ({error.kind}): {error}", None, error.kind
        except Exception as error:  # noqa: BLE001 - whatever a user's tool raises is data (DESIGN.md)
            return f"{call.name} raised {type(error).__name__}: {error}", None, "raised"
        text = as_text(value)
        return text, _plain(value), ""

    def _unknown(self, name: str) -> str:
        known = [*self.library.names, *self.tools]
        close = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        return f"there is no function {name!r}.{hint} There are: {', '.join(known)}."


def as_text(value: Any) -> str:  # a result is whatever a tool gives
    """A result as a model reads it: text as it is, anything else as JSON where it can be."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _plain(value: Any) -> Any:
    """The value if it is JSON, else its text: sessions must survive a round trip."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)
    return value


def _clipped(text: str) -> str:
    if len(text) <= CLIP:
        return text
    return f"{text[: CLIP // 2]}\n[{len(text) - CLIP} characters are left out]\n{text[-CLIP // 2 :]}"
