"""Tools: trusted Python on the host, called by name, never rewritten. A Function computes, a Tool acts."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_type_hints

from forge.session import Step
from functions.docstring import read_docstring
from functions.errors import ArgumentError, ForgeError
from functions.function import Function

if TYPE_CHECKING:
    from pydantic import BaseModel

    from forge.expert import Expert
    from forge.memory import Memory
    from forge.models.protocol import ToolSpec
    from forge.task import Task


@dataclass(slots=True)
class World:
    """What tools act on during one session. Mutable; a tool gets it by a parameter annotated `forge.World`."""

    task: Task
    memory: Memory | None = None
    expert: Expert | None = None
    steps: list[Step] = field(default_factory=list)
    shown_from: int = 0  # steps before this one were cleared from the context
    submitted: bool = False
    answer: Any = None
    advice_count: int = 0
    advice_cost: float = 0.0
    state: dict[str, Any] = field(default_factory=dict)  # what tools keep from call to call, by a name of their own


class Tool:
    """A host function that an agent may call.

    Args:
        run: sync or async; its annotations and docstring describe it to models.
        name: the callable's when None.
        description: the docstring's when None.
        parameters: a JSON schema of type object, when the annotations do not say enough; `run` then gets the
            arguments by keyword after they are checked against it.

    Raises:
        ForgeError: the callable cannot be described.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(run, Function):
            raise ForgeError(f"{run.name!r} is a Function: give it to an agent as functions=[...], not as a tool")
        if not callable(run):
            raise ForgeError(f"Tool({run!r}): give a callable")
        own_name: str = name if name is not None else getattr(run, "__name__", "")
        if not own_name.isidentifier() or own_name == "<lambda>":
            raise ForgeError(f"Tool({run!r}) has no usable name: give name='...'")
        self.run = run
        self.name = own_name
        self.description = description if description is not None else _documentation(run).description
        self._given = dict(parameters) if parameters is not None else None
        self._world = _world_parameter(run)

    def __repr__(self) -> str:
        return f"Tool({self.name})"

    @property
    def spec(self) -> ToolSpec:
        from forge.models.protocol import ToolSpec

        return ToolSpec(self.name, self.description, self.parameters, kind="tool")

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON schema of the arguments."""
        return self._given if self._given is not None else _schema(self._model)

    @cached_property
    def _model(self) -> type[BaseModel]:
        return _argument_model(self.run, self.name, skip=self._world)

    def call(self, arguments: Mapping[str, Any], world: World) -> Any:
        """Check the arguments and run; an async callable is run to its end.

        Raises:
            ArgumentError: the arguments do not fit.
            Exception: whatever the callable raises.
        """
        checked = self._checked(arguments)
        if self._world:
            checked[self._world] = world
        result = self.run(**checked)
        return _awaited(result) if inspect.isawaitable(result) else result

    def _checked(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if self._given is not None:
            from functions.json_schema import validate_arguments

            return validate_arguments(self._given, arguments, name=self.name)
        from pydantic import ValidationError

        try:
            model = self._model.model_validate(dict(arguments))
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:4])
            known = ", ".join(self.parameters["properties"]) or "none"
            raise ArgumentError(f"{self.name}: {wrong}", hint=f"parameters: {known}") from None
        return {name: getattr(model, name) for name in model.model_fields_set}


def _awaited(result: Any) -> Any:
    from forge.drive import run_async

    async def wait() -> Any:
        return await result

    return run_async(wait)


def _world_parameter(run: Callable[..., Any]) -> str:
    """The name of the parameter that is annotated `World`, or "" if there is none."""
    for name, annotation in _hints(run).items():
        if annotation is World and name != "return":
            return name
    return ""


def _hints(run: Callable[..., Any]) -> dict[str, Any]:
    target = run if inspect.isroutine(run) else type(run).__call__
    try:
        return get_type_hints(target, include_extras=True)
    except NameError as error:
        raise ForgeError(f"the annotations of {run!r} cannot be resolved: {error}") from error


def _documentation(run: Callable[..., Any]) -> Any:  # functions.docstring's value
    return read_docstring(inspect.getdoc(run) or "")


def _argument_model(run: Callable[..., Any], name: str, *, skip: str) -> type[BaseModel]:
    from pydantic import ConfigDict, Field, create_model

    hints, described = _hints(run), _documentation(run).parameters
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(run).parameters.values():
        if parameter.name == skip:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise ForgeError(f"tool {name!r}: parameter {parameter} cannot be named in a call; use plain parameters")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (
            hints.get(parameter.name, Any),
            Field(default, description=described.get(parameter.name)),
        )
    return create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)


def _schema(model: type[BaseModel]) -> Mapping[str, Any]:
    schema = model.model_json_schema()
    for part in (schema, *schema.get("properties", {}).values()):
        part.pop("title", None)
    schema.setdefault("properties", {})
    return schema
