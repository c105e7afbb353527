"""Layers one after another."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from snn.core.checks import shown
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
            TypeError: x is no tensor [T, B, ...] or `state` no tuple; a layer takes no state and lengths, or does
                not give a pair of a tensor and a state.
            ValueError: `state` does not hold one entry per layer, or a layer changes the number of steps.
        """
        if not isinstance(x, Tensor) or x.dim() < 2:
            raise TypeError(f"x of Sequential must be a tensor [T, B, ...], got {shown(x)}")
        states = (None,) * len(self) if state is None else state
        if not isinstance(states, tuple | list):
            raise TypeError(
                f"state must be a tuple of {len(self)} entries, one per layer, got {shown(state)}"
            )
        if len(states) != len(self):
            raise ValueError(
                f"state must be a tuple of {len(self)} entries, one per layer, got {len(states)}"
            )
        after, steps = [], x.shape[0]
        for i, (layer, before) in enumerate(zip(self, states, strict=True)):
            try:
                made = layer(x, before, lengths)
            except TypeError:
                _check_arguments(i, layer)
                raise
            if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], Tensor)):
                raise TypeError(
                    f"forward of layers[{i}] ({type(layer).__name__}) must give (y, state), a tensor and what it "
                    f"carries on, got {shown(made)}"
                )
            x, new = made
            if x.dim() == 0 or x.size(0) != steps:
                raise ValueError(
                    f"forward of layers[{i}] ({type(layer).__name__}) must give y of {steps} steps, as its input "
                    f"has, got the shape {list(x.shape)}"
                )
            after.append(new)
        return x, tuple(after)


def _check_arguments(i: int, layer: Layer) -> None:
    """Refuse a layer that cannot be called as layers are.

    Raises:
        TypeError: Its forward takes something else than x, a state and lengths.
    """
    takes = inspect.signature(layer.forward)
    try:
        takes.bind(None, None, None)
    except TypeError:
        name = type(layer).__name__
        raise TypeError(
            f"forward of layers[{i}] ({name}) must take (x, state, lengths), got one that takes {takes}"
        ) from None
