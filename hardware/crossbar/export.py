"""Write a model on crossbars as a network of the event engines."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from snn.core import Network
from snn.hardware.crossbar.model import AnalogLayer, AnalogModel
from snn.hardware.crossbar.placements import rows_per_input
from snn.nn import DelayedLayer, RecurrentLIF, populations, to_network
from snn.nn.populations import ConnectedPopulation, FoldedPopulation, FoldedProjection

__all__ = ["crossbar_network"]


def crossbar_network(model: AnalogModel, dt_ms: float, *, weights_only: bool = False) -> Network:
    """Write a model on crossbars as a `Network`: the event engines run it with the weights of its arrays.

    A cell that should be empty and conducts is a synapse here, so a layer with delays has a projection per delay.

    Args:
        model: The model, made of populations (see `snn.nn.to_network`).
        dt_ms: Length of a step, ms.
        weights_only: Leave out what is no weight (read noise, converters, rows that depend on the pattern) instead
            of refusing it.

    Returns:
        The network at the age of the arrays at the first step.

    Raises:
        ValueError: The model is not made of populations, or its arrays do more than multiply by a weight.
    """
    noisy = [name for name, layer in model.layers.items() if not layer.is_plain]
    if noisy and not weights_only:
        raise ValueError(
            f"weights_only must be True where arrays do more than multiply, got False; {', '.join(noisy)}: read "
            "noise, converters or pattern-dependent rows are no weights"
        )
    layers = model.layers

    def folded(part: ConnectedPopulation) -> FoldedPopulation:
        plain = populations.fold(part)
        scale = None if part.norm is None else part.norm.scale_and_offset()[0]
        found = [
            one
            for name, weight, delay in _taps(layers[part.projection], part.projection, scale)
            for one in populations.by_receptor(name, part.pre, weight, delay, part.neuron)
        ]
        if isinstance(part.neuron, RecurrentLIF):
            found += [
                FoldedProjection(name, part.post, weight.t().contiguous(), delay.t(), part.neuron.receptor)
                for name, weight, delay in _taps(layers[part.post], f"{part.post}-{part.post}", None)
            ]
        return FoldedPopulation(tuple(found), plain.bias)

    return to_network(model.source, dt_ms, fold=folded)


def _taps(layer: AnalogLayer, name: str, scale: Tensor | None) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Cut an array by delay where a cell conducts: names of projections, weights and delays [out, in]."""
    (array,) = layer.arrays_at(0)
    weight = array.weight().detach().double()
    if scale is not None:
        weight = weight * scale[:, None]
    inner = layer.layer
    taps = rows_per_input(inner)
    if isinstance(inner, DelayedLayer) and taps == 1:  # spikes wait in front of their row
        yield name, weight, inner.delay_steps()
        return
    first = inner.min_delay if isinstance(inner, DelayedLayer) else 0
    senders = weight.shape[1] // taps
    found = 0
    for d, tap in enumerate(torch.split(weight, senders, 1), start=first):
        if found and not bool((tap != 0).any()):
            continue
        found += 1
        yield name if found == 1 else f"{name}.{found}", tap, torch.full(tap.shape, d)
