"""Where a liquid stands between order and chaos: memory, separation and what a perturbation leaves, over a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import Float64Array
from snn.core.checks import finite, instance, refusal
from snn.liquid.measures.memory import memory_capacity
from snn.liquid.measures.perturbed import perturbation
from snn.liquid.measures.ranks import separation
from snn.liquid.reservoir import Reservoir

__all__ = ["ChaosMap", "edge_of_chaos"]


@dataclass(frozen=True, slots=True, eq=False)
class ChaosMap:
    """Hold measures of a liquid over a grid: a row for each factor of the input, a column for each of recurrence.

    Attributes:
        gains: Factors of `w_in`, [G].
        strengths: Factors of `w_rec`, [S].
        memory: Memory capacity, [G, S].
        separation: Distance of a sample's spike counts from those of the next sample, mean over samples, [G, S].
        lasting: Distance that a perturbation leaves, mean over the last quarter of the steps of the longest sample,
            [G, S]: 0 where it fades. Samples that end in silence forget whatever the liquid: cut them.
        rate: Spikes per neuron and step, [G, S].
    """

    gains: Float64Array
    strengths: Float64Array
    memory: Float64Array
    separation: Float64Array
    lasting: Float64Array
    rate: Float64Array


def edge_of_chaos(
    reservoir: Reservoir,
    events: Events,
    gains: ArrayLike,
    strengths: ArrayLike,
    *,
    steps: int = 1000,
    delays: int = 20,
    unit: int = 0,
    step: int = 0,
    seed: int = 0,
) -> ChaosMap:
    """Measure a liquid with its input and its recurrence made weaker and stronger.

    Args:
        reservoir: The liquid whose weights are scaled.
        events: Samples, at least two, for `separation` and `perturbation`.
        gains: Factors of `w_in`, [G].
        strengths: Factors of `w_rec`, [S]; 0 is the liquid without recurrence.
        steps: For `memory_capacity`.
        delays: For `memory_capacity`.
        unit: For `perturbation`: the input that is changed.
        step: For `perturbation`: the step in which.
        seed: For `memory_capacity`.

    Raises:
        ValueError: A list of factors is empty or not finite, there are fewer than two samples, or a measure refuses
            its arguments.
        TypeError: `events` are none.
    """
    instance("reservoir", reservoir, Reservoir)
    reservoir.check_input(events)
    if len(events) < 2:
        raise refusal("events", "at least two samples", events)
    rows, columns = _factors("gains", gains), _factors("strengths", strengths)
    found = np.zeros((4, len(rows), len(columns)))
    for i, gain in enumerate(rows):
        for j, strength in enumerate(columns):
            scaled = Reservoir(
                reservoir.w_in * gain, reservoir.w_rec * strength, reservoir.neuron, reservoir.delays
            )
            counts = scaled.run(events)
            distance = perturbation(scaled, events, unit, step)
            found[:, i, j] = (
                memory_capacity(scaled, steps, delays, seed, dt_ms=events.dt_ms)[0],
                separation(counts, np.roll(counts, -1, axis=0)),
                distance[-max(len(distance) // 4, 1) :].mean(),
                counts.sum(dtype=np.float64) / (events.n_steps.sum() * scaled.size),
            )
    return ChaosMap(rows, columns, *found)


def _factors(name: str, values: ArrayLike) -> Float64Array:
    """Give factors as float64, a list of at least one."""
    array = finite(name, values)
    if array.ndim != 1 or not array.size:
        raise refusal(name, "a list of factors, at least one", array)
    return array
