"""Neurons as layers: leaky integrate-and-fire, and the readout that never spikes."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from snn.kernels.lif import Fires, LIFOptions, Reset, lif
from snn.kernels.local import is_local
from snn.kernels.surrogate import Surrogate, SurrogateName
from snn.nn.layer import Layer, check_lengths, check_state, last_valid

__all__ = ["LIF", "LIFState", "LeakyReadout", "ReadoutState"]


class LIFState(NamedTuple):
    """Carry the membrane of each neuron, [B, ...]."""

    v: Tensor


class ReadoutState(NamedTuple):
    """Carry the membrane of each readout unit, [B, ...]."""

    v: Tensor


class LIF(Layer):
    """Leaky integrate-and-fire neurons; the defaults are SpikingJelly's `LIFNode`, bit for bit."""

    def __init__(
        self,
        tau: float = 2.0,
        *,
        decay_input: bool = True,
        v_th: float = 1.0,
        v_reset: float = 0.0,
        reset: Reset = "hard",
        fires: Fires = ">=",
        detach_reset: bool = False,
        surrogate: SurrogateName = "sigmoid",
        surrogate_alpha: float | None = None,
        normalise_peak: bool = False,
    ) -> None:
        """Fix the neuron.

        Args:
            tau: Membrane time constant in steps, >= 1; the decay per step is 1 - 1/tau.
            decay_input: Divide the input by tau too.
            v_th: Threshold.
            v_reset: Value after a hard reset, and at rest; below `v_th`.
            reset: "hard", "soft" (subtract v_th) or "hard_next_step".
            fires: Spike where v ">=" or ">" the threshold.
            detach_reset: Keep the gradient out of the reset.
            surrogate: Shape of the spike's derivative: sigmoid, atan, triangle, rectangle.
            surrogate_alpha: Its sharpness; None takes SpikingJelly's default of that shape.
            normalise_peak: Scale the derivative so that its peak is 1.

        Raises:
            ValueError: A value is out of its range; the message names it.
        """
        super().__init__()
        self.options = LIFOptions(
            tau=float(tau),
            decay_input=decay_input,
            v_th=float(v_th),
            v_reset=float(v_reset),
            reset=reset,
            fires=fires,
            detach_reset=detach_reset,
            surrogate=Surrogate(surrogate, surrogate_alpha, normalise_peak),
        )

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        o = self.options
        names = ("tau", "decay_input", "v_th", "v_reset", "reset", "fires", "detach_reset")
        return {name: getattr(o, name) for name in names} | {
            "surrogate": o.surrogate.name,
            "surrogate_alpha": o.surrogate.alpha,
            "normalise_peak": o.surrogate.normalise_peak,
        }

    def forward(
        self, x: Tensor, state: LIFState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, LIFState]:
        """Turn input current [T, B, ...] into spikes of the same shape."""
        lengths = check_lengths(x, lengths)
        v = torch.full_like(x[0], self.options.v_reset)
        v = v if state is None else check_state("LIF", state.v, v)
        z, v = lif(x, v, self.options, lengths, is_local())
        return z, LIFState(v)


class LeakyReadout(Layer):
    """Leaky integrators that never spike: their membrane is the output."""

    def __init__(self, tau: float = 2.0, *, decay_input: bool = False) -> None:
        """Fix the time constant.

        Args:
            tau: Membrane time constant in steps, >= 1; the decay per step is 1 - 1/tau.
            decay_input: Divide the input by tau too.

        Raises:
            ValueError: tau is below 1 or not finite.
        """
        super().__init__()
        self.options = LIFOptions(tau=float(tau), decay_input=decay_input)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {"tau": self.options.tau, "decay_input": self.options.decay_input}

    def forward(
        self, x: Tensor, state: ReadoutState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, ReadoutState]:
        """Turn input current [T, B, ...] into membranes of the same shape."""
        lengths = check_lengths(x, lengths)
        o = self.options
        first = torch.zeros_like(x[0])
        first = v = first if state is None else check_state("LeakyReadout", state.v, first)
        trace = []
        for x_t in x.unbind(0):
            v = v.detach() if is_local() else v
            v = v + (x_t - v) / o.tau if o.decay_input else v * o.decay + x_t
            trace.append(v)
        y = torch.stack(trace)
        return y, ReadoutState(last_valid(y, lengths, first))
