"""Which functions of a library call which others, and whether their sources can stand in one namespace."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from functions.errors import FunctionError
from functions.function import Function

if TYPE_CHECKING:
    import networkx


class ConflictError(FunctionError):
    """Functions that are sound alone cannot stand together; `names` are those involved."""

    def __init__(self, reason: str, names: tuple[str, ...], *, hint: str) -> None:
        self.names = names
        super().__init__(reason, hint=hint)


class CallGraph:
    """An edge runs from a function to each other one whose name its source takes from outside. Never changes.

    Raises:
        ConflictError: a cycle, a function named like a builtin that another one uses, or private names that clash.
    """

    def __init__(self, functions: Mapping[str, Function]) -> None:
        self._functions = functions
        self.calls: Mapping[str, tuple[str, ...]] = {
            name: tuple(sorted(function.scope.free & functions.keys())) for name, function in functions.items()
        }
        self._require_no_builtins()
        self._order = self._topological()
        for name in functions:
            self._require_one_namespace((*self.helpers(name), name))

    @property
    def order(self) -> tuple[str, ...]:
        """Every name, helpers before those that call them, otherwise as they were listed."""
        return self._order

    def helpers(self, name: str) -> tuple[str, ...]:
        """What `name` needs, directly or through others, helpers first; without itself."""
        needed: set[str] = set()
        waiting = list(self.calls[name])
        while waiting:
            helper = waiting.pop()
            if helper not in needed:
                needed.add(helper)
                waiting.extend(self.calls[helper])
        return tuple(helper for helper in self._order if helper in needed)

    def networkx(self) -> networkx.DiGraph[str]:
        """The graph for analysis and drawing; an edge points from caller to helper."""
        import networkx

        graph: networkx.DiGraph[str] = networkx.DiGraph()
        graph.add_nodes_from(self.calls)
        graph.add_edges_from((name, helper) for name, helpers in self.calls.items() for helper in helpers)
        return graph

    def _topological(self) -> tuple[str, ...]:
        if not any(self.calls.values()):
            return tuple(self.calls)  # most libraries: no need to load networkx
        import networkx

        place = {name: index for index, name in enumerate(self.calls)}
        graph = self.networkx().reverse()
        try:
            return tuple(networkx.lexicographical_topological_sort(graph, key=place.__getitem__))
        except networkx.NetworkXUnfeasible:
            found = [caller for caller, _ in networkx.find_cycle(self.networkx())]
        raise ConflictError(f"functions call each other in a circle: {' -> '.join([*found, found[0]])}", tuple(found),
                            hint="move what they share into one of them, or into a third")  # fmt: skip

    def _require_no_builtins(self) -> None:
        for caller, helpers in self.calls.items():
            for helper in helpers:
                if hasattr(builtins, helper):
                    raise ConflictError(f"{caller!r} uses the builtin {helper!r}, which the library replaces",
                                        (caller, helper), hint=f"give {helper!r} another name")  # fmt: skip

    def _require_one_namespace(self, closure: tuple[str, ...]) -> None:
        """A function and its helpers are run in one namespace: what one binds must not change what another means."""
        for place, first in enumerate(closure):
            for second in closure[place + 1 :]:
                clash = next(_clashes(self._functions[first], self._functions[second]), None)
                if clash is not None:
                    raise ConflictError(f"{second!r} and {first!r} run together but mean different things by {clash!r}",
                                        (first, second), hint=f"rename {clash!r} in one of them")  # fmt: skip


def _clashes(first: Function, second: Function) -> Iterator[str]:
    mine, other = first.scope, second.scope
    for name in sorted(mine.bound.keys() & other.bound.keys()):
        if mine.bound[name] != other.bound[name]:
            yield name
    for binder, user in ((mine, other), (other, mine)):
        yield from (name for name in sorted(binder.bound.keys() & user.free) if hasattr(builtins, name))
