"""A liquid: neurons with fixed random connections, described once, run as layers or by events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy.sparse

from snn.core import Events, LIFParams, Network, Population, Projection, simulate
from snn.core.arrays import Float32Array, Int64Array
from snn.core.checks import choice, instance, number, refusal, whole, wholes
from snn.core.projection import checked_weight
from snn.core.recording import Record
from snn.core.units import MOST_STEPS_AT_ONCE
from snn.liquid.features import Features, event_features, spike_features
from snn.liquid.run_cost import faster_engine

if TYPE_CHECKING:
    from snn.nn import Sequential

__all__ = ["Engine", "Reservoir"]

Engine = Literal["auto", "layers", "event"]

IN, LIQUID = "in", "liquid"
"""Populations of a liquid's network."""


@dataclass(frozen=True, slots=True, eq=False)
class Reservoir:
    """Describe a liquid; nothing in it learns.

    Attributes:
        w_in: Weights of the input, [in, N]: dense, or SciPy CSR; a zero is no synapse.
        w_rec: Recurrent weights, [N, N], rows the senders: dense or CSR.
        neuron: The neurons; numbers are one for all, or one per neuron.
        delays: Recurrent delays, whole steps >= 1: one for all, one per sender [N, 1], dense [N, N], or aligned
            with the data of a CSR `w_rec`. In steps as the grid has them, whatever its dt.

    Raises:
        ValueError: A weight is not finite, `w_rec` is not square or of another size, a delay is below 1, or a
            number of the neurons is not one per neuron; the message names it.
    """

    w_in: Any
    w_rec: Any
    neuron: LIFParams
    delays: Any = 1

    def __post_init__(self) -> None:
        w_in, w_rec = checked_weight("w_in", self.w_in), checked_weight("w_rec", self.w_rec)
        if w_rec.shape[0] != w_rec.shape[1]:
            raise refusal("w_rec", "square, [N, N]", list(w_rec.shape))
        if w_in.shape[1] != w_rec.shape[0]:
            raise refusal("w_in", f"of shape [in, {w_rec.shape[0]}], as w_rec", list(w_in.shape))
        Population(LIQUID, w_rec.shape[0], instance("neuron", self.neuron, LIFParams))
        object.__setattr__(self, "w_in", w_in)
        object.__setattr__(self, "w_rec", w_rec)
        object.__setattr__(self, "delays", _checked_delays(self.delays, w_rec))

    def __repr__(self) -> str:
        synapses = ", ".join(f"{name} {_count(getattr(self, name))}" for name in ("w_in", "w_rec"))
        return f"Reservoir({self.n_in} inputs, {self.size} neurons; synapses: {synapses})"

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return int(self.w_in.shape[0])

    @property
    def size(self) -> int:
        """Number of neurons N."""
        return int(self.w_rec.shape[0])

    @property
    def recurrent_synapses(self) -> int:
        """Number of recurrent synapses: nonzero weights."""
        return _count(self.w_rec)

    @property
    def max_delay(self) -> int:
        """Longest recurrent delay, steps."""
        return int(self.delays.max(initial=1))

    @property
    def fingerprint(self) -> str:
        """A digest of all that decides a run, the length of a step aside."""
        return self.network(1.0).fingerprint

    def without_recurrence(self) -> Reservoir:
        """Give the same neurons without connections between them: the control of every liquid."""
        return Reservoir(self.w_in, scipy.sparse.csr_array((self.size, self.size)), self.neuron)

    def without_delays(self) -> Reservoir:
        """Give the same liquid with every recurrent delay one step."""
        return Reservoir(self.w_in, self.w_rec, self.neuron)

    def network(self, dt_ms: float) -> Network:
        """Describe the liquid for the event engines: a source "in" and the population "liquid".

        Args:
            dt_ms: Length of a step, ms.

        Raises:
            ValueError: A value that does not fit the grid.
            MemoryError: It would not fit once laid out.
        """
        delay_ms = self.delays * float(dt_ms)
        if delay_ms.ndim and isinstance(self.w_rec, np.ndarray):
            delay_ms = np.broadcast_to(delay_ms, self.w_rec.shape)
        return Network(
            dt_ms,
            [Population(IN, self.n_in), Population(LIQUID, self.size, self.neuron)],
            [
                Projection(IN, LIQUID, self.w_in, 0.0),
                Projection(LIQUID, LIQUID, self.w_rec, delay_ms),
            ],
        )

    def layers(self, dt_ms: float) -> Sequential:
        """Describe the liquid as torch layers without trainable parameters, [T, B, in] to spikes [T, B, N].

        A layer holds a weight for every pair, so this is for hundreds of neurons. Where all synapses of a sender
        share its delay the layer has one delay per sender ("axonal").

        Args:
            dt_ms: Length of a step, ms.

        Raises:
            ValueError: The neurons have an option that layers do not have, or have for all neurons alone.
            MemoryError: The weights would not fit.
        """
        from snn.liquid.layers import reservoir_layers

        return reservoir_layers(self, dt_ms)

    def run(
        self,
        events: Events,
        windows: int = 1,
        features: Features = "counts",
        *,
        trace_ms: float = 20.0,
        engine: Engine = "auto",
    ) -> Float32Array:
        """Run samples through the liquid and give what a readout sees of its spikes.

        Args:
            events: Input of n_in units; each sample runs for its own length.
            windows: Equal parts of each sample, >= 1; step k of n lies in part floor(k windows / n).
            features: "counts": spikes per neuron and window. "traces": per neuron the sum of exp(-age / trace_ms)
                over all spikes so far, read at the end of each window.
            trace_ms: Time constant of traces, ms.
            engine: "layers" or "event", both in float64; "auto" takes the one that is faster by measured costs.
                They sum in one order, so spikes are equal.

        Returns:
            Features, float32 [B, windows N], window by window.

        Raises:
            ValueError: An argument is not as said, or the engine cannot run these neurons.
            TypeError: `events` are none.
        """
        return self.runner(events, windows, features, trace_ms, engine)(0, len(events))

    def runner(
        self,
        events: Events,
        windows: int = 1,
        features: Features = "counts",
        trace_ms: float = 20.0,
        engine: Engine = "auto",
    ) -> Callable[[int, int], Float32Array]:
        """Give what `run` gives of the samples from one number to another: a function of the two.

        Raises:
            ValueError, TypeError: As `run`.
        """
        self.check_input(events)
        given = (whole("windows", windows, low=1), choice("features", features, Features))
        trace_ms = number("trace_ms", trace_ms, above=0)
        if choice("engine", engine, Engine) == "auto":
            engine = faster_engine(self, events)
        if engine == "layers":
            from snn.liquid.layers import runner

            return partial(spike_features, runner(self, events.dt_ms), events, self.size, *given, trace_ms)
        return partial(_by_events, self.network(events.dt_ms), events, *given, trace_ms)

    def check_input(self, events: Any) -> None:
        """Refuse what the liquid cannot be given.

        Raises:
            TypeError: It is no `Events`.
            ValueError: It has another number of units.
        """
        if not isinstance(events, Events):
            raise TypeError(f"events must be Events, got {type(events).__name__}")
        if events.n_units != self.n_in:
            raise refusal("n_units of events", f"{self.n_in}, the inputs of the liquid", events.n_units)


