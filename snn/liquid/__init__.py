"""Liquid state machines: fixed random recurrent networks, their features, and readouts.

Weights come as arrays. A liquid on memory devices is `snn.hardware.to_crossbar(reservoir.layers(dt_ms), config,
arrays={...})`, whose model `harvest` takes like any other. Names load with their modules when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "Harvest",
    "Readout",
    "Reservoir",
    "WindowReadout",
    "fit_readout",
    "harvest",
    "scale_spectral_radius",
    "spectral_radius",
    "train_readout",
    "wiring",
    "with_readout",
]

_MODULES = {
    "Harvest": "harvesting",
    "Readout": "readouts",
    "Reservoir": "reservoir",
    "WindowReadout": "window_readout",
    "fit_readout": "readouts",
    "harvest": "harvesting",
    "scale_spectral_radius": "spectral",
    "spectral_radius": "spectral",
    "train_readout": "readouts",
    "with_readout": "window_readout",
}


def __getattr__(name: str) -> Any:
    """Load a name of this room at its first use."""
    if name in _MODULES:
        return getattr(import_module(f"snn.liquid.{_MODULES[name]}"), name)
    if name == "wiring":
        return import_module("snn.liquid.wiring")
    raise AttributeError(f"module 'snn.liquid' has no attribute {name!r}")


if TYPE_CHECKING:
    from snn.liquid import wiring
    from snn.liquid.harvesting import Harvest, harvest
    from snn.liquid.readouts import Readout, fit_readout, train_readout
    from snn.liquid.reservoir import Reservoir
    from snn.liquid.spectral import scale_spectral_radius, spectral_radius
    from snn.liquid.window_readout import WindowReadout, with_readout
