"""Experiment trackers by name, for `forge.Run(report_to=[...])`: the numbers of a training's events, step by step.

A tracker is a guest: it must never end a training, so whatever it raises is told once, and it hears no more.
"""

from __future__ import annotations

import difflib
import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from functions.errors import ForgeError

PROJECT = "forge"


class Tracker(Protocol):
    """One run of one tracker."""

    def log(self, numbers: Mapping[str, float], step: int) -> None: ...

    def close(self) -> None: ...


Open = Callable[[str, Path | None, Mapping[str, Any]], Tracker]
"""Opens a tracker: the run's name, its folder (None: none), and the settings of the training."""


class TrackerReport:
    """A reporter that hands every numeric field of events to a tracker, as "kind/field". Mutable.

    The tracker is opened by the first "start" or "resume" event, whose fields are its configuration.
    """

    def __init__(self, name: str, open_tracker: Open, run_name: str, folder: Path | None) -> None:
        self._name, self._open = name, open_tracker
        self._run_name, self._folder = run_name, folder
        self._tracker: Tracker | None = None
        self._step = 0
        self._failed = False

    def __call__(self, event: Mapping[str, Any]) -> None:
        self._guarded(lambda: self._hear(event))

    def close(self) -> None:
        if self._tracker is not None:
            self._guarded(self._tracker.close)
        self._tracker = None

    def _hear(self, event: Mapping[str, Any]) -> None:
        if self._tracker is None:
            self._tracker = self._open(self._run_name, self._folder, dict(event))
        if event["kind"] in ("start", "resume", "session"):  # thousands of sessions: their means come with each step
            return
        self._step = max(self._step, int(event.get("step", self._step)))
        numbers = {f"{event['kind']}/{name}": float(value) for name, value in event.items() if _counts(name, value)}
        if numbers:
            self._tracker.log(numbers, self._step)

    def _guarded(self, act: Callable[[], None]) -> None:
        if self._failed:
            return
        try:
            act()
        except ImportError as error:
            self._failed = True
            raise ForgeError(
                f"report_to={self._name!r} needs a package that is not there ({error}): {INSTALL[self._name]}"
            ) from error
        except Exception as error:  # noqa: BLE001 - whatever a tracker raises must not end a training
            self._failed = True
            warnings.warn(f"the tracker {self._name!r} failed and hears no more: {error}", stacklevel=3)


def tracker(name: str, path: Path | None) -> TrackerReport:
    """The reporter of that name: tensorboard, wandb, mlflow or trackio.

    Raises:
        ForgeError: no tracker has that name.
    """
    if name not in _OPENERS:
        close = difflib.get_close_matches(name, _OPENERS, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ForgeError(f"report_to={name!r}: no such tracker{hint}. There are {', '.join(_OPENERS)}; or give a "
                         "function that is called with each event")  # fmt: skip
    return TrackerReport(name, _OPENERS[name], path.name if path is not None else PROJECT, path)


class _TensorBoard:
    def __init__(self, run_name: str, folder: Path | None, config: Mapping[str, Any]) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._summary = Summary
        self._writer = EventFileWriter(str((folder or Path("runs") / run_name) / "tensorboard"))

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        import time

        from tensorboard.compat.proto.event_pb2 import Event

        values = [self._summary.Value(tag=name, simple_value=value) for name, value in numbers.items()]
        self._writer.add_event(Event(wall_time=time.time(), step=step, summary=self._summary(value=values)))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


class _WeightsAndBiases:
    def __init__(self, run_name: str, folder: Path | None, config: Mapping[str, Any]) -> None:
        import wandb

        directory = str(folder) if folder is not None else None
        self._run = wandb.init(project=PROJECT, name=run_name, dir=directory, config=dict(config))

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        self._run.log({**numbers, "step": step})

    def close(self) -> None:
        self._run.finish()


class _MLflow:
    def __init__(self, run_name: str, folder: Path | None, config: Mapping[str, Any]) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient()
        known = self._client.get_experiment_by_name(PROJECT)
        experiment = known.experiment_id if known is not None else self._client.create_experiment(PROJECT)
        self._id = self._client.create_run(experiment, run_name=run_name).info.run_id
        for name, value in config.items():
            self._client.log_param(self._id, name, str(value)[:500])

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        for name, value in numbers.items():
            self._client.log_metric(self._id, name, value, step=step)

    def close(self) -> None:
        self._client.set_terminated(self._id)


class _Trackio:
    def __init__(self, run_name: str, folder: Path | None, config: Mapping[str, Any]) -> None:
        import trackio

        self._run = trackio.init(project=PROJECT, name=run_name, config=dict(config), resume="allow")

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        self._run.log(dict(numbers), step=step)

    def close(self) -> None:
        self._run.finish()


_OPENERS: Mapping[str, Open] = {
    "tensorboard": _TensorBoard,
    "wandb": _WeightsAndBiases,
    "mlflow": _MLflow,
    "trackio": _Trackio,
}
INSTALL = {name: f"pip install {name}" for name in _OPENERS}


def _counts(name: str, value: object) -> bool:
    """Whether a field of an event is a number to be drawn."""
    if name in ("step", "seconds") or isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value)
