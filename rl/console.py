"""What a person at a terminal sees of a training of weights: each look, and the last update."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console


class ConsoleReport:
    """A reporter for `forge.Run(report_to=[...])`. Mutable.

    `rl.train_ppo` uses it by itself when standard error is a terminal and no `forge.Run` is given.

    Args:
        stream: where to print; None is standard error.
        every: updates between two lines.
    """

    def __init__(self, stream: TextIO | None = None, *, every: int = 10) -> None:
        from rich.console import Console

        self._console: Console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
        self._status = self._console.status("")
        self._every = every

    def __call__(self, event: Mapping[str, Any]) -> None:
        shown = {
            "start": self._start,
            "resume": self._resume,
            "update": self._update,
            "validation": self._validation,
            "note": self._note,
            "stop": self._stop,
            "failed": self._failed,
        }
        if show := shown.get(event["kind"]):
            show(event)

    def _start(self, event: Mapping[str, Any]) -> None:
        self._console.print(f"[bold]PPO[/]: budget {_budget(event)}")
        self._status.update("playing")
        self._status.start()

    def _resume(self, event: Mapping[str, Any]) -> None:
        self._console.print("[bold]PPO[/]: going on from the last checkpoint")

    def _update(self, event: Mapping[str, Any]) -> None:
        divergence = event.get("kl", event.get("kl_reference", 0.0))
        line = (
            f"update {event['step']}: {event['sessions']:,.0f} sessions, reward {event['reward']:+.3f}, "
            f"right {event['score']:.3f}, advice {event['advice_rate']:.3f}, KL {divergence:.4f}, "
            f"clipped {event.get('clip_fraction', 0.0):.3f}, {event['tokens_per_second']:,.0f} tokens/s"
        )
        self._status.update(line)
        if event["step"] % self._every == 0:
            self._console.print(f"  {line}")

    def _validation(self, event: Mapping[str, Any]) -> None:
        self._console.print(
            f"  [cyan]validation[/] after {event['step']} updates: total score [bold]{event['reward']:+.3f}[/], "
            f"right {event['score']:.3f}, advice {event['advice_rate']:.3f}"
        )

    def _note(self, event: Mapping[str, Any]) -> None:
        self._console.print(f"  [yellow]{event['text']}[/]")

    def _stop(self, event: Mapping[str, Any]) -> None:
        self._status.stop()
        self._console.print(f"[bold]{event['why']}[/]: the policy of update {event['best_update']} is kept")

    def _failed(self, event: Mapping[str, Any]) -> None:
        self._status.stop()
        self._console.print(f"[red]stopped[/]: {event['why']}")


def _budget(event: Mapping[str, Any]) -> str:
    limits = [f"{value:,g} {name}" for name, value in event["budget"].items() if value is not None]
    return " or ".join(limits)
