"""`forge bench`: both regimes and both together on one data set, with one table, from cells that are kept."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from functions.errors import ForgeError


def bench(
    dataset: Annotated[str, typer.Argument(help="storeqa, another known data set, or a .jsonl or .csv file.")],
    regimes: Annotated[
        str, typer.Option(help="With commas: base, forge, sft, ppo, forge+sft, forge+ppo, ppo+forge.")
    ] = ("base,forge,sft,ppo,forge+ppo,ppo+forge"),
    seeds: Annotated[int, typer.Option(help="Trainings of each regime.")] = 5,
    model: Annotated[str, typer.Option(help="What forges without weights: router, or a LiteLLM id.")] = "router",
    api_base: Annotated[str | None, typer.Option(help="An OpenAI-compatible server.")] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="synthesis (no LLM), or a LiteLLM id; by default what fits the model.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="A folder or hub id of a causal language model; else a small one from scratch.")
    ] = None,
    advice_cost: Annotated[
        str | None,
        typer.Option(
            help="What advice costs; several with commas are a sweep. By default the data set's, which is also where "
            "parts are taken away; if the sweep leaves that out, at its first cost."
        ),
    ] = None,
    advice_first: Annotated[
        int | None,
        typer.Option(
            help="Also tested asking in the first so many tasks of a stream, worth it or not, and then never."
        ),
    ] = None,
    without: Annotated[
        str | None,
        typer.Option(
            help="Parts to take away, one at a time, with commas: memory, reflection, advice, "
            "tools, planning, rl, rollback, early_stop, progressive, filters, release."
        ),
    ] = None,
    without_at_test: Annotated[
        str | None,
        typer.Option(help="Parts to take from trained policies in the test alone: memory, reflection, advice, tools."),
    ] = None,
    train: Annotated[
        int | None,
        typer.Option(
            help="Training tasks, drawn by seed in whole streams; of storeqa, streams for PPO; of productqa, questions "
            "for it."
        ),
    ] = None,
    test_tasks: Annotated[
        int | None,
        typer.Option(
            help="Test tasks, drawn by seed in whole streams; of storeqa, streams; of productqa, the first of a group."
        ),
    ] = None,
    rollouts: Annotated[int | None, typer.Option(help="Of PPO; by default the recipe's.")] = None,
    demonstrations: Annotated[
        int | None, typer.Option(help="Tasks to imitate on; of storeqa, streams. By default the recipe's.")
    ] = None,
    test: Annotated[Path | None, typer.Option("--test", help="Held-out tasks, if DATASET is a file.")] = None,
    metric: Annotated[str, typer.Option(help="For files: exact, numeric or math.")] = "exact",
    columns: Annotated[
        str | None, typer.Option(help="For files: their own names, such as question=prompt,answer=label.")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes side by side; by default one a core.")] = None,
    usd: Annotated[
        float | None,
        typer.Option(
            help="US dollars that language models may cost in this command, in all trainings and tests together; "
            "trainings and tests that ask them run one at a time then."
        ),
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Folder of cells, tables and pictures; runs/bench-DATASET.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the bench that lies in the folder.")] = False,
) -> None:
    """Compare training functions, training weights, and both, on one data set. Finished cells are kept and reused."""
    from benchmarks.bench.bench import Wanted, run_bench
    from benchmarks.bench.setup import Setup

    counts = {"seeds": seeds, "train": train, "test-tasks": test_tasks, "rollouts": rollouts,
              "demonstrations": demonstrations, "workers": workers, "advice-first": advice_first}  # fmt: skip
    for name, count in counts.items():
        if count is not None and count < 1:
            raise ForgeError(f"--{name} {count}: at least 1")
    if usd is not None and not usd > 0:
        raise ForgeError(f"--usd {usd:g}: more than 0")
    folder = run or Path("runs") / f"bench-{Path(dataset).stem}"
    setup = Setup(dataset, model, api_base, optimizer, policy, train, test_tasks, rollouts, demonstrations,
                  None if test is None else str(test), metric, columns)  # fmt: skip
    wanted = Wanted(_names(regimes), seeds, _costs(advice_cost), _names(without or ""),
                    _names(without_at_test or ""), advice_first)  # fmt: skip
    ended = run_bench(setup, wanted, folder, workers=workers, overwrite=overwrite, usd=usd)
    if ended.page is not None:
        print((folder / "results.md").read_text(encoding="utf-8"))
        print(f"table:   {folder / 'results.md'} (also .csv and .json)\nreport:  {ended.page}")
    for name, error in ended.failed.items():
        print(f"failed:  {name}: {error}")
    if ended.interrupted:
        print("interrupted: what is done is kept; give the same command to go on")
        sys.exit(130)
    if ended.failed:
        sys.exit(1)


def _names(given: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in given.split(",") if name.strip())


def _costs(given: str | None) -> tuple[float, ...]:
    try:
        costs = tuple(float(cost) for cost in _names(given or ""))
    except ValueError:
        raise ForgeError(f"--advice-cost {given}: numbers from 0 to 1 with commas between, such as .1,.3,.5") from None
    if not all(0 <= cost <= 1 for cost in costs):
        raise ForgeError(f"--advice-cost {given}: costs lie in [0, 1], where 1 is the value of a right answer")
    return costs
