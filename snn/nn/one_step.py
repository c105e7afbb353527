"""Layers of a session: each is laid out once, and takes a step from one array to another that stay in their places.

Linear layers and plain neurons call the compiled loops of whole runs, with one step; so their bits are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch

from snn.core.arrays import RealArray
from snn.kernels.leaky_integrator import integrate_steps, integrator_constants
from snn.kernels.lif import neuron_constants
from snn.kernels.lif_loops import lif_forward
from snn.kernels.memory import NUMPY_TYPES, empty_aligned_array
from snn.kernels.nonzero import list_rows
from snn.kernels.sparse_linear import EVENTS_BELOW, sum_rows
from snn.nn.connections import Linear
from snn.nn.dropout import Dropout
from snn.nn.layer import Layer, runs_as
from snn.nn.neurons import LIF, LeakyReadout, LIFState, ReadoutState
from snn.nn.sequential import Sequential

__all__ = ["Part", "part_of"]


class Part(Protocol):
    """Take one layer through a step, from an array that stays in its place to `y`, which does too."""

    y: RealArray

    def run(self) -> None:
        """Take the step."""

    @property
    def state(self) -> Any:
        """What the layer carries on."""


def part_of(layer: Layer, x: RealArray, state: Any) -> Part:
    """Lay out a layer for input x [B, ...]; `state` is one of its own, or None."""
    if layer._forward_hooks or layer._forward_pre_hooks or not x.size:
        return _AsItIs(layer, x, state)
    if isinstance(layer, Sequential) and runs_as(layer, Sequential):
        return _Sequence(layer, x, state)
    if isinstance(layer, Dropout) and runs_as(layer, Dropout):
        return _Nothing(x)
    if isinstance(layer, Linear) and runs_as(layer, Linear) and layer.weight_transform is None:
        return _Linear(x, layer)
    if isinstance(layer, LeakyReadout) and runs_as(layer, LeakyReadout) and layer.receptors is None:
        return _Readout(x, layer, state)
    if isinstance(layer, LIF) and runs_as(layer, LIF) and _is_plain(layer):
        return _Neurons(x, layer, state)
    return _AsItIs(layer, x, state)


def _is_plain(layer: LIF) -> bool:
    """Tell whether the compiled loop of plain neurons has all that a layer does in a step."""
    learned = layer.threshold is not None or layer.leak is not None
    o = layer.options
    return (
        not learned
        and layer.receptors is None
        and o.plain
        and o.leaks is None
        and o.reset != "hard_next_step"
    )


class _Sequence:
    """Layers one after another."""

    def __init__(self, layers: Sequential, x: RealArray, state: Sequence[Any] | None) -> None:
        self._parts: list[Part] = []
        for layer, one in zip(layers, (None,) * len(layers) if state is None else state, strict=True):
            self._parts.append(part_of(layer, x, one))
            x = self._parts[-1].y
        self.y = x

    def run(self) -> None:
        for part in self._parts:
            part.run()

    @property
    def state(self) -> tuple[Any, ...]:
        return tuple(part.state for part in self._parts)


class _Nothing:
    """Pass on what comes."""

    state = ()

    def __init__(self, x: RealArray) -> None:
        self.y = x

    def run(self) -> None:
        pass


class _Linear:
    """A linear layer: as `sparse_linear`, by events where x is sparse, else as a dense product."""

    state = ()

    def __init__(self, x: RealArray, layer: Linear) -> None:
        self._x, width = x, x.shape[1]
        self._weight = layer.weight.detach().clone()
        self._rows = self._weight.t().contiguous().numpy()  # by sender
        self._bias = None if layer.bias is None else layer.bias.detach().clone().numpy()
        self._below = EVENTS_BELOW * x.size
        room = int(self._below) + width + 4
        self._bounds = np.zeros(len(x) + 1, np.int64)
        self._sender = empty_aligned_array((room,), np.uint16 if width <= 1 << 16 else np.int32)
        self._value = empty_aligned_array((room,), x.dtype)
        self.y: RealArray = empty_aligned_array((len(x), len(self._weight)), x.dtype)

    def run(self) -> None:
        fits = list_rows(self._x, self._bounds, self._sender, self._value)
        if fits and self._bounds[-1] < self._below:
            sum_rows(self._bounds, self._sender, self._value, self._rows, self.y)
        else:
            self.y[:] = (torch.from_numpy(self._x)[None] @ self._weight.t())[0].numpy()
        if self._bias is not None:
            np.add(self.y, self._bias, out=self.y)


class _Neurons:
    """LIF neurons: as `lif`."""

    def __init__(self, x: RealArray, layer: LIF, state: LIFState | None) -> None:
        self._v = np.full_like(x, layer.options.rest) if state is None else state.v.numpy().copy()
        self.y: RealArray = empty_aligned_array(x.shape, x.dtype)
        self._neuron = neuron_constants(layer.options, torch.from_numpy(x))
        each, of_step = (len(x), -1), (1, len(x), -1)
        one_step, no_step = np.ones(len(x), np.int64), np.zeros(0, np.int64)
        z, h = self.y.reshape(of_step), np.zeros_like(x).reshape(of_step)
        self._arrays = x.reshape(of_step), self._v.reshape(each), one_step, no_step, z, h

    def run(self) -> None:
        lif_forward(*self._arrays, self._neuron)

    @property
    def state(self) -> LIFState:
        return LIFState(torch.from_numpy(self._v.copy()))


class _Readout:
    """Leaky integrators: as `integrate`."""

    def __init__(self, x: RealArray, layer: LeakyReadout, state: ReadoutState | None) -> None:
        self._v = np.full_like(x, layer.options.rest) if state is None else state.v.numpy().copy()
        self.y: RealArray = empty_aligned_array(x.shape, x.dtype)
        self._unit = integrator_constants(layer.options, torch.from_numpy(x))
        self._arrays = x.reshape(1, -1), self._v.reshape(-1), self.y.reshape(1, -1)

    def run(self) -> None:
        integrate_steps(*self._arrays, self._unit)
        np.copyto(self._v, self.y)

    @property
    def state(self) -> ReadoutState:
        return ReadoutState(torch.from_numpy(self._v.copy()))


class _AsItIs:
    """Any other layer: it runs as it is."""

    def __init__(self, layer: Layer, x: RealArray, state: Any) -> None:
        self._layer, self._x, self.state = layer, torch.from_numpy(x)[None], state
        y, _ = layer(self._x, state)
        self.y: RealArray = np.zeros(y.shape[1:], NUMPY_TYPES[y.dtype])
        self._y = torch.from_numpy(self.y)

    def run(self) -> None:
        with torch.no_grad():
            y, self.state = self._layer(self._x, self.state)
            self._y.copy_(y[0])
