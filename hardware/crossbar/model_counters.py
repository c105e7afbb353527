"""Count models on crossbars: as the models they are, with the spikes that their arrays make."""

from __future__ import annotations

from typing import Any

from snn.hardware.ledger.account import Account, Flow

__all__ = ["count_analog_layer", "count_analog_model"]

_NOTE = (
    "On crossbars: synapses are those of the model; cells that should be empty and conduct are not counted."
)


def count_analog_layer(layer: Any, flow: Flow, account: Account) -> Flow:
    """Count an `AnalogLayer` as the layer that it holds, its output that of its arrays."""
    account.forwards[layer.layer] = layer
    account.names = {**account.names, layer.layer: layer.name}
    if layer in account.gates:
        account.gates[layer.layer] = account.gates[layer]
    return account.run(layer.layer, flow)


def count_analog_model(model: Any, flow: Flow, account: Account) -> Flow:
    """Count an `AnalogModel` layer by layer."""
    account.notes.append(_NOTE)
    return account.run(model.model, flow)
