"""The data sets that are known by name on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.published import Published
from forge.agent import Agent
from forge.task import Dataset
from functions.errors import ForgeError


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Training and test tasks under one metric, and the agent that training starts from.

    Args:
        agent: for a model, what the data set calls for: instructions, tools, memory, an expert.
        published: what others reached, by name.
    """

    name: str
    train: Dataset
    test: Dataset
    agent: Callable[[Any], Agent]
    published: Mapping[str, Published] = field(default_factory=dict)


def load(name: str, *, seed: int = 0) -> Benchmark:
    """The named data set; `seed` matters to generated ones only.

    Raises:
        ForgeError: no such name, or its files cannot be found.
    """
    if name in _SPLITS:
        return _published(name, *_SPLITS[name])
    if name not in _MADE:
        raise ForgeError(f"no data set is called {name!r}: one of {', '.join(names())}, or a .jsonl or .csv file")
    return _MADE[name](seed)


def names() -> list[str]:
    return sorted((*_SPLITS, *_MADE))


_SPLITS = {  # what each trains and is tested on; a module has the name of its data set
    "gsm8k": ("train", "test"),
    "hotpotqa": ("train", "dev"),
    "mawps": ("train", "test"),
    "medmcqa": ("train", "dev"),
    "medqa": ("train", "test"),
    "productqa": ("train", "test"),
    "tabmwp": ("dev1k", "test1k"),
}


def _published(name: str, train: str, test: str) -> Benchmark:
    module = import_module(f"benchmarks.{name}")
    return Benchmark(name, module.load(train), module.load(test), module.agent, module.PUBLISHED)


def _gaia(seed: int) -> Benchmark:
    from benchmarks import gaia

    train, rest = gaia.load("validation").split(10, seed=seed)  # sizes of the AgentOptimizer paper
    return Benchmark("gaia", train, rest.sample(100, seed=seed), gaia.agent, gaia.PUBLISHED)


def _math(seed: int) -> Benchmark:
    from benchmarks import math_competition

    return Benchmark("math", *math_competition.disjoint(), math_competition.agent)


def _storeqa(seed: int) -> Benchmark:
    from benchmarks import storeqa

    return Benchmark(
        "storeqa",
        storeqa.streams(240, seed=str(seed), length=10),
        storeqa.streams(40, seed="test", split="test"),
        storeqa.agent,
    )


def _svamp(seed: int) -> Benchmark:
    from benchmarks import mawps, svamp

    return Benchmark("svamp", mawps.load("train"), svamp.load(), svamp.agent)


def _tau_airline(seed: int) -> Benchmark:
    from benchmarks import tau_bench

    train, test = tau_bench.load("airline").split(0.5, seed=seed)  # its authors have test tasks only
    return Benchmark("tau-airline", train, test, partial(tau_bench.agent, domain="airline"),
                     tau_bench.published("airline"))  # fmt: skip


def _tau_retail(seed: int) -> Benchmark:
    from benchmarks import tau_bench

    return Benchmark("tau-retail", tau_bench.load("retail", "train"), tau_bench.load("retail", "test"),
                     partial(tau_bench.agent, domain="retail"), tau_bench.published("retail"))  # fmt: skip


def _word_problems(seed: int) -> Benchmark:
    from benchmarks import word_problems

    return Benchmark(
        "word-problems",
        word_problems.generate(240, seed=seed, split="train"),
        word_problems.generate(200, seed=seed, split="test"),
        word_problems.agent,
    )


_MADE: dict[str, Callable[[int], Benchmark]] = {
    "gaia": _gaia,
    "math": _math,
    "storeqa": _storeqa,
    "svamp": _svamp,
    "tau-airline": _tau_airline,
    "tau-retail": _tau_retail,
    "word-problems": _word_problems,
}
