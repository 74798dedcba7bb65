"""How weights learn: imitation and PPO through the same agent, executor and memory (AGILE, arXiv 2405.14751).

Everything is loaded where it is first used: `import rl` loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rl.chat_template import ChatTemplate
    from rl.engine import Engine, Generated, Limits, Request, TransformersEngine
    from rl.experience import Diverged
    from rl.function_tokens import FunctionTokens
    from rl.imitation import Imitation, ImitationResult, imitate
    from rl.policy import Policy
    from rl.ppo import KL, PPO
    from rl.result import PPOResult
    from rl.sampling import GREEDY, Sampling
    from rl.sessions import CriticValue, FittedValue, Heuristic
    from rl.train import train_ppo
    from rl.trl_rollouts import to_trl_rollout_func

_HOMES = {
    "ChatTemplate": "rl.chat_template",
    "CriticValue": "rl.sessions",
    "Diverged": "rl.experience",
    "Engine": "rl.engine",
    "FittedValue": "rl.sessions",
    "FunctionTokens": "rl.function_tokens",
    "GREEDY": "rl.sampling",
    "Generated": "rl.engine",
    "Heuristic": "rl.sessions",
    "Imitation": "rl.imitation",
    "ImitationResult": "rl.imitation",
    "KL": "rl.ppo",
    "Limits": "rl.engine",
    "PPO": "rl.ppo",
    "PPOResult": "rl.result",
    "Policy": "rl.policy",
    "Request": "rl.engine",
    "Sampling": "rl.sampling",
    "TransformersEngine": "rl.engine",
    "imitate": "rl.imitation",
    "to_trl_rollout_func": "rl.trl_rollouts",
    "train_ppo": "rl.train",
}
__all__ = [
    "GREEDY",
    "KL",
    "PPO",
    "ChatTemplate",
    "CriticValue",
    "Diverged",
    "Engine",
    "FittedValue",
    "FunctionTokens",
    "Generated",
    "Heuristic",
    "Imitation",
    "ImitationResult",
    "Limits",
    "PPOResult",
    "Policy",
    "Request",
    "Sampling",
    "TransformersEngine",
    "imitate",
    "to_trl_rollout_func",
    "train_ppo",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'rl' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
