"""The imitation that a run of `forge ppo` begins with: made once, kept in the run's folder with what made it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.ppo_setting import Setting, callable_names
from functions.errors import ForgeError

if TYPE_CHECKING:
    import forge
    import rl
    from forge.session import Step


def taught(setting: Setting, shown: Sequence[forge.Session], record: forge.Run, seed: int, lora: int | None) -> Setting:
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
        model = rl.Policy.from_pretrained(kept, lora=lora, functions=callable_names(setting.agent), seed=seed)
    return replace(setting, agent=replace(setting.agent, model=model))


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


def right_sessions(path: Path) -> tuple[forge.Session, ...]:
    """What to imitate: those of a run's folder, or of a file, that are right or have no score.

    Raises:
        ForgeError: it cannot be read, holds something else, or too few of them.
    """
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
