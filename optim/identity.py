"""What a training is, as settings that its run folder remembers: a run may be resumed only with the same ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forge.agent import Agent
from forge.identity import agent_digest, in_words, name_of
from optim.release import Release
from optim.split import Parts
from optim.version import Version

if TYPE_CHECKING:
    from optim.search import Search


def identity(agent: Agent, parts: Parts, search: Search, release: Release | None) -> dict[str, Any]:
    """The settings by name, JSON values only, readable where they are short and digests where they are not."""
    return {
        "model": agent.model.name,
        "agent": agent_digest(agent),
        "optimizer": type(search.optimizer).__name__,
        "optimizer_settings": in_words(search.optimizer),
        "acceptance": in_words(search.acceptance),
        "release": repr(release),
        "filters": repr(search.filters),
        "schedule": repr(search.schedule),
        "budget": repr(search.rollouts.meter.budget),
        "metric": name_of(parts.train.metric),
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
