"""The processes of one training, and what they tell one another: through accelerate, or nothing where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import torch

from functions.errors import ForgeError

Item = TypeVar("Item")


class Processes:
    """Args:
    accelerator: an `accelerate.Accelerator`.
    """

    def __init__(self, accelerator: Any) -> None:
        self.accelerator = accelerator

    @classmethod
    def on(cls, device: torch.device) -> Processes:
        """As many as `accelerate launch` started, on this kind of device.

        Raises:
            ForgeError: this process has trained on another kind.
        """
        from accelerate import Accelerator

        try:
            found = Accelerator(cpu=device.type == "cpu")
        except ValueError as error:
            raise _another_kind(str(error)) from error
        if found.device.type != device.type:
            raise _another_kind(f"{found.device.type}, and the policy lies on {device.type}")
        return cls(found)

    @property
    def count(self) -> int:
        return int(self.accelerator.num_processes)

    @property
    def main(self) -> bool:
        """Whether this one writes what the training writes."""
        return bool(self.accelerator.is_main_process)

    def share(self, items: Sequence[Item]) -> Sequence[Item]:
        """The part of this process: all parts in order are the whole, none much longer than another."""
        number, count = int(self.accelerator.process_index), self.count
        return items[len(items) * number // count : len(items) * (number + 1) // count]

    def gathered(self, items: Sequence[Item]) -> list[Item]:
        """The items of all, in order; they travel pickled."""
        if self.count == 1:
            return list(items)
        from accelerate.utils import gather_object

        found: list[Item] = gather_object(list(items))
        return found

    def summed(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all."""
        if self.count == 1:
            return values
        total: torch.Tensor = self.accelerator.reduce(values.to(self.accelerator.device), "sum")
        return total.to(values.device)

    def totals(self, values: Mapping[str, float]) -> dict[str, float]:
        """Each value summed over all; every process has the same names."""
        total = self.summed(torch.tensor(list(values.values()), dtype=torch.float64))
        return dict(zip(values, total.tolist(), strict=True))

    def first(self, value: float) -> float:
        """That of the main process: clocks differ."""
        if self.count == 1:
            return value
        from accelerate.utils import broadcast_object_list

        told = [value]
        broadcast_object_list(told)
        return told[0]

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            self.accelerator.wait_for_everyone()


def _another_kind(why: str) -> ForgeError:
    return ForgeError("accelerate holds one kind of device for each process, and this one has trained on another: "
                      f"start a new process, or give accelerator= ({why})")  # fmt: skip
