"""AGILE's published tables (arXiv 2405.14751), and the rows of benches beside them; a row that was not run is empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from benchmarks import hotpotqa, medmcqa, productqa
from benchmarks.bench.outcome import Outcome
from benchmarks.bench.regimes import AT_TEST
from benchmarks.bench.rows import Row, rows
from benchmarks.bench.stream import Asking, asking
from benchmarks.bench.table import Table, markdown
from benchmarks.published import AGILE, Published
from functions.errors import ForgeError

PAPER = ("advice, paper#", "accuracy#", "total score#")
PPO = "agile-vic13b-ppo"
STOREQA, PRODUCTQA = "storeqa", "productqa"
MAIN: Mapping[str, Mapping[str, Published]] = {  # AGILE's tables by data set
    PRODUCTQA: productqa.PUBLISHED,
    "medmcqa": medmcqa.PUBLISHED,
    "hotpotqa": hotpotqa.PUBLISHED,
}
NAMES = {STOREQA: "StoreQA", PRODUCTQA: "ProductQA", "medmcqa": "MedMCQA", "hotpotqa": "HotPotQA"}
COSTS = {STOREQA: 0.3, PRODUCTQA: 0.3, "medmcqa": medmcqa.ADVICE_COST, "hotpotqa": hotpotqa.ADVICE_COST}  # of advice
LACKING = {  # which of our rows stands beside the paper's: what it does without, "" for nothing
    PPO: "",
    "agile-vic13b-sft": "rl",
    "agile-mek7b-ppo": "",
    "agile-mek7b without RL": "rl",
    "agile-mek7b-ppo without memory": "memory",
    "agile-mek7b-ppo without advice": "advice",
    "agile-vic13b without RL": "rl",
    "agile-vic13b-ppo without advice": "advice",
}
IMITATED = {"ppo": "sft", "forge+ppo": "forge+sft"}  # the same training without reinforcement learning
# ProductQA with advice at .3, without a part each; agile-vic13b-sft is the one without RL.
ABLATED: Mapping[str, Published] = {
    "rl": productqa.PUBLISHED["agile-vic13b-sft"],
    "reflection": Published(0.771, AGILE, accuracy=0.852, advice_rate=0.270),
    "memory": Published(0.754, AGILE, accuracy=0.876, advice_rate=0.407),
    "advice": Published(0.747, AGILE, accuracy=0.747, advice_rate=0.0),
    "tools": Published(0.717, AGILE, accuracy=0.864, advice_rate=0.492),
}
EARLY = Published(0.742, AGILE, accuracy=0.812, advice_rate=0.233)  # asking in the first sessions alone
SWEEP = {  # the same policy's training at other costs: accuracy and advice rate; the total score follows
    cost: Published(accuracy - cost * rate, AGILE, accuracy=accuracy, advice_rate=rate)
    for cost, rate, accuracy in (
        (0.1, 0.423, 0.918), (0.2, 0.291, 0.871), (0.3, 0.233, 0.854), (0.4, 0.168, 0.825), (0.5, 0.098, 0.805),
    )
}  # fmt: skip
OURS = {  # what a bench of that data set is, beside the paper
    STOREQA: """a made-up shop in place of ProductQA. So levels cannot be compared; what can is the order: what each
part is worth, and what asking does when its price rises""",
    PRODUCTQA: "{tasks} questions of the test groups, of 14,365 there",
    "medmcqa": "{tasks} development questions, of 4,183 there",
    "hotpotqa": "{tasks} development questions",
}
DIFFERS = """The paper trains Vicuna-7B and 13B (on MedMCQA a medical model of 7B) on GPUs and gives no intervals. On
StoreQA and ProductQA the proxy reward at advice is the paper's heuristic with its factor of .1, on the others a fitted
value. We take a part away in training and in test;
where it says so, in the test alone. "Advice in the first sessions only" asks in each of the first sessions of a stream,
whether the agent would or not, and never after: about as often as the agent that decides."""
TEST_ALONE = "in the test alone"
ALONG = "Of ProductQA the paper says that its agent asks less as sessions accumulate; its curve comes without numbers."


@dataclass(frozen=True)
class Ours:
    """The rows of one bench that stand beside the paper's; `first` is in how many it asks, whatever they are."""

    dataset: str
    regime: str
    cells: Mapping[tuple[str, str, float | None, int | None], Row]
    first: int | None
    asked: Asking | None = None  # along the stream
    name: str = ""  # of its column

    @property
    def cost(self) -> float:
        return COSTS[self.dataset]

    @property
    def whole(self) -> Row:
        return self.cells[self.regime, "", self.cost, None]

    @property
    def words(self) -> str:
        whole = self.whole
        where = "with a GPU" if whole.gpu_seconds else "on a processor"
        about = OURS[self.dataset].format(tasks=f"{whole.tasks:,}")
        return f"{NAMES[self.dataset]}: {self.regime}, {whole.model}, trained {where}; {about}."

    def without(self, part: str) -> tuple[Row | None, str]:
        """The row that lacks the part, and a remark."""
        if found := self.cells.get((self.regime, part, self.cost, None)):
            return found, ""
        if part == "rl":
            return self.cells.get((IMITATED[self.regime], "", self.cost, None)), ""
        found = self.cells.get((self.regime, f"{part}{AT_TEST}", self.cost, None))
        return found, TEST_ALONE if found else ""


