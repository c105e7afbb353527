"""A counter of your own: what a layer costs that does arithmetic of its own.

Run it as a script; `docs/own-layer.md` goes through it.
"""

from __future__ import annotations

import numpy as np
import torch

import snn


class Gain(snn.nn.Layer):
    """Weigh every input by a number of its own."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units
        self.gain = torch.nn.Parameter(torch.full((units,), 1.5))

    def forward(self, x, state=None, lengths=None):
        """Map [T, B, units] to the same shape."""
        return x * self.gain, ()


def count_gain(
    layer: Gain, signal: snn.hardware.Signal, builder: snn.hardware.LedgerBuilder
) -> snn.hardware.Signal:
    """Count a synapse per unit: each spike that comes in is one event."""
    name, n = builder.names[layer], layer.units
    values, counts = builder.count_inputs(name, signal, fan_out=np.ones(n, dtype=np.int64))
    sizes = {"n_pre": n, "n_post": n, "synapses": n, "dense_synapses": n}
    builder.add_synapses(name, signal, values, counts, **sizes, stored_weights=n, dense_weights=n)
    y = builder.forward(layer, signal.x)
    return snn.hardware.Signal(y, signal.arrivals(), spike_counts=False, source=signal.source)


snn.hardware.register_counter(Gain, count_gain)


def main() -> None:
    """Count a model with the layer in it; the neurons behind it are counted by themselves."""
    torch.manual_seed(0)
    model = snn.nn.Sequential(Gain(8), snn.nn.LIF(), snn.nn.Linear(8, 3), snn.nn.LeakyReadout())
    x = (torch.rand(20, 4, 8) < 0.3).float()
    ledger = snn.hardware.count(model, x)
    print(f"counted: {', '.join(f'{row.name} {row.synaptic_events}' for row in ledger)} synaptic events")
    print(f"one for each of {int(x.sum())} spikes: {ledger['gain1'].synaptic_events == int(x.sum())}")


if __name__ == "__main__":
    main()
