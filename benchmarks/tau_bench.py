"""tau-bench: serving customers under a policy, with tools on a data base (Yao et al. 2024, arXiv 2406.12045), MIT.

Tasks, tool schemas, policies and the recorded dialogues of GPT-4o need nothing else. Live play needs its authors'
package, which brings the data bases, the code of the tools and the customer, whom a language model plays.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import comb
from pathlib import Path
from typing import Any, Literal

from benchmarks.published import Published
from benchmarks.tau_bench_files import SOURCE, TOOLS, Domain, policy, task_rows, tool_schemas
from forge.agent import Agent
from forge.dialect import ToolCalls
from forge.models.chat import ChatRequest, Reply
from forge.models.litellm import LiteLLM
from forge.models.protocol import Context
from forge.session import Action, Call, Session
from forge.task import Dataset, Task
from forge.tools import Tool, World
from functions.errors import ForgeError

INSTRUCTIONS = """\
You serve a customer of {domain}. What you call respond with is said to the customer, and gives what the customer says
next; greet them first to learn what they want. With the other functions you look things up and act. The conversation
is over when the customer ends it or when you transfer them to a person; do not call submit. Keep to this policy:

{policy}"""
QUESTION = "A customer has come to you."  # what they want is for the customer to say
PASS_HAT = {  # pass^k for k from 1 to 4: the chance that k tries at a task all succeed, mean over the tasks
    "GPT-4o, airline": (0.420, 0.273, 0.220, 0.200),
    "Claude 3.5 Sonnet (2024-10-22), airline": (0.460, 0.326, 0.263, 0.225),
    "GPT-4o, retail": (0.604, 0.491, 0.430, 0.383),
    "Claude 3.5 Sonnet (2024-10-22), retail": (0.692, 0.576, 0.509, 0.462),
}
_COUNTED = {"GPT-4o, airline": "sierra-research/tau-bench, historical_trajectories/gpt-4o-airline.json"}
PUBLISHED = {
    name: Published(figures[0], _COUNTED.get(name, "sierra-research/tau-bench, README.md"))
    for name, figures in PASS_HAT.items()
}

CUSTOMER = "FORGE_TAU_CUSTOMER"
_RESPOND = "respond"  # the authors' name for talking to the customer


def load(domain: Domain, split: Literal["train", "dev", "test"] = "test", folder: Path | None = None) -> Dataset:
    """The tasks; an answer is the gold actions and what the customer must be told ("outputs"), under `reward`.

    All tasks have the same question: what a customer wants stands in the metadata ("instruction"), for whoever plays
    the customer.

    Args:
        domain: "airline" (50 test tasks at the source) or "retail" (500 train, 20 dev, 115 test).
        folder: the one that holds the files; None is wherever `DataFile.find` finds them.

    Raises:
        ForgeError: no such domain or split, no such file, or a row that is no task.
    """
    tasks = []
    for place, row in enumerate(task_rows(domain, split, folder)):
        try:
            index = row.get("i", place)
            gold = {"actions": row["actions"], "outputs": row["outputs"]}
            metadata = {"domain": domain, "split": split, "index": index, "instruction": row["instruction"]}
        except (KeyError, AttributeError) as error:
            raise ForgeError(f"tau-{domain}-{split}: row {place} needs instruction, actions and outputs "
                             f"({type(error).__name__}: {error})") from None  # fmt: skip
        tasks.append(Task(f"tau-{domain}-{split}-{index}", QUESTION, gold, metadata=metadata))
    return Dataset(tasks, metric=reward, name=f"tau-{domain}-{split}")


def published(domain: Domain) -> dict[str, Published]:
    """What others reached in a domain, in one try at a task."""
    return {name: figures for name, figures in PUBLISHED.items() if name.endswith(f", {domain}")}


def pass_hat(rewards: Mapping[Any, Sequence[float]], k: int) -> float:
    """pass^k, the chance that k tries at a task all succeed, mean over the tasks (arXiv 2406.12045, section 3).

    Args:
        rewards: the tries of each task; 1 is success.

    Raises:
        ForgeError: no task, or one with fewer than k tries.
    """
    fewest = min(map(len, rewards.values()), default=0)
    if not 1 <= k <= fewest:
        raise ForgeError(f"pass_hat(k={k}): there is a task with {fewest} tries; give 1 or more, and at most that")
    won = ((sum(each == 1 for each in tries), len(tries)) for tries in rewards.values())
    return sum(comb(successes, k) / comb(tries, k) for successes, tries in won) / len(rewards)


@dataclass(frozen=True, slots=True)
class Customer:
    """Who plays the customer, as the tau_bench package has it; what that costs is in no budget and no usage here.

    Args:
        strategy: "llm", "react", "verify", "reflection" or "human".
        model: as LiteLLM names it.
        provider: as LiteLLM names it.
    """

    strategy: str = "llm"
    model: str = "gpt-4o"
    provider: str = "openai"

    def check(self) -> None:
        """Raise a ForgeError if the model has no key; nothing is sent."""
        if self.strategy == "human":
            return
        try:
            LiteLLM(f"{self.provider}/{self.model}").check()
        except ForgeError as error:
            why = str(error).partition(", or use model=")[0]  # the offline router says nothing
            raise ForgeError(f"nobody can play the customer: {why}; or let {CUSTOMER} name another model, or give "
                             "customer=") from error  # fmt: skip


def customer_for(model: Any) -> Customer:
    """Who plays the customer where nobody says: what $FORGE_TAU_CUSTOMER names (a LiteLLM id, or "human"), else the
    agent's own model, else, where that is none of LiteLLM's, the authors' GPT-4o.

    Raises:
        ForgeError: the id names no provider, or a model at an address of its own, which the package cannot reach.
    """
    named = os.environ.get(CUSTOMER)
    if named == "human":
        return Customer("human")
    if not named and isinstance(model, LiteLLM) and model.api_base is not None:
        raise ForgeError(f"the tau_bench package cannot reach the agent's model at {model.api_base}: let {CUSTOMER} "
                         "name a model that plays the customer, or human")  # fmt: skip
    own = model.name if isinstance(model, LiteLLM) else model
    name = named or (own if isinstance(own, str) and own != "router" else "")
    if not name:
        return Customer()
    provider, slash, rest = name.partition("/")
    return Customer(model=rest, provider=provider) if slash else Customer(model=name, provider=_provider(name))


def _provider(name: str) -> str:
    """Whose a model is that is named alone, such as gpt-4o."""
    import litellm

    try:
        return str(litellm.get_llm_provider(name)[1])
    except litellm.exceptions.BadRequestError:
        raise ForgeError(f"nobody can play the customer: {name!r} names no provider; let {CUSTOMER} name one, such as "
                         "openai/gpt-4o") from None  # fmt: skip


def agent(
    model: Any = "router", domain: Domain = "airline", *, customer: Customer | None = None, folder: Path | None = None
) -> Agent:
    """An agent that plays live: its tools act on an environment of the tau_bench package, a new one each session.

    A text without a call is said to the customer.

    Args:
        model: as of a forge.Agent.
        customer: who plays the customer; None as `customer_for` the model.

    Raises:
        ForgeError: the package is not installed, the customer has no key, or the files are not to be had.
    """
    _package("envs")
    played_by = customer or customer_for(model)
    played_by.check()
    schemas = [*tool_schemas(domain, folder), _RESPOND_SCHEMA]
    return Agent(
        model=model,
        tools=tuple(_tool(schema["function"], played_by) for schema in schemas),
        instructions=INSTRUCTIONS.format(domain=f"an {domain}" if domain == "airline" else "a shop",
                                         policy=policy(domain, folder)),
        dialect=Conversation(),
        max_turns=31,  # the authors' 30, and the greeting
    )  # fmt: skip


def reward(task: Task, session: Session) -> float:
    """The environment's verdict: 1 if the data base ended as it should and the customer was told what they must be.

    A conversation that came to no end gives 0, as its authors have it.
    """
    known = {*TOOLS[task.metadata["domain"]], _RESPOND}
    ends = [seen.value for _, seen in session.calls if seen.name in known and isinstance(seen.value, dict)]
    return float(ends[-1]["reward"]) if ends else 0.0


@dataclass(frozen=True, slots=True)
class Conversation:
    """Tool calls of the chat protocol, where a reply of text alone is not the answer but said to the customer."""

    name: str = "conversation"

    def request(self, context: Context) -> ChatRequest:
        return ToolCalls().request(context)

    def parse(self, reply: Reply, context: Context) -> Action:
        action = ToolCalls().parse(reply, context)
        if reply.tool_calls or not action.calls:
            return action
        return replace(action, text="", calls=(Call(_RESPOND, {"content": reply.text.strip()}),))


_RESPOND_SCHEMA: dict[str, Any] = {"function": {
    "name": _RESPOND,
    "description": "Say something to the customer, and hear what the customer says next.",
    "parameters": {"type": "object", "required": ["content"], "properties": {
        "content": {"type": "string", "description": "What to say."}}}}}  # fmt: skip


@dataclass(slots=True)
class _Desk:
    """One session's environment. Mutable: the opening words of the customer are heard once."""

    environment: Any  # tau_bench.envs.base.Env
    opening: str | None


