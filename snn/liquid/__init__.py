"""Liquid state machines: fixed random recurrent networks, their features, readouts and zero-shot retrieval.

Weights come as arrays. A liquid on memory devices is `snn.hardware.to_crossbar(reservoir.layers(dt_ms), config,
arrays={...})`, whose model `harvest` takes like any other. Names load with their modules when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "CommonSpace",
    "ContrastiveConfig",
    "Harvest",
    "Readout",
    "Reservoir",
    "Sense",
    "Split",
    "WindowReadout",
    "ZeroShot",
    "all_splits",
    "fit_readout",
    "harvest",
    "mean_interval",
    "pair_up",
    "scale_spectral_radius",
    "spectral_radius",
    "train_readout",
    "wiring",
    "with_readout",
    "zero_shot",
]

_MODULES = {
    "CommonSpace": "common_space",
    "ContrastiveConfig": "contrastive",
    "Reservoir": "reservoir",
    **dict.fromkeys(("Harvest", "harvest"), "harvesting"),
    **dict.fromkeys(("Readout", "fit_readout", "train_readout"), "readouts"),
    **dict.fromkeys(
        ("Sense", "Split", "ZeroShot", "all_splits", "mean_interval", "pair_up", "zero_shot"), "retrieval"
    ),
    **dict.fromkeys(("scale_spectral_radius", "spectral_radius"), "spectral"),
    **dict.fromkeys(("WindowReadout", "with_readout"), "window_readout"),
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
    from snn.liquid.common_space import CommonSpace
    from snn.liquid.contrastive import ContrastiveConfig
    from snn.liquid.harvesting import Harvest, harvest
    from snn.liquid.readouts import Readout, fit_readout, train_readout
    from snn.liquid.reservoir import Reservoir
    from snn.liquid.retrieval import Sense, Split, ZeroShot, all_splits, mean_interval, pair_up, zero_shot
    from snn.liquid.spectral import scale_spectral_radius, spectral_radius
    from snn.liquid.window_readout import WindowReadout, with_readout
