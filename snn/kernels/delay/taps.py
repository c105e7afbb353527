"""How the two taps of every synapse lie in memory for the event-driven loops."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from snn.kernels.delay.two_tap_loops import gather_pairs
from snn.kernels.nonzero import Trains

__all__ = ["Taps", "halves", "pair_sums"]

LINE = 16
"""Numbers in a cache line, at most."""
ROOM = 20_000
"""Sums that a block of receivers holds, about: they stay in the cache."""


def halves(delay: Tensor, max_delay: int) -> tuple[Tensor, Tensor]:
    """Split delays into whole steps and a share in [0, 1]; the largest delay is one step short and a share of 1."""
    whole = delay.detach().floor().clamp(0, max_delay - 1)
    return whole.to(torch.int64), delay - whole


class Taps:
    """Place synapses with whole delays [out, in] in blocks of `width` receivers: None is as many as ROOM holds."""

    def __init__(self, whole: Tensor, steps: int, max_delay: int, width: int | None = None) -> None:
        """Lay out places for sums over `steps` steps; every whole delay is under `max_delay`."""
        lines = -(-(steps + max_delay + 2) // LINE)
        self.span = LINE * (lines + 1 - lines % 2)
        self.out = whole.shape[0]
        most = max(ROOM // self.span // LINE, 1)
        self.width = width or LINE * min(most, 8, -(-self.out // LINE))
        """Steps of a receiver's sums: an odd number of cache lines, or all receivers would share a few."""
        places = self._blocks(whole) + torch.arange(self.width) * self.span
        self.places: Any = places.contiguous().numpy().astype("uint32")
        """Where each synapse's first tap stands in its block's sums, [blocks, in, width]."""

    def _blocks(self, part: Tensor) -> Tensor:
        out, senders = part.shape
        return F.pad(part, (0, 0, 0, -out % self.width)).reshape(-1, self.width, senders).transpose(1, 2)

    def pairs(self, first: Tensor, second: Tensor) -> Tensor:
        """Lay both weights [out, in] out as pairs [blocks, in, 2 x width], the last block filled up with zeros."""
        return torch.stack([self._blocks(first), self._blocks(second)], -1).flatten(2).contiguous()

    def split(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `pairs`."""
        parts = pairs.reshape(*pairs.shape[:2], self.width, 2).permute(3, 0, 2, 1)
        first, second = parts.reshape(2, -1, pairs.shape[1])[:, : self.out]
        return first, second


def pair_sums(trains: Trains, g: Tensor, taps: Taps) -> tuple[Tensor, Tensor]:
    """Give the sums of g [T, B, out] that each input's events meet at both taps of its synapses, [out, in]."""
    pairs = g.new_zeros(*taps.places.shape[:2], 2 * taps.width)
    gather_pairs(trains, taps.places, g.contiguous().numpy(), pairs.numpy(), taps.span)
    return taps.split(pairs)
