"""Keys and values of many sequences of different lengths, each row contiguous, appended to block by block."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Cache


class RaggedCache(Cache):
    """A key-value cache in which a block is written at each row's own positions. Mutable.

    What lies beyond a row's length is never seen: the attention mask ends at each query's position, and the next
    block overwrites it. So rows need no padding between blocks.
    """

    def __init__(self) -> None:
        super().__init__(layers=[])
        self.keys: list[torch.Tensor] = []  # per layer: rows x heads x positions x width
        self.values: list[torch.Tensor] = []
        self._room = (0, 0)
        self._rows = slice(0, 0)
        self._positions = torch.zeros(0, 0, dtype=torch.long)
        self._seen = 0

    def make_room(self, rows: int, positions: int) -> None:
        """Room for as many rows and positions, keeping what is there."""
        have_rows, have_positions = self._room
        if rows <= have_rows and positions <= have_positions:
            return
        self._room = (max(rows, have_rows), max(positions, _rounded(positions), have_positions))
        self.keys = [self._grown(part) for part in self.keys]
        self.values = [self._grown(part) for part in self.values]

    def _grown(self, part: torch.Tensor) -> torch.Tensor:
        larger = part.new_zeros(self._room[0], part.shape[1], self._room[1], part.shape[3])
        larger[: part.shape[0], :, : part.shape[2]] = part
        return larger

    def order(self, rows: torch.Tensor, positions: int) -> None:
        """Put the old row `rows[i]` at row i; the first `positions` are kept."""
        for parts in (self.keys, self.values):
            for part in parts:
                part[: len(rows), :, :positions] = part[rows, :, :positions]

    def copy_prefix(self, source: int, rows: list[int], positions: int) -> None:
        """Give rows the first positions of another."""
        for part in (*self.keys, *self.values):
            part[rows, :, :positions] = part[source, :, :positions]

    def at(self, rows: slice, positions_bw: torch.Tensor, seen: int) -> RaggedCache:
        """Where the next forward pass writes, and how many positions its queries may see at most."""
        self._rows, self._positions, self._seen = rows, positions_bw, seen
        return self

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Called by attention layers: store a block, give back all of the rows that it belongs to."""
        if layer_idx == len(self.keys):
            shape = (self._room[0], key_states.shape[1], self._room[1])
            self.keys.append(key_states.new_zeros(*shape, key_states.shape[3]))
            self.values.append(value_states.new_zeros(*shape, value_states.shape[3]))
        return (
            self._stored(self.keys[layer_idx], key_states),
            self._stored(self.values[layer_idx], value_states),
        )

    def _stored(self, part: torch.Tensor, block: torch.Tensor) -> torch.Tensor:
        rows = part[self._rows]
        numbers = torch.arange(len(rows), device=part.device).unsqueeze(-1)
        rows[numbers, :, self._positions] = block.transpose(1, 2)
        return rows[:, :, : self._seen]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self._seen


def _rounded(positions: int) -> int:
    """Room grows by half at least, so that it is seldom copied."""
    return -(-positions * 3 // 2 // 64) * 64
