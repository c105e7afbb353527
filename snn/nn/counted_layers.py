"""Describe the layers between two populations as ledgers count them, when they are written as synapses."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import scipy.sparse

from snn.core import SummingLayer
from snn.core.arrays import BoolArray
from snn.nn.batch_norm import BatchNorm
from snn.nn.connections import Linear
from snn.nn.conv import Conv2d
from snn.nn.layer import Layer

__all__ = ["CountedLayer", "summing_layers"]


class CountedLayer:
    """Hold one layer that sums, its matrix, and which of its outputs a normalisation behind it leaves open.

    Attributes:
        has_weights: Whether it is a connection; pooling has none.
        scaled: Whether a normalisation stands behind it.
    """

    def __init__(self, layer: Layer, matrix: Any, before: tuple[int, ...], after: tuple[int, ...]) -> None:
        """Take a layer with its matrix, CSR [in, out], and the axes of its inputs and outputs."""
        self.has_weights = isinstance(layer, Conv2d | Linear)
        self.scaled = False
        self._layer, self._matrix, self._before, self._after = layer, matrix, before, after
        self._open: BoolArray = np.ones(math.prod(after), dtype=bool)
        self._part: BoolArray | None = None

    def part(self, place: int, parts: int) -> CountedLayer:
        """Give the layer with one of so many equal parts of its channels: that which leads to one receptor."""
        mine = copy.copy(self)
        mine._part = np.arange(self._open.size) // (self._open.size // parts) == place
        mine._open = self._open & mine._part
        return mine

    @property
    def channels(self) -> int:
        """How many channels, or features, come out."""
        return self._after[0]

    @property
    def groups(self) -> int:
        """How many blocks of the weights share neither inputs nor outputs, in the channels that are counted."""
        parts = 1 if self._part is None else self._part.size // int(self._part.sum())
        return max(1, getattr(self._layer, "groups", 1) // parts)

    def close(self, norm: BatchNorm) -> None:
        """Take away the synapses of outputs that a normalisation multiplies by zero."""
        self.scaled = True
        features = (norm.scale_and_offset()[0] != 0).numpy()
        self._open &= np.repeat(features, self._open.size // features.size)

    def links(self, *, closed: bool = True) -> Any:
        """Give which input feeds which output over a nonzero weight, CSR [in, out] of ones.

        Args:
            closed: Whether to leave out what a normalisation closes.
        """
        found = (self._matrix != 0).astype(np.float64)
        if closed and not self._open.all():
            found = scipy.sparse.csr_array(found @ scipy.sparse.diags_array(self._open.astype(np.float64)))
            found.eliminate_zeros()
        return found if self._part is None else found[:, self._part]

    def sizes(self) -> tuple[int, int, int, int]:
        """Give the sizes of a `SummingLayer`, in its order."""
        parts = 1 if self._part is None else self._part.size // int(self._part.sum())
        if not self.has_weights:
            return int(self._matrix.nnz) // parts, 0, 0, 0
        present = (self._layer.weight_in_use().detach() != 0).cpu().numpy()
        present = present.reshape(len(present), -1)
        positions = self._open.reshape(len(present), -1)  # of each output channel
        stored = int(present.sum(1) @ positions.any(1))
        weights, padded = present.size // parts, present.size // parts * positions.shape[1]
        if not isinstance(self._layer, Conv2d):
            return padded, 0, stored, weights
        reads = [_reads(self._layer, axis, size) for axis, size in enumerate(self._before[1:])]
        dense = weights // math.prod(self._layer.kernel_size) * math.prod(reads)
        return dense, padded - dense, stored, weights


def _reads(layer: Conv2d, axis: int, size: int) -> int:
    """Count the inputs of one axis that the places of a kernel read at all its positions, without padding."""
    kernel, stride, padding, dilation = (
        part[axis] for part in (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    )
    positions = (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    read = np.arange(positions)[:, None] * stride + np.arange(kernel) * dilation - padding
    return int(np.count_nonzero((read >= 0) & (read < size)))


def summing_layers(layers: list[CountedLayer], place: int = 0, parts: int = 1) -> list[SummingLayer]:
    """Describe the layers between two populations, or those that lead to one of its receptors.

    Pooling sums spikes, so that the layer behind it takes whole numbers of them and both are counted. What is
    summed behind weights, or behind a normalisation, is no number of spikes: such layers are one, their product,
    which is what the engines run.

    Args:
        layers: The layers, one after another.
        place: Number of the receptor, whose channels are alone counted of the last layer.
        parts: How many receptors share its channels.

    Returns:
        A description of each; none where there is no layer, or receptors share a channel: synapses are then counted
        as weights of a matrix.
    """
    if not layers or layers[-1].channels % parts:
        return []
    if parts > 1:
        layers = [*layers[:-1], layers[-1].part(place, parts)]
    if any(layer.has_weights or layer.scaled for layer in layers[:-1]):
        links = layers[0].links(closed=False)
        for layer in layers[1:]:
            links = links @ layer.links(closed=False)
        stored, weights = (sum(part) for part in zip(*(layer.sizes()[2:] for layer in layers), strict=True))
        return [SummingLayer(links.nnz, 0, stored, weights)]
    alone = len(layers) == 1
    return [SummingLayer(*layer.sizes(), None if alone else layer.links(), layer.groups) for layer in layers]
