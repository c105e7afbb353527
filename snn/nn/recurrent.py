"""Recurrent neurons: each is connected to all of its layer, with a learned delay per synapse."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from snn.core.checks import choice, refusal, whole
from snn.kernels.delay.two_tap import delayed_linear
from snn.kernels.generalised_lif import Carried
from snn.kernels.recurrent_generalised_lif import recurrent_generalised_lif
from snn.kernels.recurrent_lif import recurrent_lif
from snn.kernels.step_local import is_local
from snn.nn.delays import MOST_DELAY, DelayedLayer, steps_before_end
from snn.nn.neurons import LIF
from snn.nn.tensor_checks import check_input, check_lengths, check_size, check_state

__all__ = ["RecurrentLIF", "RecurrentLIFState", "RecurrentMode"]

RecurrentMode = Literal["linear", "integer", "fixed"]


class RecurrentLIFState(NamedTuple):
    """Carry the neurons on, and the spikes that have not arrived yet.

    Attributes:
        v: Membrane of each neuron, [B, N].
        past: The last max_delay steps of spikes, [max_delay, B, N].
        currents: As in `LIFState`.
        refractory: As in `LIFState`.
        adaptation: As in `LIFState`.
    """

    v: Tensor
    past: Tensor
    currents: Tensor | tuple[()] = ()
    refractory: Tensor | tuple[()] = ()
    adaptation: Tensor | tuple[()] = ()


class RecurrentLIF(DelayedLayer, LIF):
    """LIF neurons, all connected to all, through a delay of 1 to max_delay steps per synapse.

    The input is what comes from outside, after any BatchNorm; recurrent current is added to it. In training a
    synapse interpolates between the two steps around its delay; in evaluation its delay is rounded. With synaptic
    currents, or options that a plain neuron has not (see `LIFOptions.plain`), the steps run one by one: right, but
    several times slower.
    """

    def __init__(
        self,
        features: int,
        max_delay: int,
        mode: RecurrentMode = "linear",
        tau: float = 2.0,
        *,
        receptor: str | None = None,
        sharing: Literal["synapse", "axonal"] = "synapse",
        **neuron: Any,
    ) -> None:
        """Make weights uniform in +-1 / sqrt(features) and delays spread over 1..max_delay.

        Args:
            features: Neurons N, >= 1.
            max_delay: Largest delay, steps, in 1..2^24.
            mode: "linear": delays learn; "integer": rounded in training too; "fixed": drawn, whole, and kept.
            tau: Membrane time constant, steps, >= 1, as in `LIF`.
            sharing: A delay of its own for each "synapse", or one for all synapses of a sender ("axonal").
            receptor: Name of the receptor at which recurrent spikes arrive, where receptors have names.
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
        self.receptor = choice(
            "receptor", receptor, (None,) if self.receptors is None else self.receptors.names
        )
        self.features = whole("features", features, low=1)
        leaks = self.options.leaks
        if leaks is not None and len(leaks) != self.features:
            raise refusal("leak", f"one number or {self.features}, one per neuron", len(leaks))
        self.min_delay, self.max_delay = 1, whole("max_delay", max_delay, low=1, high=MOST_DELAY)
        self.mode: RecurrentMode = choice("mode", mode, RecurrentMode)
        self.sharing = choice("sharing", sharing, ("synapse", "axonal"))
        shape = (self.features, self.features)
        check_size("RecurrentLIF", *shape)
        self.weight = nn.Parameter(torch.empty(shape).uniform_(-1, 1) / self.features**0.5)
        senders = (1, self.features) if self.sharing == "axonal" else shape
        self._make_positions(senders, self.centre - self.max_delay, learn=self.mode != "fixed")

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        own = {name: getattr(self, name) for name in ("features", "max_delay", "mode", "receptor", "sharing")}
        return own | super().config()

    def forward(  # type: ignore[override]
        self, x: Tensor, state: RecurrentLIFState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, RecurrentLIFState]:
        """Turn input current [T, B, R N] into spikes [T, B, N]; R is 1 but for several receptors."""
        check_input("RecurrentLIF", x, self.features * self._parts, weight=self.weight)
        lengths = check_lengths(x, lengths)
        x = x.to(self.weight.dtype)  # autocast gives half precision
        learning = self.training and self.mode == "linear"
        delay = self.delays() if learning else self.delay_steps().to(self.weight.dtype)
        synapses = (self.weight_in_use(), delay, self.max_delay)
        now = self.at_rest(x)
        if state is not None:
            now = check_state("RecurrentLIF", RecurrentLIFState, state, *now)
            now = now._replace(past=now.past.detach() if is_local() else now.past)
            # spikes sent before this run that arrive in it; the kernels add those that are sent in it
            room = x.new_zeros(len(x), *now.past.shape[1:])
            from_past = delayed_linear(torch.cat([now.past, room]), *synapses)
            x = x + self.at_receptor(from_past[self.max_delay :])
        z, after = self._run(x, now, synapses, lengths)
        seen = torch.cat([now.past, z])
        return z, after._replace(past=steps_before_end(seen, x.shape[0], lengths, self.max_delay))

    def at_receptor(self, current: Tensor) -> Tensor:
        """Place what recurrent spikes bring, [..., N], at its receptor's part of the input, [..., R N]."""
        after = self._parts - 1 - self._place
        return functional.pad(current, (self._place * self.features, after * self.features))

    def at_rest(self, x: Tensor) -> RecurrentLIFState:  # type: ignore[override]
        """Give the state before any input x [T, B, R N]: no spike is on its way."""
        v, *others = super().at_rest(x)
        return RecurrentLIFState(v, x.new_zeros(self.max_delay, *v.shape), *others)

    def _run(
        self,
        x: Tensor,
        now: RecurrentLIFState,
        synapses: tuple[Tensor, Tensor, int],
        lengths: Tensor | None,
    ) -> tuple[Tensor, RecurrentLIFState]:
        """Run the neurons from a state whose past spikes are in x already."""
        if self.receptors is None and self.options.plain:
            z, v = recurrent_lif(x, now.v, *synapses, self.options, lengths, is_local())
            return z, now._replace(v=v)
        z, carried, currents = recurrent_generalised_lif(
            x,
            Carried(now.v, now.refractory, now.adaptation),
            now.currents,
            synapses,
            self.options,
            lengths,
            syn_decays=() if self.receptors is None else self.receptors.decays,
            receptor=self._place,
            local=is_local(),
        )
        return z, RecurrentLIFState(carried.v, now.past, currents, carried.held, carried.theta)

    @property
    def _parts(self) -> int:
        """Count the parts of the input."""
        return 1 if self.receptors is None else len(self.receptors.names)

    @property
    def _place(self) -> int:
        """Give the number of the receptor at which recurrent spikes arrive."""
        return 0 if self.receptors is None else self.receptors.names.index(self.receptor)
