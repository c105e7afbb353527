"""Neurons as layers: leaky integrate-and-fire, and the readout that never spikes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snn.core.checks import flag, number, refusal
from snn.kernels.leaky_integrator import integrate
from snn.kernels.learned_lif import learned_lif
from snn.kernels.lif import lif
from snn.kernels.lif_options import Fires, LIFOptions, Reset
from snn.kernels.step_local import is_local, learning_steps
from snn.kernels.surrogate import Surrogate, SurrogateName
from snn.nn.layer import Layer
from snn.nn.tensor_checks import check_input, check_lengths, check_state, check_stateless

__all__ = ["LIF", "LIFState", "LeakyReadout", "ReLU", "ReadoutState"]

LEAST_THRESHOLD = 1e-3
"""Smallest threshold that learning may reach."""


class LIFState(NamedTuple):
    """Carry the neurons on.

    Attributes:
        v: Membrane of each neuron, [B, ...].
    """

    v: Tensor


class ReadoutState(NamedTuple):
    """Carry the readout on.

    Attributes:
        v: Membrane of each unit, [B, ...].
    """

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
        surrogate_gain: float = 1.0,
        leak: float | None = None,
        learn_threshold: bool = False,
        learn_leak: bool = False,
    ) -> None:
        """Fix the neuron.

        Args:
            tau: Membrane time constant in steps, >= 1; the decay per step is 1 - 1/tau.
            decay_input: Divide the input by tau too.
            v_th: Threshold, above `v_reset`.
            v_reset: Value after a hard reset, and at rest; below `v_th`.
            reset: "hard", "soft" (subtract v_th) or "hard_next_step".
            fires: Spike where v ">=" or ">" the threshold.
            detach_reset: Keep the gradient out of the reset.
            surrogate: Shape of the spike's derivative: sigmoid, atan, triangle, rectangle.
            surrogate_alpha: Its sharpness, > 0; None takes SpikingJelly's default of that shape.
            normalise_peak: Scale the derivative so that its peak is 1.
            surrogate_gain: Factor of the derivative, > 0.
            leak: What is left of the membrane after a step, in [0, 1], in place of tau; None: 1 - 1/tau.
            learn_threshold: Learn one threshold for the layer, from v_th on. The surrogate is then a function of
                v / v_th - 1, and a spike has no gradient through its reset. Needs decay_input=False,
                detach_reset=True, v_reset=0, and reset "hard" or "soft" (IIR-SNN's neuron).
            learn_leak: Learn one leak for the layer, with the same needs.

        Raises:
            ValueError: A value is out of its range; the message names it.
        """
        super().__init__()
        alpha = None if surrogate_alpha is None else number("surrogate_alpha", surrogate_alpha, above=0.0)
        gain = number("surrogate_gain", surrogate_gain, above=0.0)
        self._options = LIFOptions(
            tau=number("tau", tau, low=1.0),
            decay_input=flag("decay_input", decay_input),
            v_th=number("v_th", v_th),
            v_reset=number("v_reset", v_reset),
            reset=reset,
            fires=fires,
            detach_reset=flag("detach_reset", detach_reset),
            surrogate=Surrogate(surrogate, alpha, flag("normalise_peak", normalise_peak), gain),
            leak=None if leak is None else number("leak", leak, low=0.0, high=1.0),
        )
        self.learn_threshold = flag("learn_threshold", learn_threshold)
        self.learn_leak = flag("learn_leak", learn_leak)
        if self.learn_threshold or self.learn_leak:
            _check_learned(self._options)
        o = self._options
        self.threshold = nn.Parameter(torch.tensor(o.v_th)) if self.learn_threshold else None
        self.leak = nn.Parameter(torch.tensor(o.decay)) if self.learn_leak else None

    @property
    def options(self) -> LIFOptions:
        """What the neuron does in a step now, learned values included."""
        learned = {"v_th": self.threshold, "leak": self.leak}
        found: dict[str, Any] = {name: value.item() for name, value in learned.items() if value is not None}
        return replace(self._options, **found) if found else self._options

    @torch.no_grad()
    def shift_threshold_(self, by: float) -> None:
        """Move the threshold by so much.

        Raises:
            ValueError: `by` is not a finite number, or leaves the threshold no higher than `v_reset`.
        """
        by = number("by", by)
        self._options = replace(self._options, v_th=self._options.v_th + by)
        if self.threshold is not None:
            self.threshold.add_(by)

    @torch.no_grad()
    def clamp_(self) -> None:
        """Keep the threshold above 0 and the leak in [0, 1]; call after every optimiser step."""
        super().clamp_()
        if self.threshold is not None:
            self.threshold.clamp_(min=LEAST_THRESHOLD)
        if self.leak is not None:
            self.leak.clamp_(0.0, 1.0)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        o = self._options
        names = ("tau", "decay_input", "v_th", "v_reset", "reset", "fires", "detach_reset", "leak")
        return {name: getattr(o, name) for name in names} | {
            "surrogate": o.surrogate.name,
            "surrogate_alpha": o.surrogate.alpha,
            "normalise_peak": o.surrogate.normalise_peak,
            "surrogate_gain": o.surrogate.gain,
            "learn_threshold": self.learn_threshold,
            "learn_leak": self.learn_leak,
        }

    def forward(
        self, x: Tensor, state: LIFState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, LIFState]:
        """Turn input current [T, B, ...] into spikes of the same shape."""
        check_input("LIF", x, "...")
        lengths = check_lengths(x, lengths)
        o = self.options
        v = x.new_full(x.shape[1:], o.v_reset)
        v = v if state is None else check_state("LIF", LIFState, state, v).v
        if self.threshold is None and self.leak is None:
            z, v = lif(x, v, o, lengths, is_local(), learning_steps(len(x)))
        else:
            threshold = x.new_tensor(o.v_th) if self.threshold is None else self.threshold
            leak = x.new_tensor(o.decay) if self.leak is None else self.leak
            z, v = learned_lif(x, v, threshold, leak, o, lengths, is_local())
        return z, LIFState(v)


def _check_learned(o: LIFOptions) -> None:
    """Refuse a neuron whose equations the kernel for learned thresholds and leaks does not have."""
    aim = "to learn a threshold or leak"
    for name, due in {"decay_input": False, "detach_reset": True, "v_reset": 0.0}.items():
        if getattr(o, name) != due:
            raise refusal(name, f"{due} {aim}", getattr(o, name))
    if o.reset == "hard_next_step":
        raise refusal("reset", f"'hard' or 'soft' {aim}", o.reset)
    if o.v_th < LEAST_THRESHOLD:
        raise refusal("v_th", f">= {LEAST_THRESHOLD} {aim}", o.v_th)


class ReLU(Layer):
    """Rectifiers: the neurons of a network without spikes, which `snn.train.convert` turns into spiking ones."""

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {}

    def forward(
        self, x: Tensor, state: tuple[()] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[()]]:
        """Set what is below 0 in [T, B, ...] to 0."""
        check_input("ReLU", x, "...")
        check_stateless("ReLU", state)
        return x.relu(), ()


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
        self.options = LIFOptions(
            tau=number("tau", tau, low=1.0), decay_input=flag("decay_input", decay_input)
        )

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {"tau": self.options.tau, "decay_input": self.options.decay_input}

    def forward(
        self, x: Tensor, state: ReadoutState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, ReadoutState]:
        """Turn input current [T, B, ...] into membranes of the same shape."""
        check_input("LeakyReadout", x, "...")
        lengths = check_lengths(x, lengths)
        first = x.new_zeros(x.shape[1:])
        first = first if state is None else check_state("LeakyReadout", ReadoutState, state, first).v
        y = integrate(x, first, self.options, is_local())
        return y, ReadoutState(_at_length(y, lengths, first))


def _at_length(v: Tensor, lengths: Tensor | None, first: Tensor) -> Tensor:
    """Take membranes v [T, B, ...] at each sample's last valid step: [B, ...]; `first` where it has none."""
    if lengths is None:
        return v[-1] if len(v) else first
    ends = lengths.reshape(1, -1, *[1] * (v.dim() - 2)).expand(1, *v.shape[1:])
    return torch.where(ends[0] > 0, v.gather(0, (ends - 1).clamp(min=0))[0], first)
