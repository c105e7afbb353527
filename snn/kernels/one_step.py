"""Kernels of one step with all that they read and write laid out once: the loops of whole runs, and their bits.

Each reads the output of the one before, an array [B, ...] that stays in its place, and writes its own, `y`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from snn.core.arrays import RealArray
from snn.kernels.leaky_integrator import integrate_steps, integrator_constants
from snn.kernels.lif import neuron_constants
from snn.kernels.lif_loops import lif_forward
from snn.kernels.lif_options import LIFOptions
from snn.kernels.memory import empty_aligned_array
from snn.kernels.nonzero import list_rows
from snn.kernels.sparse_linear import EVENTS_BELOW, sum_rows

__all__ = ["IntegratorStep", "LIFStep", "LinearStep"]


class LinearStep:
    """Map x [B, in] by a weight [out, in] as `sparse_linear` does, and add a bias [out]; both are copied."""

    def __init__(self, x: RealArray, weight: Tensor, bias: Tensor | None) -> None:
        """Lay the weight out by sender."""
        self._x, width = x, x.shape[1]
        self._weight = weight.detach().clone()
        self._rows = self._weight.t().contiguous().numpy()
        self._bias = None if bias is None else bias.detach().clone().numpy()
        self._below = EVENTS_BELOW * x.size
        room = int(self._below) + width + 4
        self._bounds = np.zeros(len(x) + 1, np.int64)
        self._sender = empty_aligned_array((room,), np.uint16 if width <= 1 << 16 else np.int32)
        self._value = empty_aligned_array((room,), x.dtype)
        self.y = empty_aligned_array((len(x), len(weight)), x.dtype)

    def run(self) -> None:
        """Take the step: by events where x is sparse, else as a dense product."""
        fits = list_rows(self._x, self._bounds, self._sender, self._value)
        if fits and self._bounds[-1] < self._below:
            sum_rows(self._bounds, self._sender, self._value, self._rows, self.y)
        else:
            self.y[:] = (torch.from_numpy(self._x)[None] @ self._weight.t())[0].numpy()
        if self._bias is not None:
            np.add(self.y, self._bias, out=self.y)


class LIFStep:
    """Run neurons on x [B, ...] as `lif` does: plain ones, of one leak, whose reset is done in the step.

    Attributes:
        v: Membranes, [B, ...].
    """

    def __init__(self, x: RealArray, options: LIFOptions) -> None:
        """Begin at rest."""
        self.v, self.y = np.full_like(x, options.rest), empty_aligned_array(x.shape, x.dtype)
        self._neuron = neuron_constants(options, torch.from_numpy(x))
        flat = (1, len(x), -1)
        self._ones, self._none = np.ones(len(x), np.int64), np.zeros(0, np.int64)
        self._x, self._z, self._h = x.reshape(flat), self.y.reshape(flat), np.zeros_like(x).reshape(flat)
        self._v = self.v.reshape(len(x), -1)

    def run(self) -> None:
        """Take the step."""
        lif_forward(self._x, self._v, self._ones, self._none, self._z, self._h, self._neuron)


class IntegratorStep:
    """Run leaky integrators on x [B, ...] as `integrate` does; their membranes are `y`, and begin at rest."""

    def __init__(self, x: RealArray, options: LIFOptions) -> None:
        """Begin at rest."""
        self.v = np.full_like(x, options.rest)
        self.y = empty_aligned_array(x.shape, x.dtype)
        self._unit = integrator_constants(options, torch.from_numpy(x))
        self._x, self._y, self._v = x.reshape(1, -1), self.y.reshape(1, -1), self.v.reshape(-1)

    def run(self) -> None:
        """Take the step."""
        integrate_steps(self._x, self._v, self._y, self._unit)
        self._v[:] = self._y[0]