_AT_ONCE = 256
"""Samples of a run by events whose spikes are in memory at a time."""


def _by_events(
    net: Network, events: Events, windows: int, features: Features, trace_ms: float, start: int, stop: int
) -> Float32Array:
    """Give the features of the samples from `start` to `stop` by the event engine."""
    found = [np.zeros((0, windows * net.population(LIQUID).size), dtype=np.float32)]
    for first in range(start, stop, _AT_ONCE):
        part = events.select(np.arange(first, min(first + _AT_ONCE, stop)))
        spikes = simulate(net, {IN: part}, record=Record(spikes=[LIQUID])).spikes[LIQUID]
        found.append(event_features(spikes, windows, features, trace_ms))
    return np.concatenate(found)


def _count(weight: Any) -> int:
    """Count synapses."""
    return int(np.count_nonzero(weight if isinstance(weight, np.ndarray) else weight.data))


def _checked_delays(delays: Any, w_rec: Any) -> Int64Array:
    """Give whole delays >= 1 that fit `w_rec`, read-only."""
    steps = np.array(wholes("delays", delays, low=1, high=MOST_STEPS_AT_ONCE))
    size = w_rec.shape[0]
    dense = isinstance(w_rec, np.ndarray)
    if steps.shape == (size, 1):
        per_sender = steps[:, 0]
        steps = steps if dense else np.repeat(per_sender, np.diff(w_rec.indptr))
    elif steps.shape not in ((), (size, size), () if dense else w_rec.data.shape):
        data = "" if dense else f" or [{w_rec.data.size}] (one per entry of w_rec)"
        raise refusal("delays", f"one number or of shape [{size}, 1] or [{size}, {size}]{data}", steps)
    steps.flags.writeable = False
    return steps
