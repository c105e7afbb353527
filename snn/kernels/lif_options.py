"""What a layer of leaky integrate-and-fire neurons does in a step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from snn.core.checks import choice, number, refusal, whole
from snn.kernels.surrogate import Surrogate

__all__ = ["Fires", "LIFOptions", "Reset", "Spikes"]

Reset = Literal["hard", "soft", "hard_next_step"]
Fires = Literal[">=", ">"]
Spikes = Literal["single", "multiple"]

MOST_HELD = 2**31 - 1
"""Longest refractory time, steps."""
MOST_POTENTIAL = 1e38
"""Largest value at which a membrane may start: float32 holds it."""


@dataclass(frozen=True, slots=True)
class LIFOptions:
    """Fix what one neuron layer does in a step.

    Charge: h = v + (x - (v - v_leak)) / tau with `decay_input`, else v_leak + (v - v_leak)(1 - 1/tau) + x;
    spike where h reaches the threshold; then the reset. With `t_ref` the membrane then stays as it is for so many
    steps, and x is ignored. With `adapt_by` the threshold is v_th + theta: theta decays when a step begins, and
    rises by `adapt_by` at a spike. "multiple" spikes a step are 1 + floor((h - threshold) / reset_by).

    Attributes:
        tau: Membrane time constant in steps, >= 1 (1 forgets at once).
        decay_input: Divide the input by tau too.
        v_th: Threshold.
        v_reset: Value after a hard reset, below the threshold.
        reset: "hard" sets v_reset, "soft" subtracts `reset_by`, "hard_next_step" resets when the next step begins.
        fires: Test against the threshold.
        detach_reset: Keep the gradient out of the reset.
        surrogate: Derivative of the spike in the backward pass.
        leak: What is left of the membrane after a step, in [0, 1], in place of tau: one number, or one per neuron,
            [N]; not with `decay_input`.
        v_leak: Value towards which the membrane leaks, and where it starts; None: `v_reset`, as in SpikingJelly.
        reset_by: Fall of a soft reset, > 0; None: `v_th`. Only with "soft".
        t_ref: Steps that a neuron is held after a spike, >= 0.
        adapt_by: Rise of the threshold at a spike, >= 0; not with "hard_next_step".
        tau_adapt: Time constant of that rise, steps, >= 1: it decays by 1 - 1/tau_adapt. Needed with `adapt_by`.
        spikes: At most one spike a step, "single", or "multiple"; that needs a soft reset, and no `t_ref`.

    Raises:
        ValueError: A value is unknown or out of its range.
    """

    tau: float = 2.0
    decay_input: bool = True
    v_th: float = 1.0
    v_reset: float = 0.0
    reset: Reset = "hard"
    fires: Fires = ">="
    detach_reset: bool = False
    surrogate: Surrogate = field(default_factory=Surrogate)
    leak: float | tuple[float, ...] | None = None
    v_leak: float | None = None
    reset_by: float | None = None
    t_ref: int = 0
    adapt_by: float = 0.0
    tau_adapt: float | None = None
    spikes: Spikes = "single"

    def __post_init__(self) -> None:
        number("tau", self.tau, low=1)
        number("v_th", self.v_th)
        if number("v_reset", self.v_reset, low=-MOST_POTENTIAL) >= self.v_th:
            raise refusal("v_reset", f"below v_th = {self.v_th:g}", self.v_reset)
        if self.leak is not None:
            for value in (self.leak,) if self.leaks is None else self.leaks:
                number("leak", value, low=0, high=1)
            if self.decay_input:
                raise refusal("decay_input", "False where leak is given", self.decay_input)
        choice("reset", self.reset, Reset)
        choice("fires", self.fires, Fires)
        if self.v_leak is not None:
            number("v_leak", self.v_leak, low=-MOST_POTENTIAL, high=MOST_POTENTIAL)
        self._check_reset_by()
        whole("t_ref", self.t_ref, low=0, high=MOST_HELD)
        self._check_adaptation()
        if choice("spikes", self.spikes, Spikes) == "multiple":
            if self.reset != "soft":
                raise refusal("reset", "'soft' with spikes='multiple'", self.reset)
            if self.t_ref:
                raise refusal("t_ref", "0 with spikes='multiple': they are of one step", self.t_ref)

    def _check_reset_by(self) -> None:
        if self.reset_by is None:
            return
        number("reset_by", self.reset_by, above=0)
        if self.reset != "soft":
            raise refusal("reset_by", f"None with reset={self.reset!r}", self.reset_by)

    def _check_adaptation(self) -> None:
        number("adapt_by", self.adapt_by, low=0)
        if self.tau_adapt is not None:
            number("tau_adapt", self.tau_adapt, low=1)
            if self.reset == "hard_next_step":
                raise refusal("tau_adapt", "None with reset='hard_next_step'", self.tau_adapt)
        elif self.adapt_by:
            raise refusal("tau_adapt", "a number of steps >= 1 with adapt_by", None)

    @property
    def leaks(self) -> tuple[float, ...] | None:
        """Give the leak of each neuron, [N]; None where all have one, `decay`."""
        return self.leak if isinstance(self.leak, tuple) else None

    @property
    def decay(self) -> float:
        """Give what is left of the membrane after a step without input, where it is one number for all.

        Raises:
            ValueError: It is one per neuron.
        """
        if isinstance(self.leak, tuple):
            raise refusal("leak", "one number here", self.leak)
        return 1.0 - 1.0 / self.tau if self.leak is None else self.leak

    @property
    def rest(self) -> float:
        """Give the value towards which the membrane leaks, and where it starts."""
        return self.v_reset if self.v_leak is None else self.v_leak

    @property
    def fall(self) -> float:
        """Give the fall of a soft reset."""
        return self.v_th if self.reset_by is None else self.reset_by

    @property
    def adapts(self) -> bool:
        """Tell whether a spike raises the threshold."""
        return self.tau_adapt is not None

    @property
    def adapt_decay(self) -> float:
        """Give what is left of the threshold's rise after a step."""
        return 0.0 if self.tau_adapt is None else 1.0 - 1.0 / self.tau_adapt

    @property
    def plain(self) -> bool:
        """Tell whether the membrane is all that a neuron carries on, and it spikes once a step at most."""
        return self.t_ref == 0 and not self.adapts and self.spikes == "single"
