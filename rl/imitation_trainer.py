"""TRL's trainer for imitation, with a loss that is quick on a CPU, too."""

from __future__ import annotations

from typing import Any

import torch
from trl.trainer.sft_trainer import SFTTrainer

from rl.imitation import IGNORED
from rl.network import Network


class ImitationTrainer(SFTTrainer):
    """Where there is no Triton, TRL's loss scores every token, of which few are an agent's own: with a small model on a
    CPU that is half of the time. Here it scores what has a label.

    Args:
        network: whose model is trained.
        config: an SFTConfig.
        data: rows of ids and labels, which the collator fills up on the right.
    """

    def __init__(self, network: Network, config: Any, data: Any, tokenizer: Any, callbacks: list[Any]) -> None:
        super().__init__(
            model=network.model, args=config, train_dataset=data, processing_class=tokenizer, callbacks=callbacks
        )
        self._network = network

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The sum of the losses over what has a label, divided by how many have one in the whole optimizer step."""
        own = self._network.device.type == "cpu" and self.accelerator.num_processes == 1
        if not own or self.aux_loss_enabled or self.args.bf16:  # mixed precision is put around the whole model's pass
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)  # type: ignore[no-untyped-call]
        labels = inputs["labels"][:, 1:]
        learned = labels != IGNORED
        hidden = self._network.trunk(input_ids=inputs["input_ids"], use_cache=False).last_hidden_state[:, :-1]
        logits = self._network.logits(hidden[learned]).float()
        loss = torch.nn.functional.cross_entropy(logits, labels[learned], reduction="sum")
        return loss / (learned.sum() if num_items_in_batch is None else num_items_in_batch)
