"""The compiled loops that add listed synapses to the cells of their receivers."""

from __future__ import annotations

from typing import Any, NamedTuple

from snn.core.arrays import RealArray, Uint16Array, Uint32Array
from snn.core.compiled import lean_inlined


class SynapseList(NamedTuple):
    """Point at the synapses of one projection.

    Attributes:
        post16: `ProjectionArrays.post16`.
        post32: `ProjectionArrays.post32`.
        wide: Which of the two holds the receivers.
        weight: `ProjectionArrays.weight`.
        weight_shift: Place of a synapse in `weight` less its place among the receivers.
    """

    post16: Uint16Array
    post32: Uint32Array
    wide: bool
    weight: RealArray
    weight_shift: int


@lean_inlined
def add_counts(cells: Any, synapses: SynapseList, low: int, high: int, amount: Any) -> None:
    """Add `amount` to the cell of the receiver of every synapse from `low` to `high`."""
    post16, post32 = synapses.post16, synapses.post32
    if synapses.wide:
        for i in range(low, high):
            cells[post32[i]] += amount
    else:
        for i in range(low, high):
            cells[post16[i]] += amount


@lean_inlined
def add_weights(cells: Any, synapses: SynapseList, low: int, high: int, amount: Any) -> None:
    """Add each synapse's weight times `amount` to the cell of its receiver."""
    post16, post32, weight, shift = synapses.post16, synapses.post32, synapses.weight, synapses.weight_shift
    if synapses.wide:
        for i in range(low, high):
            cells[post32[i]] += weight[i + shift] * amount
    else:
        for i in range(low, high):
            cells[post16[i]] += weight[i + shift] * amount
