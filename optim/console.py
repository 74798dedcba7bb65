"""What a person at a terminal sees of a training: one line a step, and a live count of sessions in between."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console


class ConsoleReport:
    """A reporter for `forge.Run(report_to=[...])`: prints each step of a training. Mutable.

    `forge.train` uses it by itself when standard error is a terminal and no `forge.Run` is given.

    Args:
        stream: where to print; None is standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.console import Console

        self._console: Console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
        self._status = self._console.status("")  # shown on terminals only
        self._kept = 0
        self._sessions = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        shown = {
            "start": self._start,
            "resume": self._resume,
            "baseline": self._baseline,
            "session": self._session,
            "propose": self._propose,
            "trial": self._trial,
            "release": self._release,
            "stop": self._stop,
            "failed": self._failed,
        }
        if show := shown.get(event["kind"]):
            show(event)

    def _start(self, event: Mapping[str, Any]) -> None:
        on = f"{event['validation']} other tasks" if event["validation"] else "the training tasks"
        held = f", {event['holdout']} held out" if event["holdout"] else ""
        self._console.print(
            f"[bold]training[/] on {event['tasks']} tasks, compared on {on}{held}: "
            f"agent [cyan]{event['model']}[/], optimizer [cyan]{event['optimizer']}[/], sandbox {event['sandbox']}"
        )

        self._live("playing the start")

    def _session(self, event: Mapping[str, Any]) -> None:
        self._sessions += 1
        self._live("playing")

    def _propose(self, event: Mapping[str, Any]) -> None:
        self._live(f"playing the candidate of step {event['step'] + 1}")

    def _live(self, doing: str) -> None:
        kept = f", {self._kept} steps kept" if self._kept else ""
        self._status.update(f"{doing}: {self._sessions} sessions{kept}")
        self._status.start()

    def _baseline(self, event: Mapping[str, Any]) -> None:
        self._console.print(f"  start      score {event['score']:.3f} on {event['tasks']} tasks")

    def _trial(self, event: Mapping[str, Any]) -> None:
        more = len(event["edits"]) - 3
        edits = ", ".join(event["edits"][:3]) + (f" and {more} more" if more > 0 else "")
        step = f"  step {event['step'] + 1:<5}"
        match event["decision"]:
            case "keep":
                self._kept += 1
                self._console.print(f"{step} {self._compared(event)}  [green]kept[/]: {edits}")
            case "drop":
                self._console.print(f"{step} {self._compared(event)}  [yellow]rolled back[/]: {edits}")
            case "refuse":
                from rich.markup import escape

                self._console.print(f"{step} [red]refused[/] before any rollout: {escape(event['reason'])}")
            case _:
                self._console.print(f"{step} the optimizer proposes nothing")

    @staticmethod
    def _compared(event: Mapping[str, Any]) -> str:
        won, lost = event["table"]["wins"], event["table"]["losses"]
        return f"{event['parent_score']:.3f} -> {event['score']:.3f} on {event['tasks']} tasks ({won} won, {lost} lost)"

    def _release(self, event: Mapping[str, Any]) -> None:
        from rich.markup import escape

        colour = "yellow" if event["shipped"] == "start" else "green"
        self._console.print(f"  release    [{colour}]{escape(event['why'])}[/]")

    def _resume(self, event: Mapping[str, Any]) -> None:
        self._console.print(f"  going on with a run: {event['steps']} steps are done, and are not shown again")
        self._live("playing")

    def _failed(self, event: Mapping[str, Any]) -> None:
        self._status.stop()

    def _stop(self, event: Mapping[str, Any]) -> None:
        self._status.stop()
        self._console.print(f"  stopped    {event['why']}")
