"""What a budget affords, before anything is spent: proposals, the smallest difference it can show, dollars."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from forge.agent import Agent
from forge.budget import Budget
from forge.statistics import detectable_difference
from functions.errors import ForgeError
from optim.acceptance import Acceptance, looks_of, repeats_of, selection_of
from optim.release import Release
from optim.schedule import Schedule
from optim.split import Parts

CHARACTERS_PER_TOKEN = 4
TURNS = (2, 5)  # of a session: at the least, and where it goes on
REPLY_TOKENS = 150  # a turn
PROPOSAL_TOKENS = (4_000, 40_000)  # an LLM optimizer reads, for one proposal
PROPOSAL_REPLY_TOKENS = (500, 3_000)


@dataclass(frozen=True, slots=True)
class Range:
    """From the least to the most."""

    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What a training will need, by arithmetic on its settings; tokens and dollars are rough estimates.

    `proposals` is None where no limit bounds them; `detectable` the smallest gain that the release gate would show
    four times out of five, None without a gate that could; `usd` None where no price is known.
    """

    tasks: int
    validation: int
    holdout: int
    first: int  # rollouts before the first proposal is judged
    proposal: Range  # rollouts a proposal
    gate: Range  # rollouts of the release gate
    rollouts: int | None  # that the budget allows
    proposals: Range | None
    detectable: float | None
    session_tokens: Range
    optimizer_tokens: Range  # a proposal
    session_usd: Range | None
    proposal_usd: Range | None
    limit: str  # the budget in words
    notes: tuple[str, ...]

    def require(self, proposals: int) -> None:
        """Raise a ForgeError if even cheap proposals are fewer than asked for."""
        if self.proposals is not None and self.proposals.most < proposals:
            needed = self.first + proposals * self.proposal.least + self.gate.least
            raise ForgeError(
                f"{self.limit} affords {int(self.proposals.most)} proposals: luck decides with fewer than {proposals}. "
                f"Give at least rollouts={int(needed)} (or as much in tokens or dollars), train on fewer tasks, or say "
                "optim.Schedule(least_proposals=0), --least-proposals 0 on the command line"
            )

    def __str__(self) -> str:
        parts = [f"{self.tasks} tasks to learn from"]
        parts += [f"{self.validation} to compare on"] if self.validation else []
        parts += [f"{self.holdout} held out for the release gate"] if self.holdout else []
        lines = [
            f"tasks:      {', '.join(parts)}",
            f"rollouts:   {self.first} before the first verdict, then {_whole(self.proposal)} a proposal, "
            f"{_whole(self.gate)} for the gate",
            f"budget:     {self.limit}",
        ]
        if self.proposals is not None:
            lines.append(f"affords:    {_whole(self.proposals)} proposals")
        if self.detectable is None:
            lines.append("can show:   nothing: no tasks are held out")
        else:
            lines.append(f"can show:   a gain of {self.detectable:.2f} or more, four times out of five")
        lines.append(f"tokens:     {_whole(self.session_tokens)} a session, {_whole(self.optimizer_tokens)} a proposal "
                     "(estimated)")  # fmt: skip
        if self.session_usd is not None and self.proposal_usd is not None:
            lines.append(f"dollars:    {_usd(self.session_usd)} a session, {_usd(self.proposal_usd)} a proposal, "
                         f"{_usd(self.total_usd)} in all (estimated)")  # fmt: skip
        else:
            lines.append("dollars:    no price is known for the model")
        return "\n".join([*lines, *(f"note:       {note}" for note in self.notes)])

    @property
    def total_usd(self) -> Range:
        """For three proposals and the gate at the least; for all that the budget allows, else ten, at the most."""
        assert self.session_usd is not None
        assert self.proposal_usd is not None
        few, many = 3.0, min(self.proposals.most, 100.0) if self.proposals is not None else 10.0
        least = (self.first + few * self.proposal.least + self.gate.least) * self.session_usd.least
        sessions = self.first + many * self.proposal.most + self.gate.most
        most = min(sessions, self.rollouts or sessions) * self.session_usd.most
        return Range(least + few * self.proposal_usd.least, most + many * self.proposal_usd.most)


