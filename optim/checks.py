"""What a proposed function must satisfy before a single rollout is spent on it."""

from __future__ import annotations

from functions import EditError, Function, Library, Sandbox


def require_sound(candidate: Library, incumbent: Library, sandbox: Sandbox) -> None:
    """Annotations, docstring and the sandbox's static policy, for every function that is new or changed.

    Raises:
        EditError: an optimizer wrote a function without annotations or docstring.
        PolicyError: the sandbox would refuse the function.
    """
    for function in changed(candidate, incumbent):
        if problems := function.problems():
            raise EditError(f"function {function.name!r}: {'; '.join(problems)}", index=0,
                            hint="annotate every parameter and the result, and write a docstring")  # fmt: skip
        if unknown := candidate.undefined(function.name):
            raise EditError(f"function {function.name!r} uses {', '.join(unknown)}, which nothing defines", index=0,
                            hint="define or import it in the same source, or call a function of the list")  # fmt: skip
        sandbox.check(function, helpers=candidate.helpers(function.name))


def changed(candidate: Library, incumbent: Library) -> list[Function]:
    """The functions of `candidate` that `incumbent` does not hold in the same version."""
    return [
        function
        for function in (candidate[name] for name in candidate.names)
        if function.name not in incumbent or incumbent[function.name].version != function.version
    ]