def _tool(function: Mapping[str, Any], customer: Customer) -> Tool:
    name = function["name"]

    def act(world: World, **arguments: Any) -> Any:
        return _acted(world, name, arguments, customer)

    return Tool(act, name=name, description=function["description"], parameters=function["parameters"])


def _acted(world: World, name: str, arguments: Mapping[str, Any], customer: Customer) -> Any:
    """What the environment says to an action; at the end with its reward, which the session keeps for the metric."""
    if world.submitted:
        raise ForgeError("the conversation is over")
    if "tau_bench" not in world.state:
        world.state["tau_bench"] = _desk(world.task, customer)
    desk: _Desk = world.state["tau_bench"]
    if name == _RESPOND and desk.opening is not None:  # the package's customer speaks first, as if greeted
        said, desk.opening = desk.opening, None
        return said
    action = _package("types").Action(name=name, kwargs=_whole(arguments))
    response = desk.environment.step(action)
    if not response.done:
        return str(response.observation)
    world.submitted = True
    return {"observation": str(response.observation), "reward": float(response.reward)}


def _whole(value: Any) -> Any:  # JSON
    """The value with 250 for 250.0, as gold writes it: the environment compares data bases as texts."""
    if isinstance(value, Mapping):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _desk(task: Task, customer: Customer) -> _Desk:
    index = task.metadata["index"]
    environment = _package("envs").get_env(
        task.metadata["domain"],
        user_strategy=customer.strategy,
        user_model=customer.model,
        user_provider=customer.provider,
        task_split=task.metadata["split"],
        task_index=index,
    )
    if environment.tasks[index].instruction != task.metadata["instruction"]:
        raise ForgeError(f"task {task.id!r} is another one in the tau_bench package that is installed: install it at "
                         f"commit {SOURCE.commit}")  # fmt: skip
    return _Desk(environment, str(environment.reset(task_index=index).observation))


def _package(part: str) -> Any:  # a module without types, which need not be there
    try:
        return importlib.import_module(f"tau_bench.{part}")
    except ImportError as error:
        raise ForgeError(f"live play needs the package tau_bench ({error}): pip install "
                         f"git+https://github.com/{SOURCE.repository}@{SOURCE.commit}") from error  # fmt: skip
