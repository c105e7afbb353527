"""Losses and scores: from outputs over time to one number and one class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

__all__ = ["LOSSES", "Loss", "softmax_sum", "valid_mask"]


def valid_mask(y: Tensor, lengths: Tensor) -> Tensor:
    """Mark the valid steps of y [T, B, ...]: bool [T, B, 1, ...]."""
    valid = torch.arange(y.shape[0], device=y.device)[:, None] < lengths
    return valid.reshape(*valid.shape, *[1] * (y.dim() - 2))


def softmax_sum(y: Tensor, lengths: Tensor) -> Tensor:
    """Sum the softmax of the outputs y [T, B, C] over each sample's valid steps: scores [B, C].

    Source: Hammouamri et al., 2023; cross-entropy is then applied to the sums.
    """
    # classes first: a softmax over a short last axis takes ten times as long
    each = y.movedim(-1, 0).contiguous().softmax(0)
    return torch.where(valid_mask(y, lengths)[:, :, 0], each, 0.0).sum(1).t()


def _output_sum(y: Tensor, lengths: Tensor) -> Tensor:
    return torch.where(valid_mask(y, lengths), y, 0.0).sum(0)


def _softmax_sum_loss(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return cross_entropy(softmax_sum(y, lengths), label, reduction="none")


def _sum_cross_entropy(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return cross_entropy(_output_sum(y, lengths), label, reduction="none")


def _mean_cross_entropy(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return cross_entropy(_output_sum(y, lengths) / lengths[:, None], label, reduction="none")


def _step_cross_entropy(y: Tensor, valid: Tensor, label: Tensor) -> Tensor:
    each = cross_entropy(y.flatten(0, 1), label.repeat(len(y)), reduction="none").reshape(y.shape[:2])
    return torch.where(valid, each, 0.0)


@dataclass(frozen=True, slots=True)
class Loss:
    """Hold a loss of outputs y [T, B, C], lengths [B] and labels [B], and the scores that go with it."""

    score: Callable[[Tensor, Tensor], Tensor]
    """(y, lengths) -> scores [B, C]; the largest is the class. Scores of parts of a sequence add up."""
    whole: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    """(y, lengths, label) -> loss of each sample [B]; or"""
    each: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    """(y, valid [T, B], label) -> loss of each step [T, B], 0 where not valid: their mean over time is the loss."""

    @property
    def per_step(self) -> bool:
        """Whether the loss is a mean over steps, each of its own output."""
        return self.each is not None

    def per_sample(self, y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
        """Give each sample's loss [B]."""
        if self.each is not None:
            return self.each(y, valid_mask(y, lengths)[:, :, 0], label).sum(0) / lengths
        assert self.whole is not None
        return self.whole(y, lengths, label)


LOSSES: dict[str, Loss] = {
    "softmax_sum": Loss(softmax_sum, whole=_softmax_sum_loss),
    "sum_cross_entropy": Loss(_output_sum, whole=_sum_cross_entropy),
    "mean_cross_entropy": Loss(_output_sum, whole=_mean_cross_entropy),
    "step_cross_entropy": Loss(_output_sum, each=_step_cross_entropy),
}
"""Losses by name."""
