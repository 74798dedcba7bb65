"""The command line: `forge quickstart | train | ppo | eval | bench | serve | functions`. A face of the whole: it may
import every layer."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.bench.command import bench
from benchmarks.options import benchmark_of, one_of, require_folder
from benchmarks.ppo_command import ppo
from functions.errors import ForgeError

if TYPE_CHECKING:
    import forge
    import optim
    from benchmarks.catalog import Benchmark
    from forge.session import Session
    from functions import Library

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Train LLM agents: their functions (no weight updates), or their weights.",
)
functions_app = typer.Typer(no_args_is_help=True, help="Look at, compare and export what was learned.")
app.add_typer(functions_app, name="functions")
app.command()(ppo)
app.command()(bench)

DataOption = Annotated[str, typer.Option("--data", help="A name (mawps, storeqa, ...), or a .jsonl or .csv file.")]
TestOption = Annotated[Path | None, typer.Option("--test", help="Held-out tasks, if --data is a file.")]
MetricOption = Annotated[str, typer.Option("--metric", help="For files: exact, numeric or math.")]
ColumnsOption = Annotated[
    str | None, typer.Option("--columns", help="For files: their own names, such as question=prompt,answer=label.")
]
ModelOption = Annotated[str, typer.Option("--model", help="A LiteLLM id (openai/gpt-5-mini), or router (offline).")]
ApiBaseOption = Annotated[str | None, typer.Option("--api-base", help="An OpenAI-compatible server's address.")]
DialectOption = Annotated[str, typer.Option("--dialect", help="How an LLM writes actions: tools or react.")]
SeedOption = Annotated[int, typer.Option("--seed", help="Of splits, minibatches, sessions and optimizer.")]
ConcurrencyOption = Annotated[int, typer.Option("--concurrency", help="Sessions in flight at once.")]


def main() -> None:
    """Run the command line; a ForgeError is a message and exit status 1."""
    try:
        app()
    except ForgeError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


@app.command()
def quickstart(
    model: Annotated[str, typer.Option(help="What forges functions: router (offline), or a LiteLLM id.")] = "router",
    api_base: ApiBaseOption = None,
    usd: Annotated[float | None, typer.Option(min=0.01, help="US dollars that the model may cost.")] = None,
    policy: Annotated[
        str | None, typer.Option(help="A folder or hub id of a causal language model; else a small one from scratch.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**32 - 1, help="Repeat a run; by default shops are drawn anew.")
    ] = None,
    run: Annotated[Path, typer.Option(help="Where to write.")] = Path("runs/quickstart"),
) -> None:
    """See both regimes, and both together, live on a made-up shop: offline, no key, about five minutes."""
    from benchmarks.quickstart import quickstart as start

    sys.exit(start(run, seed, model=model, api_base=api_base, policy=policy, usd=usd))


@app.command()
def train(
    data: DataOption,
    test: TestOption = None,
    metric: MetricOption = "exact",
    columns: ColumnsOption = None,
    model: ModelOption = "router",
    optimizer: Annotated[
        str | None, typer.Option(help="synthesis (no LLM), or a LiteLLM id; by default what fits the model.")
    ] = None,
    api_base: ApiBaseOption = None,
    dialect: DialectOption = "tools",
    acceptance: Annotated[
        str, typer.Option(help="When a candidate is kept: posterior, paper, ties, minibatch or always.")
    ] = "posterior",
    release: Annotated[
        bool, typer.Option(help="Ship only what is shown to be better than the start on held-out tasks.")
    ] = True,
    epochs: Annotated[int, typer.Option(help="Libraries accepted at most, the start included.")] = 10,
    minibatch: Annotated[
        int | None, typer.Option(help="Tasks a step; by default 24 for a language model as optimizer, else all.")
    ] = None,
    patience: Annotated[int, typer.Option(help="Failed steps in a row before stopping.")] = 10,
    rollouts: Annotated[int | None, typer.Option(help="Budget: sessions.")] = None,
    tokens: Annotated[int | None, typer.Option(help="Budget: tokens of agent and optimizer.")] = None,
    usd: Annotated[float | None, typer.Option(help="Budget: US dollars of agent and optimizer.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Budget: wall time.")] = None,
    size: Annotated[int | None, typer.Option(help="Train on that many tasks, drawn by seed.")] = None,
    curve: Annotated[
        str | None, typer.Option(help="Train on each of these sizes, such as 20,60,200, and plot the curve.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="With --curve: trainings a size.")] = 3,
    seed: SeedOption = 0,
    concurrency: ConcurrencyOption = 16,
    run: Annotated[Path | None, typer.Option(help="Folder for log, library, result and plot.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that lies in the folder.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what the budget affords and could show, and spend nothing.")
    ] = False,
    least_proposals: Annotated[
        int, typer.Option(help="Refuse a budget that affords fewer proposals; 0 refuses none.")
    ] = 3,
    export: Annotated[Path | None, typer.Option(help="Write the learned functions as one Python module.")] = None,
) -> None:
    """Train an agent's functions on a data set, and measure it on held-out tasks."""
    import forge

    if curve is None:
        require_folder(run, resume=resume, overwrite=overwrite)
    benchmark = benchmark_of(data, test, metric, seed, columns=columns)
    agent = _agent(model, api_base, dialect, benchmark)
    budget = forge.Budget(rollouts=rollouts, tokens=tokens, usd=usd, seconds=seconds)

    import optim

    settings: dict[str, Any] = {
        "optimizer": _optimizer(optimizer, api_base),
        "acceptance": _acceptance(acceptance),
        "release": optim.Release() if release else None,
        "schedule": optim.Schedule(
            epochs=epochs,
            minibatch=24 if minibatch is None and (optimizer or model) not in ("synthesis", "router") else minibatch,
            patience=patience,
            least_proposals=least_proposals,
        ),
        "budget": budget,
    }

    def once(dataset: forge.Dataset, seed: int, run: Any = None) -> optim.Result:
        return forge.train(agent, dataset, **settings, concurrency=concurrency, run=run, seed=seed)

    if curve is not None:
        idle = {"--plan": plan, "--size": size, "--export": export, "--resume": resume, "--overwrite": overwrite}
        if given := [option for option, value in idle.items() if value]:
            raise ForgeError(f"{given[0]} does not go with --curve, which trains once for each size and seed: leave "
                             "one of them out")  # fmt: skip
        _curve(benchmark, once, curve, seeds, run or Path("runs") / Path(data).stem)
        return
    from optim.console import ConsoleReport

    chosen = benchmark.train if size is None else benchmark.train.sample(size, seed=seed)
    if plan:
        print(forge.plan(agent, chosen, **settings, seed=seed))
        return
    report = ConsoleReport()
    result = once(chosen, seed, forge.Run(run, resume=resume, fresh=overwrite, report_to=[report]))
    meter = forge.Meter(forge.Budget(tokens=tokens, usd=usd))  # what training spent counts towards the limits here too
    meter.add(result.cost)
    _show(result, benchmark, meter, seed, concurrency)
    _leave(result, run, export)


