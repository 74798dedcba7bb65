"""How functions learn: optimizers, acceptance rules, the release gate and the training loop."""

from functions.edits import Add, Edit, Remove, Revise, Terminate
from optim.ablation import Ablation, ablate
from optim.acceptance import Acceptance, Always, Minibatch, Pair, Paper, Posterior, Ties
from optim.agent_optimizer import AgentOptimizer
from optim.autogen import AutoGenOptimizer
from optim.baselines import Baselines, baselines
from optim.evidence import Contrast, Evidence, FailedLibrary, Optimizer
from optim.filters import Filters, Refusal
from optim.plan import Plan
from optim.release import Certificate, Release
from optim.result import Result
from optim.schedule import Schedule
from optim.synthesis import SynthesisOptimizer
from optim.train import plan, train
from optim.transfer import Transfer, transfer
from optim.trial import Trial
from optim.version import ReviseInstructions, Version

__all__ = [
    "Ablation",
    "Acceptance",
    "Add",
    "AgentOptimizer",
    "Always",
    "AutoGenOptimizer",
    "Baselines",
    "Certificate",
    "Contrast",
    "Edit",
    "Evidence",
    "FailedLibrary",
    "Filters",
    "Minibatch",
    "Optimizer",
    "Pair",
    "Paper",
    "Plan",
    "Posterior",
    "Refusal",
    "Release",
    "Remove",
    "Result",
    "Revise",
    "ReviseInstructions",
    "Schedule",
    "SynthesisOptimizer",
    "Terminate",
    "Ties",
    "Transfer",
    "Trial",
    "Version",
    "ablate",
    "baselines",
    "plan",
    "train",
    "transfer",
]
