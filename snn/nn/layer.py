"""What every layer is: parameters inside, state passed through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import torch
from torch import Tensor, nn

__all__ = ["Layer", "check_input", "check_lengths", "check_state", "last_valid", "one_of", "whole_number"]


class Layer(nn.Module):
    """Map x [T, B, ...] to y [T, B, ...] and a state to the next one: `y, state = layer(x, state, lengths)`.

    No layer changes T. `lengths` [B] counts the valid steps of each sample: what lies beyond enters no statistic
    and no state, and the state returned for a sample is its state at its length. Outputs beyond it are undefined.
    """

    tail_steps: int = 0
    """Zero steps to append to the input once, so that late input still reaches the output."""

    weight_transform: Callable[[Tensor], Tensor] | None = None
    """What the layer does to its weight before it uses it, once per forward pass; None: nothing.

    For weights as a device would hold them (noise, levels) in training and evaluation: a plain function, not saved.
    """

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
                f"weight_transform turned {list(weight.shape)} into {list(given.shape)}; it must keep the shape"
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


def whole_number(name: str, value: Any, low: int = 1) -> int:
    """Return `value` as an int.

    Raises:
        ValueError: It is not a whole number of at least `low`.
    """
    if isinstance(value, bool) or int(value) != value or value < low:
        raise ValueError(f"{name} must be a whole number >= {low}, got {value!r}")
    return int(value)


def one_of(name: str, value: Any, choices: Any) -> Any:
    """Return `value`, one of the strings of the Literal `choices`.

    Raises:
        ValueError: It is none of them.
    """
    if value not in get_args(choices):
        raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, got {value!r}")
    return value


def check_input(layer: str, x: Tensor, features: int) -> None:
    """Refuse an input that is not [T, B, features].

    Raises:
        ValueError: As said above.
    """
    if x.dim() != 3 or x.shape[2] != features:
        raise ValueError(f"{layer} needs x [T, B, {features}], got {list(x.shape)}")


def check_lengths(x: Tensor, lengths: Tensor | None) -> Tensor | None:
    """Check lengths [B] against x [T, B, ...]; None where every sample is valid to its end.

    Raises:
        ValueError: Wrong shape or type, or a length outside 0..T.
    """
    if lengths is None:
        return None
    steps, batch = x.shape[:2]
    if lengths.shape != (batch,) or lengths.is_floating_point():
        raise ValueError(
            f"lengths must be whole numbers [{batch}], got {list(lengths.shape)} {lengths.dtype}"
        )
    if bool((lengths < 0).any()) or bool((lengths > steps).any()):
        raise ValueError(f"lengths must be in 0..{steps}, got {int(lengths.min())}..{int(lengths.max())}")
    return None if bool((lengths == steps).all()) else lengths


def check_state(layer: str, state: Tensor, like: Tensor) -> Tensor:
    """Return a part of a state that is laid out as `like`.

    Raises:
        ValueError: Another shape (batch), dtype or device.
    """
    for what in ("shape", "dtype", "device"):
        came, due = getattr(state, what), getattr(like, what)
        if came != due:
            raise ValueError(f"{layer}: state has {what} {_say(came)}, the input asks for {_say(due)}")
    return state


def _say(value: Any) -> Any:
    return list(value) if isinstance(value, torch.Size) else value


def last_valid(x: Tensor, lengths: Tensor | None, first: Tensor) -> Tensor:
    """Take x [T, B, ...] at each sample's last valid step: [B, ...]; `first` where it has none."""
    if lengths is None:
        return x[-1]
    ends = lengths.reshape(1, -1, *[1] * (x.dim() - 2)).expand(1, *x.shape[1:])
    return torch.where(ends[0] > 0, x.gather(0, (ends - 1).clamp(min=0))[0], first)