def _leave(result: optim.Result, run: Path | None, export: Path | None) -> None:
    """Write what is kept, say where it lies, and end as the training did."""
    if export is not None:
        result.export(export)
        print(f"functions: {export}")
    if run is not None:
        result.report(run / "report.html")
        print(f"report:    {run / 'report.html'}")
        print(f"run:       {run} (events.jsonl, sessions.jsonl, library/, candidate/, result.json)")
    if result.stopped == "interrupted":
        print("go on:     give the same command with --resume" if run is not None else "not kept:  there was no --run")
        sys.exit(130)
    if result.stopped.startswith("run folder"):
        raise ForgeError(result.stopped)


@app.command(name="eval")
def evaluate(
    data: DataOption,
    test: TestOption = None,
    metric: MetricOption = "exact",
    columns: ColumnsOption = None,
    model: ModelOption = "router",
    api_base: ApiBaseOption = None,
    dialect: DialectOption = "tools",
    library: Annotated[Path | None, typer.Option(help="A folder of saved functions, such as RUN/library.")] = None,
    seed: SeedOption = 0,
    concurrency: ConcurrencyOption = 16,
) -> None:
    """Measure an agent, with or without learned functions, on a data set's held-out tasks."""
    import forge
    from functions import Library

    benchmark = benchmark_of(data, test, metric, seed, columns=columns, trained=False)
    agent = _agent(model, api_base, dialect, benchmark)
    if library is not None:
        agent = replace(agent, library=Library.load(library))
    evaluation = forge.evaluate(agent, benchmark.test, seed=seed, concurrency=concurrency)
    low, high = evaluation.interval
    print(f"score {evaluation.score:.3f} [{low:.3f}, {high:.3f}] on {len(benchmark.test)} tasks of {benchmark.name}")
    if evaluation.advice_rate:
        print(f"total score {evaluation.reward:.3f}: advice was sought in {evaluation.advice_rate:.3f} of the tasks")
    print(f"cost  {evaluation.cost.calls} model calls, {evaluation.cost.tokens} tokens, ${evaluation.cost.usd:.4f}")
    _show_published(benchmark)


