"""What a NIR node that is a weighted sum does to the units before it: a matrix, a bias, and the shape that follows.

Shapes are computed here, axis by axis: those of the `nir` package (1.0.8) take the height of a kernel for its width
too. Images are channel first and lie in a row in C order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import scipy.sparse

from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import choice, refusal, whole
from snn.interop.nir.graph import Node

__all__ = ["Sum", "compact", "padding_of", "weighted_sum"]

Shape = tuple[int, ...]
Pair = tuple[int, int]


@dataclass(frozen=True)
class Sum:
    """What comes out of a node: x @ weight + bias.

    Attributes:
        make: Makes the weight, at its first use: who wants the shape alone need not wait; None: there is none.
        bias: [out], or None.
        shape: Axes of what comes out.
    """

    make: Callable[[], Any] | None
    bias: Float64Array | None
    shape: Shape

    @cached_property
    def weight(self) -> Any:
        """Give [in, out], float64, CSR or, mostly filled, an array; None passes everything on as it is."""
        return None if self.make is None else self.make()


def weighted_sum(node: Node, shape: Shape) -> Sum:
    """Read a node that is a weighted sum, for an input of `shape`.

    Raises:
        ValueError: Its fields are impossible, or do not fit the input; the message names them.
    """
    if node.kind in ("Identity", "Output", "Input"):
        return Sum(None, None, shape)
    if node.kind == "Flatten":
        return Sum(None, None, _flat(node, shape))
    if node.kind == "Scale":
        scale = _fitting(node, "scale", shape).ravel()
        return Sum(lambda: scipy.sparse.diags_array(scale).tocsr(), None, shape)
    if node.kind in ("Affine", "Linear"):
        return _affine(node, shape)
    if node.kind in ("AvgPool2d", "SumPool2d"):
        return _pool(node, shape)
    return _conv(node, shape)


def _fitting(node: Node, name: str, shape: Shape) -> Float64Array:
    """Give a field with a value per unit: NIR has no broadcasting."""
    values = node.array(name)
    if values.shape != shape:
        raise refusal(f"{node}: {name}", f"of the shape of its input, {list(shape)}", list(values.shape))
    return values


def _flat(node: Node, shape: Shape) -> Shape:
    """Give the shape of a whole image in a row; there is no axis for samples in NIR."""
    start, end = node.whole("start_dim", low=0), node.whole("end_dim", low=-1)
    if start != 0 or end not in (-1, len(shape) - 1):
        rule = f"0 and -1, the whole of {list(shape)} (NIR counts no axis of samples)"
        raise refusal(f"{node}: start_dim and end_dim", rule, [start, end])
    return (int(np.prod(shape)),)


def _affine(node: Node, shape: Shape) -> Sum:
    weight = node.array("weight")
    if weight.ndim != 2:
        raise refusal(f"{node}: weight", "of two axes, [out, in]", list(weight.shape))
    if shape != weight.shape[1:]:
        raise refusal(f"{node}: weight", f"[out, in] for an input of {list(shape)}", list(weight.shape))
    bias = None
    if node.kind == "Affine":
        bias = node.array("bias")
        if bias.shape != weight.shape[:1]:
            raise refusal(f"{node}: bias", f"of {weight.shape[0]} values", list(bias.shape))
    return Sum(lambda: compact(weight.T), bias, weight.shape[:1])


def compact(weight: Any) -> Any:
    """Give a matrix as an array where most of it is not 0, else as CSR.

    An array has no -0.0, as if each entry had been added to 0.
    """
    if isinstance(weight, np.ndarray):
        dense = 2 * np.count_nonzero(weight) > weight.size
        return weight + 0.0 if dense else scipy.sparse.csr_array(weight)
    full = 2 * weight.nnz > weight.shape[0] * weight.shape[1]
    return weight.toarray() if full else scipy.sparse.csr_array(weight)


def _pool(node: Node, shape: Shape) -> Sum:
    """Write pooling as a convolution of each channel by itself."""
    if len(shape) != 3:
        raise refusal(f"{node}: input", "an image, [C, H, W]", list(shape))
    kernel, stride = (_pair(node, name, low=1) for name in ("kernel_size", "stride"))
    height, width = _pair(node, "padding", low=0)
    share = 1.0 if node.kind == "SumPool2d" else 1.0 / (kernel[0] * kernel[1])
    weight = np.full((shape[0], 1, *kernel), share)
    pads = ((height, height), (width, width))
    make, size = _unrolled(node, weight, shape, stride, pads, (1, 1), groups=shape[0])
    return Sum(make, None, (shape[0], *size))


def _conv(node: Node, shape: Shape) -> Sum:
    """Write a convolution as a matrix; one over a line is one over an image of height 1."""
    flat = node.kind == "Conv1d"
    weight, bias, groups = node.array("weight"), node.array("bias"), node.whole("groups", low=1)
    if weight.ndim != (3 if flat else 4):
        raise refusal(f"{node}: weight", f"of {3 if flat else 4} axes", list(weight.shape))
    channels = weight.shape[1] * groups
    if len(shape) != weight.ndim - 1 or shape[0] != channels or weight.shape[0] % groups:
        axes = "L" if flat else "H, W"
        rule = f"for an input of {list(shape)}, [C, {axes}], and {groups} groups"
        raise refusal(f"{node}: weight", rule, list(weight.shape))
    said = node.fields.get("input_shape")
    if said is not None and tuple(np.ravel(said)) != shape[1:]:
        raise refusal(
            f"{node}: input_shape", f"that of its input, {list(shape[1:])}", np.ravel(said).tolist()
        )
    if bias.shape != weight.shape[:1]:
        raise refusal(f"{node}: bias", f"of {weight.shape[0]} values", list(bias.shape))
    stride, dilation = (_pair(node, name, low=1, flat=flat) for name in ("stride", "dilation"))
    pads = padding_of(node, weight.shape[2:], stride, dilation, flat)
    if flat:
        weight, shape = weight[:, :, None, :], (shape[0], 1, shape[1])
    make, size = _unrolled(node, weight, shape, stride, pads, dilation, groups)
    out = (weight.shape[0], *(size[1:] if flat else size))
    return Sum(make, np.repeat(bias, int(np.prod(size))), out)


def _pair(node: Node, name: str, low: int, flat: bool = False) -> Pair:
    """Give a field for height and width; over a line, which is one place high, for its length."""
    values = [whole(f"{node}: {name}", value, low=low) for value in np.ravel(node.array(name)).tolist()]
    if len(values) not in ((1,) if flat else (1, 2)):
        raise refusal(f"{node}: {name}", "one number" if flat else "one number or two", values)
    return (0 if name == "padding" else 1, values[0]) if flat else (values[0], values[-1])


def padding_of(node: Node, kernel: Shape, stride: Pair, dilation: Pair, flat: bool) -> tuple[Pair, Pair]:
    """Give the places that a convolution adds before and behind rows, and before and behind columns.

    Raises:
        ValueError: It is neither numbers nor "same" or "valid".
    """
    given = node.fields["padding"]
    given = given.item() if isinstance(given, np.ndarray) and given.ndim == 0 else given
    given = given.decode("utf-8") if isinstance(given, bytes) else given
    if not isinstance(given, str):
        height, width = _pair(node, "padding", low=0, flat=flat)
        return (height, height), (width, width)
    choice(f"{node}: padding", given, ("same", "valid"))
    if given == "valid":
        return (0, 0), (0, 0)
    if stride != (1, 1):
        raise refusal(f"{node}: stride", "1 with padding 'same'", list(stride))
    spans = [d * (k - 1) for d, k in zip(dilation, ((1, *kernel) if flat else kernel), strict=True)]
    return (spans[0] // 2, spans[0] - spans[0] // 2), (spans[1] // 2, spans[1] - spans[1] // 2)


def _unrolled(
    node: Node,
    weight: Float64Array,
    shape: Shape,
    stride: Pair,
    pads: tuple[Pair, Pair],
    dilation: Pair,
    groups: int,
) -> tuple[Callable[[], Any], Pair]:
    """Give what makes the matrix of a convolution, CSR [in, out], and height and width of what comes out."""
    places, size = [], []
    for n, k, s, d, (low, high) in zip(shape[1:], weight.shape[2:], stride, dilation, pads, strict=True):
        count = (n + low + high - d * (k - 1) - 1) // s + 1
        if count < 1:
            raise refusal(
                f"{node}: kernel", f"no larger than its padded input, {n + low + high}", d * (k - 1) + 1
            )
        places.append(np.arange(count)[:, None] * s - low + np.arange(k) * d)  # [place, tap]: where it reads
        size.append(count)
    return partial(_matrix, weight, shape, (places[0], places[1]), groups), (size[0], size[1])


def _matrix(weight: Float64Array, shape: Shape, places: tuple[Int64Array, Int64Array], groups: int) -> Any:
    """Join inputs to outputs: every weight does so at each place; `source` and `target` are the places, by axis."""
    (height, tall), (width, wide) = places[0].shape, places[1].shape
    out, inner = weight.shape[:2]
    o, i, y, x, p, q = np.ogrid[:out, :inner, :tall, :wide, :height, :width]
    row, column = places[0][p, y], places[1][q, x]
    inside = (row >= 0) & (row < shape[1]) & (column >= 0) & (column < shape[2]) & (weight[o, i, y, x] != 0.0)
    channel = o // (out // groups) * inner + i
    everywhere = np.broadcast_shapes(inside.shape, channel.shape)
    inside = np.broadcast_to(inside, everywhere)
    source = np.broadcast_to((channel * shape[1] + row) * shape[2] + column, everywhere)[inside]
    target = np.broadcast_to((o * height + p) * width + q, everywhere)[inside]
    value = np.broadcast_to(weight[o, i, y, x], everywhere)[inside]
    ends = (int(np.prod(shape)), out * height * width)
    return scipy.sparse.csr_array((value, (source, target)), shape=ends)
