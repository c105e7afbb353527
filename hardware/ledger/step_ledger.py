"""Keep the account of a model per layer, time step and sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from snn.core.arrays import Int64Array
from snn.hardware.ledger.ledger import LayerCounts, Ledger

__all__ = ["ROW_COUNTS", "LayerSteps", "StepLedger"]

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
        dense_synapses: Multiply-accumulates of a dense pass.
        stored_weights: Nonzero weights.
        dense_weights: Weights.
        values: What the inputs were.
        counts: int64 [T, B] under each name of `ROW_COUNTS`; zero behind the end of a sample.
        max_delay: Largest delay, steps.
    """

    name: str
    post: str
    pre: str | None
    n_pre: int
    n_post: int
    synapses: int
    dense_synapses: int
    stored_weights: int
    dense_weights: int
    values: str
    counts: dict[str, Int64Array]
    max_delay: int = 0

    def __getitem__(self, count: str) -> Int64Array:
        if count not in self.counts:
            raise KeyError(f"no count {count!r}; there are {', '.join(self.counts)}")
        return self.counts[count]


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
        rows = []
        for row in self.rows:
            totals = {name: int(row.counts[name].sum()) for name in ROW_COUNTS}
            rows.append(
                LayerCounts(
                    name=row.name,
                    post=row.post,
                    pre=row.pre,
                    n_pre=row.n_pre,
                    n_post=row.n_post,
                    synapses=row.synapses,
                    dense_synapses=row.dense_synapses,
                    stored_weights=row.stored_weights,
                    dense_weights=row.dense_weights,
                    values=row.values,
                    max_delay=row.max_delay,
                    samples=len(self.lengths),
                    steps=int(self.lengths.sum()),
                    **totals,
                )
            )
        return Ledger(tuple(rows), self.notes)