@app.command()
def serve(
    folder: Annotated[Path, typer.Argument(help="A run's folder, or a folder of saved functions.")],
    http: Annotated[
        int | None, typer.Option(help="Serve streamable HTTP on this port; by default over standard input and output.")
    ] = None,
) -> None:
    """Offer learned functions as a Model Context Protocol server, each call in the sandbox."""
    from forge import mcp_server

    mcp_server.serve(mcp_server.library_in(folder), http=http)


@functions_app.command(name="list")
def list_functions(library: Annotated[Path, typer.Argument(help="A run's folder, or one of saved functions.")]) -> None:
    """Name, signature and first line of every function."""
    loaded = _library(library)
    for name in loaded.names:
        function = loaded[name]
        parameters = ", ".join(function.parameters.get("properties", {}))
        print(f"{name}({parameters})  {function.version[:10]}  {_first_line(function.description)}")


@functions_app.command()
def show(library: Annotated[Path, typer.Argument()], name: Annotated[str, typer.Argument()]) -> None:
    """The source of one function."""
    print(_library(library)[name].source.rstrip())


@functions_app.command()
def diff(before: Annotated[Path, typer.Argument()], after: Annotated[Path, typer.Argument()]) -> None:
    """What changed from one saved library to another."""
    print(_library(before).diff(_library(after)))


@functions_app.command(name="export")
def export_functions(library: Annotated[Path, typer.Argument()], module: Annotated[Path, typer.Argument()]) -> None:
    """Write a saved library as one Python module that needs nothing of Forge; of a run's folder, with tests too."""
    from forge.json_lines import read
    from forge.session import Session
    from optim.replay import right_examples

    loaded = _library(library)
    played: list[Session] = []
    if (library / "sessions.jsonl").exists():
        lines = read(library / "sessions.jsonl")
        played = [Session.from_json(json.dumps({k: v for k, v in line.items() if k != "key"})) for line in lines]
    own = [session for session in played if session.library_version == loaded.version]
    written = loaded.export(module, examples=right_examples(loaded, own))
    print(written)
    if (tests := written.with_name(f"test_{written.stem}.py")).exists() and own:
        print(tests)


def _library(folder: Path) -> Library:
    from forge.mcp_server import library_in

    return library_in(folder)


def _agent(model: str, api_base: str | None, dialect: str, benchmark: Benchmark) -> forge.Agent:
    import forge
    from functions import Library

    if model == "router":
        return benchmark.agent("router")
    spoken = one_of("dialect", dialect, {"tools": forge.dialect.ToolCalls, "react": forge.dialect.ReAct})()
    start = benchmark.agent(forge.models.LiteLLM(model, api_base=api_base))
    own = {each.name: each for each in (forge.python_interpreter, *start.library.values())}
    return replace(start, library=Library(own.values()), dialect=start.dialect or spoken)


def _optimizer(name: str | None, api_base: str | None) -> optim.Optimizer | None:
    import forge
    import optim

    if name is None:
        return None
    if name == "synthesis":
        return optim.SynthesisOptimizer()
    return optim.AgentOptimizer(forge.models.LiteLLM(name, api_base=api_base))