def planned(
    agent: Agent,
    parts: Parts,
    optimizer: Any,  # an Optimizer, whose model is asked for its price where it has one
    acceptance: Acceptance,
    release: Release | None,
    budget: Budget,
    schedule: Schedule,
) -> Plan:
    """The plan of a training with these settings."""
    shown = min(schedule.minibatch or len(parts.train), len(parts.train))
    validated = selection_of(acceptance) == "validation" and parts.validation is not None
    pool = (len(parts.validation or ()) if validated else shown) * repeats_of(acceptance)
    looks = looks_of(acceptance) or (pool,)
    proposal = Range(min(looks[0], pool), min(looks[-1], pool) * (2 if validated else 1))
    first = shown + (min(looks[0], pool) if validated else 0)
    pairs = len(parts.holdout or ())
    gate = Range(2 * min(pairs, release.looks), 2 * pairs * release.versions) if release and pairs else Range(0, 0)
    session, offered = _session_tokens(agent, parts), _optimizer_tokens(optimizer)
    session_usd, proposal_usd = _usd_of(agent.model, *session), _usd_of(getattr(optimizer, "chat", None), *offered)
    session_total, offered_total = _total(session), _total(offered)
    share = release.share if release is not None and pairs else 0.0
    options: list[Range] = []
    if budget.rollouts is not None:
        options.append(_affordable(budget.rollouts * (1 - share), first, proposal, Range(1, 1), Range(0, 0)))
    if budget.tokens is not None and session_total.least:
        options.append(_affordable(budget.tokens * (1 - share), first, proposal, session_total, offered_total))
    if budget.usd is not None and session_usd is not None and session_usd.least:
        options.append(_affordable(budget.usd * (1 - share), first, proposal, session_usd, proposal_usd or Range(0, 0)))
    tested = pairs
    if budget.rollouts is not None and pairs:
        tested = min(pairs, int(budget.rollouts * share) // 2)
    return Plan(
        tasks=len(parts.train),
        validation=len(parts.validation or ()),
        holdout=pairs,
        first=first,
        proposal=proposal,
        gate=gate,
        rollouts=budget.rollouts,
        proposals=Range(min(o.least for o in options), min(o.most for o in options)) if options else None,
        detectable=detectable_difference(tested, alpha=release.level(0)) if release and tested else None,
        session_tokens=session_total,
        optimizer_tokens=offered_total,
        session_usd=session_usd,
        proposal_usd=proposal_usd if hasattr(optimizer, "chat") else Range(0, 0),
        limit=_in_words(budget),
        notes=parts.notes,
    )


def _affordable(limit: float, first: int, proposal: Range, session: Range, offer: Range) -> Range:
    """Proposals from a limit, at what sessions and proposals cost at the most and at the least."""
    dear = (limit - first * session.most) / max(proposal.most * session.most + offer.most, 1e-12)
    cheap = (limit - first * session.least) / max(proposal.least * session.least + offer.least, 1e-12)
    return Range(max(0, int(dear)), max(0, int(cheap)))


def _session_tokens(agent: Agent, parts: Parts) -> tuple[Range, Range]:
    """Tokens in and out of one session; nothing where no language model is asked."""
    if not hasattr(agent.model, "complete"):
        return Range(0, 0), Range(0, 0)
    tools = [tool.parameters for tool in agent.all_tools]
    fixed = (
        len(agent.instructions) + len(json.dumps(agent.library.tool_schemas())) + len(json.dumps(tools, default=str))
    )
    question = sum(len(task.question) for task in parts.train) / len(parts.train)
    prompt = (fixed + question) / CHARACTERS_PER_TOKEN

    def read(turns: int) -> float:  # each turn reads what came before
        return turns * prompt + REPLY_TOKENS * turns * (turns - 1) / 2

    few, many = (min(turns, agent.max_turns) for turns in TURNS)
    return Range(read(few), read(many)), Range(few * REPLY_TOKENS, many * REPLY_TOKENS)


def _optimizer_tokens(optimizer: Any) -> tuple[Range, Range]:
    if not hasattr(optimizer, "chat"):
        return Range(0, 0), Range(0, 0)
    return Range(*PROPOSAL_TOKENS), Range(*PROPOSAL_REPLY_TOKENS)


def _total(tokens: tuple[Range, Range]) -> Range:
    read, written = tokens
    return Range(read.least + written.least, read.most + written.most)


def _usd_of(model: Any, read: Range, written: Range) -> Range | None:
    if read.most == 0:
        return Range(0.0, 0.0)
    price: Callable[[int, int], float | None] | None = getattr(model, "price", None)
    if price is None:
        return None
    least, most = price(int(read.least), int(written.least)), price(int(read.most), int(written.most))
    return None if least is None or most is None else Range(least, most)


def _in_words(budget: Budget) -> str:
    limits = {"rollouts": budget.rollouts, "tokens": budget.tokens, "usd": budget.usd, "seconds": budget.seconds}
    words = ", ".join(f"{name}={limit:g}" for name, limit in limits.items() if limit is not None)
    return f"a budget of {words}" if words else "no limit"


def _whole(numbers: Range) -> str:
    least, most = round(numbers.least), round(numbers.most)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _usd(dollars: Range) -> str:
    digits = 4 if dollars.most < 0.1 else 2
    return f"${dollars.least:.{digits}f} to ${dollars.most:.{digits}f}"
