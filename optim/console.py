"""What a person at a terminal sees of a training: one line a step, as it happens."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console


class ConsoleReport:
    """A reporter for `forge.Run(report_to=[...])`: prints each step of a training. Mutable.

    Args:
        stream: where to print; None is standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        from rich.console import Console

        self._console: Console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
        self._best = 0.0

    def __call__(self, event: Mapping[str, Any]) -> None:
        if show := getattr(self, f"_{event['kind']}", None):
            show(event)

    def _start(self, event: Mapping[str, Any]) -> None:
        on = f"{event['validation']} validation tasks" if event["validation"] else "the training tasks"
        self._console.print(
            f"[bold]training[/] on {event['tasks']} tasks, compared on {on}: "
            f"agent [cyan]{event['model']}[/], optimizer [cyan]{event['optimizer']}[/], sandbox {event['sandbox']}"
        )

    def _baseline(self, event: Mapping[str, Any]) -> None:
        self._best = event["score"]
        self._console.print(f"  start      score {event['score']:.3f} on {event['tasks']} tasks")

    def _trial(self, event: Mapping[str, Any]) -> None:
        more = len(event["edits"]) - 3
        edits = ", ".join(event["edits"][:3]) + (f" and {more} more" if more > 0 else "")
        step = f"  step {event['step'] + 1:<5}"
        match event["decision"]:
            case "keep":
                self._best = event["score"]
                self._console.print(f"{step} score {event['score']:.3f} (was {event['parent_score']:.3f})  "
                                    f"[green]kept[/]: {edits}")  # fmt: skip
            case "drop":
                self._console.print(f"{step} score {event['score']:.3f} (was {event['parent_score']:.3f})  "
                                    f"[yellow]rolled back[/]: {edits}")  # fmt: skip
            case "refuse":
                from rich.markup import escape

                self._console.print(f"{step} [red]refused[/] before any rollout: {escape(event['reason'])}")
            case _:
                self._console.print(f"{step} the optimizer proposes nothing")

    def _stop(self, event: Mapping[str, Any]) -> None:
        self._console.print(f"  stopped    {event['why']}; best score so far {self._best:.3f}")
