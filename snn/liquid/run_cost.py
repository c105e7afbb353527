"""Which engine runs a liquid faster: a sum of measured costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from snn.core import Events
    from snn.liquid.reservoir import Reservoir

__all__ = ["faster_engine"]


def faster_engine(reservoir: Reservoir, events: Events) -> Literal["layers", "event"]:
    """Name the engine that is expected to take less time."""
    from snn.liquid.layers import reservoir_layers

    if reservoir.size > 1200:
        return "event"
    try:
        reservoir_layers(reservoir, events.dt_ms)
    except ValueError:
        return "event"
    return "layers"
