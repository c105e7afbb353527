"""What layers with learned delays have in common: positions, rounding, range, and the past that they carry."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from snn.kernels.checks import finite_extent
from snn.nn.layer import Layer

__all__ = ["DelayedLayer", "steps_before_end"]


class DelayedLayer(Layer):
    """Hold delays d = c - P, steps, through their positions P; c is the middle of min_delay to max_delay.

    A layer that inherits has a `weight` [..., out, in], and a `position` of the same shape or one that spreads to
    it: one delay per synapse, per sender [..., 1, in] or per receiver [..., out, 1].

    Attributes:
        min_delay: Smallest delay, steps, >= 0.
        max_delay: Largest delay, steps, >= min_delay.
        weight: Synaptic weights [..., out, in].
        position: Positions P, steps: a parameter, or a buffer of whole numbers where delays do not learn.
    """

    min_delay: int
    max_delay: int
    weight: nn.Parameter
    position: Tensor

    @property
    def centre(self) -> int:
        """Delay c of position 0, steps."""
        return (self.min_delay + self.max_delay) // 2

    @property
    def delay_count(self) -> int:
        """How many delays there are to choose from: those of min_delay to max_delay."""
        return self.max_delay - self.min_delay + 1

    def position_in_use(self) -> Tensor:
        """Give the positions as a forward pass takes them: one beyond an end counts as at that end.

        An optimiser may leave it there, where it has no gradient until `clamp_` brings it back.

        Raises:
            ValueError: A position is not finite.
        """
        low, high = self._ends
        least, most = finite_extent(f"position of {type(self).__name__}", self.position)
        return self.position if low <= least and most <= high else self.position.clamp(low, high)

    def delays(self) -> Tensor:
        """Give the delays d = c - P, steps, in the shape of the weights; raises as `position_in_use` does."""
        return (self.centre - self.position_in_use()).expand_as(self.weight)

    def delay_steps(self) -> Tensor:
        """Give the delays of evaluation, int64, in the shape of the weights: positions rounded half to even.

        Raises:
            ValueError: A position is not finite.
        """
        # whole before they are subtracted: half precision has no odd numbers beyond 256
        back = self.position_in_use().detach().round().to(torch.int64)
        return (self.centre - back).expand_as(self.weight)

    @property
    def _ends(self) -> tuple[int, int]:
        """Positions of the largest and the smallest delay."""
        return self.centre - self.max_delay, self.centre - self.min_delay

    @torch.no_grad()
    def clamp_(self) -> None:
        """Bring delays back into min_delay..max_delay; call after every optimiser step."""
        super().clamp_()
        self.position.clamp_(*self._ends)

    def _make_positions(self, shape: tuple[int, ...], low: float, learn: bool) -> None:
        """Draw positions from `low` to the top of their range, then clamp them; whole if they do not learn."""
        position = torch.empty(shape).uniform_(low, self.centre - self.min_delay)
        self.position = nn.Parameter(position) if learn else nn.Buffer(position)
        self.clamp_()
        if not learn:
            self.position.round_()


def steps_before_end(seen: Tensor, steps: int, lengths: Tensor | None, memory: int) -> Tensor:
    """Take each sample's last `memory` steps before its end, zeros where there were fewer: [memory, B, N].

    Args:
        seen: Steps of an earlier run followed by those of this one, [earlier + steps, B, N].
        steps: Steps of this run.
        lengths: Valid steps of each sample in this run [B]; None: all.
        memory: Steps to take.
    """
    if not seen.shape[0]:
        return seen.new_zeros(memory, *seen.shape[1:])
    earlier = seen.shape[0] - steps
    ends = torch.full((seen.shape[1],), steps, device=seen.device) if lengths is None else lengths
    rows = torch.arange(-memory, 0, device=seen.device)[:, None] + ends + earlier
    samples = torch.arange(seen.shape[1], device=seen.device)
    past = seen[rows.clamp(min=0), samples]  # whole rows of N units: an index per unit takes far longer
    if bool((rows >= 0).all()):
        return past
    return torch.where((rows >= 0)[:, :, None], past, 0.0)
