"""A residual block: a body and a shortcut around it, joined, in pre-activation and spike-element-wise networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from torch import Tensor

from snn.core.checks import choice, shown
from snn.nn.layer import Layer

__all__ = ["Join", "Residual", "ResidualState"]

Join = Literal["add", "and", "iand"]

_JOINS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda y, x: y + x,
    "and": lambda y, x: y * x,
    "iand": lambda y, x: (1 - y) * x,
}


class ResidualState(NamedTuple):
    """Carry the states of both branches.

    Attributes:
        body: State of the body.
        shortcut: State of the shortcut; `()` for one that passes its input on.
    """

    body: Any
    shortcut: Any


class Residual(Layer):
    """Join what a body makes of x with x itself, or with what a shortcut makes of it.

    Joined are currents (pre-activation: both branches end in weights) or spikes (spike-element-wise: both end in
    neurons); "and" and "iand" are those logical functions of spikes.
    Source: He et al., "Identity mappings in deep residual networks", 2016; Fang et al., "Deep residual learning in
    spiking neural networks" (SEW), 2021.
    """

    def __init__(self, body: Layer, shortcut: Layer | None = None, *, join: Join = "add") -> None:
        """Keep both branches.

        Args:
            body: What is learned.
            shortcut: The branch around it; None passes x on as it is.
            join: "add" is y + x, "and" is y x, "iand" (the body inverted) is (1 - y) x.

        Raises:
            TypeError: A branch is not a layer of `snn.nn`.
            ValueError: No such join.
        """
        super().__init__()
        for name, branch in (("body", body), ("shortcut", shortcut)):
            if not isinstance(branch, Layer) and not (name == "shortcut" and branch is None):
                raise TypeError(f"{name} must be a layer of snn.nn, got {type(branch).__name__}")
        self.join: Join = choice("join", join, Join)
        self.body, self.shortcut = body, shortcut

    @property
    def tail_steps(self) -> int:
        """Zero steps to append to the input: those of the branch that needs more."""
        return max(branch.tail_steps for branch in (self.body, self.shortcut) if branch is not None)

    def config(self) -> dict[str, Any]:
        """Return what is not a layer; `snn.nn.to_config` adds both branches."""
        return {"join": self.join}

    def forward(
        self, x: Tensor, state: ResidualState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, ResidualState]:
        """Map [T, B, ...] to the joined [T, B, ...].

        Raises:
            TypeError: `state` is of another kind.
            ValueError: The branches end in different shapes.
        """
        if state is not None and not isinstance(state, ResidualState):
            raise TypeError(f"state of Residual must be a ResidualState or None, got {shown(state)}")
        before = ResidualState(None, None) if state is None else state
        y, body = self.body(x, before.body, lengths)
        around, shortcut = (x, ()) if self.shortcut is None else self.shortcut(x, before.shortcut, lengths)
        if y.shape != around.shape:
            raise ValueError(
                f"shortcut of Residual must end in the shape {list(y.shape)} of the body, "
                f"got {list(around.shape)}"
            )
        return self.combine(y, around), ResidualState(body, shortcut)

    def combine(self, y: Tensor, x: Tensor) -> Tensor:
        """Join what the body made, y, with what the shortcut made, x."""
        return _JOINS[self.join](y, x)
