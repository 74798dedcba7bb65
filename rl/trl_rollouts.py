"""Sessions of an agent as rollouts of TRL's GRPOTrainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from forge.agent import Agent
from forge.budget import Meter
from forge.drive import Stream, drive
from forge.evaluate import score
from forge.session import Session
from forge.task import Dataset, Task
from functions.errors import ForgeError
from rl.policy import Policy
from rl.sampling import Sampling
from rl.segments import Segment, segments

Rollouts = Callable[[list[Any], Any], dict[str, list[Any]]]


def to_trl_rollout_func(agent: Agent, dataset: Dataset | None = None, *, concurrency: int = 256) -> Rollouts:
    """A `rollout_func` for `trl.GRPOTrainer(model=agent.model.network.model, ...)`: each prompt is a question that the
    agent works on with all its tools, and what the executor wrote carries no loss (`env_mask`).

    Each rollout also has `answer`, `advice_cost`, `stop` and, with a data set, `reward`, which reach TRL's reward
    functions by these names.

    Args:
        agent: its model is an `rl.Policy`. Its functions get their tokens now, so call this before the trainer is
            made. It plays single tasks, so memory is empty at the start of each.
        dataset: the tasks by question, for tools, experts and a metric that need more than the question.

    Raises:
        ForgeError: the model is no policy or one of constrained decoding, or a question comes twice in the data set;
            later: the trainer has another model, a prompt is no text, or the agent cleared its context, which one GRPO
            sequence cannot hold.
    """
    if not isinstance(agent.model, Policy):
        raise ForgeError(f"the agent's model is {getattr(agent.model, 'name', agent.model)!r}: weights are trained of "
                         "an rl.Policy, such as rl.Policy.from_pretrained(path)")  # fmt: skip
    policy = agent.model
    if policy.constrained:
        raise ForgeError("TRL's trainer learns from the probabilities of all tokens, and this policy draws from the "
                         "legal ones alone: make it with constrained=False")  # fmt: skip
    policy.learn_names([*agent.library.names, *(tool.name for tool in agent.all_tools)])
    tasks = _by_question(dataset)

    def rollouts(prompts: list[Any], trainer: Any) -> dict[str, list[Any]]:
        _require_same_model(policy, trainer)
        policy.engine.forget()  # the trainer has changed the weights
        player = replace(agent, model=policy.with_sampling(Sampling(temperature=trainer.args.temperature)))
        wanted = [_task(prompt, number, tasks) for number, prompt in enumerate(prompts)]
        played = drive(player, [Stream((task,)) for task in wanted], seed=trainer.state.global_step,
                       concurrency=concurrency, meter=Meter(None), done=lambda session: None)  # fmt: skip
        sessions = [session for (session,) in played]
        if dataset is not None:
            sessions = [score(task, each, dataset.metric) for task, each in zip(wanted, sessions, strict=True)]
        return _rollouts(sessions, policy, scored=dataset is not None)

    return rollouts


def _rollouts(sessions: Sequence[Session], policy: Policy, *, scored: bool) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {
        name: [] for name in ("prompt_ids", "completion_ids", "logprobs", "env_mask", "answer", "advice_cost", "stop")
    }
    for session in sessions:
        segment = _only(segments(replace(session, score=session.score or 0.0), policy.dialect.choice_length), session)
        start = segment.places[0]
        scores = dict(zip(segment.places, segment.log_probs, strict=True))
        behind = range(start, len(segment))
        found["prompt_ids"].append(segment.ids[:start])
        found["completion_ids"].append(segment.ids[start:])
        found["logprobs"].append([scores.get(place, 0.0) for place in behind])
        found["env_mask"].append([int(place in scores) for place in behind])
        found["answer"].append(session.answer)
        found["advice_cost"].append(session.advice_cost)
        found["stop"].append(session.stop)
    if scored:
        found["reward"] = [session.reward for session in sessions]
    return found


def _only(parts: Sequence[Segment], session: Session) -> Segment:
    if len(parts) != 1:
        raise ForgeError(f"session {session.task_id!r} has {len(parts)} contexts, and GRPO learns from one: give the "
                         "agent no memory, with which clear_context comes, and tasks that fit the context")  # fmt: skip
    return parts[0]


def _by_question(dataset: Dataset | None) -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    for task in dataset or ():
        if task.question in tasks:
            raise ForgeError(f"two tasks ask {task.question!r:.60}: GRPO knows tasks by their question alone")
        tasks[task.question] = task
    return tasks


def _task(prompt: Any, number: int, tasks: dict[str, Task]) -> Task:
    if not isinstance(prompt, str):
        raise ForgeError(f"a prompt is {prompt!r:.60}: give the trainer plain questions as the column `prompt`; the "
                         "policy's dialect makes prompts of them")  # fmt: skip
    if tasks and prompt not in tasks:
        raise ForgeError(f"no task of the data set asks {prompt!r:.60}")
    known = tasks.get(prompt) or Task(id="", question=prompt)
    return replace(known, id=f"{known.id}#{number}", stream="")


def _require_same_model(policy: Policy, trainer: Any) -> None:
    if trainer.accelerator.unwrap_model(trainer.model) is not policy.network.model:
        raise ForgeError("the trainer has another model than the agent: make it by GRPOTrainer(model=agent.model."
                         "network.model, rollout_func=..., ...)")  # fmt: skip
