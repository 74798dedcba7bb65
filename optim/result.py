"""What a training hands over: the agent that is shipped, what it was measured on, and how it got there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from forge.agent import Agent
from forge.evaluate import Comparison, Evaluation, compare
from forge.session import Session, Usage
from forge.task import Dataset
from functions import Library
from optim.release import Certificate
from optim.trial import Trial
from optim.version import Version

if TYPE_CHECKING:
    import networkx as nx

    from optim.ablation import Ablation
    from optim.baselines import Baselines


@dataclass(frozen=True)
class Result:
    """The outcome of a training, with everything needed to judge it.

    `agent` is what the release gate lets out, or all that search found where there is no gate; `searched` is what
    search ended with, either way. `baseline`, `score` and `interval` are on the tasks named by `measured_on`; None
    after Ctrl-C or a spent budget, when not all of them were played.
    """

    start: Agent
    agent: Agent
    searched: Agent
    release: Certificate | None  # None: there was no gate
    start_sessions: tuple[Session, ...]
    sessions: tuple[Session, ...]
    measured: Dataset
    measured_on: Literal["train", "validation", "holdout"]
    train_sessions: tuple[Session, ...]  # of the version that search ended with, on the training tasks it was shown
    history: tuple[Trial, ...]
    cost: Usage
    optimizer_cost: Usage
    rollouts: int
    rollouts_saved: int  # at least so many would have been spent on what the free checks refused
    seconds: float
    stopped: str
    notes: tuple[str, ...] = ()

    @property
    def library(self) -> Library:
        """The functions that are shipped."""
        return self.agent.library

    @property
    def candidate(self) -> Library:
        """The best functions that search found, certified or not."""
        return self.searched.library

    @property
    def certified(self) -> bool:
        """Whether `agent` was shown to be better than the start, on held-out tasks."""
        return self.release is not None and self.release.certified

    @property
    def shipped(self) -> str:
        """ "finish", "earlier" or "start"."""
        return "finish" if self.release is None else self.release.shipped

    @property
    def why(self) -> str:
        """Why that is shipped which is."""
        return "there was no release gate: what search found is shipped" if self.release is None else self.release.why

    @property
    def p_better(self) -> float | None:
        """The probability that what was tested last is better than the start; None without held-out tasks played."""
        return None if self.release is None else self.release.p_better

    @property
    def detectable(self) -> float | None:
        """The smallest difference that this budget could have shown, four times out of five."""
        return None if self.release is None else self.release.detectable

    @property
    def task_ids(self) -> tuple[str, ...]:
        """Of the tasks measured on."""
        return tuple(task.id for task in self.measured)

    @property
    def baseline(self) -> float | None:
        """The mean score of the agent that training started from."""
        return self._before.score if self._before.complete else None

    @property
    def score(self) -> float | None:
        """The mean score of the agent that is shipped."""
        return self._after.score if self._after.complete else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """A 95% interval for `score`."""
        return self._after.interval if self._after.complete else None

    @property
    def comparison(self) -> Comparison | None:
        """Shipped against start, paired by task."""
        return compare(self._before, self._after) if self._before.complete and self._after.complete else None

    @cached_property
    def lineage(self) -> nx.DiGraph[str]:
        """Every version that was tried, with the edge from its parent.

        A node is a content hash with `library`, `instructions`, `decision` ("start", "keep", "drop", "refuse") and
        `step`. An edge carries the `trial` and, from it, `diff`, `evidence` (ids of the tasks shown), `table` (the
        paired comparison), `pairs` and `decision`. A version that was tried again has the outcome of the last time.
        """
        import networkx

        graph: nx.DiGraph[str] = networkx.DiGraph()
        _add(graph, Version.of(self.start), decision="start", step=-1)
        for trial in self.history:
            if trial.after == trial.before:
                continue
            _add(graph, trial.after, decision=trial.decision, step=trial.step)
            graph.add_edge(
                trial.before.key,
                trial.after.key,
                trial=trial,
                diff=trial.parent.diff(trial.library),
                evidence=trial.shown,
                pairs=trial.pairs,
                table=trial.summary()["table"],
                decision=trial.decision,
            )
        return graph

    def diff(self) -> str:
        """What training changed in what is shipped, as a unified diff."""
        return self.start.library.diff(self.library)

    def export(self, path: str | Path) -> Path:
        """Write the shipped functions as one Python module that needs nothing of Forge, with tests beside it.

        The tests are calls of sessions that solved their task, as far as the functions still give the same.
        """
        from optim.replay import right_examples

        examples = right_examples(self.library, (*self.sessions, *self.train_sessions))
        return self.library.export(path, examples=examples, sandbox=self.agent.sandbox)

    def report(self, path: str | Path, *, ablation: Ablation | None = None, baselines: Baselines | None = None) -> Path:
        """Write one self-contained HTML page that tells the training.

        Args:
            ablation: of `forge.ablate(result)`, to show what each function is worth.
            baselines: of `forge.baselines(result.start, dataset, tokens=result.cost.tokens)`, to show what the same
                tokens buy without training.
        """
        from optim.report import write_report

        return write_report(self, path, ablation=ablation, baselines=baselines)

    def summary(self) -> dict[str, Any]:
        """For a result file: JSON values only."""
        return {
            "baseline": self.baseline,
            "score": self.score,
            "interval": self.interval,
            "measured_on": self.measured_on,
            "tasks": len(self.measured),
            "certified": self.certified,
            "release": None if self.release is None else self.release.summary(),
            "functions": list(self.library.names),
            "library": self.library.version,
            "candidate": self.candidate.version,
            "instructions": None if self.agent.instructions == self.start.instructions else self.agent.instructions,
            "steps": len(self.history),
            "rollouts": self.rollouts,
            "rollouts_saved": self.rollouts_saved,
            "tokens": self.cost.tokens,
            "usd": self.cost.usd,
            "optimizer_tokens": self.optimizer_cost.tokens,
            "optimizer_usd": self.optimizer_cost.usd,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
            "sandbox": self.agent.sandbox.level,
            "stateful": stateful(self.searched),
            "notes": list(self.notes),
        }

    @cached_property
    def _before(self) -> Evaluation:
        return self._evaluation(self.start_sessions)

    @cached_property
    def _after(self) -> Evaluation:
        return self._evaluation(self.sessions)

    def _evaluation(self, sessions: Sequence[Session]) -> Evaluation:
        stream_of = {task.id: task.stream for task in self.measured}
        return Evaluation(tuple(sessions), tuple(stream_of[s.task_id] for s in sessions), len(self.measured))


def stateful(agent: Agent) -> list[str]:
    """The agent's functions that were caught answering differently when run alone; each call gets a process then."""
    library = agent.library
    keys = {name: "+".join(part.version for part in (*library.helpers(name), library[name])) for name in library.names}
    return [name for name, key in keys.items() if key in agent.sandbox.stateful]


def _add(graph: nx.DiGraph[str], version: Version, *, decision: str, step: int) -> None:
    graph.add_node(
        version.key, library=version.library, instructions=version.instructions, decision=decision, step=step
    )
