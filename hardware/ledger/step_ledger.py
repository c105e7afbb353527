"""Keep the account of a model per layer, time step and sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from snn.core.arrays import BoolArray, Int64Array
from snn.hardware.ledger.ledger import ELEMENTWISE, ROW_SHAPE, LayerCounts, Ledger

__all__ = ["ROW_COUNTS", "LayerSteps", "StepLedger", "neurons_alone", "step_counts"]

ROW_COUNTS = (
    "input_spikes",
    "synaptic_events",
    "active_inputs",
    "macs",
    "output_spikes",
    "updates_dense",
    "updates_touched",
    "delay_writes",
    "delay_reads",
    *ELEMENTWISE,
)


@dataclass(frozen=True, eq=False)
class LayerSteps:
    """Count one layer and the population behind it; the fields are those of `LayerCounts`.

    Attributes:
        name: Layer.
        post: Population behind it, the layer itself without one.
        pre: Population before it, None for neurons without a layer.
        n_pre: Inputs.
        n_post: Units of `post`.
        synapses: Connections over nonzero weights.
        dense_synapses: Multiply-accumulates of a dense pass on the inputs that there are.
        stored_weights: Nonzero weights.
        dense_weights: Weights.
        values: What the inputs were.
        counts: int64 [T, B] under each name of `ROW_COUNTS`; zero behind the end of a sample.
        max_delay: Largest delay, steps.
        padding_synapses: Multiply-accumulates on padding, besides.
        positions: Places at which the weights are used.
        groups: Blocks of the weights that share neither inputs nor outputs.
    """

    name: str
    post: str
    pre: str | None
    _: KW_ONLY
    n_pre: int
    n_post: int
    synapses: int
    dense_synapses: int
    stored_weights: int
    dense_weights: int
    values: str
    counts: dict[str, Int64Array]
    max_delay: int = 0
    padding_synapses: int = 0
    positions: int | None = None
    groups: int = 1

    def __getitem__(self, count: str) -> Int64Array:
        if count not in self.counts:
            raise KeyError(f"no count {count!r}; there are {', '.join(self.counts)}")
        return self.counts[count]


def step_counts(counts: Mapping[str, Any], valid: BoolArray) -> dict[str, Int64Array]:
    """Complete the counts of a row.

    Args:
        counts: Counts under names of `ROW_COUNTS`, [T x B] or [T, B]; those left out, or None, are zero.
        valid: Whether a step is within its sample, [T, B]; what lies behind the end of a sample does not count.
    """

    def shaped(given: Any) -> Int64Array:
        if given is None:
            return np.zeros(valid.shape, dtype=np.int64)
        return np.where(valid, np.asarray(given).reshape(valid.shape), 0)

    return {name: shaped(counts.get(name)) for name in ROW_COUNTS}


def neurons_alone(name: str, size: int, counts: dict[str, Int64Array]) -> LayerSteps:
    """Make the row of what no synapses feed: neurons alone, or operations element by element."""
    return LayerSteps(
        name,
        name,
        None,
        n_pre=0,
        n_post=size,
        synapses=0,
        dense_synapses=0,
        stored_weights=0,
        dense_weights=0,
        values="counts",
        counts=counts,
    )


@dataclass(frozen=True, eq=False)
class StepLedger:
    """Hold the rows of a run of a model.

    Attributes:
        rows: Layers in the order they ran.
        notes: What a reader must know, one sentence each.
        lengths: Valid steps of each sample, [B].
    """

    rows: tuple[LayerSteps, ...]
    notes: tuple[str, ...]
    lengths: Int64Array

    def __iter__(self) -> Iterator[LayerSteps]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> LayerSteps:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"no layer {name!r}; there are {', '.join(r.name for r in self.rows)}")

    def ledger(self) -> Ledger:
        """Sum over steps and samples."""
        samples, steps = len(self.lengths), int(self.lengths.sum())
        rows = []
        for row in self.rows:
            shape = {field: getattr(row, field) for field in ROW_SHAPE}
            totals: dict[str, Any] = {name: int(row.counts[name].sum()) for name in ROW_COUNTS}
            rows.append(LayerCounts(**shape, samples=samples, steps=steps, values=row.values, **totals))
        return Ledger(tuple(rows), self.notes)
