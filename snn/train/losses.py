"""Losses and scores: from outputs over time to one number and one class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

__all__ = ["LOSSES", "Loss", "softmax_sum", "valid_mask"]


def valid_mask(y: Tensor, lengths: Tensor) -> Tensor:
    """Mark the valid steps of y [T, B, ...]: bool [T, B, 1]."""
    return (torch.arange(y.shape[0], device=y.device)[:, None] < lengths)[:, :, None]


def softmax_sum(y: Tensor, lengths: Tensor) -> Tensor:
    """Sum the softmax of the outputs y [T, B, C] over each sample's valid steps: scores [B, C].

    Source: Hammouamri et al., 2023; cross-entropy is then applied to the sums.
    """
    return torch.where(valid_mask(y, lengths), y.softmax(-1), 0.0).sum(0)


def _output_sum(y: Tensor, lengths: Tensor) -> Tensor:
    return torch.where(valid_mask(y, lengths), y, 0.0).sum(0)


def _softmax_sum_loss(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return cross_entropy(softmax_sum(y, lengths), label, reduction="none")


def _step_cross_entropy(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    each = cross_entropy(y.flatten(0, 1), label.repeat(len(y)), reduction="none").reshape(y.shape[:2])
    return torch.where(valid_mask(y, lengths)[:, :, 0], each, 0.0).sum(0)


@dataclass(frozen=True, slots=True)
class Loss:
    """Hold a loss of outputs y [T, B, C], lengths [B] and labels [B], and the scores that go with it."""

    score: Callable[[Tensor, Tensor], Tensor]
    """(y, lengths) -> scores [B, C]; the largest is the class. Scores of parts of a sequence add up."""
    value: Callable[[Tensor, Tensor, Tensor], Tensor]
    """(y, lengths, label) -> loss of each sample [B]; a sum over steps if `per_step`."""
    per_step: bool
    """Whether the loss is a sum over steps, each of its own output: then `per_sample` divides it by the length."""

    def per_sample(self, y: Tensor, lengths: Tensor, label: Tensor, total: Tensor | None = None) -> Tensor:
        """Give each sample's loss [B]; `total` is its whole length where y is a part of the sequence."""
        value = self.value(y, lengths, label)
        return value / (lengths if total is None else total) if self.per_step else value


LOSSES: dict[str, Loss] = {
    "softmax_sum": Loss(softmax_sum, _softmax_sum_loss, per_step=False),
    "step_cross_entropy": Loss(_output_sum, _step_cross_entropy, per_step=True),
}
"""Losses by name."""
