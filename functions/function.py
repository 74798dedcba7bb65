"""A function as a learnable parameter: text with a name, a JSON signature and a version, run only by a sandbox."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from functions.errors import FunctionError
from functions.scope import Scope
from functions.signature import Signature
from functions.source import entry, normalise, parse

_Value = TypeVar("_Value")
_PACKAGE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Function:
    """Source code that stands for one function; equal when every field is equal.

    Args:
        name: of the `def` that is meant; helpers may stand beside it in the source.
        source: a self-contained module of at most 64 KB. It is parsed, never run, by this class.
        description: for models that choose among functions; the docstring when left empty.
        packages: third-party packages that the source imports, by the names they are imported by.
        trainable: whether an optimizer may revise or remove it.

    Raises:
        FunctionError: the source, the name or a package's name is wrong.
    """

    name: str
    source: str
    description: str = ""
    packages: tuple[str, ...] = ()
    trainable: bool = True
    version: str = field(init=False, compare=False)
    _signature: Signature = field(init=False, compare=False, repr=False)
    _callable: Callable[..., Any] | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        source = normalise(self.source)
        tree = parse(source)
        signature = Signature(source, tree, entry(tree, self.name))
        packages = package_names(self.packages)
        description = self.description.strip() or signature.description
        content = json.dumps([self.name, source, description, packages, self.trainable])
        derived = {"source": source, "description": description, "packages": packages, "_signature": signature,
                   "version": hashlib.sha256(content.encode()).hexdigest(), "_callable": None}  # fmt: skip
        for slot, value in derived.items():
            object.__setattr__(self, slot, value)

    @classmethod
    def from_source(
        cls,
        source: str,
        name: str | None = None,
        *,
        description: str = "",
        packages: Iterable[str] | str = (),
        trainable: bool = True,
    ) -> Function:
        """A function from its text; without a name the last public `def` is meant.

        Raises:
            FunctionError: with the line, the reason and a hint.
        """
        if name is None:
            name = entry(parse(normalise(source)), None).name
        return cls(name, source, description, package_names(packages), trainable)

    @classmethod
    def from_callable(
        cls, target: Callable[..., Any], *, packages: Iterable[str] | str = (), trainable: bool = True
    ) -> Function:
        """A function from a live Python one, with what it refers to (imports, constants, helpers) brought along.

        Raises:
            FunctionError: it is no plain function, or refers to something that text cannot hold.
        """
        from functions.callable_source import self_contained_source

        if isinstance(target, Function):
            raise FunctionError(f"{target.name!r} is a Function already",
                                hint="use it as it is, or dataclasses.replace it")  # fmt: skip
        source = self_contained_source(target)
        made = cls(target.__name__, source, "", package_names(packages), trainable)
        object.__setattr__(made, "_callable", target)  # set here only: a copy with other source must not keep it
        return made

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON schema of the arguments, an object; a copy."""
        copy: dict[str, Any] = _copied(self._signature.parameters)
        return copy

    @property
    def returns(self) -> dict[str, Any] | None:
        """The JSON schema of the result, or None where the source promises nothing; a copy."""
        copy: dict[str, Any] | None = _copied(self._signature.returns)
        return copy

    @property
    def binding(self) -> dict[str, Any]:
        """How JSON arguments reach the Python function, as plain JSON for the sandbox; a copy.

        "positional" and "keyword" name the parameters passed that way; "var_positional" names *args, a list;
        "var_keyword" names **kwargs, which takes the arguments that are no other parameter's; both may be None.
        "decode" has a spec for each parameter that is not passed as it is: [kind, spec of the elements], kind "list",
        "set", "frozenset", "tuple*", "dict" or "optional"; ["tuple", [spec, ...]]; ["dataclass", class, {field: spec}];
        ["enum", class]. A spec of None means as it is.
        """
        copy: dict[str, Any] = _copied(self._signature.binding)
        return copy

    @property
    def scope(self) -> Scope:
        """The names that the source binds at its top level, and those that it takes from outside."""
        return self._signature.scope

    @property
    def own_description(self) -> str:
        """The description where it was given and is not the docstring's; else ""."""
        return "" if self.description == self._signature.description else self.description

    def problems(self) -> list[str]:
        """What an optimizer's function must not lack but does: a docstring, annotations that JSON carries."""
        return list(self._signature.problems)

    def validate(self, arguments: Mapping[str, object]) -> dict[str, Any]:
        """The arguments checked against the annotations and coerced where nothing is lost ("3" to 3, never 3.7 to 3).

        Raises:
            ArgumentError: they are unknown, missing or of wrong types.
        """
        return self._signature.validate(arguments)

    def check_result(self, value: _Value) -> _Value:
        """The value itself, if the return annotation allows it (a whole number may stand where a float is declared).

        Raises:
            ResultTypeError: it does not.
        """
        self._signature.check_result(value)
        return value

    def tool_schema(self) -> dict[str, Any]:
        """The function as a tool of the OpenAI protocol."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": self.parameters},
        }

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:  # a live function takes what its author says
        """Run in this process: only a function made from a live callable is trusted with that.

        Raises:
            FunctionError: it is known as text only.
        """
        if self._callable is None:
            raise FunctionError(f"{self.name!r} came as text, which is never run in this process",
                                hint="use functions.Sandbox().call(function, {...})")  # fmt: skip
        return self._callable(*arguments, **keywords)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy as text: what arrives elsewhere is no longer trusted to run in process."""
        return (Function, (self.name, self.source, self.description, self.packages, self.trainable))


@overload
def function(target: Callable[..., Any], /) -> Function: ...
@overload
def function(
    *, packages: Iterable[str] | str = (), trainable: bool = True
) -> Callable[[Callable[..., Any]], Function]: ...
def function(
    target: Callable[..., Any] | None = None, /, *, packages: Iterable[str] | str = (), trainable: bool = True
) -> Function | Callable[[Callable[..., Any]], Function]:
    """Decorator that makes a `Function`, still callable in process: `@function` or `@function(trainable=False)`.

    Raises:
        FunctionError: see `Function.from_callable`.
    """

    def decorate(live: Callable[..., Any]) -> Function:
        return Function.from_callable(live, packages=packages, trainable=trainable)

    return decorate(target) if target is not None else decorate


def package_names(packages: Iterable[str] | str) -> tuple[str, ...]:
    """Names of packages, once each; one text may hold several: "numpy, sympy".

    Raises:
        FunctionError: something is no bare name (a version, an option, a URL).
    """
    names: dict[str, None] = {}
    if not isinstance(packages, Iterable):
        raise FunctionError(f"{packages!r} is no list of packages", hint='write bare names: ["numpy", "sympy"]')
    for text in [packages] if isinstance(packages, str) else packages:
        for name in re.split(r"[,\s]+", text.strip(", \n\t")) if isinstance(text, str) else [text]:
            if name != "" and (not isinstance(name, str) or not _PACKAGE.fullmatch(name)):
                raise FunctionError(f"{name!r} is not a package name", hint='write bare names: ["numpy", "sympy"]')
            names[name] = None
    names.pop("", None)
    return tuple(names)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copied(item) for name, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
