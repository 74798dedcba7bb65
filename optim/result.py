"""What a training hands over: the trained agent, what it was measured on, and how it got there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from forge.agent import Agent
from forge.evaluate import Comparison, Evaluation, compare
from forge.session import Session, Usage
from functions import Library
from functions.edits import Edit
from optim.acceptance import Pair

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Trial:
    """One step of the search: what was proposed on which parent, how it did, and what was decided.

    `decision`: "keep", "drop" (roll-back), "refuse" (`reason` says why; nothing was played), "none" (no edits).
    """

    step: int
    parent: Library
    library: Library
    edits: tuple[Edit, ...]
    decision: Literal["keep", "drop", "refuse", "none"]
    pairs: tuple[Pair, ...] = ()
    reason: str = ""

    @property
    def parent_score(self) -> float | None:
        return math.fsum(pair.incumbent for pair in self.pairs) / len(self.pairs) if self.pairs else None

    @property
    def score(self) -> float | None:
        return math.fsum(pair.candidate for pair in self.pairs) / len(self.pairs) if self.pairs else None

    def summary(self) -> dict[str, Any]:
        """For the event log: JSON values only."""
        return {
            "step": self.step,
            "parent": self.parent.version,
            "library": self.library.version,
            "decision": self.decision,
            "parent_score": self.parent_score,
            "score": self.score,
            "tasks": len(self.pairs),
            "edits": [f"{type(edit).__name__} {getattr(edit, 'name', '')}".strip() for edit in self.edits],
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Result:
    """The outcome of a training, with everything needed to judge it.

    `baseline`, `score` and `interval` are on the tasks named by `measured_on`; None or incomplete after Ctrl-C or a
    spent budget, when not all of them were played.
    """

    start: Agent
    agent: Agent
    start_sessions: tuple[Session, ...]
    sessions: tuple[Session, ...]
    streams: tuple[str, ...]  # of the tasks measured on, in order
    task_ids: tuple[str, ...]
    measured_on: Literal["train", "validation"]
    history: tuple[Trial, ...]
    cost: Usage
    rollouts: int
    seconds: float
    stopped: str
    notes: tuple[str, ...] = ()

    @property
    def library(self) -> Library:
        """The best functions that search found."""
        return self.agent.library

    @property
    def candidate(self) -> Library:
        """The same as `library`, as long as there is no release gate that could hold it back."""
        return self.agent.library

    @property
    def certified(self) -> bool:
        """Always False: certification needs the release gate, which is not there yet."""
        return False

    @property
    def baseline(self) -> float | None:
        """The mean score of the agent that training started from."""
        return self._before.score if self._before.complete else None

    @property
    def score(self) -> float | None:
        """The mean score of the trained agent."""
        return self._after.score if self._after.complete else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """A 95% interval for `score`."""
        return self._after.interval if self._after.complete else None

    @property
    def comparison(self) -> Comparison | None:
        """Trained against start, paired by task."""
        return compare(self._before, self._after) if self._before.complete and self._after.complete else None

    @cached_property
    def lineage(self) -> nx.DiGraph[str]:
        """Every library that was tried: nodes are versions (with `library`), edges carry the `trial` between them."""
        import networkx

        graph: nx.DiGraph[str] = networkx.DiGraph()
        graph.add_node(self.start.library.version, library=self.start.library)
        for trial in self.history:
            if trial.library.version != trial.parent.version:
                graph.add_node(trial.library.version, library=trial.library)
                graph.add_edge(trial.parent.version, trial.library.version, trial=trial)
        return graph

    def diff(self) -> str:
        """What training changed, as a unified diff."""
        return self.start.library.diff(self.library)

    def export(self, path: str | Path) -> Path:
        """Write the functions as one Python module that needs nothing of Forge."""
        return self.library.export(path)

    def summary(self) -> dict[str, Any]:
        """For a result file: JSON values only."""
        return {
            "baseline": self.baseline,
            "score": self.score,
            "interval": self.interval,
            "measured_on": self.measured_on,
            "tasks": len(self.task_ids),
            "certified": self.certified,
            "functions": list(self.library.names),
            "library": self.library.version,
            "steps": len(self.history),
            "rollouts": self.rollouts,
            "tokens": self.cost.tokens,
            "usd": self.cost.usd,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "sandbox": self.agent.sandbox.level,
            "notes": list(self.notes),
        }

    @cached_property
    def _before(self) -> Evaluation:
        return self._evaluation(self.start_sessions)

    @cached_property
    def _after(self) -> Evaluation:
        return self._evaluation(self.sessions)

    def _evaluation(self, sessions: Sequence[Session]) -> Evaluation:
        stream_of = dict(zip(self.task_ids, self.streams, strict=True))
        return Evaluation(tuple(sessions), tuple(stream_of[s.task_id] for s in sessions), len(self.task_ids))
