"""Free checks of what an optimizer proposes, before a single rollout: static, smoke calls, replay of recorded calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from functions import EditError, Function, FunctionRaised, Library, Sandbox, SandboxError
from functions.edits import Add, Revise
from functions.errors import ArgumentError, FunctionError, ResultTypeError, SandboxUnavailable
from optim.checks import changed, require_sound
from optim.leaks import Answers, Leak
from optim.replay import RecordedCall, require_same_where_right
from optim.version import Change, ReviseInstructions, Version, describe

BROKEN = frozenset({"NameError", "ImportError", "ModuleNotFoundError", "UnboundLocalError", "SyntaxError"})
"""What a function raises when the code itself is wrong, whatever the arguments."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which free checks a training makes; `filters=None` makes only those without which nothing can run.

    Args:
        replay: make recorded calls again: those that served a solved task must not change their value.
        allow_answers: let literals of the code be answers of training tasks.
    """

    replay: bool = True
    allow_answers: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A change that was refused before it was played, and why."""

    change: Change
    reason: str


@dataclass(frozen=True, slots=True)
class Screen:
    """The checks of one step: what is known when a version is to be changed."""

    sandbox: Sandbox
    filters: Filters | None = field(default_factory=Filters)
    answers: Answers | None = None
    calls: Mapping[str, Sequence[RecordedCall]] = field(default_factory=dict)

    def check(self, change: Change, library: Library, example: Mapping[str, Any] | None = None) -> None:
        """Check one change of a library by itself.

        Args:
            example: arguments on which its author says that the function works.

        Raises:
            FunctionError: it cannot be applied, or is unsound, or holds an answer, or breaks a recorded call.
            SandboxError: the policy refuses it, its example fails, or the code is broken whatever its arguments.
        """
        if isinstance(change, ReviseInstructions):
            return self._require_no_leak_in_instructions(change.instructions)
        candidate = library.apply([change])
        require_sound(candidate, library, self.sandbox)
        if isinstance(change, Add | Revise) and example:
            self._example(candidate, candidate[change.name], example)
        self._behaviour(library, candidate)

    def sift(self, version: Version, changes: Sequence[Change]) -> tuple[Version, list[Change], list[Refusal]]:
        """The version after those changes that pass, which they are, and which were refused.

        Changes that hold together are applied together; if they cannot be without those refused, all are refused.
        """
        kept, refused = list(changes), list[Refusal]()
        while kept:
            try:
                candidate = version.apply(kept)
            except EditError as error:
                return version, [], [*refused, *(Refusal(change, str(error)) for change in kept)]
            wrong = self._wrong(version.library, candidate.library, kept)
            if not wrong:
                return candidate, kept, refused
            refused += wrong
            kept = [change for change in kept if not any(change is refusal.change for refusal in wrong)]
        return version, [], refused

    def _wrong(self, before: Library, after: Library, changes: Sequence[Change]) -> list[Refusal]:
        reasons = ((change, self._reason(change, before, after)) for change in changes)
        return [Refusal(change, reason) for change, reason in reasons if reason]

    def _reason(self, change: Change, before: Library, after: Library) -> str:
        """Why a change, among the others that led to `after`, is refused; "" if it is not."""
        try:
            if isinstance(change, ReviseInstructions):
                self._require_no_leak_in_instructions(change.instructions)
            elif isinstance(change, Add | Revise):
                touched = _touched(change.name, before, after)
                require_sound(after, touched, self.sandbox)
                self._behaviour(touched, after)
        except SandboxUnavailable:
            raise
        except (FunctionError, SandboxError) as error:
            return str(error)
        return ""

    def _behaviour(self, before: Library, after: Library) -> None:
        if self.filters is None:
            return
        for function in changed(after, before):
            self._require_no_leak(f"function {function.name!r}", function.source)
            for arguments in self._trials(function):
                _require_whole(function, arguments, after.helpers(function.name), self.sandbox)
        if self.filters.replay:
            require_same_where_right(before, after, self.calls, self.sandbox)

    def _example(self, candidate: Library, function: Function, example: Mapping[str, Any]) -> None:
        try:
            self.sandbox.call(function, dict(example), helpers=candidate.helpers(function.name))
        except SandboxError as error:
            raise FunctionError(f"called with example_arguments={dict(example)!r:.300}: {error}") from error

    def _require_no_leak(self, where: str, source: str) -> None:
        if self._guarded is not None:
            self._refuse(where, self._guarded.leaks(source))

    def _require_no_leak_in_instructions(self, text: str) -> None:
        if self._guarded is not None:
            self._refuse("the text of the instructions", self._guarded.leaks_in_text(text))

    @property
    def _guarded(self) -> Answers | None:
        return None if self.filters is None or self.filters.allow_answers else self.answers

    def _refuse(self, where: str, leaks: Sequence[Leak]) -> None:
        for leak in leaks[:1]:
            raise FunctionError(f"{where} holds {leak.literal[:80]}, the {leak.of} of training task {leak.task_id!r}",
                                hint="pass what is specific as an argument; or, if it belongs there, "
                                "optim.Filters(allow_answers=True)")  # fmt: skip

    def _trials(self, function: Function) -> Iterator[Mapping[str, Any]]:
        """Arguments to try: some that were recorded, else some that fit the schema."""
        known = self.calls.get(function.name, ())[:3]
        if known:
            yield from (call.arguments for call in known)
        else:
            schema = function.parameters
            required = schema.get("required", [])
            yield {name: _sample(part) for name, part in schema.get("properties", {}).items() if name in required}


def _touched(name: str, before: Library, after: Library) -> Library:
    """`after` with the function of that name as it was before, so that it alone counts as changed."""
    others = [function for function in after.values() if function.name != name]
    try:
        return Library([*others, *([before[name]] if name in before else [])])
    except FunctionError:  # it and the others hold together only as they are now
        return before


def _require_whole(
    function: Function, arguments: Mapping[str, Any], helpers: Sequence[Function], sandbox: Sandbox
) -> None:
    """A function may refuse arguments, or raise on them; but its code may not be broken."""
    try:
        sandbox.call(function, dict(arguments), helpers=helpers)
    except (ArgumentError, ResultTypeError):
        return
    except FunctionRaised as error:
        if error.exception in BROKEN:
            raise


def _sample(schema: Mapping[str, Any]) -> Any:  # a JSON value
    """A value that fits a simple schema; whatever fits none is refused by the function's own check."""
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    if options := schema.get("anyOf"):
        return _sample(options[0])
    match schema.get("type"):
        case "integer" | "number":
            return 2
        case "boolean":
            return True
        case "array":
            return [_sample(schema.get("items", {})) for _ in range(2)]
        case "object":
            return {name: _sample(part) for name, part in schema.get("properties", {}).items()}
    return "text"


def summary(refusal: Refusal) -> dict[str, str]:
    """For the event log: JSON values only."""
    return {"change": describe(refusal.change), "reason": refusal.reason}
