"""How well a model predicts a text: bits per byte of the text itself, whatever its tokens are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snn.core.arrays import PathLike
from snn.core.checks import refusal, whole
from snn.core.files.text import ByteTokenizer, MappedText, Tokenizer, check_vocabulary
from snn.nn import Layer

__all__ = ["TextScore", "bits_per_byte", "perplexity", "score_tokens"]

LOGITS = 1 << 22
"""Logits that are held at a time."""


@dataclass(frozen=True, slots=True)
class TextScore:
    """Hold what the tokens of a text cost, given those before; the first token of the text is not predicted.

    Attributes:
        bits: Bits of all of them together.
        tokens: How many were predicted.
        bytes: Bytes of text that these stand for.
    """

    bits: float
    tokens: int
    bytes: int

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of the text."""
        return self.bits / self.bytes

    @property
    def perplexity(self) -> float:
        """Perplexity of a token: 2 to the power of its mean bits; infinite where a float does not hold it."""
        return perplexity(self.bits / self.tokens)


def perplexity(bits: float) -> float:
    """Give the perplexity of mean bits; infinite where a float does not hold it."""
    return 2.0**bits if bits < 1024 else math.inf


def bits_per_byte(
    model: Layer, path: PathLike, context: int | None = None, *, tokenizer: Tokenizer | None = None
) -> float:
    """Give the bits per byte that a model needs for a file.

    Args:
        model: Maps tokens [T, B] to logits [T, B, V]; runs in evaluation mode, and gets its mode back.
        path: The file, plain; it is mapped.
        context: Tokens (of a model of bytes: bytes) after which the state begins at rest again, >= 1; None carries
            it through the whole text.
        tokenizer: Of the model; None is bytes.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The text has fewer than two tokens, or some that the tokenizer does not know; the tokenizer has
            not the model's vocabulary; or the file was changed meanwhile.
    """
    if not isinstance(model, Layer):
        raise refusal("model", "a snn.nn.Layer", model)
    made = ByteTokenizer() if tokenizer is None else tokenizer
    vocab: Any = getattr(model, "vocab", made.vocab)
    check_vocabulary(made, vocab)
    text = MappedText(path)
    tokens = made.encode(text.data)
    if len(tokens) < 2:
        raise refusal(f"text of {path}", "of at least two tokens", f"{len(tokens)}")
    found = score_tokens(model, tokens, made.sizes, context)
    text.check()
    return found.bits_per_byte


@torch.no_grad()
def score_tokens(
    model: Layer, tokens: NDArray[Any], sizes: NDArray[Any], context: int | None = None
) -> TextScore:
    """Score a model on a text that is tokens already.

    Args:
        model: Maps tokens [T, B] to logits [T, B, V]; runs in evaluation mode, and gets its mode back.
        tokens: Whole numbers [n], n >= 2.
        sizes: Bytes of each token [V], as `Tokenizer.sizes`.
        context: Tokens after which the state begins at rest again, >= 1; None carries it through.

    Raises:
        ValueError: `context` is below 1, or there are fewer than two tokens.
    """
    if len(tokens) < 2:
        raise refusal("tokens", "at least two", len(tokens))
    length = len(tokens) - 1
    if context is not None:
        length = min(length, whole("context", context, low=1))
    mode = model.training
    model.eval()
    try:
        bits = sum(_bits_of(model, x, label, len(sizes)) for x, label in _windows(tokens, length, len(sizes)))
    finally:
        model.train(mode)
    predicted = np.bincount(tokens[1:], minlength=len(sizes))
    return TextScore(bits, len(tokens) - 1, int(predicted @ sizes))


def _windows(tokens: NDArray[Any], length: int, vocab: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Give windows of a text and what follows each token, int64 [length, B]; the last, shorter one is by itself."""
    count, rest = divmod(len(tokens) - 1, length)
    side_by_side = max(1, min(64, LOGITS // (vocab * min(length, 256))))
    for start in range(0, count, side_by_side):
        stop = min(start + side_by_side, count)
        part = tokens[start * length : stop * length + 1].astype(np.int64)
        x, label = (torch.from_numpy(piece.reshape(-1, length).T.copy()) for piece in (part[:-1], part[1:]))
        yield x, label
    if rest:
        part = tokens[-rest - 1 :].astype(np.int64)
        yield torch.from_numpy(part[:-1, None]), torch.from_numpy(part[1:, None])


def _bits_of(model: Layer, x: Tensor, label: Tensor, vocab: int) -> float:
    """Give the bits of the labels [T, B] after the tokens x [T, B], from rest, some steps at a time."""
    steps = max(1, LOGITS // (vocab * x.shape[1]))
    device = next(model.parameters(), torch.zeros(0)).device
    nats, state = 0.0, None
    for start in range(0, len(x), steps):
        logits, state = model(x[start : start + steps].to(device), state)
        wanted = label[start : start + steps].to(device)
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), wanted.flatten(), reduction="none")
        nats += float(losses.double().sum())
    return nats / math.log(2)
