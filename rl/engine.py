"""Generation: token ids in, ids and log-probabilities out, with keys and values kept across executor turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import torch

from functions.errors import ForgeError
from rl.cache import RaggedCache
from rl.sampling import Sampling, draw, uniforms

if TYPE_CHECKING:
    from rl.grammar import Grammar
    from rl.names import Names
    from rl.network import Network

LEAST_SHARED = 8  # tokens that prompts must share for the prefix to be computed once


@dataclass(frozen=True, slots=True)
class Request:
    """What to go on from. `kept`: how many of the prompt's first ids were the prompt and result of an earlier request
    whose keys and values may still be there; `seed`: decides the noise of this request alone."""

    prompt: Sequence[int]
    seed: int = 0
    kept: int = 0
    offered: Mapping[str, bool] = field(default_factory=dict)  # what constrained decoding allows, see rl.grammar


@dataclass(slots=True)
class Generated:
    """The ids that were drawn and their log-probabilities; `cut`: no end came before the limit."""

    ids: list[int] = field(default_factory=list)
    log_probs: list[float] = field(default_factory=list)
    cut: bool = True


@dataclass(frozen=True, slots=True)
class Limits:
    """What ends a generation, and how tokens are drawn.

    Args:
        end_ids: tokens that end it.
        new_tokens: ids at most.
        context: ids at most with the prompt.
        sampling: how tokens are drawn.
        names: functions, after which `Sampling(greedy_arguments=True)` takes the likeliest.
        grammar: which tokens are allowed; None allows all.
    """

    end_ids: frozenset[int]
    new_tokens: int
    context: int
    sampling: Sampling
    names: Names | None = None
    grammar: Grammar | None = None


class Engine(Protocol):
    """Generates for many requests at once. A served engine fits here as well."""

    def generate(self, requests: Sequence[Request], limits: Limits) -> list[Generated]:
        """One result a request, in order."""
        ...

    def forget(self) -> None:
        """The weights have changed: keep nothing that was computed by the old ones."""
        ...


class TransformersEngine:
    """Any causal language model of transformers. Mutable: holds the keys and values of the last requests' sequences.

    A sequence that goes on is only given its new tokens, as one block; prompts that begin alike have their common
    beginning computed once.

    All rows of a call start together, and a call lasts as long as its longest action. Rows that are done leave the
    batch, but their places are not given to others within the call: their keys and values stay for the next turn. The
    driver refills: with each stream's next context at the next call, with the next stream where one has ended.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._cache = RaggedCache()
        self._rows: dict[tuple[int, ...], list[int]] = {}  # the ids of each cached sequence, last one not computed yet

    def forget(self) -> None:
        self._cache, self._rows = RaggedCache(), {}

    @torch.no_grad()
    def generate(self, requests: Sequence[Request], limits: Limits) -> list[Generated]:
        """Raises:
        ForgeError: a prompt leaves no room in the context.
        """
        if not requests:
            return []
        for request in requests:
            if not 0 < len(request.prompt) < limits.context:
                raise ForgeError(f"a prompt of {len(request.prompt)} tokens does not fit the policy's context of "
                                 f"{limits.context}: shorten it, or clear the context in between")  # fmt: skip
        batch = _Batch(self._network, self._cache, requests, limits, self._place(requests, limits))
        logits = batch.prefill()
        while batch.active:
            logits = batch.step(logits)
        self._rows = {}
        for row, ids in batch.sequences():
            self._rows.setdefault(ids, []).append(row)
        return batch.results

    def _place(self, requests: Sequence[Request], limits: Limits) -> list[tuple[int, int]]:
        """For each row of the batch its request and how many of its ids are cached; shortest new blocks first."""
        found: list[tuple[int, int, int]] = []  # (request, cached ids, old row)
        for number, request in enumerate(requests):
            rows = self._rows.get(tuple(request.prompt[: request.kept])) if request.kept else None
            if rows and request.kept < len(request.prompt):
                found.append((number, request.kept - 1, rows.pop()))
            else:
                found.append((number, 0, 0))
        found.sort(key=lambda item: len(requests[item[0]].prompt) - item[1])
        longest = min(max(len(request.prompt) for request in requests) + limits.new_tokens, limits.context)
        self._cache.make_room(len(requests), longest)
        old_rows = [row for _, _, row in found]
        if self._cache.keys and old_rows != list(range(len(old_rows))):
            self._cache.order(torch.tensor(old_rows), max(cached for _, cached, _ in found))
        return [(number, cached) for number, cached, _ in found]


