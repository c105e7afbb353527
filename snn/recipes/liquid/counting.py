"""Count what a liquid and its readout do on events, for `snn energy`."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from snn.core import Events
from snn.core.checks import refusal
from snn.liquid import WindowReadout
from snn.liquid.features import batch_bounds
from snn.nn import Layer, Sequential

if TYPE_CHECKING:
    from snn.hardware import Ledger

__all__ = ["count_events"]


def count_events(model: Layer, events: Events, samples: int | None) -> Ledger:
    """Count a liquid with a `WindowReadout` behind it, batch by batch.

    Args:
        model: As `snn.liquid.with_readout` makes it.
        events: What it is given.
        samples: The first so many of them; None takes all.

    Raises:
        ValueError: It is no such model, or has other inputs.
    """
    from snn.hardware import count

    _register_readout_counter()
    readout = model[-1] if isinstance(model, Sequential) else model
    if not isinstance(model, Sequential) or not isinstance(readout, WindowReadout):
        raise refusal("model", "a liquid with its readout", type(model).__name__)
    if events.n_units != model[0].in_features:
        raise refusal("inputs of the samples", f"{model[0].in_features}, as the model", events.n_units)
    given = events if samples is None else events.select(range(min(samples, len(events))))
    ledger: Ledger | None = None
    for start, stop in pairwise(batch_bounds(given, readout.in_features, 0, len(given))):
        part = given.select(range(start, stop))
        x = torch.tensor(part.to_raster().z, dtype=torch.float32)
        counted = count(model, x, torch.tensor(part.n_steps))
        ledger = counted if ledger is None else ledger + counted
    assert ledger is not None
    return ledger


@cache
def _register_readout_counter() -> None:
    """Let `snn.hardware.count` count `WindowReadout`: each spike that comes in is one event per class."""
    from snn.hardware import LedgerBuilder, Signal, register_counter

    def count_readout(layer: WindowReadout, signal: Signal, builder: LedgerBuilder) -> Signal:
        name, n, classes = builder.names[layer], layer.in_features, layer.classes
        values, counts = builder.count_inputs(name, signal, fan_out=np.full(n, classes, dtype=np.int64))
        sizes = {"n_pre": n, "n_post": classes, "synapses": n * classes, "dense_synapses": n * classes}
        stored = layer.windows * n * classes
        builder.add_synapses(
            name, signal, values, counts, **sizes, stored_weights=stored, dense_weights=stored
        )
        y = builder.forward(layer, signal.x)
        return Signal(y, signal.x.any(-1, keepdim=True), spike_counts=False, source=signal.source)

    register_counter(WindowReadout, count_readout)
