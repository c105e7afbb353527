"""Count models on crossbars: as the models they are, with the spikes that their arrays make."""

from __future__ import annotations

from typing import Any

from snn.hardware.ledger.ledger_builder import LedgerBuilder, Signal

__all__ = ["count_analog_layer", "count_analog_model"]

_NOTE = (
    "On crossbars: synapses are those of the model; cells that should be empty and conduct are not counted."
)


def count_analog_layer(layer: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count an `AnalogLayer` as the layer that it holds, its output that of its arrays."""
    builder.stand_ins[layer.layer] = layer
    builder.names = {**builder.names, layer.layer: layer.name}
    return builder.count(layer.layer, signal, builder.behind)


def count_analog_model(model: Any, signal: Signal, builder: LedgerBuilder) -> Signal:
    """Count an `AnalogModel` layer by layer."""
    builder.notes.append(_NOTE)
    return builder.count(model.model, signal)
