"""Models drawn at random for counting: all kinds of layers that a ledger knows, small enough to count by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
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
    Residual,
    Sequential,
)


@dataclass(frozen=True)
class CountedCase:
    """A model with its input.

    Attributes:
        model: In evaluation, float64.
        x: Whole numbers of spikes, [T, B, ...], with numbers beyond the ends of samples that must not count.
        lengths: Valid steps, [B].
        by_events: Whether the engines run it.
    """

    model: Layer
    x: torch.Tensor
    lengths: torch.Tensor
    by_events: bool


def counted_case(seed: int) -> CountedCase:
    """Draw a model and its input."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    layers, shape, by_events = (_image_model if rng.random() < 0.5 else _row_model)(rng)
    model = Sequential(*_nested(rng, layers)).double().eval()
    _set_values_(rng, model)
    steps, batch = int(rng.integers(2, 8)), int(rng.integers(1, 5))
    x = torch.from_numpy(rng.poisson(rng.choice([0.1, 0.5, 1.2]), (steps, batch, *shape))).double()
    lengths = torch.from_numpy(rng.integers(0, steps + 1, batch))
    lengths[int(rng.integers(batch))] = steps
    return CountedCase(model, x, lengths, by_events)


def _neurons(rng: np.random.Generator, size: int, recurrent: bool) -> Layer:
    options = {
        "tau": float(rng.uniform(1.0, 3.0)),
        "decay_input": bool(rng.random() < 0.5),
        "v_th": float(rng.uniform(0.2, 1.0)),
        "reset": str(rng.choice(["hard", "soft", "hard_next_step"])),
        "fires": str(rng.choice([">=", ">"])),
    }
    if recurrent and rng.random() < 0.4:
        mode = str(rng.choice(["linear", "fixed"]))
        return RecurrentLIF(size, int(rng.integers(1, 4)), mode, **options)
    return LIF(**options)


def _between(rng: np.random.Generator, features: int) -> list[Layer]:
    """Draw what may stand between a connection and its neurons."""
    found: list[Layer] = []
    if rng.random() < 0.3:
        found.append(Dropout(0.3))
    if rng.random() < 0.6:
        found.append(BatchNorm(features))
    if rng.random() < 0.2:
        found.append(Dropout(0.5))
    return found


def _row_model(rng: np.random.Generator) -> tuple[list[Layer], tuple[int, ...], bool]:
    size = first = int(rng.integers(1, 7))
    layers: list[Layer] = []
    by_events = True
    for _ in range(int(rng.integers(1, 4))):
        out = int(rng.integers(1, 7))
        layers += [_row_connection(rng, size, out), *_between(rng, out), _neurons(rng, out, True)]
        size = out
        if rng.random() < 0.2:
            body = Sequential(Linear(size, size), *_between(rng, size), _neurons(rng, size, True))
            layers.append(Residual(body, join=str(rng.choice(["add", "and", "iand"]))))
            by_events = False
    if rng.random() < 0.5:
        layers += [Linear(size, 3, bias=True), *_between(rng, 3), LeakyReadout(1.5)]
    return layers, (first,), by_events


def _row_connection(rng: np.random.Generator, size: int, out: int) -> Layer:
    if rng.random() < 0.4:
        return Linear(size, out, bias=bool(rng.random() < 0.5))
    mode = str(rng.choice(["gauss", "linear", "integer", "fixed"]))
    sharing = str(rng.choice(["synapse", "axonal", "dendritic"]))
    depth = int(rng.choice([2, 4, 6]))
    return DelayLinear(size, out, depth, mode, kernel_count=int(rng.integers(1, 3)), sharing=sharing)


