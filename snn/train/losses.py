"""Losses and scores: from outputs over time to one number and one class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from snn.core.registry import Registry

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
    shares = y.movedim(-1, 0).contiguous().softmax(0)
    return torch.where(valid_mask(y, lengths)[:, :, 0], shares, 0.0).sum(1).t()


def _output_sum(y: Tensor, lengths: Tensor) -> Tensor:
    return torch.where(valid_mask(y, lengths), y, 0.0).sum(0)


def _softmax_sum_loss(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return cross_entropy(softmax_sum(y, lengths), label, reduction="none")


def _sum_cross_entropy(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return cross_entropy(_output_sum(y, lengths), label, reduction="none")


def _mean_cross_entropy(y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
    return cross_entropy(_output_sum(y, lengths) / lengths[:, None], label, reduction="none")


def _step_cross_entropy(y: Tensor, valid: Tensor, label: Tensor) -> Tensor:
    losses = cross_entropy(y.flatten(0, 1), label.repeat(len(y)), reduction="none").reshape(y.shape[:2])
    return torch.where(valid, losses, 0.0)


@dataclass(frozen=True, slots=True)
class Loss:
    """Hold a loss of outputs y [T, B, C], lengths [B] and labels [B], and the scores that go with it.

    Either `of_sequence` or `of_steps` says what the loss is.

    Attributes:
        score: (y, lengths) -> scores [B, C]; the largest is the class. Scores of parts of a sequence add up.
        of_sequence: (y, lengths, label) -> loss of each sample [B], from all steps together.
        of_steps: (y, valid [T, B], label) -> loss of each step [T, B], 0 where not valid; a sample's loss is their
            mean over its valid steps.

    Raises:
        ValueError: Both or neither are given.
    """

    score: Callable[[Tensor, Tensor], Tensor]
    of_sequence: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None
    of_steps: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None

    def __post_init__(self) -> None:
        if (self.of_sequence is None) == (self.of_steps is None):
            raise ValueError("one of of_sequence and of_steps must be given, got both or neither")

    @property
    def per_step(self) -> bool:
        """Whether the loss is a mean over steps, each of its own output."""
        return self.of_steps is not None

    def per_sample(self, y: Tensor, lengths: Tensor, label: Tensor) -> Tensor:
        """Give each sample's loss [B]."""
        if self.of_steps is not None:
            return self.of_steps(y, valid_mask(y, lengths)[:, :, 0], label).sum(0) / lengths
        assert self.of_sequence is not None
        return self.of_sequence(y, lengths, label)


LOSSES: Registry[Loss] = Registry(
    "loss",
    [
        ("softmax_sum", Loss(softmax_sum, of_sequence=_softmax_sum_loss)),
        ("sum_cross_entropy", Loss(_output_sum, of_sequence=_sum_cross_entropy)),
        ("mean_cross_entropy", Loss(_output_sum, of_sequence=_mean_cross_entropy)),
        ("step_cross_entropy", Loss(_output_sum, of_steps=_step_cross_entropy)),
    ],
)
"""Losses by name; `LOSSES.add` takes one of your own."""
