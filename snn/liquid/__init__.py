"""Liquid state machines: fixed random recurrent networks, their features, and readouts.

Weights come as arrays. A liquid on memory devices is `snn.hardware.to_crossbar(reservoir.layers(dt_ms), config,
arrays={...})`, whose model `harvest` takes like any other. Names load with their modules when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = [
    "CommonSpace",
    "ContrastiveConfig",
    "Reservoir",
    "Sense",
    "Split",
    "ZeroShot",
    "all_splits",
    "mean_interval",
    "pair_up",
    "zero_shot",
]

_MODULES = {
    "CommonSpace": "common_space",
    "ContrastiveConfig": "contrastive",
    "Reservoir": "reservoir",
    **dict.fromkeys(
        ("Sense", "Split", "ZeroShot", "all_splits", "mean_interval", "pair_up", "zero_shot"), "retrieval"
    ),
}


def __getattr__(name: str) -> Any:
    """Load a name of this room at its first use."""
    if name in _MODULES:
        return getattr(import_module(f"snn.liquid.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'snn.liquid' has no attribute {name!r}")


if TYPE_CHECKING:
    from snn.liquid.common_space import CommonSpace
    from snn.liquid.contrastive import ContrastiveConfig
    from snn.liquid.reservoir import Reservoir
    from snn.liquid.retrieval import Sense, Split, ZeroShot, all_splits, mean_interval, pair_up, zero_shot
