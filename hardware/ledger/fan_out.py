"""Find the exact fan-out of every input of a linear or convolutional layer, in integers.

Borders, strides, dilation, groups, padding modes and zero weights all count: an input at a corner reaches fewer
outputs than one in the middle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snn.core.arrays import BoolArray, Int64Array
from snn.hardware.ledger.counting_loops import any_channel
from snn.hardware.ledger.ledger import DENSE_SHAPE

_PAD = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@dataclass(frozen=True, eq=False, kw_only=True)
class FanOut:
    """Describe the synapses of one layer for one input shape.

    Attributes:
        per_input: Outputs reached over a nonzero weight, with multiplicity, per input: flat [n_pre].
        n_pre: Inputs per step.
        n_post: Outputs per step.
        dense_synapses: Multiply-accumulates of a dense pass on the inputs that there are.
        padding_synapses: Those on the zeros of padding, which many dense kernels compute besides.
        stored_weights: Nonzero weights.
        dense_weights: Weights.
        in_shape: Shape of one input.
        out_shape: Shape of one output.
    """

    per_input: Int64Array
    n_pre: int
    n_post: int
    dense_synapses: int
    padding_synapses: int
    stored_weights: int
    dense_weights: int
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]

    @property
    def synapses(self) -> int:
        """Connections over a nonzero weight, at most one per position of the kernel."""
        return int(self.per_input.sum())

    def row_fields(self) -> dict[str, int]:
        """Give what a row of the ledger holds of it."""
        return {name: getattr(self, name) for name in ("n_pre", "n_post", "synapses", *DENSE_SHAPE)}


def fan_out_of(layer: nn.Module, shape: tuple[int, ...]) -> FanOut:
    """Find the fan-out of one layer for inputs of one shape.

    Args:
        layer: `nn.Linear`, `nn.Conv1d` or `nn.Conv2d`, or a class made of them.
        shape: Shape of one input of one step: [positions, features] or [channels, ...space].
    """
    present = np.asarray(layer.weight.detach().cpu() != 0)  # type: ignore[operator]
    stored, size = int(np.count_nonzero(present)), int(present.size)
    if isinstance(layer, nn.Linear):
        positions = shape[0]
        dense = positions * size
        per_input = np.tile(present.sum(0, dtype=np.int64), positions)
        out_shape: tuple[int, ...] = (positions, layer.out_features)
    else:
        reads_per_axis = _kernel_reads(layer, shape[1:])
        per_input = _fan_out_of_kernels(present, layer.groups, reads_per_axis)  # type: ignore[arg-type]
        out_shape = (len(present), *(len(reads) for reads in reads_per_axis))
        positions = math.prod(out_shape[1:])
        pairs = size // math.prod(present.shape[2:])  # of channels; each meets at every place of the kernel
        dense = pairs * math.prod(int(reads.sum()) for reads in reads_per_axis)
    return FanOut(
        per_input=per_input,
        n_pre=int(np.prod(shape)),
        n_post=int(np.prod(out_shape)),
        dense_synapses=dense,
        padding_synapses=positions * size - dense,
        stored_weights=stored,
        dense_weights=size,
        in_shape=shape,
        out_shape=out_shape,
    )


def _fan_out_of_kernels(present: BoolArray, groups: int, reads_per_axis: list[Int64Array]) -> Int64Array:
    """Count the outputs that each input of an image reaches, flat, over weights that are `present`."""
    out_channels, per_group, *kernel = present.shape
    kernels = present.reshape(groups, out_channels // groups, per_group, *kernel)
    fan_out: Int64Array = kernels.sum(1, dtype=np.int64).reshape(groups * per_group, *kernel)
    # Each turn takes the kernel's first axis and appends the image's: after all of them the order is right again.
    for reads in reads_per_axis:
        fan_out = np.tensordot(fan_out, reads.sum(0), axes=(1, 0))
    return fan_out.ravel()


def reached_outputs(
    layer: nn.Module, fan_out: FanOut, x: NDArray[Any]
) -> tuple[BoolArray, tuple[int, int, int]]:
    """Find the outputs that a nonzero input reaches over a nonzero weight.

    Without zero weights only the groups matter, and this is cheap; with them it costs one more pass of the layer.

    Args:
        layer: The layer.
        fan_out: Its fan-out.
        x: Inputs, [rows, n_pre].

    Returns:
        A map [rows, a, b, c] and the sizes (a, b, c) of the outputs of one row in memory order; an axis of the map
        is one long where all outputs along it are the same.
    """
    rows = len(x)
    pruned = fan_out.stored_weights < fan_out.dense_weights
    if isinstance(layer, nn.Linear):
        sizes = (fan_out.in_shape[0], layer.out_features, 1)
        if not rows:
            return np.zeros((0, *sizes), dtype=bool), sizes
        places: Any = x.reshape(rows, *fan_out.in_shape) != 0
        if not pruned:
            return places.any(-1).reshape(rows, -1, 1, 1), sizes
        mask: Tensor = layer.weight.detach().cpu() != 0
        found = (torch.from_numpy(places).float() @ mask.float().T > 0).numpy()
        return found.reshape(rows, *sizes), sizes
    groups: int = layer.groups  # type: ignore[assignment]
    sizes = (groups, fan_out.out_shape[0] // groups, int(np.prod(fan_out.out_shape[1:])))
    if not rows:
        return np.zeros((0, *sizes), dtype=bool), sizes
    if pruned:
        image = torch.from_numpy(x.reshape(rows, *fan_out.in_shape) != 0).float()
        return _reached_by_mask(layer, image).reshape(rows, *sizes), sizes
    reached: Any = any_channel(x.reshape(rows, groups, fan_out.in_shape[0] // groups, -1))
    reached = reached.reshape(rows, groups, *fan_out.in_shape[1:])
    for reads in _kernel_reads(layer, fan_out.in_shape[1:]):
        reached = np.tensordot(reached, np.minimum(reads.sum(1), 1).T.astype(np.float32), axes=(2, 0))
    return (reached > 0).reshape(rows, groups, 1, -1), sizes


def _reached_by_mask(layer: Any, image: Tensor) -> BoolArray:
    """Convolve an image of 0/1 with the mask of nonzero weights."""
    mask = (layer.weight != 0).detach().cpu().float()
    if layer.padding_mode != "zeros":
        image = nn.functional.pad(image, layer._reversed_padding_repeated_twice, mode=layer.padding_mode)
    padding = layer.padding if layer.padding_mode == "zeros" else 0
    convolve = nn.functional.conv1d if mask.dim() == 3 else nn.functional.conv2d
    return (convolve(image, mask, None, layer.stride, padding, layer.dilation, layer.groups) > 0).numpy()


def _kernel_reads(layer: Any, sizes: tuple[int, ...]) -> list[Int64Array]:
    """Find which input each output reads through each place of the kernel, per axis: 0/1 [out, kernel, in]."""
    found = []
    both = layer._reversed_padding_repeated_twice  # last axis first, "same" resolved
    for axis, size in enumerate(sizes):
        pad = 2 * (len(sizes) - 1 - axis)
        mode = _PAD[layer.padding_mode]
        extra = {"constant_values": -1} if mode == "constant" else {}
        source = np.pad(np.arange(size), (both[pad], both[pad + 1]), mode=mode, **extra)  # type: ignore[call-overload]
        kernel, stride, dilation = layer.kernel_size[axis], layer.stride[axis], layer.dilation[axis]
        outs = (len(source) - dilation * (kernel - 1) - 1) // stride + 1
        read = source[np.arange(outs)[:, None] * stride + np.arange(kernel) * dilation]
        found.append((read[..., None] == np.arange(size)).astype(np.int64))
    return found
