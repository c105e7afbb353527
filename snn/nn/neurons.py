"""Neurons as layers: leaky integrate-and-fire, and the readout that never spikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snn.core.checks import finite, flag, number, refusal, whole
from snn.kernels.generalised_lif import Carried, at_rest, generalised_lif
from snn.kernels.leaky_integrator import integrate
from snn.kernels.learned_lif import learned_lif
from snn.kernels.lif import lif
from snn.kernels.lif_options import Fires, LIFOptions, Reset, Spikes
from snn.kernels.step_local import is_local, learning_steps
from snn.kernels.surrogate import Surrogate, SurrogateName
from snn.nn.layer import Layer
from snn.nn.receptors import PerReceptor, at_length, flow, plain, read_receptors, start_of
from snn.nn.tensor_checks import check_input, check_lengths, check_state, check_stateless

__all__ = ["LIF", "LIFState", "LeakyReadout", "ReLU", "ReadoutState"]

LEAST_THRESHOLD = 1e-3
"""Smallest threshold that learning may reach."""


class LIFState(NamedTuple):
    """Carry the neurons on.

    Attributes:
        v: Membrane of each neuron, [B, N, ...].
        currents: Synaptic currents of the R receptors, one after another, [B, R N, ...]; () without `tau_syn`.
        refractory: Steps for which each is still held, int32 [B, N, ...]; () without `t_ref`.
        adaptation: Rise of each threshold, [B, N, ...]; () where it does not adapt.
    """

    v: Tensor
    currents: Tensor | tuple[()] = ()
    refractory: Tensor | tuple[()] = ()
    adaptation: Tensor | tuple[()] = ()


class ReadoutState(NamedTuple):
    """Carry the readout on.

    Attributes:
        v: Membrane of each unit, [B, N, ...].
        currents: Synaptic currents of the R receptors, one after another, [B, R N, ...]; () without `tau_syn`.
    """

    v: Tensor
    currents: Tensor | tuple[()] = ()


class LIF(Layer):
    """Leaky integrate-and-fire neurons; the defaults are SpikingJelly's `LIFNode`, bit for bit.

    With `tau_syn` the input flows into synaptic currents, which decay from step to step, and their sum drives the
    membrane in the same step. Of several receptors each has its part of the input's axis of features: of x
    [T, B, R N, ...] the first N features arrive at the first receptor, so `Linear(n_in, R * N)` leads to N neurons.

    Args:
        tau: Membrane time constant in steps, >= 1; the decay per step is 1 - 1/tau.
        decay_input: Divide the input by tau too.
        v_th: Threshold, above `v_reset`.
        v_reset: Value after a hard reset; below `v_th`.
        reset: "hard", "soft" (subtract `reset_by`) or "hard_next_step".
        fires: Spike where v ">=" or ">" the threshold.
        detach_reset: Keep the gradient out of the reset.
        surrogate: Shape of the spike's derivative: sigmoid, atan, triangle, rectangle.
        surrogate_alpha: Its sharpness, > 0; None takes SpikingJelly's default of that shape.
        normalise_peak: Scale the derivative so that its peak is 1.
        surrogate_gain: Factor of the derivative, > 0.
        leak: What is left of the membrane after a step, in [0, 1], in place of tau: one number, or one for each of
            N neurons in a row (slower, but for recurrent ones); None: 1 - 1/tau.
        learn_threshold: Learn one threshold for the layer, from v_th on. The surrogate is then a function of
            v / v_th - 1, and a spike has no gradient through its reset. Needs decay_input=False,
            detach_reset=True, v_reset=0, reset "hard" or "soft" (IIR-SNN's neuron), and of the options below
            `tau_syn` and `syn_leak` at most.
        learn_leak: Learn one leak for the layer, with the same needs.
        v_leak: Value towards which the membrane leaks, and where it starts; None: `v_reset`, as SpikingJelly.
        reset_by: Fall of a soft reset, > 0; None: v_th. A threshold subtracted after the next leak instead, as
            in snnTorch's `Leaky`, is a fall of v_th / leak.
        tau_syn: Synaptic time constant in steps, >= 1, or one per receptor by name: the current decays by
            1 - 1/tau_syn in a step. None: what arrives drives the membrane itself, in that step alone.
        syn_leak: What is left of the current after a step, in [0, 1], in place of tau_syn.
        t_ref: Refractory steps after a spike, >= 0, in which the membrane stays and the drive is ignored.
        adapt_by: Rise of the threshold at a spike, >= 0; not with "hard_next_step".
        tau_adapt: Time constant in steps, >= 1, with which that rise decays: by 1 - 1/tau_adapt a step.
        spikes: "single": one spike a step at most. "multiple": 1 + floor((v - threshold) / reset_by) of them
            where v reaches the threshold; needs a soft reset, and no t_ref.

    Raises:
        ValueError: A value is out of its range; the message names it.
    """

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
        leak: float | Sequence[float] | None = None,
        learn_threshold: bool = False,
        learn_leak: bool = False,
        v_leak: float | None = None,
        reset_by: float | None = None,
        tau_syn: PerReceptor | None = None,
        syn_leak: PerReceptor | None = None,
        t_ref: int = 0,
        adapt_by: float = 0.0,
        tau_adapt: float | None = None,
        spikes: Spikes = "single",
    ) -> None:
        """Fix the neuron; the class tells what the arguments are."""
        super().__init__()
        self._options = LIFOptions(
            tau=number("tau", tau, low=1.0),
            decay_input=flag("decay_input", decay_input),
            v_th=number("v_th", v_th),
            v_reset=number("v_reset", v_reset),
            reset=reset,
            fires=fires,
            detach_reset=flag("detach_reset", detach_reset),
            surrogate=_surrogate(surrogate, surrogate_alpha, normalise_peak, surrogate_gain),
            leak=_leak(leak),
            v_leak=None if v_leak is None else number("v_leak", v_leak),
            reset_by=None if reset_by is None else number("reset_by", reset_by, above=0.0),
            t_ref=whole("t_ref", t_ref, low=0),
            adapt_by=number("adapt_by", adapt_by, low=0.0),
            tau_adapt=None if tau_adapt is None else number("tau_adapt", tau_adapt, low=1.0),
            spikes=spikes,
        )
        self.receptors = read_receptors(tau_syn, syn_leak)
        self._given_receptors = {"tau_syn": plain(tau_syn), "syn_leak": plain(syn_leak)}
        self.learn_threshold = flag("learn_threshold", learn_threshold)
        self.learn_leak = flag("learn_leak", learn_leak)
        if self.learn_threshold or self.learn_leak:
            _check_learned(self._options)
        self.threshold = nn.Parameter(torch.tensor(self._options.v_th)) if self.learn_threshold else None
        self.leak = nn.Parameter(torch.tensor(self._options.decay)) if self.learn_leak else None

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
        names = [
            *("tau", "decay_input", "v_th", "v_reset", "reset", "fires", "detach_reset", "leak"),
            *("v_leak", "reset_by", "t_ref", "adapt_by", "tau_adapt", "spikes"),
        ]
        return (
            {name: getattr(o, name) for name in names}
            | {"leak": list(o.leak) if isinstance(o.leak, tuple) else o.leak}
            | self._given_receptors
            | {
                "surrogate": o.surrogate.name,
                "surrogate_alpha": o.surrogate.alpha,
                "normalise_peak": o.surrogate.normalise_peak,
                "surrogate_gain": o.surrogate.gain,
                "learn_threshold": self.learn_threshold,
                "learn_leak": self.learn_leak,
            }
        )

    def forward(
        self, x: Tensor, state: LIFState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, LIFState]:
        """Turn input current [T, B, R N, ...] into spikes [T, B, N, ...]; R is 1 but for several receptors."""
        check_input("LIF", x, "...")
        lengths = check_lengths(x, lengths)
        now = self.at_rest(x) if state is None else check_state("LIF", LIFState, state, *self.at_rest(x))
        return self.run_neurons(x, now, lengths)

    def run_neurons(self, x: Tensor, now: LIFState, lengths: Tensor | None) -> tuple[Tensor, LIFState]:
        """Run the neurons on what arrives, [T, B, R N, ...], from a state, unchecked; recurrent synapses aside."""
        x, currents = flow("LIF", self.receptors, x, now.currents, lengths)
        o, learns = self.options, learning_steps(len(x))
        if self.threshold is not None or self.leak is not None:
            threshold = x.new_tensor(o.v_th) if self.threshold is None else self.threshold
            leak = x.new_tensor(o.decay) if self.leak is None else self.leak
            z, v = learned_lif(x, now.v, threshold, leak, o, lengths, is_local())
            return z, LIFState(v, currents)
        if o.plain:
            z, v = lif(x, now.v, o, lengths, is_local(), learns)
            return z, LIFState(v, currents)
        carried = Carried(now.v, now.refractory, now.adaptation)
        z, carried = generalised_lif(x, carried, o, lengths, is_local(), learns)
        return z, LIFState(carried.v, currents, carried.held, carried.theta)

    def at_rest(self, x: Tensor) -> LIFState:
        """Give the state before any input x [T, B, R N, ...]."""
        one, currents = start_of("LIF", self.receptors, x)
        v, held, theta = at_rest(one, self.options)
        return LIFState(v, currents, held, theta)


def _surrogate(name: Any, alpha: Any, normalise_peak: Any, gain: Any) -> Surrogate:
    """Check the arguments of a surrogate, which name themselves as the layers do."""
    sharpness = None if alpha is None else number("surrogate_alpha", alpha)
    return Surrogate(name, sharpness, flag("normalise_peak", normalise_peak), number("surrogate_gain", gain))


def _leak(given: Any) -> float | tuple[float, ...] | None:
    """Check what is left of membranes after a step: None, one number, or one per neuron."""
    if given is None:
        return None
    if not isinstance(given, list | tuple) and getattr(given, "ndim", 0) == 0:
        return number("leak", given, low=0.0, high=1.0)
    values = finite("leak", given, low=0.0, high=1.0)
    if values.ndim != 1 or not values.size:
        raise refusal("leak", "one number or one per neuron, [N]", values)
    return tuple(values.tolist())


def _check_learned(o: LIFOptions) -> None:
    """Refuse a neuron whose equations the kernel for learned thresholds and leaks does not have."""
    aim = "to learn a threshold or leak"
    if o.leaks is not None:
        raise refusal("leak", f"one number {aim}", o.leak)
    for name, due in {"decay_input": False, "detach_reset": True, "v_reset": 0.0}.items():
        if getattr(o, name) != due:
            raise refusal(name, f"{due} {aim}", getattr(o, name))
    if o.reset == "hard_next_step":
        raise refusal("reset", f"'hard' or 'soft' {aim}", o.reset)
    if o.v_th < LEAST_THRESHOLD:
        raise refusal("v_th", f">= {LEAST_THRESHOLD} {aim}", o.v_th)
    unused = {"v_leak": None, "reset_by": None, "t_ref": 0, "tau_adapt": None, "spikes": "single"}
    for name, usual in unused.items():
        if getattr(o, name) != usual:
            raise refusal(name, f"{usual!r} {aim}", getattr(o, name))


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
    """Leaky integrators that never spike: their membrane is the output. Receptors are as in `LIF`."""

    def __init__(
        self,
        tau: float = 2.0,
        *,
        decay_input: bool = False,
        v_leak: float = 0.0,
        tau_syn: PerReceptor | None = None,
        syn_leak: PerReceptor | None = None,
    ) -> None:
        """Fix the time constants.

        Args:
            tau: Membrane time constant in steps, >= 1; the decay per step is 1 - 1/tau.
            decay_input: Divide the input by tau too.
            v_leak: Value towards which the membrane leaks, and where it starts.
            tau_syn: As in `LIF`.
            syn_leak: As in `LIF`.

        Raises:
            ValueError: A value is out of its range; the message names it.
        """
        super().__init__()
        self.options = LIFOptions(
            tau=number("tau", tau, low=1.0),
            decay_input=flag("decay_input", decay_input),
            v_leak=number("v_leak", v_leak),
        )
        self.receptors = read_receptors(tau_syn, syn_leak)
        self._given_receptors = {"tau_syn": plain(tau_syn), "syn_leak": plain(syn_leak)}

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        o = self.options
        return {"tau": o.tau, "decay_input": o.decay_input, "v_leak": o.rest} | self._given_receptors

    def forward(
        self, x: Tensor, state: ReadoutState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, ReadoutState]:
        """Turn input current [T, B, R N, ...] into membranes [T, B, N, ...]."""
        check_input("LeakyReadout", x, "...")
        lengths = check_lengths(x, lengths)
        one, currents = start_of("LeakyReadout", self.receptors, x)
        now = ReadoutState(torch.full_like(one, self.options.rest), currents)
        now = now if state is None else check_state("LeakyReadout", ReadoutState, state, *now)
        x, currents = flow("LeakyReadout", self.receptors, x, now.currents, lengths)
        y = integrate(x, now.v, self.options, is_local())
        return y, ReadoutState(at_length(y, lengths, now.v), currents)
