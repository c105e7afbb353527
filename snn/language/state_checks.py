"""Check a state that goes on: NaN in it would come out as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from snn.core.checks import refusal

__all__ = ["check_finite"]


def check_finite(layer: str, state: Any) -> None:
    """Refuse a state that has NaN or infinity in it.

    Raises:
        ValueError: It has; the message says where.
    """
    for place, part in _parts(f"state of {layer}", state):
        extent = part.detach().abs().amax() if part.numel() else part.new_zeros(())
        if not extent.isfinite():
            raise refusal(place, "finite", part[~part.isfinite()][0].item())


def _parts(place: str, state: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(state, Tensor):
        yield place, state
    elif isinstance(state, tuple):
        names = getattr(state, "_fields", None)
        for i, part in enumerate(state):
            yield from _parts(f"{place}.{names[i]}" if names else f"{place}[{i}]", part)
