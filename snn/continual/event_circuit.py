"""A circuit of spikes that learns what subspace its input lies in, on the event engines.

Activity x [n] may have either sign, spikes have none: unit i of the input sends the part of x_i above 0, unit n + i
the part below, and so do the neurons of the circuit. Weights of Hebbian synapses with forgetting become the mean
input around a spike, which lies in the subspace. That alone is Oja's rule, and all neurons would find the same
component: anti-Hebbian synapses between them, with forgetting too, inhibit each neuron by those that fire along
with it, so that their weights come to span the subspace. The two neurons of a pair silence each other, which leaves
the difference of their drives, and a threshold that adapts slowly keeps all of them at work.
Source: Földiák, "Adaptive network for optimal linear feature extraction", 1989; Pehlevan, Hu & Chklovskii, Neural
Computation 27 (2015), 1461; the pairs and the adaptation are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from snn.core import Events, Hebbian, LIFParams, Network, Population, Projection
from snn.core.arrays import Float64Array
from snn.core.checks import finite, keep, number, refusal, whole

__all__ = ["SubspaceCircuit", "signed_events"]

LEARNED = "in-sub"
"""Name of the projection whose weights learn the subspace."""
THRESHOLD = 20.0
"""Threshold of the neurons, and what the other of a pair takes away with a spike."""
COMMON = 0.7
"""What every spike of the input takes away from all neurons: about half the mean of the learned weights."""
TAU_MS = 10.0
"""Time constant of the traces that weights learn from."""
INPUTS = 50
"""Inputs for which weights rise as fast as they are forgotten: of more inputs each spikes less, and learns more."""
WIDEST = 1000.0
"""Bound of the learned weights, which none comes near: forgetting bounds them."""


@dataclass(frozen=True, slots=True)
class SubspaceCircuit:
    """Describe the circuit: 2 x `inputs` sources "in" and 2 x `rows` neurons "sub"; a step is 1 ms.

    Tried with 20 to 100 inputs, 1 to 8 rows and six spikes a step (`signed_events`): 10 000 to 30 000 steps. Of 200
    inputs each spikes too rarely, and 30 000 steps are not enough.

    Attributes:
        inputs: Entries n of the input, >= 1.
        rows: Dimensions M of the subspace, in 1..inputs.
        forget: Part of a weight lost at each spike of its receiver, in (0, 1]: a weight is a mean over about
            1 / forget spikes.
        lateral_rate: How much inhibition two neurons gain by spikes together, >= 0; 0: none learns.
        seed: Decides the weights of the start, >= 0.

    Raises:
        ValueError: A value is out of its range; the message names it.
    """

    inputs: int
    rows: int
    forget: float = 0.01
    lateral_rate: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        keep(self, whole, "inputs", low=1)
        keep(self, whole, "rows", low=1, high=self.inputs)
        keep(self, number, "forget", above=0, high=1)
        keep(self, number, "lateral_rate", low=0)
        keep(self, whole, "seed", low=0)

    def network(self) -> Network:
        """Build it, with random weights in which the two neurons of a pair are each other's opposite."""
        a, b = np.random.default_rng(self.seed).uniform(0.0, 2.0, (2, self.inputs, self.rows)) + 1e-3
        size, one = 2 * self.rows, np.arange(self.rows)
        pairs = np.zeros((size, size))
        pairs[one, one + self.rows] = pairs[one + self.rows, one] = -THRESHOLD
        others = np.where((pairs == 0) & ~np.eye(size, dtype=bool), -1e-3, 0.0)
        rate = self.forget * self.inputs / INPUTS
        hebbian = Hebbian(rate, TAU_MS, self.forget, -WIDEST, WIDEST)
        anti = Hebbian(-self.lateral_rate, TAU_MS, self.forget, -THRESHOLD, 0.0)
        neuron = LIFParams(decay=0.9, v_th=THRESHOLD, reset="soft", adapt_by=0.1, tau_adapt_ms=2000.0)
        projections = [
            Projection("in", "sub", np.block([[a, b], [b, a]]), name=LEARNED, plasticity=hebbian),
            Projection("in", "sub", np.full((2 * self.inputs, size), -COMMON), name="common"),
            Projection("sub", "sub", pairs, 1.0, name="pairs"),
        ]
        if self.rows > 1:
            projections.append(Projection("sub", "sub", others, 1.0, name="lateral", plasticity=anti))
        return Network(1.0, [Population("in", 2 * self.inputs), Population("sub", size, neuron)], projections)

    def subspace(self, weights: Any) -> Float64Array:
        """Give orthonormal rows [rows, inputs] that span what was learned.

        Args:
            weights: Those of one sample, `Recording.weights["in-sub"][b]`, [4 inputs rows].

        Raises:
            ValueError: They are not so many finite numbers.
        """
        w = finite("weights", weights)
        if w.shape != (4 * self.inputs * self.rows,):
            raise refusal("weights", f"of shape [{4 * self.inputs * self.rows}], one per synapse", weights)
        by_sign = w.reshape(2, self.inputs, 2, self.rows)
        signed = by_sign[0, :, 0] - by_sign[1, :, 0] - by_sign[0, :, 1] + by_sign[1, :, 1]
        return np.ascontiguousarray(np.linalg.qr(signed)[0].T)


def signed_events(x: Any, hold: int = 20, spikes_per_step: float = 6.0, seed: int = 0) -> Events:
    """Send vectors one after another, each for so many steps, as one long sample of spikes.

    Unit i spikes in proportion to x_i where that is above 0, unit n + i where it is below, evenly in time, several
    times a step if need be; what is left over of a spike waits for the next vector.

    Args:
        x: Vectors [P, n], finite.
        hold: Steps of each, >= 1.
        spikes_per_step: Spikes of all units together in a step, on average, > 0.
        seed: Decides where units begin between two spikes, >= 0.

    Returns:
        Events of 2 n units in P x hold steps of 1 ms.

    Raises:
        ValueError: x is no array of finite vectors, or another value is out of its range.
    """
    x = finite("x", x)
    if x.ndim != 2 or not x.shape[1]:
        raise refusal("x", "vectors [P, n]", x)
    hold, seed = whole("hold", hold, low=1), whole("seed", seed, low=0)
    size = np.abs(x).sum(1).mean() if len(x) else 0.0
    gain = number("spikes_per_step", spikes_per_step, above=0) / size if size else 0.0
    rate = gain * np.concatenate([np.maximum(x, 0.0), np.maximum(-x, 0.0)], axis=1)
    begin = np.random.default_rng(seed).random(rate.shape[1]) + np.cumsum(rate * hold, axis=0) - rate * hold
    steps, units = [], []
    for k in range(hold):
        counts = (np.floor(begin + rate * (k + 1)) - np.floor(begin + rate * k)).astype(np.int64)
        place, unit = counts.nonzero()
        steps.append(np.repeat(place * hold + k, counts[place, unit]))
        units.append(np.repeat(unit, counts[place, unit]))
    step, unit = np.concatenate(steps), np.concatenate(units)
    order = np.lexsort((unit, step))
    return Events.from_lists(
        [step[order]], [unit[order]], n_units=rate.shape[1], dt_ms=1.0, n_steps=len(x) * hold
    )
