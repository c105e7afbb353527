"""A text as windows of tokens, each with the tokens that come next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import Int64Array
from snn.core.checks import refusal, whole, wholes
from snn.core.files.text import MappedText, Tokenizer
from snn.datasets.samples import batch_indices, seeds

__all__ = ["TextBatch", "TextSet"]

NO_LABEL = -100
"""What torch's cross-entropy takes for no class."""


class TextBatch(NamedTuple):
    """Hold windows of a text.

    Attributes:
        x: Tokens, int64 [T, B].
        lengths: Tokens of each window, [B].
        label: The token that follows each, [T, B]; -100 beyond the lengths.
    """

    x: Int64Array
    lengths: Int64Array
    label: Int64Array


@dataclass(frozen=True, slots=True)
class TextSet:
    """Hold the tokens of a text; a sample is a window of it, and its label the same window one token later.

    In order, windows follow each other without a gap, the last one shorter, so that every token but the first is
    predicted once. With a seed they are drawn, from all places with equal chance: `windows` of them are an epoch,
    which the seed alone decides.

    Attributes:
        name: What the text really is, to be printed with every result.
        tokens: The tokens, whole numbers, [n]; of a mapped file they are read where they lie.
        tokenizer: What they stand for.
        context: Tokens of a window, >= 1.
        windows: Windows drawn for an epoch, >= 1; None: as many as in order.
        mapped: The file that `tokens` lie in; None: they are in memory.

    Raises:
        ValueError: The text is not longer than a window, or a value is out of its range.
    """

    name: str
    tokens: NDArray[Any]
    tokenizer: Tokenizer
    context: int
    windows: int | None = None
    mapped: MappedText | None = None

    def __post_init__(self) -> None:
        context = whole("context", self.context, low=1)
        tokens = self.tokens
        if not isinstance(tokens, np.ndarray) or tokens.ndim != 1 or tokens.dtype.kind != "u":
            raise refusal("tokens", "an array of unsigned whole numbers [n]", tokens)
        if len(tokens) <= context:
            rule = f"longer than a window of {context} tokens"
            raise refusal(f"text of {self.name}", rule, f"{len(tokens)} tokens")
        object.__setattr__(self, "context", context)
        if self.windows is not None:
            object.__setattr__(self, "windows", whole("windows", self.windows, low=1))

    @property
    def vocab(self) -> int:
        """Tokens that the tokenizer knows."""
        return self.tokenizer.vocab

    @property
    def n_bytes(self) -> int:
        """Bytes of text that all tokens stand for."""
        if self.tokens.dtype == np.uint8 and self.tokenizer.kind == "bytes":
            return len(self.tokens)
        counts = np.bincount(self.tokens, minlength=self.vocab)
        return int(counts @ self.tokenizer.sizes)

    def __len__(self) -> int:
        """Return the number of windows of an epoch."""
        return self._in_order if self.windows is None else self.windows

    @property
    def _in_order(self) -> int:
        return -(-(len(self.tokens) - 1) // self.context)

    def with_windows(self, windows: int) -> TextSet:
        """Give the set with so many windows drawn for an epoch.

        Raises:
            ValueError: There are less than 1.
        """
        return replace(self, windows=windows)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[TextBatch]:
        """Give batches of windows: x and label int64 [T, B], label one token later (-100 beyond the lengths).

        Args:
            batch_size: Windows in a batch, >= 1.
            seed: Decides which windows are drawn (an integer or several); None gives all in order.
            min_batch: A last batch smaller than this is left out, >= 1.

        Raises:
            ValueError: batch_size or min_batch is below 1, a seed is no whole number >= 0, or the file was changed.
            FileNotFoundError: The file is gone.
        """
        if seed is None:
            starts = np.arange(self._in_order) * self.context
        else:
            rng = np.random.default_rng(seeds(seed))
            starts = rng.integers(0, len(self.tokens) - self.context, size=len(self))
        for index in batch_indices(len(starts), batch_size, None, min_batch, self.name):
            yield self._batch(starts[index])

    def at(self, starts: Any) -> TextBatch:
        """Give the windows that start at these tokens, [B], as a batch.

        Raises:
            ValueError: One is no place in the text that a token follows.
        """
        found = wholes("starts", starts, low=0, high=len(self.tokens) - 2)
        return self._batch(found)

    def _batch(self, starts: Int64Array) -> TextBatch:
        if self.mapped is not None:
            self.mapped.check()  # what is gone from a mapped file cannot be looked at
        lengths = np.minimum(self.context, len(self.tokens) - 1 - starts)
        steps = np.arange(self.context)[:, None]
        places = np.minimum(starts + steps, len(self.tokens) - 2)
        x = self.tokens[places].astype(np.int64)
        label = np.where(steps < lengths, self.tokens[places + 1].astype(np.int64), NO_LABEL)
        return TextBatch(x, lengths, label)
