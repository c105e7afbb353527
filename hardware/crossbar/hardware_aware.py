"""Train a model for the devices it will run on: every pass sees its weights as an array would hold them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from snn.core.checks import refusal
from snn.hardware.crossbar.array import program_crossbar
from snn.hardware.crossbar.config import CrossbarConfig
from snn.hardware.crossbar.placements import layers_on_arrays
from snn.nn import Layer

__all__ = ["DeviceWeights", "hardware_aware"]


class DeviceWeights:
    """Give a weight as devices would hold it: a `weight_transform`.

    Each call while the layer trains is another programming of the same chip; in evaluation it is always the first.
    The gradient passes straight through levels and noise, and is zero where a weight is clipped.

    Args:
        layer: The layer whose weight it is.
        config: The hardware.
        seed: Which chip.
        name: Which part of it.
    """

    def __init__(self, layer: Layer, config: CrossbarConfig, seed: int, name: str) -> None:
        self._layer, self._config, self._seed, self._name = layer, config, seed, name
        self.writes = 0

    def __call__(self, weight: Tensor) -> Tensor:
        """Give [..., out, in] (convolutions: [out, in / groups, rows, columns]) as written."""
        write = 0
        if self._layer.training:
            self.writes += 1
            write = self.writes
        groups = getattr(self._layer, "groups", 1)
        image = weight.dim() == 4
        parts = weight.chunk(groups) if image else weight.reshape(-1, *weight.shape[-2:]).unbind(0)
        held = [
            program_crossbar(
                part.flatten(1), self._config, self._seed, name=f"{self._name}.{i}", write_number=write
            ).weight()
            for i, part in enumerate(parts)
        ]
        return (torch.cat(held) if image else torch.stack(held)).reshape(weight.shape)


@contextmanager
def hardware_aware(model: Layer, config: CrossbarConfig, *, seed: int = 0) -> Iterator[Layer]:
    """Let every layer of a model that has weights see them as devices would hold them, inside the block.

    Layers with delays are trained with a cell per synapse. What is no weight (converters, read noise) is not seen.

    Args:
        model: The model, which is changed inside the block and itself again behind it.
        config: The hardware.
        seed: Which chip.

    Raises:
        ValueError: A layer that has no place on a crossbar, or one that has a `weight_transform` already.
    """
    placed = layers_on_arrays(model)
    for layer, name in placed.items():
        if layer.weight_transform is not None:
            raise refusal(f"weight_transform of {name}", "None", layer.weight_transform)
    try:
        for layer, name in placed.items():
            layer.weight_transform = DeviceWeights(layer, config, seed, name)
        yield model
    finally:
        for layer in placed:
            layer.weight_transform = None
