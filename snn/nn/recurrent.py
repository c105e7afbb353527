"""Recurrent neurons: each is connected to all of its layer, with a learned delay per synapse."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from snn.core.checks import choice, refusal, whole
from snn.kernels.delay.two_tap import delayed_linear
from snn.kernels.recurrent_lif import recurrent_lif
from snn.kernels.step_local import is_local
from snn.nn.delays import DelayedLayer, steps_before_end
from snn.nn.neurons import LIF
from snn.nn.tensor_checks import check_input, check_lengths, check_size, check_state

__all__ = ["RecurrentLIF", "RecurrentLIFState", "RecurrentMode"]

RecurrentMode = Literal["linear", "integer", "fixed"]


class RecurrentLIFState(NamedTuple):
    """Carry the neurons on, and the spikes that have not arrived yet.

    Attributes:
        v: Membrane of each neuron, [B, N].
        past: The last max_delay steps of spikes, [max_delay, B, N].
    """

    v: Tensor
    past: Tensor


class RecurrentLIF(DelayedLayer, LIF):
    """LIF neurons, all connected to all, through a delay of 1 to max_delay steps per synapse.

    The input is what comes from outside, after any BatchNorm; recurrent current is added to it. In training a
    synapse interpolates between the two steps around its delay; in evaluation its delay is rounded.
    """

    def __init__(
        self, features: int, max_delay: int, mode: RecurrentMode = "linear", tau: float = 2.0, **neuron: Any
    ) -> None:
        """Make weights uniform in +-1 / sqrt(features) and delays spread over 1..max_delay.

        Args:
            features: Neurons N, >= 1.
            max_delay: Largest delay, steps, >= 1.
            mode: "linear": delays learn; "integer": rounded in training too; "fixed": drawn, whole, and kept.
            tau: Membrane time constant, steps, >= 1, as in `LIF`.
            **neuron: The other arguments of `LIF`.

        Raises:
            ValueError: A size is not a whole number >= 1, or a value is unknown or out of its range.
            TypeError: An argument that LIF does not have.
            MemoryError: The weights would not fit.
        """
        super().__init__(tau, **neuron)
        if self.learn_threshold or self.learn_leak:
            name = "learn_threshold" if self.learn_threshold else "learn_leak"
            raise refusal(name, "False for recurrent neurons", True)
        self.features = whole("features", features, low=1)
        self.min_delay, self.max_delay = 1, whole("max_delay", max_delay, low=1)
        self.mode: RecurrentMode = choice("mode", mode, RecurrentMode)
        shape = (self.features, self.features)
        check_size("RecurrentLIF", *shape)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-1, 1) / self.features**0.5)
        self._make_positions(shape, self.centre - self.max_delay, learn=self.mode != "fixed")

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        own = {name: getattr(self, name) for name in ("features", "max_delay", "mode")}
        return own | super().config()

    def forward(  # type: ignore[override]
        self, x: Tensor, state: RecurrentLIFState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, RecurrentLIFState]:
        """Turn input current [T, B, N] into spikes of the same shape."""
        check_input("RecurrentLIF", x, self.features, weight=self.weight)
        lengths = check_lengths(x, lengths)
        x = x.to(self.weight.dtype)  # autocast gives half precision
        learning = self.training and self.mode == "linear"
        delay = self.delays() if learning else self.delay_steps().to(self.weight.dtype)
        synapses = (self.weight_in_use(), delay, self.max_delay)
        past = x.new_zeros(self.max_delay, *x.shape[1:])
        v = x.new_full(x.shape[1:], self.options.v_reset)
        if state is not None:
            v, past = check_state("RecurrentLIF", RecurrentLIFState, state, v, past)
            past = past.detach() if is_local() else past
            # spikes sent before this run that arrive in it; recurrent_lif adds those that are sent in it
            from_past = delayed_linear(torch.cat([past, torch.zeros_like(x)]), *synapses)
            x = x + from_past[self.max_delay :]
        z, v = recurrent_lif(x, v, *synapses, self.options, lengths, is_local())
        seen = torch.cat([past, z])
        return z, RecurrentLIFState(v, steps_before_end(seen, x.shape[0], lengths, self.max_delay))
