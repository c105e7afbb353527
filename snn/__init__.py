"""Simulate, train and cost spiking networks from one description.

`import snn` is light: each room, and what it needs (numba, torch, matplotlib), loads when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn import continual, datasets, hardware, interop, language, liquid, nn, plot, recipes, train
    from snn.core import (
        STDP,
        Counts,
        Events,
        Hebbian,
        LIFParams,
        LIParams,
        Network,
        PoissonInput,
        Population,
        Projection,
        Raster,
        Record,
        Recording,
        Session,
        SimulationState,
        TimedEvents,
        TimeGrid,
        charge_weight,
        psp_weight,
        simulate,
        stream,
        with_learned_weights,
    )

__version__ = "0.1.0"

_ROOMS = (
    "continual",
    "core",
    "datasets",
    "hardware",
    "interop",
    "kernels",
    "language",
    "liquid",
    "nn",
    "plot",
    "recipes",
    "train",
)
_CORE = (
    "Counts",
    "Events",
    "Hebbian",
    "LIFParams",
    "LIParams",
    "Network",
    "PoissonInput",
    "Population",
    "Projection",
    "Raster",
    "Record",
    "Recording",
    "STDP",
    "Session",
    "SimulationState",
    "TimeGrid",
    "TimedEvents",
    "charge_weight",
    "psp_weight",
    "simulate",
    "stream",
    "with_learned_weights",
)

__all__ = [
    "STDP",
    "Counts",
    "Events",
    "Hebbian",
    "LIFParams",
    "LIParams",
    "Network",
    "PoissonInput",
    "Population",
    "Projection",
    "Raster",
    "Record",
    "Recording",
    "Session",
    "SimulationState",
    "TimeGrid",
    "TimedEvents",
    "__version__",
    "charge_weight",
    "continual",
    "datasets",
    "hardware",
    "interop",
    "language",
    "liquid",
    "nn",
    "plot",
    "psp_weight",
    "recipes",
    "simulate",
    "stream",
    "train",
    "with_learned_weights",
]


def __getattr__(name: str) -> Any:
    """Load a room, or a name of `snn.core`, at its first use."""
    if name in _ROOMS:
        return import_module(f"snn.{name}")
    if name in _CORE:
        return getattr(import_module("snn.core"), name)
    raise AttributeError(f"module 'snn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
