"""The regimes, the parts that can be taken away, and what each cell of a bench has to be trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from benchmarks.bench.outcome import Cell
from functions.errors import ForgeError

BASE, FORGE = "base", "forge"
BEFORE = {  # what each regime goes on from
    BASE: None,
    FORGE: None,
    "sft": None,
    "ppo": "sft",
    "forge+sft": FORGE,
    "forge+ppo": "forge+sft",
    "ppo+forge": "ppo",
}
REGIMES = tuple(BEFORE)
DEFAULT = ("base", "forge", "sft", "ppo", "forge+ppo", "ppo+forge")
NEVER, ALWAYS, ORACLE = "never asks", "always asks", "oracle"  # what the regimes are held against
WEIGHTS = ("sft", "ppo", "forge+sft", "forge+ppo", "ppo+forge")
FORGED = ("forge", "forge+sft", "forge+ppo", "ppo+forge")
AGENT_PARTS = ("memory", "reflection", "advice", "tools", "planning")
FORGE_PARTS = ("rollback", "early_stop", "progressive", "filters", "release")
PARTS = (*AGENT_PARTS, "rl", *FORGE_PARTS)
AT_TEST = " at test"  # after a part that is there in training, and taken from the trained policy
TEST_PARTS = ("memory", "reflection", "advice", "tools")


@dataclass(frozen=True, slots=True)
class Training:
    """One training, which several cells may share: imitation does not depend on what advice costs.

    `regime` is what this step makes; `before` is the training that it goes on from.
    """

    cell: Cell

    @property
    def regime(self) -> str:
        return self.cell.regime

    @property
    def name(self) -> str:
        return self.cell.name

    @property
    def before(self) -> Training | None:
        earlier = BEFORE[self.regime]
        return None if earlier is None else training_of(replace(self.cell, regime=earlier))

    @property
    def chain(self) -> tuple[Training, ...]:
        """All that is trained for this, the first step first."""
        before = self.before
        return (*(before.chain if before is not None else ()), self)


def training_of(cell: Cell) -> Training | None:
    """What has to be trained before a cell can be played; None where nothing is."""
    if cell.advice_first is not None:
        return training_of(replace(cell, advice_first=None))
    if cell.without.endswith(AT_TEST):
        return training_of(replace(cell, without=""))
    if cell.without == "rl":
        earlier = {"ppo": "sft", "forge+ppo": "forge+sft", "ppo+forge": "forge+sft"}[cell.regime]
        return training_of(replace(cell, regime=earlier, without=""))
    regime = "sft" if cell.regime == NEVER else cell.regime
    if regime in ("base", ALWAYS, ORACLE):
        return None
    without = "" if cell.without in FORGE_PARTS and regime not in FORGED else cell.without
    if regime in ("ppo", "forge+ppo", "ppo+forge"):
        return Training(replace(cell, without=without))
    return Training(replace(cell, regime=regime, without=without, advice_cost=None))


def lacking(cell: Cell) -> str:
    """The part that the agent plays without, "" for none."""
    return cell.without.removesuffix(AT_TEST)


def touched(regime: str, part: str, *, calls_tools: bool) -> bool:
    """Whether taking the part away changes what is trained or played.

    Args:
        calls_tools: whether the model that no weights are trained of calls tools at all; the router does not.
    """
    if part == "rl":
        return regime in ("ppo", "forge+ppo")
    if part in FORGE_PARTS:
        return regime in FORGED
    return regime in WEIGHTS or (calls_tools and regime in REGIMES)


def planned(
    dataset: str,
    regimes: Sequence[str],
    *,
    seeds: Iterable[int],
    costs: Sequence[float | None],
    without: Sequence[str] = (),
    without_at_test: Sequence[str] = (),
    advice_first: int | None = None,
    references: Iterable[str] = (),
    default_cost: float | None = None,
    calls_tools: bool,
) -> tuple[Cell, ...]:
    """The cells of a bench, the whole before its ablations, seed by seed.

    Parts are taken away at the default cost if it is among the costs, else at the first; parts of trained policies, and
    the choice when to ask, at test alone. References are what the regimes are held against.

    Raises:
        ForgeError: no regime, an unknown regime or part, or a part that no chosen regime has.
    """
    if not regimes:
        raise ForgeError(f"--regimes names none: one of {', '.join(REGIMES)}, or several with commas")
    for name in regimes:
        if name not in REGIMES:
            raise ForgeError(f"--regimes {name}: one of {', '.join(REGIMES)}")
    for part in without:
        if part not in PARTS:
            raise ForgeError(f"--without {part}: one of {', '.join(PARTS)}")
        if not any(touched(regime, part, calls_tools=calls_tools) for regime in regimes):
            raise ForgeError(f"--without {part}: none of {', '.join(regimes)} has that part: choose other regimes")
    weights = [regime for regime in regimes if regime in WEIGHTS]
    for part in without_at_test:
        if part not in TEST_PARTS:
            raise ForgeError(f"--without-at-test {part}: one of {', '.join(TEST_PARTS)}")
        if not weights:
            raise ForgeError(f"--without-at-test {part}: none of {', '.join(regimes)} trains weights: add one of "
                             f"{', '.join(WEIGHTS)}")  # fmt: skip
    early = [regime for regime in regimes if touched(regime, "advice", calls_tools=calls_tools)]
    if advice_first is not None and not early:
        raise ForgeError(f"--advice-first {advice_first}: none of {', '.join(regimes)} seeks advice: choose other "
                         "regimes")  # fmt: skip
    seeds = tuple(seeds)
    at = default_cost if default_cost in costs else costs[0]

    def ablated(part: str, regimes: Sequence[str], first: int | None = None) -> list[Cell]:
        return [Cell(dataset, regime, part, at, first, seed) for seed in seeds for regime in regimes]

    cells = [
        Cell(dataset, regime, "", cost, None, seed)
        for cost in costs
        for seed in seeds
        for regime in (*references, *regimes)
    ]
    if advice_first is not None:
        cells += ablated("", early, advice_first)
    for part in without:
        cells += ablated(part, [regime for regime in regimes if touched(regime, part, calls_tools=calls_tools)])
    for part in without_at_test:
        cells += ablated(part + AT_TEST, weights)
    return tuple(dict.fromkeys(cells))
