"""Linear maps whose synapses spread over two neighbouring steps, event by event: work per nonzero input.

Time runs along memory, so that a synapse's two taps are neighbours, and receivers come in blocks, so that a block's
sums and weights stay in the cache.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from snn.core.arrays import RealArray, Uint32Array
from snn.core.compiled import fused_entry
from snn.kernels.intrinsics.tap_pairs import add_pair, meet_pair
from snn.kernels.memory import empty_aligned
from snn.kernels.nonzero import SpikeTrains

__all__ = ["TwoTapLayout", "gather_two_taps", "scatter_two_taps"]

LINE_NUMBERS = 16
"""Numbers in a cache line, at most."""
MOST_PLACES = 1 << 32
"""Sums that 32 bits number."""
BLOCK_SUMS = 20_000
"""Sums that a block of receivers has, about: they stay in the cache."""


class TwoTapLayout:
    """Where the synapses and the sums of a layer lie in memory for the event loops, block by block of receivers.

    Attributes:
        out: Receivers.
        width: Receivers in a block.
        span: Steps of a receiver's sums: an odd number of cache lines, or all receivers would share a few.
        places: Where each synapse's near tap stands in its block's sums, uint32 [blocks, in, width].
    """

    def __init__(self, whole: Tensor, steps: int, max_delay: int, width: int | None = None) -> None:
        """Choose blocks and places.

        Args:
            whole: Whole delays [out, in], steps, under `max_delay`.
            steps: Steps of the input.
            max_delay: Largest delay, steps.
            width: Receivers in a block; None: as many as stay in the cache.

        Raises:
            MemoryError: A block has more sums than 32 bits number.
        """
        lines = -(-(steps + max_delay + 2) // LINE_NUMBERS)
        self.span = LINE_NUMBERS * (lines + 1 - lines % 2)
        self.out = whole.shape[0]
        most = max(BLOCK_SUMS // self.span // LINE_NUMBERS, 1)
        self.width = width or LINE_NUMBERS * min(most, 8, -(-self.out // LINE_NUMBERS))
        if self.width * self.span > MOST_PLACES:  # they are numbered in 32 bits
            raise MemoryError(
                f"{steps} steps and delays of up to {max_delay} take {self.width * self.span} sums for "
                f"{self.width} receivers at once, the most is {MOST_PLACES}"
            )
        places = self._blocks(whole) + torch.arange(self.width) * self.span
        self.places: Uint32Array = places.contiguous().numpy().astype(np.uint32)

    def _blocks(self, part: Tensor) -> Tensor:
        """Cut [out, in] into [blocks, in, width], the last block filled up with zeros."""
        out, senders = part.shape
        return F.pad(part, (0, 0, 0, -out % self.width)).reshape(-1, self.width, senders).transpose(1, 2)

    def pairs(self, near: Tensor, far: Tensor) -> Tensor:
        """Put both weights [out, in] side by side, [blocks, in, 2 x width], the last block filled up with zeros."""
        return torch.stack([self._blocks(near), self._blocks(far)], -1).flatten(2).contiguous()

    def split(self, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Undo `pairs`."""
        parts = pairs.reshape(*pairs.shape[:2], self.width, 2).permute(3, 0, 2, 1)
        near, far = parts.reshape(2, -1, pairs.shape[1])[:, : self.out]
        return near, far


@fused_entry
def _scatter_pairs(trains: SpikeTrains, place: Uint32Array, pair: RealArray, y: RealArray, span: int) -> None:
    """Set y to what each event sends over its two taps.

    Args:
        trains: Input.
        place: (receiver in the block) x span + delay of each synapse [blocks, in, width], in sums [width, span].
        pair: Both weights of each synapse, [blocks, in, 2 x width].
        y: Output [T, B, out].
        span: Steps of a receiver's sums, > T + the largest delay.
    """
    steps, batch, receivers = y.shape
    blocks, senders, width = place.shape
    sums = np.zeros(width * span, y.dtype)
    for block in range(blocks):
        first = block * width
        for b in range(batch):
            sums[:] = 0
            for i in range(senders):
                start, end = trains.bounds[b * senders + i], trains.bounds[b * senders + i + 1]
                p, w, half = place[block, i], pair[block, i], (end - start) // 2
                # two at a time, half a train apart, so that one does not wait for the other's sums
                for e in range(start, start + half):
                    t0, t1 = trains.step[e], trains.step[e + half]
                    a0, a1 = trains.value[e], trains.value[e + half]
                    for j in range(width):
                        add_pair(sums, (p[j] + t0, p[j] + t1), w, np.uint64(2 * j), (a0, a1))
                if start + 2 * half < end:
                    t0, a0 = trains.step[end - 1], trains.value[end - 1]
                    for j in range(width):
                        add_pair(sums, (p[j] + t0,), w, np.uint64(2 * j), (a0,))
            for t in range(steps):
                for j in range(min(width, receivers - first)):
                    y[t, b, first + j] = sums[j * span + t]


@fused_entry
def _gather_pairs(trains: SpikeTrains, place: Uint32Array, g: RealArray, pair: RealArray, span: int) -> None:
    """Add to `pair` what each event meets at its two taps in g [T, B, out]; else as in `_scatter_pairs`."""
    steps, batch, receivers = g.shape
    blocks, senders, width = place.shape
    gs = np.zeros(width * span, g.dtype)
    for block in range(blocks):
        first = block * width
        for b in range(batch):
            for t in range(steps):
                for j in range(min(width, receivers - first)):
                    gs[j * span + t] = g[t, b, first + j]
            for i in range(senders):
                e, end = trains.bounds[b * senders + i], trains.bounds[b * senders + i + 1]
                p, w = place[block, i], pair[block, i]
                while e + 2 <= end:
                    t0, t1, a0, a1 = trains.step[e], trains.step[e + 1], trains.value[e], trains.value[e + 1]
                    for j in range(width):
                        meet_pair(gs, (p[j] + t0, p[j] + t1), w, np.uint64(2 * j), (a0, a1))
                    e += 2
                if e < end:
                    t0, a0 = trains.step[e], trains.value[e]
                    for j in range(width):
                        meet_pair(gs, (p[j] + t0,), w, np.uint64(2 * j), (a0,))


def scatter_two_taps(
    trains: SpikeTrains, layout: TwoTapLayout, near: Tensor, far: Tensor, shape: torch.Size
) -> Tensor:
    """Give what the inputs send over both taps of their synapses, [T, B, out].

    Args:
        trains: Input.
        layout: Where the synapses lie.
        near: Weights at the near tap [out, in].
        far: Weights at the far tap [out, in].
        shape: Shape of the input, of which T and B are read.
    """
    y = empty_aligned(near, *shape[:2], near.shape[0])
    _scatter_pairs(trains, layout.places, layout.pairs(near, far).numpy(), y.numpy(), layout.span)
    return y


def gather_two_taps(trains: SpikeTrains, layout: TwoTapLayout, g: Tensor) -> tuple[Tensor, Tensor]:
    """Give the sums of g [T, B, out] that inputs meet at the near and the far tap of each synapse, [out, in]."""
    pairs = g.new_zeros(*layout.places.shape[:2], 2 * layout.width)
    _gather_pairs(trains, layout.places, g.contiguous().numpy(), pairs.numpy(), layout.span)
    return layout.split(pairs)
