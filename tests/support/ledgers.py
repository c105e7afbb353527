"""Small ledgers whose prices are easily worked out by hand."""

from __future__ import annotations

import dataclasses

from snn.hardware import LayerCounts, Ledger

# 2 samples, 20 steps; 3 -> 4 neurons, 10 synapses, delays to 5 steps
ROW = LayerCounts("a-b", "b", "a", 3, 4, 10, 12, 5, 2, 20, 7, 23, 20, 3, 20, 18, 6, 80, 30)
OUT = LayerCounts("b-c", "c", "b", 4, 2, 8, 8, 0, 2, 20, 6, 12, 12, 0, 0, 0, 0, 40, 11, 4, 4, "binary")
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
