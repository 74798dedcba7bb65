"""What a training is, as settings that its run folder remembers: a run may be resumed only with the same ones."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from forge.agent import Agent
from optim.release import Release
from optim.split import Parts
from optim.version import Version

if TYPE_CHECKING:
    from optim.search import Search


def identity(agent: Agent, parts: Parts, search: Search, release: Release | None) -> dict[str, Any]:
    """The settings by name, JSON values only, readable where they are short and digests where they are not."""
    return {
        "model": agent.model.name,
        "agent": _digest(_described(agent)),
        "optimizer": type(search.optimizer).__name__,
        "optimizer_settings": _named(search.optimizer),
        "acceptance": _named(search.acceptance),
        "release": repr(release),
        "filters": repr(search.filters),
        "schedule": repr(search.schedule),
        "budget": repr(search.rollouts.meter.budget),
        "metric": _metric(parts.train.metric),
        "tasks": len(parts.train),
        "validation": len(parts.validation or ()),
        "holdout": len(parts.holdout or ()),
        "data": parts.train.digest,
        "compared_on": parts.validation.digest if parts.validation is not None else "",
        "held_out": parts.holdout.digest if parts.holdout is not None else "",
        "library": agent.library.version,
        "version": Version.of(agent).key,
        "sandbox": agent.sandbox.level,
        "seed": search.seed,
    }


def _described(agent: Agent) -> list[Any]:
    sandbox = agent.sandbox
    return [
        getattr(agent.model, "settings", None),
        agent.instructions,
        [[tool.name, tool.description, tool.parameters] for tool in agent.all_tools],
        _named(agent.dialect),
        [type(agent.expert).__name__, repr(getattr(agent.expert, "cost", None))],
        agent.memory.digest if agent.memory is not None else None,
        [agent.max_turns, agent.max_tokens, agent.max_seconds],
        [sandbox.timeout, sandbox.memory_mb, sandbox.imports, sandbox.result_limit],
    ]


def _metric(metric: Any) -> str:  # a callable of the user's
    return str(getattr(metric, "__qualname__", None) or getattr(metric, "__name__", None) or type(metric).__name__)


def _named(value: object) -> str:
    """The value in words, or its class where the words would only say where it lies in memory."""
    return type(value).__name__ if " at 0x" in repr(value) else repr(value)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()[:16]
