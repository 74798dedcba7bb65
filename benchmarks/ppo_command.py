"""`forge ppo`: train the weights of a local policy on a data set, and measure it on held-out tasks."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.options import require_folder
from benchmarks.ppo_imitation import right_sessions, taught
from benchmarks.ppo_setting import Setting, benchmark_setting, storeqa_setting
from functions.errors import ForgeError

if TYPE_CHECKING:
    import rl


def ppo(
    data: Annotated[str, typer.Option("--data", help="storeqa, mawps, word-problems, or a .jsonl or .csv file.")],
    test: Annotated[Path | None, typer.Option("--test", help="Held-out tasks, if --data is a file.")] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="For files: exact (the default), numeric or math.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(help="For files: their own names, such as question=prompt,answer=label.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="A folder or hub id of a causal language model; storeqa can do without.")
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="How the policy writes actions: function-tokens (the default) or chat.")
    ] = None,
    lora: Annotated[int | None, typer.Option(help="Train an adapter of this rank only.")] = None,
    demonstrations: Annotated[
        Path | None, typer.Option(help="Imitate these sessions first: a run's folder, or its sessions.jsonl.")
    ] = None,
    library: Annotated[
        Path | None, typer.Option(help="Functions for the agent, such as RUN/library; by default the data set's.")
    ] = None,
    advice_cost: Annotated[
        float | None, typer.Option(help="An expert answers at this cost; by default the data set's own, if it has one.")
    ] = None,
    memory: Annotated[
        bool | None,
        typer.Option(
            "--memory/--no-memory",
            help="Remember from task to task of a stream; by default as the data set's own agent does.",
        ),
    ] = None,
    rollouts: Annotated[
        int | None, typer.Option(help="Budget: sessions in training; 30,000, or what storeqa's recipe takes.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Budget: wall time.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the policy; by default the recipe's.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of weights, splits and sessions.")] = 0,
    concurrency: Annotated[int, typer.Option(help="Streams played side by side.")] = 256,
    run: Annotated[Path | None, typer.Option(help="Folder for log, checkpoint, policy and plot.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that lies in the folder.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
) -> None:
    """Train a local policy's weights by PPO: when to use tools, memory and an expert is learned with the rest."""
    import warnings

    import forge

    require_folder(run, resume=resume, overwrite=overwrite)
    _require_in_range(lora, concurrency)
    _require_of_use(data, test, metric, columns, dialect, library)
    given = None if demonstrations is None else right_sessions(demonstrations)
    # names that its callers, peft and trl, have yet to change: nothing that one at the terminal could mend
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    try:
        import rl
        from rl.console import ConsoleReport

        setting = storeqa_setting(policy, advice_cost, memory, lora, seed) if data == "storeqa" else None
        setting = setting or benchmark_setting(
            data, test, metric or "exact", columns, policy, dialect or "function-tokens", lora, library, advice_cost,
            memory, seed,
        )  # fmt: skip
    except ImportError as error:
        raise ForgeError(f'training weights needs the extra: pip install "forge-agents[rl]" ({error})') from error
    shown = setting.demonstrations if given is None else given
    settings = setting.ppo if learning_rate is None else replace(setting.ppo, learning_rate=learning_rate)
    budget = forge.Budget(rollouts=setting.rollouts if rollouts is None else rollouts, seconds=seconds)
    with forge.Run(run, resume=resume, fresh=overwrite, report_to=[ConsoleReport()]) as record:
        setting = taught(setting, shown, record, seed, lora)
        result = rl.train_ppo(
            setting.agent, setting.train, setting.validation, ppo=settings, sessions=setting.sessions,
            sampling=setting.sampling, budget=budget, concurrency=concurrency, seed=seed, run=record,
        )  # fmt: skip
    _show(result, setting, seed, concurrency)
    if run is not None:
        if result.history:
            result.plot(run / "training.png")
            print(f"plot:    {run / 'training.png'}")
        print(f"policy:  {run / 'policy'} (a plain transformers folder)")
    if result.stop == "interrupted":
        print("go on:   give the same command with --resume" if run is not None else "not kept: there was no --run")
        sys.exit(130)


def _require_in_range(lora: int | None, concurrency: int) -> None:
    if lora is not None and lora < 1:
        raise ForgeError(f"--lora {lora}: a rank, 1 or more; leave it out to train all weights")
    if concurrency < 1:
        raise ForgeError(f"--concurrency {concurrency}: at least 1 stream at a time")


def _require_of_use(
    data: str,
    test: Path | None,
    metric: str | None,
    columns: str | None,
    dialect: str | None,
    library: Path | None,
) -> None:
    """There is such a data set, and no option is given that would change nothing."""
    from benchmarks import catalog

    if not catalog.is_file(data) and data not in catalog.names():
        raise ForgeError(f"--data {data}: {', '.join(catalog.names())}, or a .jsonl or .csv file")
    idle: dict[str, object] = (
        {} if catalog.is_file(data) else {"--test": test, "--metric": metric, "--columns": columns}
    )
    if data == "storeqa":
        idle |= {"--dialect": dialect, "--library": library}
    for option, value in idle.items():
        if value is not None:
            raise ForgeError(f"{option} {value} does not apply to --data {data}: leave it out")


def _show(result: rl.PPOResult, setting: Setting, seed: int, concurrency: int) -> None:
    from dataclasses import replace

    import forge
    import rl

    for note in result.notes:
        print(f"note:    {note}")
    start: rl.Policy = setting.agent.model
    agents = {"before": replace(setting.agent, model=start.with_sampling(rl.GREEDY)), "after": result.agent}
    seen = {
        name: forge.evaluate(each, setting.test, seed=seed, concurrency=concurrency) for name, each in agents.items()
    }
    print(f"test:    {len(setting.test)} tasks of {setting.test.name}, greedy")
    for name, each in seen.items():
        low, high = each.reward_interval
        print(f"{name + ':':<8} total score {each.reward:.3f} [{low:.3f}, {high:.3f}], right {each.score:.3f}, advice "
              f"{each.advice_rate:.3f}")  # fmt: skip
    paired = forge.compare(seen["before"], seen["after"], by="reward")
    print(f"change:  {paired.difference:+.3f} [{paired.interval[0]:+.3f}, {paired.interval[1]:+.3f}]")
    print(f"spent:   {result.rollouts:,} rollouts in {result.seconds:.0f} s; the policy of update {result.best_update} "
          f"of {len(result.history)} is kept")  # fmt: skip
