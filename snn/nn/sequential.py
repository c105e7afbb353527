"""Layers one after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from snn.nn.layer import Layer, flat_stages

__all__ = ["Sequential"]


class Sequential(Layer):
    """Run layers one after another; the state is the tuple of theirs."""

    def __init__(self, *layers: Layer) -> None:
        """Keep the layers in order.

        Raises:
            TypeError: One is not a layer of `snn.nn`.
        """
        super().__init__()
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"layers[{i}] must be a layer of snn.nn, got {type(layer).__name__}")
        self.layers = nn.ModuleList(layers)

    def __iter__(self) -> Iterator[Layer]:
        """Go through the layers in order."""
        for layer in self.layers:
            assert isinstance(layer, Layer)
            yield layer

    def __len__(self) -> int:
        """Return the number of layers."""
        return len(self.layers)

    def __getitem__(self, index: int) -> Layer:
        """Return one layer."""
        return list(self)[index]

    @property
    def tail_steps(self) -> int:
        """Zero steps to append to the input: the sum over the layers."""
        return sum(layer.tail_steps for layer in self)

    def stages(self) -> list[Layer]:
        """Give the layers, those of sequences within in their place."""
        if type(self).forward is not Sequential.forward:
            return [self]  # a class that inherits and runs its layers in another way
        return [stage for layer in self for stage in flat_stages(layer)]

    def forward(
        self, x: Tensor, state: tuple[Any, ...] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """Map [T, B, in] to the last layer's [T, B, out].

        Raises:
            ValueError: `state` does not hold one entry per layer.
        """
        states = (None,) * len(self) if state is None else state
        if len(states) != len(self):
            raise ValueError(
                f"state must be a tuple of {len(self)} entries, one per layer, got {len(states)}"
            )
        after = []
        for layer, before in zip(self, states, strict=True):
            x, new = layer(x, before, lengths)
            after.append(new)
        return x, tuple(after)
