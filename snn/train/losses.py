"""Losses and scores: from outputs over time to one number and one class."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["LOSSES", "softmax_sum", "valid_mask"]


def valid_mask(y: Tensor, lengths: Tensor) -> Tensor:
    """Mark the valid steps of y [T, B, ...]: bool [T, B, 1]."""
    return (torch.arange(y.shape[0], device=y.device)[:, None] < lengths)[:, :, None]


def softmax_sum(y: Tensor, lengths: Tensor) -> Tensor:
    """Sum the softmax of the outputs y [T, B, C] over each sample's valid steps: scores [B, C].

    Source: Hammouamri et al., 2023; cross-entropy is then applied to the sums.
    """
    return torch.where(valid_mask(y, lengths), y.softmax(-1), 0.0).sum(0)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"softmax_sum": softmax_sum}
"""Score functions by the name of their loss: cross-entropy follows, the largest score is the class."""
