"""Tokenizers trained on a data set's own text, for policies from scratch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from functions.errors import ForgeError

PAD, BEGIN, END, UNKNOWN = "<|pad|>", "<|begin|>", "<|end|>", "<|unknown|>"


def train_tokenizer(texts: Iterable[str], *, size: int = 4096, words: bool = False) -> Any:  # PreTrainedTokenizerFast
    """A tokenizer with pad, begin, end and unknown tokens.

    Args:
        texts: what it is trained on.
        size: tokens at most; the most frequent are kept.
        words: one token a word, as spaces separate them, for small closed vocabularies; else byte-level BPE, which
            can write any text.

    Raises:
        ForgeError: there is no text.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    special = [PAD, BEGIN, END, UNKNOWN]
    lines = [text for text in texts if text.strip()]
    if not lines:
        raise ForgeError("train_tokenizer: there is no text to train on: give the questions and answers of a data set")
    trainer: Any
    if words:
        tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        trainer = trainers.WordLevelTrainer(vocab_size=size, special_tokens=special, show_progress=False)
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=size, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        )
    tokenizer.train_from_iterator(lines, trainer)
    make: Any = PreTrainedTokenizerFast  # transformers does not type it
    return make(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        unk_token=UNKNOWN,
        clean_up_tokenization_spaces=False,
    )
