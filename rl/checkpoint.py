"""All that a training needs to go on exactly where it was: written whole or not at all."""

from __future__ import annotations

import os
import pickle
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from forge.evaluate import Evaluation
from forge.session import Session
from functions.errors import ForgeError

if TYPE_CHECKING:
    from rl.learner import Learner
    from rl.network import Network
    from rl.processes import Processes

STATE = "training.pt"


@dataclass
class Checkpoint:
    """The state of a training between two updates. Mutable."""

    updates: int = 0
    rollouts: int = 0
    seconds: float = 0.0
    next_stream: int = 0
    best_update: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    baseline: Evaluation | None = None
    validation: Evaluation | None = None
    best: dict[str, torch.Tensor] | None = None  # the weights that did best in validation
    _plain: dict[str, tuple[Evaluation, Any]] = field(default_factory=dict, repr=False)  # as written the last time

    def keep(self, network: Network) -> None:
        """Remember the weights as the best."""
        self.best = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}

    def save(self, path: Path, learner: Learner) -> None:
        """Weights, optimizer and random numbers through accelerate, so that sharded ones are written as well.

        Raises:
            ForgeError: the disk is full or the folder cannot be written; an earlier checkpoint stays.
        """
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "_plain"}
        own |= {name: self._as_json(name, own[name]) for name in ("baseline", "validation")}
        partial, processes = path.with_name(f".{path.name}.partial"), learner.processes
        try:
            if processes.main:
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
            processes.wait()
            processes.accelerator.save_state(str(partial), safe_serialization=False)  # tied weights stay tied
            processes.wait()
            if processes.main:
                torch.save({"training": own, "learner": learner.state()}, partial / STATE)
                _swap(partial, path)
            processes.wait()
        except (OSError, RuntimeError) as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise ForgeError(f"cannot write the checkpoint {path}: {error}. The one before it is kept: make room and "
                             "resume") from error  # fmt: skip

    def _as_json(self, name: str, evaluation: Evaluation | None) -> Any:
        """An evaluation stays the same over many updates, and takes longer to put into words than all else to write."""
        if evaluation is None:
            return None
        if name not in self._plain or self._plain[name][0] is not evaluation:
            self._plain[name] = evaluation, _plain(evaluation)
        return self._plain[name][1]

    @staticmethod
    def found(path: Path, processes: Processes) -> bool:
        """Whether there is one; where a kill came between the two renamings of `save`, the old one is put back."""
        old = _old(path)
        if processes.main and not path.exists() and old.exists():
            os.replace(old, path)
        processes.wait()
        return path.exists()

    @classmethod
    def load(cls, path: Path, learner: Learner) -> Checkpoint:
        """Put policy and learner where they were, and give the state of the training.

        Raises:
            ForgeError: the checkpoint is damaged, or of another policy.
        """
        try:
            learner.accelerator.load_state(str(path))
            state: dict[str, Any] = torch.load(path / STATE, map_location="cpu", weights_only=True)
            learner.restore(state["learner"])
            own = state["training"]
        except (OSError, RuntimeError, LookupError, ValueError, pickle.UnpicklingError, EOFError) as error:
            raise ForgeError(f"the checkpoint {path} cannot be read ({error}): remove it, or start the run afresh with "
                             "fresh=True") from error  # fmt: skip
        own |= {name: _evaluation(own[name]) for name in ("baseline", "validation")}
        return cls(**own)


def _swap(partial: Path, path: Path) -> None:
    """Put the new folder in the place of the old one; killed in between, the old one is there under another name."""
    old = _old(path)
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        os.replace(path, old)
    os.replace(partial, path)
    shutil.rmtree(old, ignore_errors=True)


def _old(path: Path) -> Path:
    return path.with_name(f".{path.name}.old")


def _plain(evaluation: Evaluation) -> dict[str, Any]:
    """JSON, since checkpoints are loaded without pickle's powers."""
    return {
        "sessions": [session.to_json() for session in evaluation.sessions],
        "streams": list(evaluation.streams),
        "tasks": evaluation.tasks,
    }


def _evaluation(plain: Any) -> Evaluation | None:
    if plain is None:
        return None
    sessions = tuple(Session.from_json(text) for text in plain["sessions"])
    return Evaluation(sessions, tuple(plain["streams"]), plain["tasks"])
