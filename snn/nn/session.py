"""Run a model a step per call: its output is there before the next input is."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from snn.core.arrays import RealArray
from snn.core.checks import refusal, shown, whole
from snn.kernels.memory import NUMPY_TYPES
from snn.nn.layer import Layer
from snn.nn.one_step import Part, part_of

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
            ValueError: It is in training, on another device, or of numbers that compiled loops do not take;
                `batch` is no whole number from 1 to 2^31 - 1.
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
        self.model, self.batch = model, whole("batch", batch, low=1, high=2**31 - 1)
        self.reset()

    def reset(self) -> None:
        """Begin anew, at rest, with the weights that the model has by the next step."""
        self._given: Any = None
        self._part: Part | None = None

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
        given = _array_of(x) if isinstance(x, Tensor) else x
        if not isinstance(given, np.ndarray):
            raise TypeError(f"x must be a tensor or an array [{self.batch}, ...], got {shown(x)}")
        if self._part is None:
            if given.ndim < 1 or given.shape[0] != self.batch:
                raise refusal("x", f"of shape [{self.batch}, ...]", x)
            self._check(given, given.shape)
            self._lay_out(np.zeros(given.shape, self._real or _real_of(given)), self._given)
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
            y: Tensor
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
        """Go on from there."""
        if self._part is None:
            self._given = state
        else:
            self._lay_out(np.zeros_like(self._x), state)

    def __reduce__(self) -> Any:
        """Refuse to be copied: the parts of a copy would no longer share their arrays."""
        raise TypeError("a Session cannot be copied or pickled: keep its state, and set that of a new one")

    def _check(self, x: Any, shape: tuple[int, ...]) -> None:
        """Refuse an input of another shape or type."""
        due = self._real or _real_of(x)
        if x.shape != shape:
            raise refusal("x", f"of shape {list(shape)}", x)
        if x.dtype != due and x.dtype.kind not in "bui":
            raise refusal("x", f"of {due.name}, as the model, bool or whole numbers", x)

    def _lay_out(self, x: RealArray, state: Any) -> None:
        """Make the parts for steps that are written to x, from a state that fits the model."""
        with torch.no_grad():
            self.model(torch.from_numpy(x)[None], state)  # refuses what does not fit
            part = part_of(self.model, x, state)
        self._x, self._part, self._run = x, part, part.run
        self._y = torch.from_numpy(part.y)


def _array_of(x: Tensor) -> Any:
    """Give the array of a plain tensor on the CPU."""
    try:
        return x.detach().numpy()
    except (TypeError, RuntimeError):  # sparse, quantised, of a type that numpy has not, elsewhere
        raise refusal("x", "a dense tensor on the CPU, of a type of numpy's", x) from None


def _real_of(x: Any) -> np.dtype[Any]:
    """Give the type of a model without parameters: that of the input, or torch's own for whole numbers."""
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(NUMPY_TYPES[torch.get_default_dtype()])
    if kind not in map(np.dtype, NUMPY_TYPES.values()):
        raise refusal("x", "of float32 or float64, bool or whole numbers", x)
    assert isinstance(kind, np.dtype)
    return kind
