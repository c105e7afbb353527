"""Every public layer of `snn.nn`, with the axes of its input: for tests of what holds for all."""

from __future__ import annotations

from collections.abc import Callable

import torch

from snn.nn import (
    LIF,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    DelayLinear,
    Dropout,
    Flatten,
    Layer,
    LeakyReadout,
    Linear,
    MaxPool2d,
    RecurrentLIF,
    ReLU,
    Residual,
    Sequential,
)

ROW, IMAGE = (4,), (2, 6, 5)
IIR = dict(decay_input=False, detach_reset=True)

EVERY_LAYER: dict[str, tuple[Callable[[], Layer], tuple[int, ...]]] = {
    "AdaptiveAvgPool2d": (lambda: AdaptiveAvgPool2d((2, 1)), IMAGE),
    "AvgPool2d": (lambda: AvgPool2d(2), IMAGE),
    "BatchNorm": (lambda: BatchNorm(4), ROW),
    "BatchNorm-images": (lambda: BatchNorm(2), IMAGE),
    "BatchNorm-step": (lambda: BatchNorm(4, "step"), ROW),
    "Conv2d": (lambda: Conv2d(2, 3, 3, padding=1, bias=True), IMAGE),
    "DelayLinear-gauss": (lambda: DelayLinear(4, 3, 6), ROW),
    "DelayLinear-linear": (lambda: DelayLinear(4, 3, 6, "linear", sharing="axonal"), ROW),
    "DelayLinear-integer": (lambda: DelayLinear(4, 3, 6, "integer", kernel_count=2), ROW),
    "DelayLinear-fixed": (lambda: DelayLinear(4, 3, 6, "fixed"), ROW),
    "Dropout": (lambda: Dropout(0.4), ROW),
    "Flatten": (lambda: Flatten(), IMAGE),
    "LIF": (lambda: LIF(1.5), ROW),
    "LIF-late": (lambda: LIF(1.5, reset="hard_next_step"), IMAGE),
    "LIF-leaks": (lambda: LIF(leak=[0.2, 0.5, 0.9, 1.0], decay_input=False), ROW),
    "LIF-learned": (lambda: LIF(1.5, **IIR, learn_threshold=True, learn_leak=True), ROW),
    "LeakyReadout": (lambda: LeakyReadout(1.5), ROW),
    "Linear": (lambda: Linear(4, 3, bias=True), ROW),
    "MaxPool2d": (lambda: MaxPool2d(2), IMAGE),
    "ReLU": (lambda: ReLU(), ROW),
    "RecurrentLIF": (lambda: RecurrentLIF(4, 3, tau=1.5), ROW),
    "RecurrentLIF-axonal": (
        lambda: RecurrentLIF(4, 3, "fixed", sharing="axonal", leak=[0.2, 0.5, 0.9, 1.0], decay_input=False),
        ROW,
    ),
    "RecurrentLIF-integer": (lambda: RecurrentLIF(4, 3, "integer"), ROW),
    "Residual": (lambda: Residual(Sequential(Linear(4, 4), LIF()), join="iand"), ROW),
    "Sequential": (lambda: Sequential(DelayLinear(4, 3, 6), BatchNorm(3), LIF(), LeakyReadout()), ROW),
}
"""How to make each, in each of its modes, and the axes of its input."""


def make(name: str) -> tuple[Layer, tuple[int, ...]]:
    """Make a layer, with the same numbers each time, and give the axes of its input."""
    torch.manual_seed(0)
    build, axes = EVERY_LAYER[name]
    return build(), axes
