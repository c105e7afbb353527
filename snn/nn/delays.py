"""What layers with learned delays have in common: positions, how they are rounded, where they may go."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from snn.nn.layer import Layer

__all__ = ["Delays", "Sharing"]

Sharing = Literal["synapse", "axonal", "dendritic"]


class Delays(Layer):
    """Hold delays d = c - P, steps, through their positions P; c is the middle of min_delay to max_delay.

    A layer that inherits has a `weight` [..., out, in], and a `position` of the same shape or one that spreads to
    it: one delay per synapse, per sender [..., 1, in] or per receiver [..., out, 1].
    """

    min_delay: int
    """Smallest delay, steps."""
    max_delay: int
    """Largest delay, steps."""
    weight: nn.Parameter
    """Synaptic weights [..., out, in]."""
    position: Tensor
    """Positions P: a parameter, or a buffer of whole numbers where delays do not learn."""

    @property
    def centre(self) -> int:
        """Delay c of position 0, steps."""
        return (self.min_delay + self.max_delay) // 2

    def delays(self) -> Tensor:
        """Give the delays d = c - P, steps, in the shape of the weights."""
        return (self.centre - self.position).expand_as(self.weight)

    def delay_steps(self) -> Tensor:
        """Give the delays of evaluation, int64, in the shape of the weights: positions rounded half to even."""
        steps = (self.centre - self.position.detach().round()).clamp(self.min_delay, self.max_delay)
        return steps.to(torch.int64).expand_as(self.weight)

    @torch.no_grad()
    def clamp_(self) -> None:
        """Bring delays back into min_delay..max_delay; call after every optimiser step."""
        super().clamp_()
        self.position.clamp_(self.centre - self.max_delay, self.centre - self.min_delay)

    def _make_positions(self, shape: tuple[int, ...], low: float, learn: bool) -> None:
        """Draw positions from `low` to the top of their range, then clamp them; whole if they do not learn."""
        position = torch.empty(shape).uniform_(low, self.centre - self.min_delay)
        self.position = nn.Parameter(position) if learn else nn.Buffer(position)
        self.clamp_()
        if not learn:
            self.position.round_()
