"""Small ledgers whose prices are easily worked out by hand."""

from __future__ import annotations

import dataclasses

from snn.hardware import LayerCounts, Ledger

ROW = LayerCounts(
    "a-b",
    "b",
    "a",
    n_pre=3,
    n_post=4,
    synapses=10,
    dense_synapses=12,
    max_delay=5,
    samples=2,
    steps=20,
    input_spikes=7,
    synaptic_events=23,
    active_inputs=20,
    macs=3,
    delay_writes=20,
    delay_reads=18,
    output_spikes=6,
    updates_dense=80,
    updates_touched=30,
)
OUT = LayerCounts(
    "b-c",
    "c",
    "b",
    n_pre=4,
    n_post=2,
    synapses=8,
    dense_synapses=8,
    samples=2,
    steps=20,
    input_spikes=6,
    synaptic_events=12,
    active_inputs=12,
    updates_dense=40,
    updates_touched=11,
    stored_weights=4,
    dense_weights=4,
    values="binary",
)
LEDGER = Ledger((ROW,))


def ledger_of(layers: list[tuple[int, int, int]], scale: int = 1) -> Ledger:
    """Give `ROW` the activity that a test drew, layer by layer; `scale` multiplies samples and steps with it."""
    rows = [
        dataclasses.replace(
            ROW,
            name=str(i),
            samples=2 * scale,
            steps=20 * scale,
            input_spikes=scale * c,
            synaptic_events=scale * (a + b + c),
            active_inputs=scale * (a + b),
            macs=scale * a,
            delay_writes=scale * b,
            delay_reads=scale * (b // 2),
            output_spikes=scale * a,
            updates_dense=scale * (a + b),
            updates_touched=scale * b,
        )
        for i, (a, b, c) in enumerate(layers)
    ]
    return Ledger(tuple(rows))
