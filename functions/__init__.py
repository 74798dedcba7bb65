"""Functions as learnable parameters: the function, the library of them, the edits that change it, and the sandbox."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from functions.errors import (
    ArgumentError,
    EditError,
    ForgeError,
    FunctionCrashed,
    FunctionError,
    FunctionMemory,
    FunctionRaised,
    FunctionTimeout,
    LoadError,
    PolicyError,
    ProtocolError,
    ResultNotJSON,
    ResultTooLarge,
    ResultTypeError,
    SandboxError,
    SandboxUnavailable,
)
from functions.function import Function, function

if TYPE_CHECKING:
    from functions.edits import Add, Edit, Remove, Revise, Terminate
    from functions.library import Library
    from functions.sandbox import DEFAULT_IMPORTS, Sandbox

_LAZY = {
    "Add": "functions.edits",
    "Edit": "functions.edits",
    "Remove": "functions.edits",
    "Revise": "functions.edits",
    "Terminate": "functions.edits",
    "Library": "functions.library",
    "DEFAULT_IMPORTS": "functions.sandbox",
    "Sandbox": "functions.sandbox",
}

__all__ = [
    "DEFAULT_IMPORTS",
    "Add",
    "ArgumentError",
    "Edit",
    "EditError",
    "ForgeError",
    "Function",
    "FunctionCrashed",
    "FunctionError",
    "FunctionMemory",
    "FunctionRaised",
    "FunctionTimeout",
    "Library",
    "LoadError",
    "PolicyError",
    "ProtocolError",
    "Remove",
    "ResultNotJSON",
    "ResultTooLarge",
    "ResultTypeError",
    "Revise",
    "Sandbox",
    "SandboxError",
    "SandboxUnavailable",
    "Terminate",
    "function",
]


def __getattr__(name: str) -> Any:  # an attribute of a module may be anything
    if name not in _LAZY:
        raise AttributeError(f"module 'functions' has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
