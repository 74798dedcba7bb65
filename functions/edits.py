"""The edits by which an optimizer changes a library; each is also a tool that a language model can call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from functions.errors import ArgumentError
from functions.function import package_names
from functions.source import did_you_mean

_Packages: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(package_names)]
_SOURCE = (
    "A Python module with the function as a top-level def of exactly this name: every parameter and the result "
    "annotated, a docstring, imports and private helpers beside it. No Markdown fences."
)
_PACKAGES = "Third-party packages that the source imports, by import name. Leave empty for the standard library."
_DESCRIPTION = "What the function does, for a model that chooses among tools; the docstring when left empty."


class _Edit(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    tool_name: ClassVar[str]


class Add(_Edit):
    """Add a new, general, reusable function to the library."""

    tool_name: ClassVar[str] = "add_function"
    action: Literal["add"] = "add"
    name: str = Field(description="Name of the new function, which no other function in the library has.")
    source: str = Field(description=_SOURCE)
    description: str = Field(default="", description=_DESCRIPTION)
    packages: _Packages = Field(default=(), description=_PACKAGES)


class Revise(_Edit):
    """Replace the source of a function in the library; its name stays."""

    tool_name: ClassVar[str] = "revise_function"
    action: Literal["revise"] = "revise"
    name: str = Field(description="Name of the function to revise.")
    source: str = Field(description=_SOURCE)
    description: str = Field(default="", description=_DESCRIPTION)
    packages: _Packages | None = Field(default=None, description=_PACKAGES + " Leave out to keep the present ones.")


class Remove(_Edit):
    """Remove a function from the library that is surely not needed."""

    tool_name: ClassVar[str] = "remove_function"
    action: Literal["remove"] = "remove"
    name: str = Field(description="Name of the function to remove.")


class Terminate(_Edit):
    """End this step: nothing in the library can be improved further. Edits listed after it are not applied."""

    tool_name: ClassVar[str] = "terminate"
    action: Literal["terminate"] = "terminate"


Edit: TypeAlias = Annotated[Add | Revise | Remove | Terminate, Field(discriminator="action")]
EDIT_KINDS: tuple[type[Add | Revise | Remove | Terminate], ...] = (Add, Revise, Remove, Terminate)


def edit_tools() -> list[dict[str, Any]]:
    """The four edits as tools of the OpenAI protocol."""
    return [
        {
            "type": "function",
            "function": {"name": kind.tool_name, "description": kind.__doc__, "parameters": _parameters(kind)},
        }
        for kind in EDIT_KINDS
    ]


def edit_from_call(name: str, arguments: Mapping[str, Any]) -> Edit:
    """The edit that a model's tool call asks for.

    Raises:
        ArgumentError: there is no such tool, or its arguments are missing, unknown or of wrong types.
        FunctionError: a package is not a bare name.
    """
    kinds = {kind.tool_name: kind for kind in EDIT_KINDS}
    if name not in kinds:
        raise ArgumentError(f"no edit is called {name!r}; there are {', '.join(kinds)}", hint=did_you_mean(name, kinds))
    try:
        return kinds[name].model_validate(dict(arguments))
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg'][:120]}" for item in error.errors(include_url=False)[:4]
        ]
        needed = ", ".join(_parameters(kinds[name])["properties"]) or "none"
        raise ArgumentError(f"{name}: {'; '.join(wrong)}", hint=f"arguments: {needed}") from None


def _parameters(kind: type[_Edit]) -> dict[str, Any]:
    schema = kind.model_json_schema()
    properties = {name: _without_null(part) for name, part in schema["properties"].items() if name != "action"}
    return {
        "type": "object",
        "properties": properties,
        "required": schema.get("required", []),
        "additionalProperties": False,
    }


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A property as a model should fill it in: no title, and left out rather than null."""
    solid = [part for part in schema.get("anyOf", ()) if part != {"type": "null"}]
    merged = {**schema, **solid[0]} if len(solid) == 1 else schema
    return {word: merged[word] for word in ("type", "items", "description") if word in merged}
