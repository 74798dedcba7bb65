"""Segments as tensors: filled up on the right, cut by a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from rl.segments import Segment

PROCESSOR_TOKENS = 2_048  # a pass on a processor: with more, what lies between layers leaves its cache


@dataclass(frozen=True, slots=True)
class Rows:
    """Segments side by side. `rows_n`, `columns_n` say where the logits of each action token are."""

    ids_bt: torch.Tensor
    rows_n: torch.Tensor
    columns_n: torch.Tensor
    targets_n: torch.Tensor  # the action tokens themselves

    def to(self, device: torch.device) -> Rows:
        if device.type == "cpu":
            return self
        return Rows(
            self.ids_bt.to(device), self.rows_n.to(device), self.columns_n.to(device), self.targets_n.to(device)
        )


def rows(segments: Sequence[Segment], *, fill: int = 0) -> Rows:
    """Any id fills up, since nothing that is real comes after it."""
    longest = max(map(len, segments))
    ids = torch.tensor([segment.ids + [fill] * (longest - len(segment)) for segment in segments])
    number = torch.tensor([row for row, segment in enumerate(segments) for _ in segment.places])
    places = torch.tensor([place for segment in segments for place in segment.places])
    return Rows(ids, number, places - 1, ids[number, places])


def by_budget(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Numbers of sequences in groups of like length, each of at most `tokens` with filling, or of one."""
    order = sorted(range(len(lengths)), key=lambda number: (lengths[number], number))
    groups: list[list[int]] = []
    for number in order:
        if groups and (len(groups[-1]) + 1) * lengths[number] <= tokens:
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups
