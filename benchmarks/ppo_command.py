"""`forge ppo`: train the weights of a local policy on a data set, and measure it on held-out tasks."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from functions.errors import ForgeError

if TYPE_CHECKING:
    import forge
    import rl
    from forge.session import Step


def ppo(
    data: Annotated[str, typer.Option("--data", help="storeqa, mawps, word-problems, or a .jsonl or .csv file.")],
    test: Annotated[Path | None, typer.Option("--test", help="Held-out tasks, if --data is a file.")] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="For files: exact (the default), numeric or math.")
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
        float | None, typer.Option(help="An expert answers at this cost; by default none is asked.")
    ] = None,
    memory: Annotated[bool, typer.Option(help="Remember from task to task of a stream.")] = True,
    rollouts: Annotated[int, typer.Option(help="Budget: sessions in training.")] = 30_000,
    seconds: Annotated[float | None, typer.Option(help="Budget: wall time.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the policy; by default the recipe's.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, splits and sessions.")] = 0,
    concurrency: Annotated[int, typer.Option(help="Streams played side by side.")] = 256,
    run: Annotated[Path | None, typer.Option(help="Folder for log, checkpoint, policy and plot.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that lies in the folder.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
) -> None:
    """Train a local policy's weights by PPO: when to use tools, memory and an expert is learned with the rest."""
    import warnings

    import forge

    if run is None and (resume or overwrite):
        raise ForgeError(f"{'--resume' if resume else '--overwrite'} needs --run, the folder of the run that is meant")
    _require_in_range(lora, concurrency)
    _require_of_use(data, test, metric, dialect, library)
    given = None if demonstrations is None else _sessions(demonstrations)
    # names that its callers, peft and trl, have yet to change: nothing that one at the terminal could mend
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    try:
        import rl
        from rl.console import ConsoleReport

        setting = _storeqa(policy, advice_cost, memory, lora, seed) if data == "storeqa" else None
        setting = setting or _setting(data, test, metric or "exact", policy, dialect or "function-tokens", lora,
                                      library, advice_cost, memory, seed)  # fmt: skip
    except ImportError as error:
        raise ForgeError(f'training weights needs the extra: pip install "forge-agents[rl]" ({error})') from error
    shown = setting.demonstrations if given is None else given
    settings = setting.ppo if learning_rate is None else replace(setting.ppo, learning_rate=learning_rate)
    budget = forge.Budget(rollouts=rollouts, seconds=seconds)
    with forge.Run(run, resume=resume, fresh=overwrite, report_to=[ConsoleReport()]) as record:
        setting = _taught(setting, shown, record, seed, lora)
        result = rl.train_ppo(
            setting.agent, setting.train, ppo=settings, sessions=setting.sessions, sampling=setting.sampling,
            budget=budget, concurrency=concurrency, seed=seed, run=record,
        )  # fmt: skip
    _show(result, setting, seed, concurrency)
    if run is not None:
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
    data: str, test: Path | None, metric: str | None, dialect: str | None, library: Path | None
) -> None:
    """There is such a data set, and no option is given that would change nothing."""
    from benchmarks import catalog

    if not _is_file(data) and data not in catalog.names():
        raise ForgeError(f"--data {data}: {', '.join(catalog.names())}, or a .jsonl or .csv file")
    idle: dict[str, object] = {} if _is_file(data) else {"--test": test, "--metric": metric}
    if data == "storeqa":
        idle |= {"--dialect": dialect, "--library": library}
    for option, value in idle.items():
        if value is not None:
            raise ForgeError(f"{option} {value} does not apply to --data {data}: leave it out")


