"""The offline model: no language model, a lexical match picks the function and fills its arguments from the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from forge.models.filling import Filling, Signature, fill
from forge.models.matching import LexicalIndex, documents, features
from forge.models.protocol import Context, ToolSpec
from forge.models.reading import Reading, read
from forge.session import Action, Call, Observation, Step

SUBMIT = "submit"
MOST_ATTEMPTS = 3  # functions tried on one question before giving up


@dataclass(frozen=True, slots=True)
class _Indexed:
    """The functions that a context offers, ready for matching; those of one signature are filled once."""

    tools: tuple[ToolSpec, ...]
    by_signature: tuple[tuple[Signature, tuple[int, ...]], ...]
    index: LexicalIndex


class Router:
    """A `Model` that reads questions with rules: deterministic, offline, for a library of well-described functions.

    It calls the function whose name, description and examples match the question best, among those whose arguments
    the text gives and that leave the least of what the text gives unused; it submits what the function returned.
    A call that fails, or returns None, is followed by the next best function. When no function shares a content word
    with the question, or none can be filled, it submits None: it does not guess.

    Of the tools it calls only `submit`; it writes no code, so functions that take code are never called.
    """

    name = "router"

    def __init__(self) -> None:
        self._indexed: dict[tuple[tuple[str, str], ...], _Indexed] = {}

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        """The next action for each context, in order."""
        return [self._next(context) for context in contexts]

    def _next(self, context: Context) -> Action:
        result = _last_result(context.steps)
        if result is not None:
            return _call(SUBMIT, answer=_plain(result.value if result.value is not None else result.text))
        tried = {call.name for step in context.steps for call in step.action.calls}
        if context.turns_left > 1 and len(tried) < MOST_ATTEMPTS:
            for tool, filling in self.candidates(context.question, context.tools):
                if tool.name not in tried:
                    return _call(tool.name, **filling.arguments)
        return _call(SUBMIT, answer=None)

    def candidates(self, question: str, tools: Sequence[ToolSpec]) -> Iterator[tuple[ToolSpec, Filling]]:
        """The functions that could answer a question with their arguments, the best first."""
        indexed = self._index(tuple(tool for tool in tools if tool.kind == "function"))
        reading = read(question)
        document = features(reading)
        related = indexed.index.shares_a_word(document)
        fillings = _fillings(indexed, reading)
        scores = indexed.index.scores(document)
        order = sorted(fillings, key=lambda place: (fillings[place].unused, -scores[place], place))
        for place in order:
            if place in related:
                yield indexed.tools[place], fillings[place]

    def _index(self, tools: tuple[ToolSpec, ...]) -> _Indexed:
        key = tuple((tool.name, tool.description) for tool in tools)
        if key not in self._indexed:
            if len(self._indexed) >= 16:  # libraries change while they are trained: keep the latest few
                self._indexed.pop(next(iter(self._indexed)))
            labelled = [
                (place, document)
                for place, tool in enumerate(tools)
                for document in documents(tool.name, tool.description)
            ]
            by_signature: dict[Signature, tuple[int, ...]] = {}
            for place, tool in enumerate(tools):
                signature = Signature.of(tool.parameters)
                by_signature[signature] = (*by_signature.get(signature, ()), place)
            self._indexed[key] = _Indexed(tools, tuple(by_signature.items()), LexicalIndex(labelled, len(tools)))
        return self._indexed[key]


def _fillings(indexed: _Indexed, reading: Reading) -> dict[int, Filling]:
    """The filling of each function, by its place, that can be filled."""
    found = {}
    for signature, places in indexed.by_signature:
        if (filling := fill(signature, reading)) is not None:
            found.update(dict.fromkeys(places, filling))
    return found


def _last_result(steps: Sequence[Step]) -> Observation | None:
    """The last observation, if it is a function's result and not a failure."""
    if not steps or not steps[-1].observations:
        return None
    last = steps[-1].observations[-1]
    absent = last.value is None and last.text in ("", "None", "null")
    return None if last.error or absent or last.name == SUBMIT else last


def _plain(value: object) -> object:
    """A whole number without a fraction, as people write it; anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _call(name: str, **arguments: object) -> Action:
    return Action(calls=(Call(name, arguments),))
