"""A drop-in for AutoGen's AgentOptimizer: the same three methods over Forge's functions, checks and sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forge.budget import Budget, Meter
from forge.metrics import exact_match
from forge.models.chat import ChatModel
from forge.session import Action, Call, Observation, Session, Step
from forge.task import Task
from functions import Function, Library, Sandbox
from functions.edits import Edit
from functions.errors import ForgeError
from optim.agent_optimizer import AgentOptimizer
from optim.evidence import Evidence, FailedLibrary
from optim.version import ReviseInstructions


class AutoGenOptimizer:
    """Records AutoGen conversations and hands back functions to register. Mutable.

    It differs from `autogen.agentchat.contrib.agent_optimizer.AgentOptimizer` where that one is wrong: a set of
    functions counts as better only if it solves strictly more, every registered callable runs its own function, in a
    sandbox, and what was removed is named for removal.

    Args:
        max_actions_per_step: edits a step at most.
        model: a LiteLLM id, or a ChatModel.
        sandbox: where functions run; None makes one.
    """

    def __init__(self, max_actions_per_step: int, model: str | ChatModel, *, sandbox: Sandbox | None = None) -> None:
        self._optimizer = AgentOptimizer(model, max_actions=max_actions_per_step)
        self._sandbox = sandbox if sandbox is not None else Sandbox()
        self._best = self._trial = Library()
        self._edits: tuple[Edit, ...] = ()
        self._best_sessions: list[Session] = []
        self._recorded: list[Session] = []
        self._failed: list[FailedLibrary] = []
        self._steps = 0

    @property
    def library(self) -> Library:
        """The functions as last handed out by `step`."""
        return self._trial

    def record_one_conversation(
        self, conversation_history: Sequence[Mapping[str, Any]], is_satisfied: bool | None = None
    ) -> None:
        """Record the messages of one solved or failed task, played with the functions last handed out.

        Raises:
            ForgeError: `is_satisfied` is None; nobody is asked at a prompt here.
        """
        if is_satisfied is None:
            raise ForgeError("record_one_conversation needs is_satisfied=True or False")
        self._recorded.append(_session(len(self._recorded), conversation_history, is_satisfied))

    def step(self) -> tuple[list[dict[str, Any]], dict[str, Callable[..., Any] | None]]:
        """One step of training: keep or roll back what was tried, then edit.

        Returns:
            For `update_function_signature(**item)`: `{"func_sig": ..., "is_remove": ...}` a function; and for
            `register_function(function_map=...)`: a callable by name, None for a removed one.

        Raises:
            ForgeError: nothing was recorded since the last step.
        """
        if not self._recorded:
            raise ForgeError("step() without conversations: call record_one_conversation(messages, is_satisfied) first")
        registered = self._trial
        self._judge()
        changes = self._optimizer.propose(self._best, self._evidence())
        edits = [change for change in changes if not isinstance(change, ReviseInstructions)]
        self._trial, self._edits = self._best.apply(edits), tuple(edits)
        return self._registrations(registered)

    def reset_optimizer(self) -> None:
        """Forget everything."""
        self._best = self._trial = Library()
        self._edits, self._best_sessions, self._recorded, self._failed = (), [], [], []
        self._steps = 0

    def _judge(self) -> None:
        trial, best = _mean(self._recorded), _mean(self._best_sessions)
        if not self._best_sessions or trial > best:
            self._best, self._best_sessions, self._failed = self._trial, self._recorded, []
        else:
            self._failed.append(FailedLibrary(self._trial, self._edits, trial, ""))
            self._failed.sort(key=lambda failure: failure.score or 0.0)
        self._recorded = []
        self._steps += 1

    def _evidence(self) -> Evidence:
        sessions = tuple(self._best_sessions)
        return Evidence(
            tasks=tuple(Task(s.task_id, s.question, "(not recorded)") for s in sessions),
            sessions=sessions,
            metric=exact_match,
            sandbox=self._sandbox,
            meter=Meter(Budget()),
            failed=tuple(self._failed),
            step=self._steps,
        )

    def _registrations(self, registered: Library) -> tuple[list[dict[str, Any]], dict[str, Callable[..., Any] | None]]:
        gone = [name for name in registered.names if name not in self._trial]
        signatures: list[dict[str, Any]] = [{"func_sig": {"name": name}, "is_remove": True} for name in gone]
        callables: dict[str, Callable[..., Any] | None] = dict.fromkeys(gone)
        for name in self._trial.names:
            function = self._trial[name]
            signatures.append({"func_sig": function.tool_schema()["function"], "is_remove": False})
            callables[name] = self._bound(function, self._trial.helpers(name))
        return signatures, callables

    def _bound(self, function: Function, helpers: tuple[Function, ...]) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:  # a function's arguments and result are whatever its schema says
            return self._sandbox.call(function, arguments, helpers=helpers)

        call.__name__, call.__doc__ = function.name, function.description
        return call


def _mean(sessions: Sequence[Session]) -> float:
    return sum(session.score or 0.0 for session in sessions) / len(sessions) if sessions else 0.0


def _session(number: int, messages: Sequence[Mapping[str, Any]], satisfied: bool) -> Session:
    """AutoGen's chat messages as a session: each message a step, tool replies under the calls they answer."""
    question = next((str(m.get("content") or "") for m in messages if m.get("role") != "system"), "")
    replies = {str(m.get("tool_call_id")): str(m.get("content") or "") for m in messages if m.get("role") == "tool"}
    steps = [_step(message, replies) for message in messages[1:] if message.get("role") not in {"tool", "system"}]
    answer = steps[-1].action.text if steps else None
    return Session(f"conversation {number}", question, answer, tuple(steps), score=1.0 if satisfied else 0.0)


def _step(message: Mapping[str, Any], replies: Mapping[str, str]) -> Step:
    calls = tuple(
        Call(item["function"]["name"], _arguments(item["function"].get("arguments")), str(item.get("id", "")))
        for item in message.get("tool_calls") or ()
    )
    seen = tuple(Observation(call.name, replies.get(call.id, "(no reply)"), call_id=call.id) for call in calls)
    return Step(Action(str(message.get("content") or ""), calls), seen)


def _arguments(text: object) -> Mapping[str, Any]:
    try:
        arguments = json.loads(str(text or "{}"))
    except json.JSONDecodeError:
        return {}
    return arguments if isinstance(arguments, dict) else {}