def _is_file(data: str) -> bool:
    return Path(data).suffix in {".jsonl", ".csv"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What is trained on what, and how."""

    agent: forge.Agent
    train: forge.Dataset
    test: forge.Dataset
    ppo: rl.PPO
    sampling: rl.Sampling
    imitation: rl.Imitation
    sessions: Any = None
    demonstrations: tuple[forge.Session, ...] = ()


def _storeqa(policy: str | None, advice_cost: float | None, memory: bool, lora: int | None, seed: int) -> Setting:
    import forge
    import rl
    from benchmarks.storeqa_ppo import recipe, shop

    cost = recipe.ABLATED_AT if advice_cost is None else advice_cost
    shown: tuple[forge.Session, ...] = ()
    if policy is None:
        tasks = shop.streams(recipe.DEMONSTRATIONS, seed=f"demonstrations-{seed}")
        teacher = recipe.agent(shop.Demonstrator(tasks, memory=memory), memory=memory)
        shown = forge.evaluate(teacher, tasks, concurrency=256).sessions
        model = recipe.policy(seed)
    else:
        names = _names(recipe.agent("router", cost=cost, memory=memory))
        model = rl.Policy.from_pretrained(policy, lora=lora, functions=names, seed=seed)
    return Setting(
        recipe.agent(model, cost=cost, memory=memory),
        shop.streams(recipe.TRAIN, seed=f"ppo-{seed}"),
        shop.streams(recipe.EVALUATION, seed="evaluation"),
        recipe.PPO,
        recipe.CHOICES,
        recipe.IMITATION,
        recipe.VARIANTS["ppo"].sessions if memory else None,
        shown,
    )


def _setting(
    data: str,
    test: Path | None,
    metric: str,
    policy: str | None,
    dialect: str,
    lora: int | None,
    library: Path | None,
    advice_cost: float | None,
    memory: bool,
    seed: int,
) -> Setting:
    import forge
    import rl
    from forge.cli import benchmark_of, one_of
    from functions import Library

    known = {"function-tokens": rl.FunctionTokens, "chat": rl.ChatTemplate}
    spoken = one_of("dialect", dialect, known)
    benchmark = benchmark_of(data, test, metric, seed)
    if policy is None:
        raise ForgeError(f"--data {data} needs --policy, a folder or hub id of a language model to begin with; only "
                         "--data storeqa brings a small one of its own")  # fmt: skip
    if dialect == "function-tokens":
        spoken = lambda tokenizer: rl.FunctionTokens(tokenizer, instructions=True)  # noqa: E731  # a dialect maker
    start = benchmark.agent("router")  # the policy comes in when it is known what it may call
    agent = replace(
        start,
        library=start.library if library is None else Library.load(library),
        memory=None if not memory else forge.Memory() if start.memory is None else start.memory,
        expert=_at(advice_cost, start.expert),
    )
    model = rl.Policy.from_pretrained(
        policy, dialect=spoken, lora=lora, functions=_names(agent), seed=seed, max_new_tokens=256
    )
    sessions = rl.FittedValue() if memory and agent.expert is not None else None
    return Setting(
        replace(agent, model=model),
        benchmark.train,
        benchmark.test,
        rl.PPO(learning_rate=1e-5),
        rl.Sampling(),
        rl.Imitation(learning_rate=1e-5),
        sessions,
    )


def _names(agent: forge.Agent) -> list[str]:
    """All that the agent can call: an adapter trains only the tokens that are there when it is put on."""
    return [*agent.library.names, *(tool.name for tool in agent.all_tools)]


def _at(cost: float | None, expert: Any) -> Any:
    """The expert of the data set, or the gold answer, at the cost that was given."""
    import forge

    if cost is None:
        return expert
    return forge.GoldExpert(cost) if expert is None else replace(expert, cost=cost)


def _taught(
    setting: Setting, shown: Sequence[forge.Session], record: forge.Run, seed: int, lora: int | None
) -> Setting:
    """After imitation, if there is something to imitate; a run that is resumed goes on from the one that it keeps.

    What an adapter learned is merged into the weights, and PPO trains a fresh one.
    """
    import rl

    origin = _origin(setting, shown, seed, lora) if shown else None
    with tempfile.TemporaryDirectory() as scratch:
        kept = (Path(scratch) if record.path is None else record.path) / "imitation"
        done = _imitated(record, origin)
        if origin is None:
            return setting
        if not done:
            print(f"imitation of {len(shown):,} sessions")
            result = rl.imitate(
                setting.agent, shown, imitation=setting.imitation, seed=seed,
                on_look=lambda look: print(f"  step {look.step}: loss {look.loss:.3f}, held-out actions right "
                                           f"{look.accuracy:.3f}, {look.seconds:.0f} s", flush=True),
            )  # fmt: skip
            shutil.rmtree(kept, ignore_errors=True)  # what a kill left behind
            result.policy.save_pretrained(kept)
            record.log("imitation", **origin)  # last, so that only a whole one is gone on from
        elif not kept.exists():  # else it would be looked for on the hub
            raise ForgeError(f"{kept} is gone, and the run goes on from it: put it back, or replace the run with "
                             "--overwrite")  # fmt: skip
        taught = rl.Policy.from_pretrained(kept, lora=lora, functions=_names(setting.agent), seed=seed)
    return replace(setting, agent=replace(setting.agent, model=taught))


def _imitated(record: forge.Run, origin: Mapping[str, Any] | None) -> bool:
    """Whether the run that is resumed did this imitation already; any other is refused."""
    way_out = "Choose another folder, or replace the run with --overwrite"
    first = {event["kind"]: event for event in reversed(record.earlier)}
    if "imitation" not in first:
        if "start" in first and origin is not None:
            raise ForgeError(f"{record.path} began without imitation, and there are demonstrations now: leave them "
                             f"out. {way_out}")  # fmt: skip
        return False
    if origin is None:
        raise ForgeError(f"{record.path} began with imitation: give the --demonstrations that it had. {way_out}")
    before = first["imitation"]
    changed = [f"{name} was {before.get(name)}, and is now {now}" for name, now in origin.items()
               if before.get(name) != now]  # fmt: skip
    if changed:
        raise ForgeError(f"{record.path} holds an imitation of another start: {'; '.join(changed)}. {way_out}")
    return True


def _origin(setting: Setting, shown: Sequence[forge.Session], seed: int, lora: int | None) -> dict[str, Any]:
    """All that an imitation depends on, in plain words; times that sessions took are no part of it."""
    from forge.identity import digest, in_words

    agent = setting.agent
    policy: rl.Policy = agent.model
    acts = [[session.question, [_written(step) for step in session.steps]] for session in shown]
    offered = [[tool.name, tool.description, tool.parameters] for tool in agent.all_tools]
    return {
        "seed": seed,
        "lora": lora,
        "dialect": type(policy.dialect).__name__,
        "settings": in_words(setting.imitation),
        "demonstrations": f"{len(shown)} sessions, {digest(acts)}",
        "policy": policy.digest,
        "agent": digest([agent.instructions, agent.library.version, offered]),
    }


def _written(step: Step) -> list[Any]:
    """An action and what it was answered, as JSON values."""
    action, calls = step.action, step.action.calls
    return [
        action.text, action.finish_reason, list(action.token_ids),
        [[call.name, dict(call.arguments), call.error, call.text] for call in calls],
        [seen.text for seen in step.observations],
    ]  # fmt: skip


def _sessions(path: Path) -> tuple[forge.Session, ...]:
    """The right ones of a file."""
    import json

    from forge.json_lines import read
    from forge.session import Session

    file, way_out = path / "sessions.jsonl" if path.is_dir() else path, "give a run's folder, or its sessions.jsonl"
    try:
        lines = read(file)
    except OSError as error:
        raise ForgeError(f"--demonstrations {file}: cannot be read ({error.strerror}): {way_out}") from None
    played: list[forge.Session] = []
    for number, line in enumerate(lines, start=1):
        try:
            played.append(Session.from_json(json.dumps({k: v for k, v in line.items() if k != "key"})))
        except ForgeError:
            raise ForgeError(f"--demonstrations {file}: entry {number} is no session of Forge but has "
                             f"{', '.join(line) or 'nothing'}: {way_out}") from None  # fmt: skip
    if not played:
        raise ForgeError(f"--demonstrations {file}: holds no sessions: {way_out}")
    right = tuple(session for session in played if session.score is None or session.score >= 1)
    if len(right) < 2:  # imitation holds one out
        raise ForgeError(f"--demonstrations {file}: {len(right)} of {len(played)} sessions is right, and 2 are needed "
                         "at least: one is held out")  # fmt: skip
    return right


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
