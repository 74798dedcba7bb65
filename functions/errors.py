"""The one tree of errors: everything Forge raises on purpose is a `ForgeError`."""

from __future__ import annotations


class ForgeError(Exception):
    """A mistake that the message explains: the value, the rule, and the way out."""


class FunctionError(ForgeError):
    """A function's source, name, signature or use is wrong.

    The message is written to be acted on by a person or an LLM: what is wrong (`reason`), where
    (`line`, 1-based in the function's source, or None) and how to mend it (`hint`).
    """

    def __init__(self, reason: str, *, line: int | None = None, hint: str = "") -> None:
        self.reason, self.line, self.hint = reason, line, hint
        where = f"line {line}: " if line is not None else ""
        super().__init__(f"{where}{reason}" + (f" ({hint})" if hint else ""))


class EditError(FunctionError):
    """An edit cannot be applied to a library; `index` is its 0-based place in the list of edits."""

    def __init__(self, reason: str, *, index: int, line: int | None = None, hint: str = "") -> None:
        self.index = index
        super().__init__(f"edit {index}: {reason}", line=line, hint=hint)


class SandboxError(ForgeError):
    """A sandboxed call gave no value. `kind` is a stable word for logs and clusters of failures."""

    kind = "sandbox"


class PolicyError(SandboxError):
    """The source breaks the sandbox's static policy; nothing was run."""

    kind = "policy"

    def __init__(self, reason: str, *, line: int | None = None, hint: str = "") -> None:
        self.reason, self.line, self.hint = reason, line, hint
        where = f"line {line}: " if line is not None else ""
        super().__init__(f"{where}{reason}" + (f" ({hint})" if hint else ""))


class LoadError(SandboxError):
    """The source did not run as a module, or does not define the function."""

    kind = "load"


class FunctionRaised(SandboxError):
    """The function raised: `exception` is the type's name, `traceback` holds the function's own frames only."""

    kind = "raised"

    def __init__(self, exception: str, message: str, traceback: str = "") -> None:
        self.exception, self.traceback = exception, traceback
        super().__init__(f"{exception}: {message}" if message else exception)


class FunctionTimeout(SandboxError):
    """The call outran its limit; `clock` says which: "wall" or "cpu"."""

    kind = "timeout"

    def __init__(self, message: str, *, clock: str = "wall") -> None:
        self.clock = clock
        super().__init__(message)


class FunctionMemory(SandboxError):
    """The call asked for more memory than the sandbox gives."""

    kind = "memory"


class FunctionCrashed(SandboxError):
    """The process died under the call: `signal` (or None) and `exit_code` (or None) as the supervisor saw them."""

    kind = "crashed"

    def __init__(self, message: str, *, signal: int | None = None, exit_code: int | None = None) -> None:
        self.signal, self.exit_code = signal, exit_code
        super().__init__(message)


class ResultTooLarge(SandboxError):
    """The encoded result is larger than the sandbox's cap."""

    kind = "result_too_large"


class ResultNotJSON(SandboxError):
    """The result is not strict JSON (a set, an object, NaN, a non-string key, a cycle, ...)."""

    kind = "result_not_json"


class ProtocolError(SandboxError):
    """What came over the wire is not a well-formed frame: the code tampered with its channel."""

    kind = "protocol"


class SandboxUnavailable(SandboxError):
    """This machine cannot give the level of isolation asked for; the message names the missing layer and the fix."""

    kind = "unavailable"


class ArgumentError(FunctionError, SandboxError):
    """The arguments do not fit the function's parameters; nothing was run."""

    kind = "arguments"


class ResultTypeError(FunctionError, SandboxError):
    """The function returned a value that its return annotation does not allow."""

    kind = "result_type"
