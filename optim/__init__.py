"""How functions learn: optimizers, acceptance rules and the training loop."""

from functions.edits import Add, Edit, Remove, Revise, Terminate
from optim.acceptance import Acceptance, Pair, Paper, Posterior, Ties
from optim.agent_optimizer import AgentOptimizer
from optim.autogen import AutoGenOptimizer
from optim.evidence import Evidence, FailedLibrary, Optimizer
from optim.result import Result, Trial
from optim.schedule import Schedule
from optim.synthesis import SynthesisOptimizer
from optim.train import train

__all__ = [
    "Acceptance",
    "Add",
    "AgentOptimizer",
    "AutoGenOptimizer",
    "Edit",
    "Evidence",
    "FailedLibrary",
    "Optimizer",
    "Pair",
    "Paper",
    "Posterior",
    "Remove",
    "Result",
    "Revise",
    "Schedule",
    "SynthesisOptimizer",
    "Terminate",
    "Ties",
    "Trial",
    "train",
]
