"""A world for tests of training: tasks 0..N-1, and a function `solve` whose reach decides how many are solved."""

from collections.abc import Sequence

import forge
from forge.models.protocol import Context
from forge.session import Action, Call
from functions.edits import Add, Edit, Remove, Revise


class Caller:
    """A model that calls `solve` with the number in the question, then submits what came back. Counts its turns."""

    name = "caller"

    def __init__(self) -> None:
        self.turns = 0

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        self.turns += len(contexts)
        return [self._one(context) for context in contexts]

    def _one(self, context: Context) -> Action:
        if context.steps:
            return Action(calls=(Call("submit", {"answer": context.steps[-1].observations[-1].value}, "s"),))
        if any(tool.name == "solve" for tool in context.tools):
            return Action(calls=(Call("solve", {"n": int(context.question.split()[-1])}, "c"),))
        return Action(calls=(Call("submit", {"answer": "no idea"}, "s"),))


def solve(reach: int) -> str:
    """Source of a function that is right below `reach`."""
    return f'def solve(n: int) -> int:\n    """Twice n."""\n    return 2 * n if n < {reach} else -1\n'


def dataset(size: int, offset: int = 0) -> forge.Dataset:
    """Ids count from t0 in every set; an offset makes other questions."""
    part = f"part {offset}" if offset else "first part"
    rows = [{"id": f"t{n}", "question": f"{part}: what is twice {n}", "answer": 2 * n} for n in range(size)]
    return forge.Dataset(rows, metric=forge.metrics.exact_match)


class Ladder:
    """An optimizer that proposes a `solve` of each reach in turn (None: remove it; "same": nothing), then stops."""

    def __init__(self, reaches: Sequence[int | str | None], deterministic: bool = False) -> None:
        self.reaches, self.deterministic, self.evidence = list(reaches), deterministic, []

    def propose(self, library, evidence) -> list[Edit]:
        self.evidence.append(evidence)
        reach = self.reaches.pop(0) if self.reaches else "same"
        if reach == "same":
            return []
        if reach is None:
            return [Remove(name="solve")]
        source = solve(reach)
        return [Revise(name="solve", source=source) if "solve" in library else Add(name="solve", source=source)]