def agile(benches: Sequence[Sequence[Outcome]], regime: str | None = None) -> str:
    """The tables of AGILE beside those of benches, each the cells of another data set, or of more of its questions.

    The main tables take a row from the bench that has it on the most questions.

    Args:
        regime: whose rows stand beside the paper's trained agent; None is forge+ppo, or ppo where there is none.

    Raises:
        ForgeError: a bench without that regime, of no data set of the paper's, or two of as many
            questions of one.
    """
    own = _named(sorted(
        (_ours(outcomes, rows(outcomes), regime) for outcomes in benches),
        key=lambda each: (list(NAMES).index(each.dataset), -each.whole.tasks),
    ))  # fmt: skip
    main = tuple(
        (f"{NAMES[dataset]}: {name}", *_published(figures), *_measured(*_beside(own, dataset, LACKING.get(name))))
        for dataset, table in MAIN.items()
        for name, figures in table.items()
    )
    shops = [each for each in own if each.dataset in (STOREQA, PRODUCTQA)]
    return "\n\n".join([
        "# AGILE (arXiv 2405.14751) beside ours", DIFFERS, *(each.words for each in own),
        markdown(Table("Main tables", ("", *PAPER, *_columns("ours")), main)),
        *(_parts(shops) if shops else ()),
        *_along(own),
    ])  # fmt: skip


def _ours(outcomes: Sequence[Outcome], found: Sequence[Row], regime: str | None) -> Ours:
    cells = {(row.cell.regime, row.cell.without, row.cell.advice_cost, row.cell.advice_first): row for row in found}
    dataset = found[0].cell.dataset if found else ""
    if dataset not in NAMES:
        raise ForgeError(f"a bench of {dataset or 'nothing'}: AGILE's tables are of {', '.join(NAMES.values())}")
    wanted = [regime] if regime else ["forge+ppo", "ppo"]
    for name in wanted:
        if (name, "", COSTS[dataset], None) in cells:
            first = next((row.cell.advice_first for row in found if row.cell.advice_first is not None), None)
            asked = next((each for each in asking(outcomes, found) if each.regime == name), None)
            return Ours(dataset, name, cells, first, asked)
    raise ForgeError(f"the bench has no cells of {' or '.join(wanted)} with advice at {COSTS[dataset]:g}: run forge "
                     f"bench {dataset} --regimes {wanted[0]} --advice-cost {COSTS[dataset]:g}")  # fmt: skip


def _beside(own: Sequence[Ours], dataset: str, part: str | None) -> tuple[Row | None, str]:
    if part is None:
        return None, ""
    found = (each.without(part) for each in own if each.dataset == dataset)
    return next((beside for beside in found if beside[0]), (None, ""))


def _named(own: Sequence[Ours]) -> list[Ours]:
    """With the number of its questions in its name where a data set stands there twice."""
    often = Counter(each.dataset for each in own)
    named = [
        replace(each, name=NAMES[each.dataset] + f" ({each.whole.tasks:,} questions)" * (often[each.dataset] > 1))
        for each in own
    ]
    if len({each.name for each in named}) < len(own):
        told = ", ".join(each.name for each in named)
        raise ForgeError(f"--bench {told}: give one bench of each data set, or of each number of its questions")
    return named


def _parts(shops: Sequence[Ours]) -> list[str]:
    """ProductQA without a part each, and at other costs, beside each bench."""

    def line(name: str, paper: Published, found: Iterable[tuple[Row | None, str]]) -> tuple[str, ...]:
        return (name, *_published(paper), *(word for each in found for word in _measured(*each)))

    head = ("", *PAPER, *(column for each in shops for column in _columns(each.name)))
    lines = [line(PPO, productqa.PUBLISHED[PPO], [each.without("") for each in shops])]
    lines += [
        line(f"without {part}", figures, [each.without(part) for each in shops]) for part, figures in ABLATED.items()
    ]  # fmt: skip
    lines.append(line("advice in the first sessions only", EARLY, [_early(each) for each in shops]))
    costs = [
        line(f"c = {cost:g}", figures, [(each.cells.get((each.regime, "", cost, None)), "") for each in shops])
        for cost, figures in SWEEP.items()
    ]  # fmt: skip
    return [markdown(Table("ProductQA without a part", head, tuple(lines))),
            markdown(Table("What advice costs", head, tuple(costs)))]  # fmt: skip


def _along(own: Sequence[Ours]) -> list[str]:
    """How often advice is sought as a stream goes on, of each bench that has streams."""
    found = [(each.name, each.asked) for each in own if each.asked is not None]
    lines = tuple((name, *(f"{rate:.3f}" for rate in asked.fifths)) for name, asked in found)
    if not lines:
        return []
    head = ("advice, ours", "first fifth#", "second#", "third#", "fourth#", "last#")
    notes = (ALONG, *(f"{name}, {asked.statement}" for name, asked in found))
    return [markdown(Table("Advice along a stream", head, lines, notes))]


def _early(each: Ours) -> tuple[Row | None, str]:
    found = None if each.first is None else each.cells.get((each.regime, "", each.cost, each.first))
    return found, f"the first {each.first}, {TEST_ALONE}" if found else ""


def _columns(whose: str) -> tuple[str, ...]:
    return (f"advice, {whose}#", "accuracy#", "total score#", "95% interval#", "seeds#")


def _published(paper: Published) -> list[str]:
    advice, accuracy = ("–" if share is None else f"{share:.3f}" for share in (paper.advice_rate, paper.accuracy))
    return [advice, accuracy, f"{paper.score:.3f}"]


def _measured(ours: Row | None, remark: str) -> list[str]:
    if ours is None:
        return ["–"] * 5
    return [f"{ours.advice_rate:.3f}", f"{ours.accuracy:.3f}", f"{ours.total.mean:.3f}",
            f"{ours.total.low:.3f} to {ours.total.high:.3f}",
            f"{len(ours.seeds)}{f' ({remark})' if remark else ''}"]  # fmt: skip