def _image_model(rng: np.random.Generator) -> tuple[list[Layer], tuple[int, ...], bool]:
    shape = first = (int(rng.choice([1, 2])), int(rng.integers(4, 7)), int(rng.integers(4, 7)))
    layers: list[Layer] = []
    by_events = True
    for _ in range(int(rng.integers(1, 4))):
        if min(shape[1:]) >= 2 and rng.random() < (0.8 if layers else 0.3):
            pools = [AvgPool2d(2), AvgPool2d(2, 1, 1), AdaptiveAvgPool2d((2, 1)), MaxPool2d(2)]
            pool = pools[int(rng.integers(4))]
            by_events = by_events and not isinstance(pool, MaxPool2d)
            layers.append(pool)
            shape = _shape_after(pool, shape)
            if rng.random() < 0.3:
                layers.append(AvgPool2d(2, 1, 1))
                shape = _shape_after(layers[-1], shape)
        conv = _convolution(rng, shape)
        shape = _shape_after(conv, shape)
        layers += [conv, *_between(rng, shape[0])]
        if rng.random() < 0.2:  # the normalisation closes single places
            layers += [Flatten(), BatchNorm(int(np.prod(shape))), _neurons(rng, 0, False)]
            shape = (int(np.prod(shape)),)
            break
        if rng.random() < 0.25:
            body = Sequential(
                *_between(rng, shape[0]), _neurons(rng, 0, False), Conv2d(shape[0], shape[0], 3, 1, 1)
            )
            shortcut = Conv2d(shape[0], shape[0], 1) if rng.random() < 0.5 else None
            layers += [Residual(body, shortcut), *_between(rng, shape[0])]
            by_events = False
        layers.append(_neurons(rng, 0, False))
    if rng.random() < 0.6:
        layers += [Flatten()] if len(shape) == 3 else []
        layers += [Linear(int(np.prod(shape)), 3), *_between(rng, 3), LeakyReadout(1.5)]
    return layers, first, by_events


def _convolution(rng: np.random.Generator, shape: tuple[int, ...]) -> Conv2d:
    groups = int(rng.choice([g for g in (1, 2) if shape[0] % g == 0]))
    options = {"groups": groups, "bias": bool(rng.random() < 0.5)}
    while True:
        kernel, stride, padding, dilation = ([int(n) for n in rng.integers(low, high, 2)] for low, high in
                                             ((1, 4), (1, 3), (0, 3), (1, 3)))  # fmt: skip
        if all(
            n + 2 * p >= d * (k - 1) + 1
            for n, p, d, k in zip(shape[1:], padding, dilation, kernel, strict=True)
        ):
            out = groups * int(rng.integers(1, 3))
            return Conv2d(shape[0], out, kernel, stride, padding, dilation=dilation, **options)


def _shape_after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    with torch.no_grad():
        return tuple(layer(torch.zeros(1, 1, *shape))[0].shape[2:])


def _nested(rng: np.random.Generator, layers: list[Layer]) -> list[Layer]:
    """Put some neighbours into a `Sequential` of their own."""
    if len(layers) < 3 or rng.random() < 0.4:
        return layers
    start = int(rng.integers(len(layers) - 1))
    stop = int(rng.integers(start + 1, len(layers) + 1))
    return [*layers[:start], Sequential(*_nested(rng, layers[start:stop])), *layers[stop:]]


@torch.no_grad()
def _set_values_(rng: np.random.Generator, model: Layer) -> None:
    """Set weights, some of them zero, biases, and statistics as if trained, with scales of any sign and of zero."""
    for layer in model.modules():
        if isinstance(layer, BatchNorm):
            layer.running_mean.uniform_(-0.2, 0.2)
            layer.running_var.uniform_(0.3, 1.5)
            layer.bias.uniform_(-0.1, 0.4)
            layer.weight.uniform_(-0.4, 1.5)
            layer.weight[torch.rand_like(layer.weight) < 0.3] = 0.0
        elif isinstance(layer, Linear | DelayLinear | Conv2d | RecurrentLIF):
            layer.weight.uniform_(-0.6, 1.0)
            layer.weight[torch.rand_like(layer.weight) < rng.choice([0.0, 0.4])] = 0.0
            if rng.random() < 0.2:
                layer.weight[..., :1, :] = 0.0  # a unit that nothing reaches, or a row of a kernel
            if getattr(layer, "bias", None) is not None:
                layer.bias.uniform_(-0.2, 0.5)
