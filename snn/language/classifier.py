"""A language model that says what kind of text it read: a head for classes, and the mean over the valid tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snn.core.checks import refusal, shown, whole
from snn.hardware import register_counter
from snn.language.block import BlockState
from snn.language.counters import count_classifier
from snn.language.projection import Projection
from snn.language.spike_gpt import SpikeGPT
from snn.nn import Layer, from_config, register_layer, to_config
from snn.nn.tensor_checks import check_lengths

__all__ = ["PADDING", "Classifier", "align", "masked_mean"]

PADDING = -1
"""What stands in tokens where a sample has none."""


def align(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Move the tokens of every sample to its front, wherever its padding was.

    A padding that is merely masked still reaches the model where it stands on the left; behind the tokens nothing
    sees it.

    Args:
        tokens: int64 [T, B]; `PADDING` where a sample has no token.

    Returns:
        Tokens [T, B], behind them 0, and the lengths [B].

    Raises:
        ValueError: Not int64 [T, B].
    """
    if not isinstance(tokens, Tensor) or tokens.dtype is not torch.int64 or tokens.dim() != 2:
        raise refusal("tokens", "a tensor int64 [T, B], time first", tokens)
    valid = tokens != PADDING
    order = (~valid).long().argsort(dim=0, stable=True)
    return tokens.gather(0, order).where(valid.gather(0, order), 0), valid.sum(0)


def masked_mean(y: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Give the mean of y [T, B, C] over each sample's valid steps: [B, C].

    Steps are added one after another, so that padding changes no bit.

    Raises:
        ValueError: A sample has no valid step, or a length is outside 0..T.
    """
    lengths = check_lengths(y, lengths)
    if lengths is None:
        lengths = torch.full(y.shape[1:2], len(y), device=y.device)
    if lengths.numel() and int(lengths.min()) == 0:
        raise refusal("lengths", ">= 1, for a mean", 0)
    sums = y.cumsum(0).gather(0, (lengths - 1)[None, :, None].expand(1, *y.shape[1:]))[0]
    return sums / lengths[:, None]


@register_layer
class Classifier(Layer):
    """Score classes token by token; the mean over a sample's valid tokens, `masked_mean`, is its score.

    That is what the loss "mean_cross_entropy" of `snn.train` learns from, and the same as the classes of the mean
    features, since the head is linear.

    Attributes:
        model: The language model, whose own head is not used.
        head: From its features to the classes, with a bias.
    """

    def __init__(self, model: SpikeGPT | dict[str, Any], classes: int) -> None:
        """Keep a model, trained or fresh, under a fresh head.

        Args:
            model: A SpikeGPT, or its description (`snn.nn.to_config`), of which a fresh one is built.
            classes: Number of classes, >= 1.

        Raises:
            ValueError: `model` is none, or `classes` no whole number >= 1.
        """
        super().__init__()
        built = from_config(model) if isinstance(model, dict) else model
        if not isinstance(built, SpikeGPT):
            raise refusal("model", "a SpikeGPT or its description", shown(model))
        self.model, self.classes = built, whole("classes", classes, low=1)
        self.head = Projection(built.width, self.classes, bias=True)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {"model": to_config(self.model), "classes": self.classes}

    def forward(
        self, x: Tensor, state: tuple[BlockState, ...] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[BlockState, ...]]:
        """Map tokens int64 [T, B], padded behind if at all, to the scores [T, B, classes] of each.

        Raises:
            TypeError, ValueError: As in `SpikeGPT.forward`.
        """
        y, after = self.model.features(x, state, lengths)
        return self.head(y)[0], after

    def scores(self, tokens: Tensor) -> Tensor:
        """Give the scores of samples [B, classes], for tokens [T, B] with `PADDING` on either side.

        Raises:
            ValueError: Not int64 [T, B], a token outside the vocabulary, or a sample without tokens.
        """
        x, lengths = align(tokens)
        return masked_mean(self(x, None, lengths)[0], lengths)


register_counter(Classifier, count_classifier)
