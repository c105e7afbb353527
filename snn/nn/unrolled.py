"""Write layers over images as synapses: convolution and average pooling are weighted sums, each place its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import torch

from snn.core import SummingLayer
from snn.core.arrays import Float64Array
from snn.core.checks import refusal
from snn.nn.batch_norm import BatchNorm
from snn.nn.connections import Linear
from snn.nn.conv import AdaptiveAvgPool2d, AvgPool2d, Conv2d, Flatten
from snn.nn.copies import plain_twin
from snn.nn.counted_layers import CountedLayer, summing_layers
from snn.nn.layer import Layer, runs_as

__all__ = ["UnrolledWeights", "takes_images"]

_OVER_IMAGES = (AdaptiveAvgPool2d, AvgPool2d, Conv2d, Flatten)
_IMAGES_AT_A_TIME = 128  # bounds the memory of large layers


def takes_images(model: Layer) -> bool:
    """Tell whether a model has layers over images."""
    return any(isinstance(layer, _OVER_IMAGES) for layer in model.modules())


class UnrolledWeights:
    """Collect the layers between two populations, all of them weighted sums, into one matrix and one bias.

    Attributes:
        shape: Axes of the units that the layers so far lead to, such as (C, H, W).
        weight: Weights from every unit of the first population to every one of these, CSR [in, out], float64; None
            before the first layer.
        bias: Bias of each of these units, [out], float64.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        """Start at a population whose units lie as `shape`, with no layer yet."""
        self.shape = tuple(shape)
        self.weight: Any = None
        self.bias: Float64Array = np.zeros(0)
        self._layers: list[CountedLayer] = []
        self._scaled_first = False  # what comes into the layers is no number of spikes then

    def append(self, layer: Layer) -> bool:
        """Multiply one more layer into the matrix.

        Returns:
            Whether that was done: False, and nothing changed, for a layer that is no weighted sum.

        Raises:
            ValueError: The layer does not fit the shape of its input.
        """
        if isinstance(layer, BatchNorm) and runs_as(layer, BatchNorm):
            if layer.num_features != self.shape[0]:
                raise refusal(
                    "num_features of BatchNorm", f"{self.shape[0]}, that of its input", layer.num_features
                )
            if self._layers:
                self._layers[-1].close(layer)
            scale, offset = (np.repeat(a.numpy(), self._places) for a in layer.scale_and_offset())
            diagonal = scipy.sparse.diags_array(scale)
            first = self.weight is None
            self._scaled_first |= first
            self.weight = scipy.sparse.csr_array(diagonal if first else self.weight @ diagonal)
            self.bias = offset if first else self.bias * scale + offset
            return True
        if not runs_as(layer, *_OVER_IMAGES, Linear):
            return False
        before = self.shape
        weight, bias, self.shape = _matrix(layer, before)
        if not isinstance(layer, Flatten):
            self._layers.append(CountedLayer(layer, weight, before, self.shape))
        first = self.weight is None
        self.bias = bias if first else self.bias @ weight + bias
        self.weight = weight if first else scipy.sparse.csr_array(self.weight @ weight)
        return True

    def summing_layers(self, place: int = 0, parts: int = 1) -> list[SummingLayer]:
        """Give the layers as ledgers count them; of several `parts`, those that lead to one receptor."""
        return [] if self._scaled_first else summing_layers(self._layers, place, parts)

    @property
    def size(self) -> int:
        """How many units the layers so far lead to."""
        return int(np.prod(self.shape))

    @property
    def _places(self) -> int:
        """Units of a feature: the places of an image, or one."""
        return int(np.prod(self.shape[1:]))


@torch.no_grad()
def _matrix(layer: Layer, shape: tuple[int, ...]) -> tuple[Any, Float64Array, tuple[int, ...]]:
    """Give a layer's weights CSR [in, out], its bias [out] and the shape of its output.

    Row i of the weights is what the layer makes, without bias, of an image that is 1 at place i and 0 elsewhere.
    """
    plain, bias = layer, getattr(layer, "bias", None)
    if isinstance(layer, Conv2d | Linear):
        plain = plain_twin(layer, bias=False).double()
        plain.weight.copy_(layer.weight_in_use())
    size = int(np.prod(shape))
    rows, out = [], shape
    for start in range(0, size, _IMAGES_AT_A_TIME):
        count = min(_IMAGES_AT_A_TIME, size - start)
        unit = torch.zeros(1, count, size, dtype=torch.float64)
        unit[0, torch.arange(count), start + torch.arange(count)] = 1.0
        y, _ = plain.forward(unit.reshape(1, count, *shape))
        out = tuple(y.shape[2:])
        rows.append(scipy.sparse.csr_array(y[0].flatten(1).numpy()))
    weight = scipy.sparse.csr_array(scipy.sparse.vstack(rows))
    added = np.zeros(weight.shape[1])
    if bias is not None:
        added = np.repeat(bias.double().numpy(), int(np.prod(out[1:])))
    return weight, added, out
