"""Where samples of engine="exact" start and stand: from one run to the next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NoReturn

import numpy as np

from snn.core.arrays import Float64Array, Int64Array, PathLike
from snn.core.events import Events
from snn.core.exact.layout import ExactArrays, exact_arrays_of
from snn.core.exact.sample import SampleState
from snn.core.layout.neuron_arrays import neuron_arrays_of
from snn.core.network import Network
from snn.core.neurons import NeuronParams, per_neuron
from snn.core.state import SimulationState, check_held
from snn.core.timed_events import TimedEvents, times_of


@dataclass(frozen=True, slots=True, eq=False)
class ExactState(SimulationState):
    """Hold where samples of engine="exact" stand; only that engine goes on from here.

    Attributes:
        hold_ms: Time for which each neuron is still held, [B, N], ms, per population with neurons;
            `refractory` is that in whole steps, rounded up.
    """

    _EVENTS: ClassVar[type[Events]] = TimedEvents

    hold_ms: dict[str, Float64Array]

    def check(self, network: Network) -> None:
        """Refuse a state that does not fit `network` in every part, as `SimulationState.check`.

        Raises:
            ValueError: As said above; the message names the part.
        """
        SimulationState.check(self, network)
        self._check_names("hold_ms", list(self.v))
        for name in self.hold_ms:
            population = network.population(name)
            self._numbers("hold_ms", name, population.size, low=-1.0)
            longest = _longest_ms(population.neuron, population.size, network.dt_ms)
            check_held(f"state: hold_ms[{name!r}]", self.hold_ms[name], longest, "ms (t_ref_ms)")

    def _longest_held(self, neuron: NeuronParams, size: int, dt_ms: float) -> Int64Array:
        return np.asarray(np.ceil(_longest_ms(neuron, size, dt_ms) / dt_ms), dtype=np.int64)

    def _horizon(self, network: Network) -> int:
        return horizon_of(network)

    @classmethod
    def load(cls, path: PathLike) -> NoReturn:
        """Refuse: no file holds such a state.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"{path}: the state of engine='exact' is kept in memory only, no file holds one")

    def save(self, path: PathLike) -> NoReturn:
        """Refuse: the state file keeps steps, and would lose the times.

        Raises:
            ValueError: Always.
        """
        raise ValueError("the state of engine='exact' is kept in memory only: its file would lose times")


def _longest_ms(neuron: NeuronParams | None, size: int, dt_ms: float) -> Float64Array:
    """Time for which each neuron may be held, [N], ms, with room for the rounding of times."""
    return per_neuron("t_ref_ms", getattr(neuron, "t_ref_ms", 0.0), size) + 1e-3 * dt_ms


def horizon_of(network: Network) -> int:
    """Steps for which a spike of `network` may be on its way."""
    longest = float(exact_arrays_of(network).delay.max(initial=0.0))
    return math.ceil(longest / network.dt_ms) + 1


def slices_of(network: Network, arrays: ExactArrays) -> dict[str, slice]:
    """Give the units of each population, in the order of a step."""
    bounds = arrays.first.tolist()
    return {name: slice(bounds[p], bounds[p + 1]) for p, name in enumerate(network.order)}


def start_sample(
    network: Network, arrays: ExactArrays, slices: dict[str, slice], before: ExactState | None, b: int
) -> SampleState:
    """Set up sample b: at rest, or where an earlier run left it."""
    units = arrays.tau.size
    state = SampleState(
        v=arrays.v_rest.copy(),
        current=np.zeros((2, units)),
        as_of_ms=np.zeros(units),
        held_until_ms=np.full(units, -np.inf),
        drive=neuron_arrays_of(network).bias.copy(),
        driven_until_ms=np.zeros(units),
        soonest_ms=np.zeros(units),
        touched=np.zeros(len(slices), dtype=np.int64),
        delay_reads=np.zeros(arrays.pre.size, dtype=np.int64),
        burst_ms=np.zeros(units),
        burst=np.zeros(units, dtype=np.int64),
        dt_ms=network.dt_ms,
    )
    if before is not None:
        for name, v in before.v.items():
            state.v[slices[name]] = v[b]
            state.held_until_ms[slices[name]] = before.hold_ms[name][b]
        for name, currents in before.currents.items():
            state.current[: currents.shape[1], slices[name]] = currents[b]
    return state


