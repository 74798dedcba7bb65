"""`python -m benchmarks.speed.imports`: seconds that importing each package takes in a process of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys

TIMES = 10
_PROGRAM = "import time; began = time.perf_counter(); import {0}; print(time.perf_counter() - began)"


def main() -> None:
    for names in ("functions", "forge", "optim", "rl", "forge, functions, optim, rl"):
        command = [sys.executable, "-c", _PROGRAM.format(names)]
        seconds = [float(subprocess.check_output(command)) for _ in range(TIMES)]
        print(f"import {names}: median {statistics.median(seconds):.3f} s, least {min(seconds):.3f} s of {TIMES}")


if __name__ == "__main__":
    main()
