"""The data sets that are known by name on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from importlib import import_module
from typing import Any

from benchmarks.math_competition import TYPES
from benchmarks.published import Published
from forge.agent import Agent
from forge.session import Call
from forge.task import Dataset, Task
from functions.errors import ForgeError

CUSTOMER = "the customer, whom a language model plays in every task"
LEARNED, TESTED = 20, 100  # questions of MedMCQA in a row that share a memory, so that reflections are of use


@dataclass(frozen=True)
class Benchmark:
    """Training and test tasks under one metric, each loaded when it is first asked for, and the agent to start from.

    Args:
        load_train, load_test: either may raise a ForgeError if files cannot be found.
        agent: for a model, what the data set calls for: instructions, tools, memory, an expert.
        published: what others reached, by name.
        researched: the calls of the agent's tools that lead to a task's answer, for demonstrations.
        unmetered: who else asks a language model, at a cost that no budget sees; "" where nobody does.
    """

    name: str
    load_train: Callable[[], Dataset]
    load_test: Callable[[], Dataset]
    agent: Callable[[Any], Agent]
    published: Mapping[str, Published] = field(default_factory=dict)
    researched: Callable[[Task], Sequence[Call]] = lambda task: ()
    unmetered: str = ""

    @cached_property
    def train(self) -> Dataset:
        return self.load_train()

    @cached_property
    def test(self) -> Dataset:
        return self.load_test()

    def loaded(self) -> Benchmark:
        """The same with both parts at hand: what cannot be found is told before anything is trained."""
        _ = self.train, self.test
        return self


def load(name: str, *, seed: int = 0) -> Benchmark:
    """The named data set; `seed` matters where tasks are generated or drawn.

    Raises:
        ForgeError: no such name.
    """
    if name not in _KNOWN:
        raise ForgeError(f"no data set is called {name!r}: one of {', '.join(names())}, or a .jsonl or .csv file")
    return _KNOWN[name](seed)


def is_file(data: str) -> bool:
    """Whether a data set is a file of one's own, and no name."""
    return data.removesuffix(".gz").endswith((".jsonl", ".csv"))


def names() -> list[str]:
    return sorted(_KNOWN)


def _module(name: str, train: str, test: str, seed: int) -> Benchmark:
    """A data set whose module has its name and its splits."""
    module = import_module(f"benchmarks.{name}")
    return Benchmark(name, lambda: module.load(train), lambda: module.load(test), module.agent, module.PUBLISHED)


def _gaia(seed: int) -> Benchmark:
    from benchmarks import gaia

    return Benchmark(
        "gaia", lambda: gaia.drawn("train", seed), lambda: gaia.drawn("test", seed), gaia.agent, gaia.PUBLISHED
    )


def _gaia_level(level: int, seed: int) -> Benchmark:
    """All of a level to be tested on, and as many questions of the others to learn from as the paper takes."""
    from benchmarks import gaia

    def train() -> Dataset:
        tasks = gaia.load("validation")
        return tasks.only({task.id for task in tasks if task.metadata["level"] != level}).sample(10, seed=seed)

    published = gaia.PUBLISHED_BY_LEVEL[level]
    return Benchmark(f"gaia-{level}", train, lambda: gaia.load("validation", level), gaia.agent, published)


def _hotpotqa(seed: int) -> Benchmark:
    from benchmarks import hotpotqa

    found = _module("hotpotqa", "train", "dev", seed)
    return replace(found, researched=hotpotqa.supporting_searches)


def _math(seed: int) -> Benchmark:
    from benchmarks import math_competition

    return Benchmark(
        "math",
        lambda: math_competition.disjoint()[0],
        lambda: math_competition.load("test"),
        math_competition.agent,
        math_competition.PUBLISHED,
    )


def _math_type(type: str, seed: int) -> Benchmark:
    from benchmarks import math_competition

    @cache
    def parts() -> tuple[Dataset, Dataset]:  # sizes of the AgentOptimizer paper
        return math_competition.paper_split(type, seed)

    return Benchmark(_math_name(type), lambda: parts()[0], lambda: parts()[1], math_competition.agent,
                     math_competition.PUBLISHED_BY_TYPE[type])  # fmt: skip


def _math_name(type: str) -> str:
    return f"math-{type.replace('_', '-')}"


def _medmcqa(seed: int) -> Benchmark:
    from benchmarks import medmcqa

    return Benchmark(
        "medmcqa",
        lambda: medmcqa.load("train", stream=LEARNED),
        lambda: medmcqa.load("dev", stream=TESTED),
        medmcqa.agent,
        medmcqa.PUBLISHED,
    )


def _storeqa(seed: int) -> Benchmark:
    from benchmarks import storeqa

    return Benchmark(
        "storeqa",
        lambda: storeqa.streams(240, seed=str(seed), length=10),
        lambda: storeqa.streams(40, seed="test", split="test"),
        storeqa.agent,
    )


def _svamp(seed: int) -> Benchmark:
    from benchmarks import mawps, svamp

    return Benchmark("svamp", lambda: mawps.load("train"), svamp.load, svamp.agent, svamp.PUBLISHED)


def _tau_airline(seed: int) -> Benchmark:
    from benchmarks import tau_bench

    @cache
    def parts() -> tuple[Dataset, Dataset]:  # its authors have test tasks only
        return tau_bench.load("airline").split(0.5, seed=seed)

    return Benchmark("tau-airline", lambda: parts()[0], lambda: parts()[1], partial(tau_bench.agent, domain="airline"),
                     tau_bench.published("airline"), unmetered=CUSTOMER)  # fmt: skip


def _tau_retail(seed: int) -> Benchmark:
    from benchmarks import tau_bench

    return Benchmark(
        "tau-retail",
        lambda: tau_bench.load("retail", "train"),
        lambda: tau_bench.load("retail", "test"),
        partial(tau_bench.agent, domain="retail"),
        tau_bench.published("retail"),
        unmetered=CUSTOMER,
    )


def _word_problems(seed: int) -> Benchmark:
    from benchmarks import word_problems

    return Benchmark(
        "word-problems",
        lambda: word_problems.generate(240, seed=seed, split="train"),
        lambda: word_problems.generate(200, seed=seed, split="test"),
        word_problems.agent,
    )


_KNOWN: Mapping[str, Callable[[int], Benchmark]] = {
    "gaia": _gaia,
    **{f"gaia-{level}": partial(_gaia_level, level) for level in (1, 2, 3)},
    "gsm8k": partial(_module, "gsm8k", "train", "test"),
    "hotpotqa": _hotpotqa,
    "math": _math,
    **{_math_name(type): partial(_math_type, type) for type in TYPES},
    "mawps": partial(_module, "mawps", "train", "test"),
    "medmcqa": _medmcqa,
    "medqa": partial(_module, "medqa", "train", "test"),
    "productqa": partial(_module, "productqa", "train", "test"),
    "storeqa": _storeqa,
    "svamp": _svamp,
    "tabmwp": partial(_module, "tabmwp", "dev1k", "test1k"),
    "tau-airline": _tau_airline,
    "tau-retail": _tau_retail,
    "word-problems": _word_problems,
}
