"""Name the layers of a model of `snn.nn`, as ledgers, diagnoses and reports speak of them."""

from __future__ import annotations

from collections.abc import Sequence

from snn.nn import BatchNorm, Dropout, Flatten, Layer, Residual, populations
from snn.nn.layer import flat_stages
from snn.nn.receptors import Receptors

__all__ = ["name_layers", "receptors_behind", "row_name"]

_STEMS = {
    "AdaptiveAvgPool2d": "pool",
    "AvgPool2d": "pool",
    "Conv2d": "conv",
    "DelayLinear": "delay",
    "LeakyReadout": "readout",
    "Linear": "linear",
    "MaxPool2d": "pool",
    "RecurrentLIF": "lif",
}
_UNNAMED = (Residual, BatchNorm, Dropout, Flatten)


def name_layers(model: Layer) -> dict[Layer, str]:
    """Name every connection and every population.

    Connections and populations are named as in `snn.nn.populations`, so that they read the same in the event
    engines; in any other model a layer is called by its kind and its place among those of it: "conv1", "lif1".
    Layers that are made of others (`Layer.stages`) have no name of their own.

    Args:
        model: The model; one that holds `names` of its own keeps them.

    Returns:
        A name for each connection and population, and elsewhere for each pooling layer, in the model's order.

    Raises:
        ValueError: One layer stands at two places.
    """
    names = getattr(model, "names", None)
    if isinstance(names, dict) and names and all(isinstance(layer, Layer) for layer in names):
        return dict(names)
    populations.check_layers_differ(model)
    try:
        parts = populations.split(model)
    except ValueError:
        return _by_kind(model)
    return {
        layer: name
        for part in parts
        for layer, name in ((part.connection, part.projection), (part.neuron, part.post))
    }


def _by_kind(model: Layer) -> dict[Layer, str]:
    found: dict[Layer, str] = {}
    seen: dict[str, int] = {}
    for layer in model.modules():
        if isinstance(layer, Layer) and not isinstance(layer, _UNNAMED) and flat_stages(layer) == [layer]:
            stem = _STEMS.get(type(layer).__name__, type(layer).__name__.lower())
            seen[stem] = seen.get(stem, 0) + 1
            found[layer] = f"{stem}{seen[stem]}"
    return found


def receptors_behind(behind: Sequence[Layer]) -> tuple[str | None, ...]:
    """Give the names of the receptors that share the output of a layer, (None,) where it is not shared.

    Args:
        behind: What takes its output, one layer after another.
    """
    first = next((layer for layer in behind if not isinstance(layer, BatchNorm | Dropout | Flatten)), None)
    receptors = getattr(first, "receptors", None)
    return receptors.names if isinstance(receptors, Receptors) else (None,)


def row_name(layer: str, receptor: str | None) -> str:
    """Name the row of what a layer sends to a receptor, as in `snn.nn.populations`."""
    return layer if receptor is None else f"{layer}.{receptor}"
