"""`python -m benchmarks.storeqa_ppo`: does PPO learn when to ask? Five policies from scratch, three costs of advice.

Each policy imitates demonstrations in which asking is random, and is then trained at each cost. All are evaluated on
the same streams, which are used for nothing else. Finished parts are kept in the folder, so that a run can be cut off
and gone on with; `--only ppo --seeds 1 --costs 0.3` is the quick look.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.storeqa_ppo import cells, report
from benchmarks.storeqa_ppo.cells import Cell
from benchmarks.storeqa_ppo.recipe import COSTS, VARIANTS


def main() -> None:
    """Train what is not trained yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/storeqa_ppo"))
    parser.add_argument("--seeds", type=int, help="policy seeds a variant at most")
    parser.add_argument("--costs", type=float, nargs="+", default=COSTS)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=tuple(VARIANTS), metavar="VARIANT")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes side by side, a thread each")
    options = parser.parse_args()
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    wanted = plan(options.only, options.costs, options.seeds)
    options.folder.mkdir(parents=True, exist_ok=True)
    starts = sorted({cell.start for cell in wanted}, key=lambda cell: (cell.seed, cell.variant))
    context = multiprocessing.get_context("spawn")
    results = []
    with ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        for group in (starts, wanted):
            jobs = [pool.submit(cells.run, cell, options.folder, 1) for cell in group]
            for cell, job in zip(group, jobs, strict=True):
                results.append(job.result())
                print(f"{cell.name}: {results[-1]['seconds']:.0f} s", flush=True)
    print(report.tables(results))
    for path in report.plots(results, options.folder):
        print(f"drawn: {path}")


def plan(variants: Sequence[str], costs: Sequence[float], seeds: int | None) -> list[Cell]:
    """The trainings that are asked for, those of few seeds last."""
    return [
        Cell(name, seed, cost)
        for name in variants
        for seed in range(min(seeds or VARIANTS[name].seeds, VARIANTS[name].seeds))
        for cost in VARIANTS[name].costs
        if cost in costs
    ]


if __name__ == "__main__":
    main()
