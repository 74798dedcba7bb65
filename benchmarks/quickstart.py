"""`make quickstart`: the whole mission on a made-up shop. A model forges functions, a policy from random weights
imitates and is trained by PPO, and both together: live, offline, without a key."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.bench.bench import Ended, Wanted, cells_of, run_bench
from benchmarks.bench.course import device
from benchmarks.bench.jobs import BENCH, CELLS
from benchmarks.bench.outcome import load
from benchmarks.bench.rows import rows
from benchmarks.bench.setup import Setup
from functions.errors import ForgeError

if TYPE_CHECKING:
    from rich.console import Console

ROUTER = "router"
REGIMES = ("base", "forge", "sft", "ppo", "forge+ppo")
WORDS = {
    "always asks": "asks the expert about everything",
    "never asks": "the imitating policy, without an expert",
    "base": "{model} without functions",
    "forge": "{model} with functions that it forged",
    "sft": "a policy that imitates demonstrations",
    "ppo": "the same after PPO",
    "forge+ppo": "forged functions, imitation and PPO",
    "oracle": "the best that can be reached",
}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is trained on: enough to see each regime at its work within minutes, not all that it can do."""

    demonstrations: int = 700  # streams of 50 questions
    rollouts: int = 7_200
    test_tasks: int = 20  # streams


def quickstart(
    folder: Path,
    seed: int | None = None,
    *,
    model: str = ROUTER,
    api_base: str | None = None,
    policy: str | None = None,
    usd: float | None = None,
    size: Size = Size(),
) -> int:
    """Train and compare all regimes live, and write tables, pictures and a page. What was cut off is gone on with.

    Args:
        folder: of the bench; a finished quickstart that lies there is replaced.
        seed: of shops and weights; None draws a new one.
        model: what forges functions: the router, or a LiteLLM id.
        api_base: an OpenAI-compatible server's address.
        policy: weights to begin with; None is a small policy from scratch.
        usd: US dollars that the model may cost; None is no limit.

    Returns:
        The exit status.

    Raises:
        ForgeError: there is no such model or policy, or what lies in the folder was not made by a quickstart.
    """
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    began = time.monotonic()
    setup = Setup("storeqa", model=model, api_base=api_base, policy=policy, rollouts=size.rollouts,
                  demonstrations=size.demonstrations, test_tasks=size.test_tasks)  # fmt: skip
    earlier = _earlier(folder)
    left = _left(folder, earlier)
    same = not setup.differing(earlier.get("settings", {}))
    seed = left if seed is None and same else seed
    seed = secrets.randbelow(100_000) if seed is None else seed
    going_on = left == seed and same
    wanted = Wanted(REGIMES, seeds=1, first_seed=seed)
    cells_of(setup, wanted)  # before anything is replaced: is there such a model, such a policy?
    own = "".join(map(str, earlier.get("commands", []))).startswith("forge quickstart")
    if (folder / BENCH).exists() and not own and not going_on:
        raise ForgeError(f"{folder} holds a bench that no quickstart has made: give another folder with --run")
    _introduce(console, setup, seed, going_on=going_on)
    if own and left is not None and not going_on:
        console.print(f"[yellow]The quickstart of seed {left} that was cut off in {folder} is replaced.[/]\n")
    ended = run_bench(setup, wanted, folder, overwrite=own and not going_on, usd=usd)
    _show(console, folder, setup, ended, time.monotonic() - began)
    return 130 if ended.interrupted else 1 if ended.failed else 0


def _earlier(folder: Path) -> dict[str, Any]:
    """What lies in the folder, as far as it can be read."""
    try:
        found: dict[str, Any] = json.loads((folder / BENCH).read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _left(folder: Path, earlier: Mapping[str, Any]) -> int | None:
    """The seed of a quickstart that was cut off; None where there is none."""
    cells: list[str] = earlier.get("cells", [])
    missing = [name for name in cells if not (folder / CELLS / f"{name}.json").exists()]
    return int(missing[0].rpartition("seed=")[2]) if missing else None


def _introduce(console: Console, setup: Setup, seed: int, *, going_on: bool) -> None:
    course = setup.course()
    console.print(
        f"[bold]Forge quickstart[/] ({'going on with' if going_on else 'drawn with'} seed {seed}): questions in "
        "made-up shops, fifty in a row in each. A right answer earns 1, asking the expert costs 0.3.\n"
    )
    shown: set[str] = set()
    for task in course.test():
        if (kind := str(task.metadata["kind"])) not in shown:
            shown.add(kind)
            console.print(f"  [dim]{kind + ':':<12}[/] {task.question} [dim]{task.answer}[/]", markup=True)
    forges = "a model that can only route questions to functions" if setup.model == ROUTER else setup.model
    learns = "a policy from random weights practises copying and" if setup.policy is None else setup.policy
    console.print(
        f"\nFirst {forges} forges its own from examples. Then {learns} imitates an assistant that\nasks at random, and "
        "PPO teaches it when to ask and to remember; last, both together. Ctrl-C keeps what is done."
    )
    if setup.model == ROUTER and setup.policy is None and device() == "cpu":
        console.print("All of it runs here, on the processor, in four to six minutes on two cores.")
    console.print()


def _show(console: Console, folder: Path, setup: Setup, ended: Ended, seconds: float) -> None:
    from rich.table import Table

    model = "the router" if setup.model == ROUTER else setup.model
    if ended.page is not None:
        table = Table(title="questions of shops that nothing was trained on", title_style="bold")
        for name in ("", "", "right", "asked", "total score", "95% interval"):
            table.add_column(name, justify="left" if not name else "right")
        for row in sorted(rows(load(folder / CELLS)), key=lambda row: row.total.mean):
            table.add_row(
                row.cell.regime, WORDS.get(row.cell.regime, "").format(model=model), f"{row.accuracy:.3f}",
                f"{row.advice_rate:.3f}", f"[bold]{row.total.mean:.3f}[/]",
                f"{row.total.low:.3f} to {row.total.high:.3f}",
            )  # fmt: skip
        console.print(table)
        found = {"picture": folder / "curves.png", "report": ended.page, "tables": folder / "results.md"}
        for name, path in found.items():
            if path.exists():  # no picture before the first curve
                console.print(f"{name + ':':<8} {path}")
        console.print(f"took {seconds:.0f} s\n")
    for name, error in ended.failed.items():
        console.print(f"[red]failed[/]  {name}: {error}")
    if ended.interrupted:
        console.print("interrupted: what is done is kept; give the same command to go on")
    elif not ended.failed:
        console.print(NEXT)


NEXT = """[bold]Next[/], with a language model (any LiteLLM id; the key in the environment) or weights of your own:
  export OPENAI_API_KEY=...
  .venv/bin/forge quickstart --model openai/gpt-5-mini
  .venv/bin/forge quickstart --policy path/or/hub-id
or on your own questions and answers (JSON Lines with "question" and "answer"):
  .venv/bin/forge train --data mine.jsonl --metric numeric --model openai/gpt-5-mini --usd 1 --run runs/mine
  .venv/bin/forge bench mine.jsonl --regimes base,forge,sft,ppo --run runs/compared"""
