"""An LLM as the optimizer of an agent's functions: AgentOptimizer's step (arXiv 2402.11359), checked edit by edit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge import models
from forge.models.chat import ChatModel, ChatRequest, Reply, ToolCall
from functions import FunctionError, Library, SandboxError
from functions.edits import Terminate
from functions.errors import ForgeError
from optim.actions import ACTION_TOOLS, INSTRUCTIONS_TOOL, Proposal, read_action
from optim.briefing import brief, rules
from optim.evidence import Evidence
from optim.filters import Refusal
from optim.version import Change, ReviseInstructions


@dataclass(frozen=True, slots=True)
class AgentOptimizer:
    """Asks a chat model for one action at a time: add, revise, remove or terminate (Algorithm 1 of the paper).

    Every edit is checked statically, in a smoke run and on recorded calls before the next is asked for; what is wrong
    goes back to the model for repair.

    Args:
        model: a LiteLLM id, or a ChatModel.
        max_actions: edits a step at most (the paper's 3).
        repairs: how often an edit that fails its checks may be mended before it is given up.
        history_tokens: cap, in roughly estimated tokens, on the raw sessions shown in one request.
        temperature: of the optimizer's model; None leaves it to the provider.
        progressive: one action a request, each seeing the list that the one before left; False asks for all actions
            at once, the paper's ablation without progressive update.
        train_instructions: let it also rewrite what the agent is told before each question.
    """

    model: str | ChatModel
    max_actions: int = 3
    repairs: int = 2
    history_tokens: int = 12_000
    temperature: float | None = None
    progressive: bool = True
    train_instructions: bool = False
    deterministic: bool = field(default=False, init=False)
    chat: ChatModel = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        chat = models.resolve(self.model) if isinstance(self.model, str) else self.model
        if not isinstance(chat, ChatModel):
            raise ForgeError(f"AgentOptimizer(model={self.model!r}): it must write text; give a LiteLLM id such as "
                             "'openai/gpt-5', or use optim.SynthesisOptimizer(), which needs no model")  # fmt: skip
        for name, least in (("max_actions", 1), ("repairs", 0), ("history_tokens", 500)):
            if getattr(self, name) < least:
                raise ForgeError(f"AgentOptimizer({name}={getattr(self, name)}): at least {least}")
        object.__setattr__(self, "chat", chat)

    def check(self) -> None:
        """Raise a ForgeError if the model is unknown or has no key, before anything is spent."""
        if check := getattr(self.chat, "check", None):
            check()

    def propose(self, library: Library, evidence: Evidence) -> list[Change]:
        """At most `max_actions` changes that hold together; `[Terminate()]` if the model wants none."""
        if not self.progressive:
            return self._at_once(library, evidence)
        now, edits = library, list[Change]()
        for action in range(self.max_actions):
            if evidence.meter.exhausted:
                break
            proposal = self._action(action, library, now, edits, evidence)
            if proposal is None:
                continue
            if isinstance(proposal.edit, Terminate):
                return edits or [proposal.edit]
            edits.append(proposal.edit)
            now = _applied(now, proposal.edit)
        return edits

    def _action(
        self, action: int, before: Library, now: Library, edits: Sequence[Change], evidence: Evidence
    ) -> Proposal | None:
        """One change that passed its checks, or None when it could not be had or mended."""
        messages = self._messages(before, now, edits, evidence, at_once=1)
        last: tuple[Change, Exception] | None = None
        for attempt in range(1 + self.repairs):
            reply = self._ask(messages, seed=f"{evidence.seed}:{evidence.step}:{action}:{attempt}", evidence=evidence)
            if reply.error:
                break
            proposal: Proposal | None = None
            try:
                proposal = read_action(reply)
                self._require_allowed(proposal.edit)
                evidence.checks.check(proposal.edit, now, proposal.example)
            except (FunctionError, SandboxError) as error:
                messages += _handed_back(reply, error)
                last = (proposal.edit, error) if proposal is not None else last
                if evidence.meter.exhausted:
                    break
            else:
                return proposal
        if last is not None:
            evidence.refuse(Refusal(last[0], str(last[1])))
        return None

    def _at_once(self, library: Library, evidence: Evidence) -> list[Change]:
        """All actions of one reply that pass their checks, each applied to what the ones before left; no repairs."""
        messages = self._messages(library, library, (), evidence, at_once=self.max_actions)
        reply = self._ask(messages, seed=f"{evidence.seed}:{evidence.step}:all", evidence=evidence)
        now, edits = library, list[Change]()
        for place in range(min(max(len(reply.tool_calls), 1), self.max_actions)):
            proposal: Proposal | None = None
            try:
                proposal = read_action(reply, place)
                self._require_allowed(proposal.edit)
                evidence.checks.check(proposal.edit, now, proposal.example)
            except (FunctionError, SandboxError) as error:
                if proposal is not None:
                    evidence.refuse(Refusal(proposal.edit, str(error)))
                continue
            if isinstance(proposal.edit, Terminate):
                return edits or [proposal.edit]
            edits.append(proposal.edit)
            now = _applied(now, proposal.edit)
        return edits

    def _messages(
        self, before: Library, now: Library, edits: Sequence[Change], evidence: Evidence, *, at_once: int
    ) -> list[Mapping[str, Any]]:
        told = rules(evidence.sandbox.imports, actions_at_once=at_once, instructions=self.train_instructions)
        shown = brief(evidence, before, now, edits, history_tokens=self.history_tokens)
        return [{"role": "system", "content": told}, {"role": "user", "content": shown}]

    def _require_allowed(self, change: Change) -> None:
        if isinstance(change, ReviseInstructions) and not self.train_instructions:
            raise FunctionError("there is no tool revise_instructions", hint="change the functions instead")

    def _ask(self, messages: Sequence[Mapping[str, Any]], *, seed: str, evidence: Evidence) -> Reply:
        tools = (*ACTION_TOOLS, INSTRUCTIONS_TOOL) if self.train_instructions else ACTION_TOOLS
        request = ChatRequest(messages=tuple(messages), tools=tools, temperature=self.temperature, seed=_number(seed))
        reply = evidence.replies.known(request) if evidence.replies is not None else None
        if reply is None:
            reply = self.chat.complete_sync(request)
            if evidence.replies is not None and not reply.error:
                evidence.replies.keep(request, reply)
        evidence.meter.add(reply.usage)
        return reply


def _applied(library: Library, change: Change) -> Library:
    return library if isinstance(change, ReviseInstructions) else library.apply([change])


def _handed_back(reply: Reply, error: Exception) -> list[Mapping[str, Any]]:
    """The model's own turn and what was wrong with it, as the chat protocol wants them."""
    words = f"This was not accepted: {error}\nMend it and take the action again, or take another one."
    if not reply.tool_calls:
        return [{"role": "assistant", "content": reply.text or "(nothing)"}, {"role": "user", "content": words}]
    calls = [_echo(call, place) for place, call in enumerate(reply.tool_calls)]
    answers = [
        {"role": "tool", "tool_call_id": call["id"], "content": words if place == 0 else "Ignored: one at a time."}
        for place, call in enumerate(calls)
    ]
    return [{"role": "assistant", "content": reply.text or None, "tool_calls": calls}, *answers]


def _echo(call: ToolCall, place: int) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id or f"call_{place}", "type": "function", "function": function}


def _number(purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "big") >> 1
