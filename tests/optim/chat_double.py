"""A chat model that gives prepared replies and keeps the requests it was sent."""

import json

from forge.models.chat import ChatRequest, Reply, ToolCall
from forge.session import Usage


class ScriptedChat:
    name = "scripted"

    def __init__(self, replies):
        self.replies, self.requests = list(replies), []

    async def complete(self, request: ChatRequest) -> Reply:
        return self.complete_sync(request)

    def complete_sync(self, request: ChatRequest) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0) if self.replies else act("terminate")


def act(tool, **arguments):
    call = ToolCall(f"call_{tool}", tool, json.dumps(arguments))
    return Reply(tool_calls=(call,), finish_reason="tool_calls", usage=Usage(calls=1, input_tokens=10, output_tokens=5))


def text(request):
    """All words of a request."""
    return "\n".join(str(message.get("content")) for message in request.messages)
