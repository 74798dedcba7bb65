"""Forge trains LLM agents two ways behind one agent: their functions, or their weights.

import forge
agent = forge.Agent(model="openai/gpt-5-mini")
result = forge.train(agent, forge.Dataset(rows, metric=forge.metrics.numeric(1e-3)))
"""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from forge import dialect, metrics, models
from forge.agent import Agent
from forge.budget import Budget, Meter
from forge.evaluate import Comparison, Evaluation, compare, evaluate
from forge.expert import ConsoleExpert, Expert, GoldExpert, ModelExpert
from forge.mcp_tools import mcp_tools
from forge.memory import Entry, Memory
from forge.metrics import Metric, Score
from forge.python_function import python_interpreter
from forge.run import Run
from forge.session import Action, Call, Observation, Session, Step, Usage
from forge.task import Dataset, Task
from forge.tools import Tool, World
from functions.errors import ForgeError

if TYPE_CHECKING:
    from optim.ablation import ablate
    from optim.baselines import baselines
    from optim.train import plan, train
    from optim.transfer import transfer

_UPWARD = dict.fromkeys(("ablate", "baselines", "plan", "train", "transfer"), "optim")  # only this file and cli.py do

__all__ = [
    "Action",
    "Agent",
    "Budget",
    "Call",
    "Comparison",
    "ConsoleExpert",
    "Dataset",
    "Entry",
    "Evaluation",
    "Expert",
    "ForgeError",
    "GoldExpert",
    "Memory",
    "Meter",
    "Metric",
    "ModelExpert",
    "Observation",
    "Run",
    "Score",
    "Session",
    "Step",
    "Task",
    "Tool",
    "Usage",
    "World",
    "ablate",
    "baselines",
    "compare",
    "dialect",
    "evaluate",
    "mcp_tools",
    "metrics",
    "models",
    "plan",
    "python_interpreter",
    "train",
    "transfer",
]


def __getattr__(name: str) -> Any:
    if name in _UPWARD:
        return getattr(import_module(_UPWARD[name]), name)
    close = difflib.get_close_matches(name, __all__, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise AttributeError(f"module 'forge' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return __all__
