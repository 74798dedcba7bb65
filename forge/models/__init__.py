"""How models reach an agent: LiteLLM ids, OpenAI-compatible servers, the offline router, recordings."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from functions.errors import ForgeError

if TYPE_CHECKING:
    from forge.models.litellm import LiteLLM
    from forge.models.protocol import Model
    from forge.models.recording import Recording, Replay
    from forge.models.router import Router
    from forge.models.scripted import ScriptedChat, ScriptedModel

_HOMES = {
    "LiteLLM": "forge.models.litellm",
    "Recording": "forge.models.recording",
    "Replay": "forge.models.recording",
    "Router": "forge.models.router",
    "ScriptedChat": "forge.models.scripted",
    "ScriptedModel": "forge.models.scripted",
}

__all__ = ["LiteLLM", "Recording", "Replay", "Router", "ScriptedChat", "ScriptedModel", "resolve"]


def resolve(model: str | Model) -> Model:
    """The model that an argument means: "router" is the offline one, any other text a LiteLLM id.

    Raises:
        ForgeError: it is neither a text nor a model.
    """
    if isinstance(model, str):
        if not model.strip():
            raise ForgeError("model='' names nothing: give a LiteLLM id such as 'openai/gpt-5-mini', or 'router'")
        home = "Router" if model == "router" else "LiteLLM"
        found: Model = __getattr__(home)() if model == "router" else __getattr__(home)(model)
        return found
    if not callable(getattr(model, "act", None)) or not isinstance(getattr(model, "name", None), str):
        raise ForgeError(f"model={model!r} is no model: give a LiteLLM id, 'router', or an object with name and act()")
    return model


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'forge.models' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)
