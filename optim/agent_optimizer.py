"""An LLM as the optimizer of an agent's functions: AgentOptimizer's step (arXiv 2402.11359), checked edit by edit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge import models
from forge.models.chat import ChatModel, ChatRequest, Reply, ToolCall
from functions import FunctionError, Library, SandboxError
from functions.edits import Edit, Terminate
from functions.errors import ForgeError
from optim.actions import ACTION_TOOLS, Proposal, read_action
from optim.briefing import brief, rules
from optim.evidence import Evidence
from optim.smoke import smoke


@dataclass(frozen=True, slots=True)
class AgentOptimizer:
    """Asks a chat model for one action at a time: add, revise, remove or terminate (Algorithm 1 of the paper).

    Every edit is checked statically and in a smoke run before the next is asked for; what is wrong goes back to the
    model for repair.

    Args:
        model: a LiteLLM id, or a ChatModel.
        max_actions: edits a step at most (the paper's 3).
        repairs: how often an edit that fails its checks may be mended before it is given up.
        history_tokens: cap, in roughly estimated tokens, on the raw sessions shown in one request.
        temperature: of the optimizer's model; None leaves it to the provider.
    """

    model: str | ChatModel
    max_actions: int = 3
    repairs: int = 2
    history_tokens: int = 12_000
    temperature: float | None = None
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

    def propose(self, library: Library, evidence: Evidence) -> list[Edit]:
        """At most `max_actions` edits that hold together; `[Terminate()]` if the model wants none."""
        now, edits = library, list[Edit]()
        for action in range(self.max_actions):
            if evidence.meter.exhausted:
                break
            proposal = self._action(action, library, now, edits, evidence)
            if proposal is None:
                continue
            if isinstance(proposal.edit, Terminate):
                return edits or [proposal.edit]
            edits.append(proposal.edit)
            now = now.apply([proposal.edit])
        return edits

    def _action(
        self, action: int, before: Library, now: Library, edits: Sequence[Edit], evidence: Evidence
    ) -> Proposal | None:
        """One edit that passed its checks, or None when it could not be had or mended."""
        messages: list[Mapping[str, Any]] = [
            {"role": "system", "content": rules(evidence.sandbox.imports)},
            {"role": "user", "content": brief(evidence, before, now, edits, history_tokens=self.history_tokens)},
        ]
        for attempt in range(1 + self.repairs):
            reply = self._ask(messages, seed=f"{evidence.seed}:{evidence.step}:{action}:{attempt}", evidence=evidence)
            if reply.error:
                return None
            try:
                proposal = read_action(reply)
                smoke(proposal, now, evidence)
            except (FunctionError, SandboxError) as error:
                messages += _handed_back(reply, error)
                if evidence.meter.exhausted:
                    return None
            else:
                return proposal
        return None

    def _ask(self, messages: Sequence[Mapping[str, Any]], *, seed: str, evidence: Evidence) -> Reply:
        request = ChatRequest(
            messages=tuple(messages), tools=ACTION_TOOLS, temperature=self.temperature, seed=_number(seed)
        )
        reply = self.chat.complete_sync(request)
        evidence.meter.add(reply.usage)
        return reply


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