def finish_batch(
    network: Network,
    slices: dict[str, slice],
    samples: Sequence[SampleState],
    before: ExactState | None,
    spikes: Mapping[str, Events],
    lengths: Int64Array,
    horizon: int,
) -> ExactState:
    """Collect where the samples stand, per population.

    Args:
        network: The network.
        slices: Units of each of its populations.
        samples: Where each sample stands.
        before: Where they stood before the run.
        spikes: Spikes of the run, per population, sources included.
        lengths: Steps of each sample.
        horizon: Steps for which a spike may be on its way.
    """
    ends = (lengths * network.dt_ms).tolist()
    v, currents, hold = {}, {}, {}
    for population in network.populations:
        if population.neuron is not None:
            name, units, size = population.name, slices[population.name], population.size
            v[name] = _stack([sample.v[units] for sample in samples], size)
            left = [sample.held_until_ms[units] - end for sample, end in zip(samples, ends, strict=True)]
            hold[name] = np.maximum(_stack(left, size), -1.0)  # over is over, by how much does not count
            if population.receptors:
                of_receptor = slice(len(population.receptors))
                rows = [sample.current[of_receptor, units] for sample in samples]
                currents[name] = np.array(rows).reshape(len(samples), len(population.receptors), size)
    return ExactState(
        fingerprint=network.fingerprint,
        v=v,
        currents=currents,
        refractory={
            name: np.ceil(np.maximum(left, 0.0) / network.dt_ms).astype(np.int64)
            for name, left in hold.items()
        },
        recent={
            name: _latest(made, None if before is None else before.recent[name], lengths, horizon)
            for name, made in spikes.items()
        },
        adaptation={},
        steps=lengths + (0 if before is None else before.steps),
        seed=0,
        weights={},
        traces_pre={},
        traces_post={},
        hold_ms=hold,
    )


def _latest(spikes: Events, before: Events | None, lengths: Int64Array, horizon: int) -> TimedEvents:
    """Keep the spikes of the last `horizon` steps, earlier runs included; they count from there."""
    dt, all_times = spikes.dt_ms, times_of(spikes)
    times, units = [], []
    for b, steps in enumerate(lengths.tolist()):
        first, end = spikes.offsets[b : b + 2].tolist()
        first += np.searchsorted(spikes.step[first:end], steps - horizon - 1)  # a time may be off its step
        time, unit = before_end(all_times[first:end], steps, dt) - steps * dt, spikes.unit[first:end]
        if before is not None:
            old = slice(before.offsets[b], before.offsets[b + 1])
            time = np.concatenate([times_of(before)[old] - (horizon + steps) * dt, time])
            unit = np.concatenate([before.unit[old], unit])
        kept = time + horizon * dt >= 0.0
        times.append(time[kept] + horizon * dt)
        units.append(unit[kept])
    return TimedEvents.from_times(times, units, n_units=spikes.n_units, dt_ms=dt, n_steps=horizon)


def before_end(time_ms: Float64Array, steps: int, dt_ms: float) -> Float64Array:
    """Keep times within the last step where they are on its end, or so close that they would count as on it."""
    return np.minimum(time_ms, np.nextafter(steps * dt_ms * (1.0 - 4e-9), 0.0))


def _stack(rows: Sequence[Float64Array], size: int) -> Float64Array:
    """Stack rows [N], also none of them, to [B, N]."""
    return np.concatenate([np.zeros((0, size)), *(row[None] for row in rows)])
