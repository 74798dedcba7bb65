"""What must be the same when a run is resumed: agents, metrics and settings in words that no process changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any

from forge.agent import Agent


def agent_digest(agent: Agent) -> str:
    """A content hash of all of an agent but its model's weights and its library, which have versions of their own."""
    sandbox = agent.sandbox
    return digest(
        [
            getattr(agent.model, "settings", None),
            agent.instructions,
            [[tool.name, tool.description, tool.parameters] for tool in agent.all_tools],
            in_words(agent.dialect),
            [type(agent.expert).__name__, repr(getattr(agent.expert, "cost", None))],
            agent.memory.digest if agent.memory is not None else None,
            [agent.max_turns, agent.max_tokens, agent.max_seconds],
            [sandbox.timeout, sandbox.memory_mb, sandbox.imports, sandbox.result_limit],
        ]
    )


def in_words(value: object) -> str:
    """The value in words; where they would only say where it lies in memory, its own name or that of its class."""
    if is_dataclass(value) and not isinstance(value, type):
        parts = (f"{field.name}={in_words(getattr(value, field.name))}" for field in fields(value))
        return f"{type(value).__name__}({', '.join(parts)})"
    if " at 0x" not in (text := repr(value)):
        return text
    return name_of(value)


def name_of(value: Any) -> str:  # such as a model, or a metric, a callable of the user's
    """Its own name, or that of its class."""
    names = (getattr(value, each, None) for each in ("__qualname__", "__name__", "name"))
    return next((name for name in names if isinstance(name, str)), type(value).__name__)


def digest(value: Any) -> str:
    """A content hash of JSON values, and of others by how they are written."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()[:16]