def _acceptance(name: str) -> optim.Acceptance:
    import optim

    rule: optim.Acceptance = one_of(
        "acceptance",
        name,
        {
            "posterior": optim.Posterior,
            "paper": optim.Paper,
            "ties": optim.Ties,
            "minibatch": optim.Minibatch,
            "always": optim.Always,
        },
    )()
    return rule


def _curve(benchmark: Benchmark, once: Any, sizes: str, seeds: int, folder: Path) -> None:
    from benchmarks.curve import Cell, cells, rows, save

    try:
        numbers = [min(int(size), len(benchmark.train)) for size in sizes.split(",")]
    except ValueError:
        raise ForgeError(f"--curve {sizes}: numbers of tasks with commas between, such as 20,60,200") from None
    done: list[Cell] = []
    print(f"{'tasks':>6} {'seed':>5} {'before':>7} {'after':>7} {'functions':>10} {'seconds':>8}")
    for cell in cells(benchmark, once, sizes=numbers, seeds=seeds):
        done.append(cell)
        print(f"{cell.size:>6} {cell.seed:>5} {cell.baseline:>7.3f} {cell.score:>7.3f} {cell.functions:>10} "
              f"{cell.seconds:>8.1f}", flush=True)  # fmt: skip
    print(f"\n{benchmark.name}: score on {len(benchmark.test)} held-out tasks, mean of {seeds} seeds")
    for row in rows(done):
        print(f"{row.size:>6} tasks: {row.baseline:.3f} -> {row.score:.3f} (sd {row.deviation:.3f}, 95% interval "
              f"{row.low:.3f} to {row.high:.3f}), {row.functions:.0f} functions, {row.seconds:.1f} s")  # fmt: skip
    print(f"plot: {save(folder, benchmark.name, done)}")


def _show(result: optim.Result, benchmark: Benchmark, meter: forge.Meter, seed: int, concurrency: int) -> None:
    import forge

    for note in result.notes:
        print(f"note:      {note}")
    print(f"shipped:   {result.shipped} ({'' if result.certified else 'not '}certified): {result.why}")
    agents = {"before": result.start, "after": result.agent, "candidate": result.searched}
    if result.searched == result.agent:
        del agents["candidate"]
    held_out = {
        name: forge.evaluate(each, benchmark.test, seed=seed, concurrency=concurrency, budget=meter)
        for name, each in agents.items()
    }
    if all(evaluation.complete for evaluation in held_out.values()):
        _show_held_out(held_out, benchmark)
    else:
        print(f"held out:  not measured, since the budget is spent ({meter.exhausted}); forge eval measures it later")
    shown = ", ".join(result.library.names[:8]) + (" ..." if len(result.library) > 8 else "")
    print(f"functions: {len(result.library)} ({shown})")
    spent = meter.spent
    print(f"cost:      {result.rollouts} rollouts in training; {spent.tokens} tokens and ${spent.usd:.4f} in all")


def _show_held_out(held_out: dict[str, forge.Evaluation], benchmark: Benchmark) -> None:
    import forge

    print(f"test set:  {len(benchmark.test)} tasks of {benchmark.name}")
    for name, evaluation in held_out.items():
        print(f"{name + ':':<10} {evaluation.score:.3f} [{evaluation.interval[0]:.3f}, {evaluation.interval[1]:.3f}]")
    paired = forge.compare(held_out["before"], held_out["after"])
    print(f"change:    {paired.difference:+.3f} [{paired.interval[0]:+.3f}, {paired.interval[1]:+.3f}]")
    _show_published(benchmark)


def _show_published(benchmark: Benchmark) -> None:
    by_source: dict[str, list[str]] = {}
    for name, figures in benchmark.published.items():
        by_source.setdefault(figures.source, []).append(f"{name} {figures.score:.3f}")
    for source, rows in by_source.items():
        print(f"published: {', '.join(rows)} (other models; source: {source})")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


if __name__ == "__main__":
    main()
