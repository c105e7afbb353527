"""What every layer is: parameters inside, state passed through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

__all__ = ["Layer"]


class Layer(nn.Module):
    """Map x [T, B, ...] to y [T, B, ...] and a state to the next one: `y, state = layer(x, state, lengths)`.

    No layer changes T. `lengths` [B] counts the valid steps of each sample: what lies beyond enters no statistic
    and no state, and the state returned for a sample is its state at its length. Outputs beyond it are undefined.

    Attributes:
        tail_steps: Zero steps to append to the input once, so that late input still reaches the output.
        weight_transform: What the layer does to its weight before it uses it, once per forward pass; None: nothing.
            For weights as a device would hold them (noise, levels) in training and evaluation: a plain function,
            not saved.
    """

    tail_steps: int = 0
    weight_transform: Callable[[Tensor], Tensor] | None = None

    def weight_in_use(self) -> Tensor:
        """Give the weight as a forward pass sees it: transformed, if a `weight_transform` is set.

        Raises:
            AttributeError: The layer has no weight.
            ValueError: The transform gave another shape.
        """
        weight: Tensor = self.weight  # type: ignore[assignment]
        if self.weight_transform is None:
            return weight
        given = self.weight_transform(weight)
        if given.shape != weight.shape:
            raise ValueError(
                f"weight_transform must keep the shape {list(weight.shape)} of the weight, got {list(given.shape)}"
            )
        return given

    def clamp_(self) -> None:
        """Bring parameters back into their range; `fit` calls it after every optimiser step."""

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        raise NotImplementedError(f"{type(self).__name__} has no config()")

    def extra_repr(self) -> str:
        """Show the constructor's arguments."""
        return ", ".join(f"{key}={value!r}" for key, value in self.config().items())