class _Batch:
    """One call of `generate`. The first `active` rows are still being written."""

    def __init__(
        self,
        network: Network,
        cache: RaggedCache,
        requests: Sequence[Request],
        limits: Limits,
        placed: Sequence[tuple[int, int]],
    ) -> None:
        self.network, self.cache, self.requests, self.limits = network, cache, requests, limits
        self.results = [Generated() for _ in requests]
        self.order = [number for number, _ in placed]  # the request of each row
        self.lengths = [cached for _, cached in placed]
        self.active = len(placed)
        self.device = network.device
        room = [min(limits.new_tokens, limits.context - len(request.prompt)) for request in requests]
        self.room = [room[number] for number in self.order]
        noise = uniforms([requests[number].seed for number in self.order], max(room))
        self.noise = torch.from_numpy(noise).to(self.device)
        self.places = torch.arange(len(placed))  # of each row in `noise`
        self.spelling = [0] * len(placed)  # of the automaton that finds names
        self.chosen = [False] * len(placed)  # the function is named
        self.states = (
            [limits.grammar.start(requests[number].offered) for number in self.order] if limits.grammar else []
        )
        self.written = 0  # ids so far in every active row

    def prefill(self) -> torch.Tensor:
        """Compute the prompts; the logits after each row's last token."""
        self._share_prefix()
        prompts = [self.requests[number].prompt for number in self.order]
        logits = []
        for rows in self._groups([len(p) - n for p, n in zip(prompts, self.lengths, strict=True)]):
            blocks = [list(prompts[row][self.lengths[row] :]) for row in range(rows.start, rows.stop)]
            logits.append(self._forward(rows, blocks))
        return torch.cat(logits)

    def _share_prefix(self) -> None:
        fresh = [row for row, length in enumerate(self.lengths) if not length]
        if len(fresh) < 2:
            return
        prompts = [self.requests[self.order[row]].prompt for row in fresh]
        first, last = min(prompts, key=list), max(prompts, key=list)  # what these two share, all share
        shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(map(len, prompts)))
        shared = min(shared, min(map(len, prompts)) - 1)
        if shared < LEAST_SHARED:
            return
        row = fresh[0]
        self._forward(slice(row, row + 1), [list(prompts[0][:shared])])
        self.cache.copy_prefix(row, fresh[1:], shared)
        for row in fresh:
            self.lengths[row] = shared

    def _groups(self, widths: Sequence[int]) -> list[slice]:
        """Runs of rows, widths ascending, that waste at most half of a pass on filling up."""
        groups, start = [], 0
        for row in range(1, len(widths) + 1):
            if row == len(widths) or widths[row] > 2 * widths[start] + 4:
                groups.append(slice(start, row))
                start = row
        return groups

    def _forward(self, rows: slice, blocks: Sequence[Sequence[int]]) -> torch.Tensor:
        """Append a block to each row; the logits after its last token."""
        width = max(map(len, blocks))
        lengths = torch.tensor(self.lengths[rows])
        counts = torch.tensor([len(block) for block in blocks])
        ids = torch.tensor([[*block, *[0] * (width - len(block))] for block in blocks])
        positions = lengths.unsqueeze(-1) + torch.arange(width)
        seen = max(self.lengths[rows]) + width
        self.cache.make_room(rows.stop, seen)
        hidden = self.network.extend(
            ids.to(self.device), positions.to(self.device), self.cache.at(rows, positions.to(self.device), seen)
        )
        for row, block in enumerate(blocks, start=rows.start):
            self.lengths[row] += len(block)
        last = hidden[torch.arange(len(blocks)), (counts - 1).to(self.device)] if width > 1 else hidden[:, 0]
        return self.network.logits(last)

    def step(self, logits: torch.Tensor) -> torch.Tensor:
        """Draw a token for every active row and compute the next logits of those that go on."""
        limits, active = self.limits, self.active
        greedy = None
        if limits.sampling.greedy_arguments:
            greedy = torch.tensor(self.chosen[:active], device=self.device)
        if limits.grammar:
            allowed = [limits.grammar.allowed(state) for state in self.states[:active]]
            logits = logits.masked_fill(~torch.stack(allowed).to(self.device), float("-inf"))
        drawn, scores = draw(logits, self.noise[self.places[:active], self.written], limits.sampling, greedy)
        ids, log_probs = drawn.tolist(), scores.tolist()
        self.written += 1
        going_on = []
        for row in range(active):
            token, result = ids[row], self.results[self.order[row]]
            result.ids.append(token)
            result.log_probs.append(log_probs[row])
            if limits.names is not None and not self.chosen[row]:
                self.spelling[row] = limits.names.step(self.spelling[row], token)
                self.chosen[row] = bool(limits.names.named(self.spelling[row]))
            if limits.grammar:
                self.states[row] = limits.grammar.after(self.states[row], token)
            if token in limits.end_ids:
                result.cut = False
            elif self.written < self.room[row]:
                going_on.append(row)
        if not going_on:
            self.active = 0
            return logits
        if len(going_on) < active:
            self._compact(going_on)
        self.active = len(going_on)
        block = drawn[torch.tensor(going_on)] if len(going_on) < active else drawn
        return self._forward_one(block)

    def _forward_one(self, ids: torch.Tensor) -> torch.Tensor:
        rows = slice(0, self.active)
        positions = torch.tensor(self.lengths[rows]).unsqueeze(-1).to(self.device)
        seen = max(self.lengths[rows]) + 1
        self.cache.make_room(self.active, seen)
        hidden = self.network.extend(ids.unsqueeze(-1), positions, self.cache.at(rows, positions, seen))
        for row in range(self.active):
            self.lengths[row] += 1
        return self.network.logits(hidden[:, 0])

    def _compact(self, going_on: Sequence[int]) -> None:
        """Put the rows that go on first; those that are done stay behind them, for the next turn."""
        stay = set(going_on)
        new_order = [*going_on, *(row for row in range(len(self.order)) if row not in stay)]
        self.cache.order(torch.tensor(new_order), max(self.lengths))
        for name in ("order", "lengths", "room", "spelling", "chosen", "states"):
            values = getattr(self, name)
            if values:
                setattr(self, name, [values[row] for row in new_order])
        self.places = self.places[torch.tensor(new_order)]

    def sequences(self) -> list[tuple[int, tuple[int, ...]]]:
        """Each row with all ids of its sequence."""
        found = []
        for row, number in enumerate(self.order):
            found.append((row, (*self.requests[number].prompt, *self.results[number].ids)))
        return found
