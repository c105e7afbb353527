"""Two ways around a block, joined: the one container of pre-activation and spike-element-wise networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from torch import Tensor

from snn.nn.layer import Layer, one_of

__all__ = ["Join", "Residual", "ResidualState"]

Join = Literal["add", "and", "iand"]

_JOINS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda y, x: y + x,
    "and": lambda y, x: y * x,
    "iand": lambda y, x: (1 - y) * x,
}


class ResidualState(NamedTuple):
    """Carry the states of the two ways."""

    body: Any
    shortcut: Any


class Residual(Layer):
    """Join what a body makes of x with x itself, or with what a shortcut makes of it.

    Joined are currents (pre-activation: both ways end in weights) or spikes (spike-element-wise: both end in
    neurons); "and" and "iand" are those logical functions of spikes.
    Source: He et al., "Identity mappings in deep residual networks", 2016; Fang et al., "Deep residual learning in
    spiking neural networks" (SEW), 2021.
    """

    def __init__(self, body: Layer, shortcut: Layer | None = None, *, join: Join = "add") -> None:
        """Keep the two ways.

        Args:
            body: The block.
            shortcut: The way around it; None passes x on as it is.
            join: "add" is y + x, "and" is y x, "iand" (the body inverted) is (1 - y) x.

        Raises:
            TypeError: A way is not a layer of `snn.nn`.
            ValueError: No such join.
        """
        super().__init__()
        for name, way in (("body", body), ("shortcut", shortcut)):
            if not isinstance(way, Layer) and not (name == "shortcut" and way is None):
                raise TypeError(f"{name} must be a layer of snn.nn, got {type(way).__name__}")
        self.join: Join = one_of("join", join, Join)
        self.body, self.shortcut = body, shortcut

    @property
    def tail_steps(self) -> int:  # type: ignore[override]
        """Zero steps to append to the input: the longer way's."""
        return max(way.tail_steps for way in (self.body, self.shortcut) if way is not None)

    def config(self) -> dict[str, Any]:
        """Return what is not a layer; `snn.nn.describe` adds the two ways."""
        return {"join": self.join}

    def forward(
        self, x: Tensor, state: ResidualState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, ResidualState]:
        """Map [T, B, ...] to the joined [T, B, ...].

        Raises:
            ValueError: The two ways end in different shapes.
        """
        before = ResidualState(None, None) if state is None else state
        y, body = self.body(x, before.body, lengths)
        around, shortcut = (x, ()) if self.shortcut is None else self.shortcut(x, before.shortcut, lengths)
        if y.shape != around.shape:
            raise ValueError(
                f"Residual: the body ends in {list(y.shape)}, the shortcut in {list(around.shape)}; "
                "a block that changes the shape needs a shortcut that does too"
            )
        return self.combine(y, around), ResidualState(body, shortcut)

    def combine(self, y: Tensor, x: Tensor) -> Tensor:
        """Join what the body made with what came around it."""
        return _JOINS[self.join](y, x)
