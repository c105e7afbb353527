"""Dropout over time: one mask for all steps of a sequence."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snn.core.checks import number
from snn.nn.layer import Layer
from snn.nn.tensor_checks import check_input, check_state

__all__ = ["Dropout", "DropoutState"]


class DropoutState(NamedTuple):
    """Carry the mask of a sequence, the same for all its steps and for what follows a cut.

    Attributes:
        mask: 0 where a unit is silenced, 1 / (1 - p) elsewhere, [1, B, ...].
    """

    mask: Tensor


class Dropout(Layer):
    """Silence features at random in training, the same ones in all steps of a sequence."""

    def __init__(self, p: float = 0.5) -> None:
        """Fix the probability.

        Args:
            p: Share of features silenced, in [0, 1); the others are scaled by 1 / (1 - p).

        Raises:
            ValueError: p is outside [0, 1).
        """
        super().__init__()
        self.p = number("p", p, low=0.0, below=1.0)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {"p": self.p}

    def forward(
        self, x: Tensor, state: DropoutState | tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, DropoutState | tuple[()]]:
        """Apply one mask to all steps of [T, B, ...]; a state carries it on to the next cut."""
        check_input("Dropout", x, "...")
        like = x[:1] if len(x) else x.new_empty(1, *x.shape[1:])
        given = None if state in (None, ()) else check_state("Dropout", DropoutState, state, like)
        if not self.training or self.p == 0:
            return x, ()
        if given is not None:
            mask = given.mask
        else:
            mask = nn.functional.dropout(torch.ones_like(like), self.p, training=True)
        return x * mask, DropoutState(mask)
