"""Write layers over images as synapses: convolution and average pooling are weighted sums, each place its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray

from snn.nn.connections import Linear
from snn.nn.conv import AdaptiveAvgPool2d, AvgPool2d, Conv2d, Flatten
from snn.nn.layer import Layer
from snn.nn.regularise import BatchNorm

__all__ = ["Synapses", "takes_images"]

_SUMS = (AdaptiveAvgPool2d, AvgPool2d, Conv2d, Flatten, Linear)
_AT_A_TIME = 128  # unit images shown at once: bounds the memory of large layers


def takes_images(model: Layer) -> bool:
    """Tell whether a model has layers over images."""
    return any(isinstance(layer, _SUMS[:-1]) for layer in model.modules())


class Synapses:
    """Collect the weighted sums between two populations into one matrix and one bias, float64."""

    def __init__(self, shape: Sequence[int]) -> None:
        """Start with nothing between a population whose units lie as `shape`, such as (C, H, W), and itself."""
        self.shape = tuple(shape)
        self.weight: Any = None
        """CSR [in, out], or None before the first sum."""
        self.bias: NDArray[np.float64] = np.zeros(0)

    def append(self, layer: Layer) -> bool:
        """Take in one more layer; tell whether it is one that can be taken in.

        Raises:
            ValueError: The layer does not fit the shape of its input.
        """
        if isinstance(layer, BatchNorm) and self.weight is not None:
            scale, offset = (np.repeat(a.numpy(), self._places) for a in layer.scale_and_offset())
            self.weight = scipy.sparse.csr_array(self.weight @ scipy.sparse.diags_array(scale))
            self.bias = self.bias * scale + offset
            return True
        if not isinstance(layer, _SUMS):
            return False
        weight, bias, self.shape = _matrix(layer, self.shape)
        first = self.weight is None
        self.bias = bias if first else self.bias @ weight + bias
        self.weight = weight if first else scipy.sparse.csr_array(self.weight @ weight)
        return True

    @property
    def _places(self) -> int:
        """Units of a feature: the places of an image, or one."""
        return int(np.prod(self.shape[1:]))


@torch.no_grad()
def _matrix(layer: Layer, shape: tuple[int, ...]) -> tuple[Any, NDArray[np.float64], tuple[int, ...]]:
    """Show a layer unit images: give its weights CSR [in, out], its bias [out] and the shape of its output."""
    plain = copy.deepcopy(layer).double().eval()
    bias = getattr(plain, "bias", None)
    if isinstance(plain, Conv2d | Linear):
        plain.bias = None
    size = int(np.prod(shape))
    rows, out = [], shape
    for start in range(0, size, _AT_A_TIME):
        count = min(_AT_A_TIME, size - start)
        unit = torch.zeros(1, count, size, dtype=torch.float64)
        unit[0, torch.arange(count), start + torch.arange(count)] = 1.0
        y, _ = plain(unit.reshape(1, count, *shape))
        out = tuple(y.shape[2:])
        rows.append(scipy.sparse.csr_array(y[0].flatten(1).numpy()))
    weight = scipy.sparse.csr_array(scipy.sparse.vstack(rows))
    added = np.zeros(weight.shape[1])
    if bias is not None:
        added = np.repeat(bias.double().numpy(), int(np.prod(out[1:])))
    return weight, added, out
