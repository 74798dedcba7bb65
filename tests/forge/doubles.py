"""Models for tests: what they do is a function of the context."""

from collections.abc import Callable, Sequence

from forge.models.protocol import Context
from forge.session import Action, Call, Usage


class Scripted:
    """Acts by a function of the context; remembers the contexts it was shown."""

    name = "scripted"

    def __init__(self, behave: Callable[[Context], Action]):
        self.behave, self.seen = behave, []

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        self.seen += contexts
        return [self.behave(context) for context in contexts]


class Awaited(Scripted):
    """The same, for the driver of hosted models."""

    async def act_async(self, context: Context) -> Action:
        return self.act([context])[0]


def turns(*actions: Action) -> Callable[[Context], Action]:
    """These actions one after another in each session, the last again and again."""
    return lambda context: actions[min(len(context.steps), len(actions) - 1)]


def call(name: str, **arguments) -> Action:
    return Action(calls=(Call(name, arguments, f"id_{name}"),), usage=Usage(calls=1, input_tokens=7, output_tokens=3))


def submit(answer) -> Action:
    return call("submit", answer=answer)
