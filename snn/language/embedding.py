"""What a token is before anything is known of its neighbours: a row of numbers, or of bits."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from snn.core.checks import choice, refusal, shown, whole
from snn.hardware import register_counter
from snn.kernels import Surrogate, spike
from snn.language.counters import count_embedding
from snn.nn import Layer, register_layer
from snn.nn.tensor_checks import check_size, check_stateless

__all__ = ["Embedding", "EmbeddingKind", "check_tokens"]

EmbeddingKind = Literal["real", "binary"]

_SURROGATE = Surrogate("atan", 2.0)


def check_tokens(tokens: Any, vocab: int) -> None:
    """Refuse tokens that are not int64 [T, B] in 0..vocab - 1.

    Raises:
        TypeError: They are no tensor.
        ValueError: Another type or shape, or a token outside the vocabulary.
    """
    if not isinstance(tokens, Tensor):
        raise TypeError(f"tokens must be a tensor int64 [T, B], got {shown(tokens)}")
    if tokens.dtype is not torch.int64 or tokens.dim() != 2:
        raise refusal("tokens", "int64 [T, B], time first", tokens)
    if not tokens.numel():
        return
    low, high = (int(end) for end in tokens.aminmax())
    if low < 0 or high >= vocab:
        raise refusal("tokens", f"in 0..{vocab - 1}, the vocabulary", low if low < 0 else high)


@register_layer
class Embedding(Layer):
    """Look up a row for every token: real numbers, or the bits that say where these are at 0 or above.

    The gradient of a bit is the arc tangent surrogate of alpha 2 at the number.
    """

    def __init__(self, vocab: int, width: int, kind: EmbeddingKind = "binary") -> None:
        """Make weights [vocab, width] drawn from N(0, 1).

        Args:
            vocab: Tokens, >= 1.
            width: Numbers of a token, >= 1.
            kind: "real", or "binary".

        Raises:
            ValueError: A size is not a whole number >= 1, or there is no such kind.
            MemoryError: The weights would not fit.
        """
        super().__init__()
        self.vocab, self.width = whole("vocab", vocab, low=1), whole("width", width, low=1)
        self.kind: EmbeddingKind = choice("kind", kind, EmbeddingKind)
        check_size("Embedding", self.vocab, self.width)
        self.weight = nn.Parameter(torch.randn(self.vocab, self.width))

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {"vocab": self.vocab, "width": self.width, "kind": self.kind}

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Map tokens int64 [T, B] to [T, B, width]."""
        check_tokens(x, self.vocab)
        check_stateless("Embedding", state)
        rows = embedding(x, self.weight_in_use())
        return (spike(rows, _SURROGATE) if self.kind == "binary" else rows), ()


register_counter(Embedding, count_embedding)
