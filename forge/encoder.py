"""Texts as vectors, for search by meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from functions.errors import ForgeError

if TYPE_CHECKING:
    import numpy as np

Encode = Callable[[Sequence[str]], Any]  # texts to a matrix, a row each


class Encoder:
    """Args:
    model: a sentence-transformers model by name or folder (extra `dense`; loaded when first used), such a model, or
        a callable that makes a matrix of a list of texts.

    Raises:
        ForgeError: it is none of these.
    """

    def __init__(self, model: str | Encode | Any) -> None:  # or SentenceTransformer
        if not (isinstance(model, str) or callable(model) or hasattr(model, "encode")):
            raise ForgeError(f"encoder={model!r:.60}: give the name of a sentence-transformers model, such a model, or "
                             "a callable that makes a matrix of texts")  # fmt: skip
        self._model = model

    @property
    def name(self) -> str:
        """Two encoders of one name are taken to give the same vectors."""
        if isinstance(self._model, str):
            return self._model
        return str(getattr(self._model, "__qualname__", type(self._model).__qualname__))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of length 1, a row each, float32.

        Raises:
            ForgeError: the model cannot be loaded, or gives no matrix with a row for each text.
        """
        import numpy as np

        rows = np.asarray(self._encode(list(texts)), dtype=np.float32)
        if rows.ndim != 2 or len(rows) != len(texts) or not np.isfinite(rows).all():
            raise ForgeError(f"the encoder {self.name!r} gave an array of shape {rows.shape} for {len(texts)} texts: "
                             "it must give one row of finite numbers a text")  # fmt: skip
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        units: np.ndarray = rows / np.where(norms > 0, norms, 1.0)
        return units

    @cached_property
    def _encode(self) -> Encode:
        if isinstance(self._model, str):
            return _sentence_transformer(self._model)
        encode: Encode = self._model.encode if hasattr(self._model, "encode") else self._model
        return encode


def _sentence_transformer(name: str) -> Encode:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise ForgeError('search by meaning needs the extra: pip install "forge-agents[dense]", or give a callable as '
                         "encoder") from error  # fmt: skip
    try:
        encode: Encode = SentenceTransformer(name).encode
    except (OSError, ValueError) as error:
        raise ForgeError(f"no sentence-transformers model can be loaded from {name!r}: {error}") from error
    return encode
