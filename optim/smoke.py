"""A first look at an edit, before any rollout: static checks, then a few calls in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from functions import Function, FunctionRaised, Library, SandboxError
from functions.edits import Add, Revise
from functions.errors import ArgumentError, FunctionError, ResultTypeError
from optim.actions import Proposal
from optim.checks import require_sound
from optim.evidence import Evidence

BROKEN = frozenset({"NameError", "ImportError", "ModuleNotFoundError", "UnboundLocalError", "SyntaxError"})
"""What a function raises when the code itself is wrong, whatever the arguments."""


def smoke(proposal: Proposal, library: Library, evidence: Evidence) -> None:
    """Apply the edit to a copy, check it, and run it on its example and on recorded calls.

    Raises:
        FunctionError: it cannot be applied, or is unsound, or its example cannot be passed to it.
        SandboxError: the policy refuses it, its example fails, or the code is broken whatever its arguments.
    """
    candidate = library.apply([proposal.edit])
    if not isinstance(proposal.edit, Add | Revise):
        return
    require_sound(candidate, library, evidence.sandbox)
    function = candidate[proposal.edit.name]
    helpers = candidate.helpers(function.name)
    if proposal.example or not function.parameters.get("required"):
        try:
            evidence.sandbox.call(function, dict(proposal.example), helpers=helpers)
        except SandboxError as error:
            raise FunctionError(f"called with example_arguments={dict(proposal.example)!r:.300}: {error}") from error
    for arguments in _recorded(function, evidence):
        _require_whole(function, arguments, helpers, evidence)


def _recorded(function: Function, evidence: Evidence, *, most: int = 3) -> Iterator[Mapping[str, Any]]:
    """Arguments with which the agent called a function of this name."""
    found = 0
    for session in evidence.sessions:
        for call, _ in session.calls:
            if call.name == function.name and not call.error and found < most:
                found += 1
                yield call.arguments


def _require_whole(
    function: Function, arguments: Mapping[str, Any], helpers: tuple[Function, ...], evidence: Evidence
) -> None:
    """A revision may refuse old arguments, or raise on them; but its code may not be broken."""
    try:
        evidence.sandbox.call(function, dict(arguments), helpers=helpers)
    except (ArgumentError, ResultTypeError):
        return
    except FunctionRaised as error:
        if error.exception in BROKEN:
            raise
