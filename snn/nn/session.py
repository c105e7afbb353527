"""Run a model a step per call: its output is there before the next input is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from snn.core.arrays import RealArray
from snn.core.checks import refusal, shown, whole
from snn.kernels.memory import NUMPY_TYPES
from snn.kernels.one_step import IntegratorStep, LIFStep, LinearStep
from snn.nn.connections import Linear
from snn.nn.dropout import Dropout
from snn.nn.layer import Layer, runs_as
from snn.nn.neurons import LIF, LeakyReadout, LIFState, ReadoutState
from snn.nn.sequential import Sequential

__all__ = ["Session"]


class Session:
    """Hold B samples of a model between steps.

    A step equals `model(x[None], state)`, bit for bit, without a graph. `Linear`, `LeakyReadout` and `LIF` are laid
    out once, with their weights as they are then, and such a step allocates nothing: LIF of plain options, with a
    reset in the step itself, and without synaptic currents, learned values and leaks per neuron. Every other layer
    runs as the model has it.

    Attributes:
        model: The model.
        batch: Number of samples, B.
    """

    model: Layer
    batch: int

    def __init__(self, model: Layer, batch: int = 1) -> None:
        """Begin at rest.

        Args:
            model: The model, in evaluation and on the CPU.
            batch: Samples that run side by side, >= 1.

        Raises:
            TypeError: The model is no layer of `snn.nn`.
            ValueError: It is in training, on another device, or of numbers that compiled loops do not take.
        """
        if not isinstance(model, Layer):
            raise TypeError(f"model must be a layer of snn.nn, got {shown(model)}")
        for module in model.modules():
            if module.training:
                raise refusal("model", "in evaluation: model.eval()", f"{type(module).__name__} in training")
        kinds = {(p.dtype, p.device.type) for p in model.parameters()}
        if len(kinds) > 1 or any(dtype not in NUMPY_TYPES or device != "cpu" for dtype, device in kinds):
            raise refusal("model", "on the CPU, all in float32 or all in float64", sorted(map(str, kinds)))
        self._real = next((np.dtype(NUMPY_TYPES[dtype]) for dtype, _ in kinds), None)
        self.model, self.batch = model, whole("batch", batch, low=1)
        self.reset()

    def reset(self) -> None:
        """Begin anew, at rest, with the weights that the model has by the next step."""
        self._given: Any = None
        self._part: _Part | None = None

    def step(self, x: Any) -> Tensor:
        """Take all samples through one step.

        Args:
            x: Input [B, ...], a tensor or an array, in the type of the model, bool or whole numbers; of the shape
                of the first step. A model without parameters is of the type of its first input.

        Returns:
            The output, [B, ...]: a view, overwritten by the next step.

        Raises:
            ValueError: x is of another batch, shape or type.
            TypeError: x is neither a tensor nor an array.
        """
        given = x.detach().numpy() if isinstance(x, Tensor) else x
        if not isinstance(given, np.ndarray):
            raise TypeError(f"x must be a tensor or an array [{self.batch}, ...], got {shown(x)}")
        if self._part is None:
            self._check(given, (self.batch, *given.shape[1:]))
            self._lay_out(np.zeros_like(given, self._real or _real_of(given)), self._given)
        elif given.shape != self._x.shape or given.dtype is not self._x.dtype:
            self._check(given, self._x.shape)
        np.copyto(self._x, given, casting="unsafe")
        self._run()
        return self._y

    def run(self, x: Tensor) -> Tensor:
        """Run many steps, [T, B, ...], from where the session stands, which then stands at their end.

        The model runs them as one piece: where it chooses a form by how sparse all steps are, last bits may differ
        from those of single steps.

        Raises:
            ValueError: x is of another batch, or the model refuses it.
            TypeError: The model refuses it.
        """
        if not isinstance(x, Tensor) or x.dim() < 2 or x.shape[1] != self.batch:
            raise refusal("x", f"a tensor [T, {self.batch}, ...]", x)
        with torch.no_grad():
            y, state = self.model(x, self.state)
        self.state = state
        return y

    @property
    def state(self) -> Any:
        """What the model carries on, as its `forward` gives and takes it; None: at rest. It may be set.

        Raises:
            TypeError: Set after a step: it is of another kind than the model's.
            ValueError: Set after a step: it is of another batch or shape. Before a first step, that step raises.
        """
        return self._given if self._part is None else self._part.state

    @state.setter
    def state(self, state: Any) -> None:
        if self._part is None:
            self._given = state
        else:
            self._lay_out(np.zeros_like(self._x), state)

    def _check(self, x: Any, shape: tuple[int, ...]) -> None:
        """Refuse an input of another shape or type."""
        due = self._real or _real_of(x)
        if x.ndim < 1 or x.shape != shape:
            raise refusal("x", f"of shape {list(shape)}", x)
        if x.dtype != due and x.dtype.kind not in "bui":
            raise refusal("x", f"of {due.name}, as the model, bool or whole numbers", x)

    def _lay_out(self, x: RealArray, state: Any) -> None:
        """Make the parts for steps that are written to x, from a state that fits the model."""
        with torch.no_grad():
            self.model(torch.from_numpy(x)[None], state)  # refuses what does not fit
            part = _part_of(self.model, x, state)
        self._x, self._part, self._run = x, part, part.run
        self._y = torch.from_numpy(part.y)


def _real_of(x: Any) -> np.dtype[Any]:
    """Give the type of a model without parameters: that of the input, or torch's own for whole numbers."""
    return x.dtype if x.dtype.kind == "f" else np.dtype(NUMPY_TYPES[torch.get_default_dtype()])


class _Part(Protocol):
    """Take one layer through a step, from an array that stays in its place to `y`, which does too."""

    y: RealArray

    def run(self) -> None: ...

    @property
    def state(self) -> Any: ...


def _part_of(layer: Layer, x: RealArray, state: Any) -> _Part:
    """Lay out a layer for input x [B, ...]; `state` is one of its own, or None."""
    if layer._forward_hooks or layer._forward_pre_hooks or not x.size:
        return _AsItIs(layer, x, state)
    if isinstance(layer, Sequential) and runs_as(layer, Sequential):
        return _Sequence(layer, x, state)
    if isinstance(layer, Dropout) and runs_as(layer, Dropout):
        return _Nothing(x)
    if isinstance(layer, Linear) and runs_as(layer, Linear) and layer.weight_transform is None:
        return _Linear(x, layer.weight, layer.bias)
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
        self._parts: list[_Part] = []
        for layer, one in zip(layers, (None,) * len(layers) if state is None else state, strict=True):
            self._parts.append(_part_of(layer, x, one))
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


class _Linear(LinearStep):
    """A linear layer."""

    state = ()


class _Neurons(LIFStep):
    """LIF neurons."""

    def __init__(self, x: RealArray, layer: LIF, state: LIFState | None) -> None:
        super().__init__(x, layer.options)
        if state is not None:
            self.v[:] = state.v.numpy()

    @property
    def state(self) -> LIFState:
        return LIFState(torch.from_numpy(self.v.copy()))


class _Readout(IntegratorStep):
    """Leaky integrators."""

    def __init__(self, x: RealArray, layer: LeakyReadout, state: ReadoutState | None) -> None:
        super().__init__(x, layer.options)
        if state is not None:
            self.v[:] = state.v.numpy()

    @property
    def state(self) -> ReadoutState:
        return ReadoutState(torch.from_numpy(self.v.copy()))


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
