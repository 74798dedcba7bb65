"""`python -m benchmarks.speed.ppo`: PPO end to end beside TRL 1.12.0, the last release that has it.

The same model, tokens, minibatches, optimizer steps and reference pass, each run in a process of its own, the kinds in
turn for each seed. TRL is installed into a folder of its own, without its dependencies, which are those of Forge.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

TRL = "trl==1.12.0"
OURS: Mapping[str, Sequence[str]] = {
    "Forge, value head on the trunk": (),
    "Forge, separate critic": ("--critic", "separate"),
    "Forge, value head, bf16": ("--precision", "bf16"),
}
THEIRS: Mapping[str, Sequence[str]] = {"TRL 1.12.0": (), "TRL 1.12.0, bf16": ("--precision", "bf16")}


def main() -> None:
    """Run all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trl", type=Path, default=Path("runs/trl-1.12.0"), help="where TRL is, or will be installed")
    options, sizes = parser.parse_known_args()
    _install(options.trl)
    found: dict[str, list[Mapping[str, float]]] = {name: [] for name in (*THEIRS, *OURS)}
    for seed in range(options.seeds):
        for name, more in THEIRS.items():
            found[name].append(_run("trl_ppo", [*more, *sizes], seed, options.trl))
        for name, more in OURS.items():
            found[name].append(_run("ppo_task", [*more, *sizes], seed, None))
        print(f"seed {seed} done", file=sys.stderr)
    print(table(found))


def _install(folder: Path) -> None:
    if not (folder / "trl").exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), TRL]
        subprocess.run(command, check=True)


def _run(module: str, more: Sequence[str], seed: int, packages: Path | None) -> Mapping[str, float]:
    environment = dict(os.environ)
    if packages is not None:
        environment["PYTHONPATH"] = os.pathsep.join([str(packages.resolve()), environment.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", f"benchmarks.speed.{module}", "--seed", str(seed), *more]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    figures: Mapping[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def table(found: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Means over seeds with their standard deviation; speed as a multiple of TRL's in fp32, seed by seed."""
    base = found["TRL 1.12.0"]
    lines = ["| | tokens/s, end to end | times TRL | generate, s an update | learn, s an update | optimizer steps "
             "| score, last 5 updates |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, rows in found.items():
        speed = "end_to_end_tok_per_s"
        times = [row[speed] / other[speed] for row, other in zip(rows, base, strict=True)]
        cells = [name, _spread([row[speed] for row in rows], ",.0f"), _spread(times, ".2f"),
                 _spread([row["generate_s"] for row in rows], ".3f"), _spread([row["learn_s"] for row in rows], ".3f"),
                 f"{rows[0]['optimizer_steps']:.0f}", _spread([row["score_last5"] for row in rows], ".3f")]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values: Sequence[float], how: str) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):{how}} ± {deviation:{how}}"


if __name__ == "__main__":
    main()
