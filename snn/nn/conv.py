"""Layers over images in time [T, B, C, H, W]: convolution, pooling, flattening; each step by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from snn.core.checks import flag, refusal, whole
from snn.kernels.presynaptic import weigh
from snn.nn.layer import Layer
from snn.nn.tensor_checks import check_axes, check_input, check_size, check_stateless

__all__ = ["AdaptiveAvgPool2d", "AvgPool2d", "Conv2d", "Flatten", "MaxPool2d", "Pair", "pair"]

Pair = int | Sequence[int]
"""One whole number for both axes, or (rows, columns)."""


_MOST = 2**31 - 1
"""Largest size of a window, stride, padding or dilation: torch's own loops count in 32 bits."""


LARGEST_IMAGE = 2**14
"""Pixels along an axis of an image that a layer makes or pads, at most."""


def pair(name: str, value: Pair, low: int = 1, high: int = _MOST) -> tuple[int, int]:
    """Return (rows, columns) of one whole number for both, or of two.

    Raises:
        ValueError: It is neither, or one is below `low` or above `high`.
    """
    both = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(both) != 2:
        raise refusal(name, "one whole number or two (rows, columns)", value)
    rows, columns = (whole(name, part, low=low, high=high) for part in both)
    return rows, columns


def _each_step(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Apply a function of images [B, ...] to every step of x [T, B, ...]."""
    y = function(x.flatten(0, 1))
    return y.reshape(*x.shape[:2], *y.shape[1:])


def _check_image(
    layer: str,
    x: Tensor,
    what: str,
    kernel: tuple[int, int],
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
) -> None:
    """Refuse images [T, B, C, H, W] without channels, or smaller than what is to be moved over them.

    Raises:
        ValueError: As said above.
    """
    axes = zip(x.shape[3:], kernel, padding, dilation, strict=True)
    small = any(n < 1 or n + 2 * pad < apart * (size - 1) + 1 for n, size, pad, apart in axes)
    if small or not x.shape[2]:
        rule = f"an image no smaller than the {what} {kernel}"
        raise refusal(f"x of {layer}", rule, list(x.shape[2:] if not x.shape[2] else x.shape[3:]))


class Conv2d(Layer):
    """Convolve every step's image with the same kernels: y[t] = x[t] * w (+ bias)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        *,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = False,
    ) -> None:
        """Make Kaiming-uniform weights [out, in / groups, rows, columns] and, if asked for, a zero bias [out].

        Args:
            in_channels: Channels of the input, >= 1.
            out_channels: Channels of the output, >= 1.
            kernel_size: Size of the kernel, >= 1.
            stride: Distance of outputs, in inputs, >= 1.
            padding: Zeros added at each border, >= 0.
            dilation: Distance of kernel places, in inputs, >= 1.
            groups: Parts into which channels are cut, each convolved by itself, >= 1; divides both numbers of
                channels.
            bias: Whether every output channel has a bias.

        Raises:
            ValueError: A value is out of its range; the message names it.
            MemoryError: The weights would not fit.
        """
        super().__init__()
        self.in_channels = whole("in_channels", in_channels, low=1)
        self.out_channels = whole("out_channels", out_channels, low=1)
        self.kernel_size = pair("kernel_size", kernel_size)
        self.stride = pair("stride", stride)
        self.padding = pair("padding", padding, low=0, high=LARGEST_IMAGE)
        self.dilation = pair("dilation", dilation)
        self.groups = whole("groups", groups, low=1)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            rule = f"a divisor of in_channels {self.in_channels} and out_channels {self.out_channels}"
            raise refusal("groups", rule, groups)
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        check_size("Conv2d", *shape)
        self.weight = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.zeros(self.out_channels)) if flag("bias", bias) else None
        with torch.no_grad():
            nn.init.kaiming_uniform_(self.weight, nonlinearity="relu")

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        pairs = {name: list(getattr(self, name)) for name in ("kernel_size", "stride", "padding", "dilation")}
        sizes = {"in_channels": self.in_channels, "out_channels": self.out_channels}
        return {**sizes, **pairs, "groups": self.groups, "bias": self.bias is not None}

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Map [T, B, in, H, W] to [T, B, out, H', W'].

        Raises:
            ValueError: x has another shape, or its image is smaller than the kernel.
        """
        check_input("Conv2d", x, self.in_channels, "H", "W", weight=self.weight)
        check_stateless("Conv2d", state)
        _check_image("Conv2d", x, "kernel", self.kernel_size, self.padding, self.dilation)
        settings = (self.stride, self.padding, self.dilation, self.groups)
        weight, presynaptic = self.weight_in_use(), self.presynaptic(x)
        used = weight if presynaptic is None else weight.detach()
        y = _each_step(lambda z: functional.conv2d(z, used, self.bias, *settings), x)
        if presynaptic is None:
            return y, ()
        return weigh(y, weight, presynaptic, partial(_kernel_gradient, weight.shape, settings)), ()


def _kernel_gradient(shape: torch.Size, settings: tuple[Any, ...], g: Tensor, x: Tensor) -> Tensor:
    """Give the gradient of kernels of this shape from the gradient g [T, B, ...] of the output, and the input x."""
    gradient = conv2d_weight(x.flatten(0, 1), shape, g.flatten(0, 1), *settings)  # type: ignore[no-untyped-call]
    return cast(Tensor, gradient)


class _Pool(Layer):
    """Pool over windows of a fixed size, by torch's function `_pool` of (images, window, stride, padding)."""

    _pool: ClassVar[Callable[..., Tensor]]

    def __init__(self, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0) -> None:
        """Fix the window.

        Args:
            kernel_size: Size of the window, >= 1.
            stride: Distance of windows, >= 1; None is the window's size, so that none overlap.
            padding: Border added on each side, >= 0, at most half the window.

        Raises:
            ValueError: A value is out of its range; the message names it.
        """
        super().__init__()
        self.kernel_size = pair("kernel_size", kernel_size)
        self.stride = self.kernel_size if stride is None else pair("stride", stride)
        self.padding = pair("padding", padding, low=0)
        if any(2 * pad > size for pad, size in zip(self.padding, self.kernel_size, strict=True)):
            raise refusal("padding", f"at most half of kernel_size {self.kernel_size}", padding)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {name: list(getattr(self, name)) for name in ("kernel_size", "stride", "padding")}

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Map [T, B, C, H, W] to [T, B, C, H', W'].

        Raises:
            ValueError: x has another shape, or its image is smaller than the window.
        """
        name = type(self).__name__
        check_input(name, x, "C", "H", "W")
        check_stateless(name, state)
        _check_image(name, x, "window", self.kernel_size, self.padding)
        window = (self.kernel_size, self.stride, self.padding)
        return _each_step(lambda z: self._pool(z, *window), x), ()


class AvgPool2d(_Pool):
    """Average spikes over a window; padding counts as zeros. The next layer sees fractions of a spike."""

    _pool = staticmethod(functional.avg_pool2d)


class MaxPool2d(_Pool):
    """Pass a spike where any unit of a window spikes: spikes stay spikes, but it is no weighted sum."""

    _pool = staticmethod(functional.max_pool2d)


class AdaptiveAvgPool2d(Layer):
    """Average over as many equal windows as outputs are asked for, whatever the size of the image."""

    def __init__(self, output_size: Pair = 1) -> None:
        """Fix the size of the output.

        Raises:
            ValueError: It is not one or two whole numbers >= 1.
        """
        super().__init__()
        self.output_size = pair("output_size", output_size, high=LARGEST_IMAGE)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {"output_size": list(self.output_size)}

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Map [T, B, C, H, W] to [T, B, C, *output_size]."""
        check_input("AdaptiveAvgPool2d", x, "C", "H", "W")
        check_stateless("AdaptiveAvgPool2d", state)
        _check_image("AdaptiveAvgPool2d", x, "window", (1, 1))
        return _each_step(lambda z: functional.adaptive_avg_pool2d(z, self.output_size), x), ()


class Flatten(Layer):
    """Turn each step's image into one vector, channel by channel, row by row."""

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments: none."""
        return {}

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Map [T, B, ...] to [T, B, N], numbers of any type.

        Raises:
            ValueError: x has no axes to flatten.
        """
        check_axes("Flatten", x, "N", "...")
        check_stateless("Flatten", state)
        return x.flatten(2), ()
