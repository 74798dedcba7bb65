"""Doubles for tests of the synthesis: a sandbox without isolation for what the synthesis wrote, and a play of tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from forge.metrics import Metric
from forge.models.protocol import Context, ToolSpec
from forge.models.router import Router
from forge.session import Call, Observation, Session, Step
from forge.task import Task
from functions import Function, FunctionRaised, Library, SandboxError
from optim.evidence import Evidence, FailedLibrary
from optim.operators import FAILURES


class PlainSandbox:
    """Runs sources in this process; only for sources that the tests or the synthesis wrote."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def map(
        self, function: Function, arguments: Sequence[Mapping[str, Any]], *, helpers: Sequence[Function] = ()
    ) -> Iterator[Any]:
        for one in arguments:
            yield self._outcome(function, one, helpers)

    def _outcome(self, function: Function, arguments: Mapping[str, Any], helpers: Sequence[Function]) -> Any:
        key = " ".join(each.version for each in (*helpers, function))
        if key not in self._loaded:
            namespace: dict[str, Any] = {}
            for each in (*helpers, function):
                exec(each.source, namespace)
            self._loaded[key] = namespace[function.name]
        try:
            return json.loads(json.dumps(self._loaded[key](**function.validate(arguments)), allow_nan=False))
        except SandboxError as error:
            return error
        except (*FAILURES, AttributeError, NameError) as error:
            return FunctionRaised(type(error).__name__, str(error))


def play(library: Library, tasks: Sequence[Task], metric: Metric, box: PlainSandbox | None = None) -> list[Session]:
    """The sessions of a router agent with this library: at most three calls, then what the router submits."""
    box, router = box or PlainSandbox(), Router()
    tools = tuple(ToolSpec(f.name, f.description, f.parameters) for f in library.values())
    return [_session(router, box, library, tools, task, metric) for task in tasks]


def _session(
    router: Router, box: PlainSandbox, library: Library, tools: tuple[ToolSpec, ...], task: Task, metric: Metric
) -> Session:
    steps: list[Step] = []
    while True:
        context = Context(task.id, task.question, "", tools, tuple(steps), turns_left=5 - len(steps))
        action = router.act([context])[0]
        call = action.calls[0]
        if call.name == "submit":
            answer = call.arguments["answer"]
            steps.append(Step(action, (Observation("submit", ""),)))
            session = Session(task.id, task.question, answer=answer, steps=tuple(steps))
            score = metric(task, session)
            return Session(task.id, task.question, answer=answer, steps=tuple(steps), score=float(score))  # type: ignore[arg-type]
        steps.append(Step(action, (_observation(box, library, call),)))


def _observation(box: PlainSandbox, library: Library, call: Call) -> Observation:
    value = next(box.map(library[call.name], [call.arguments], helpers=library.helpers(call.name)))
    if isinstance(value, SandboxError):
        return Observation(call.name, str(value), error=value.kind)
    return Observation(call.name, json.dumps(value), value=value)


def evidence(
    library: Library,
    tasks: Sequence[Task],
    metric: Metric,
    *,
    failed: Sequence[FailedLibrary] = (),
    box: PlainSandbox | None = None,
    seed: int = 0,
) -> Evidence:
    """What the optimizer is shown after this library played these tasks."""
    box = box or PlainSandbox()
    sessions = tuple(play(library, tasks, metric, box))
    unused: Any = None  # no model is called, so nothing meters it
    sandbox: Any = box  # offers what the synthesis uses of a sandbox
    return Evidence(tuple(tasks), sessions, metric, sandbox, unused, tuple(failed), seed=seed)
