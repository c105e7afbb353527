"""Numbers, time and events: the description of a network, and the engines that run it.

Each name loads with its module when first used: the engines bring numba and scipy in, which settings and checks do
not need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    "SummingLayer",
    "Synapses",
    "TimeGrid",
    "TimedEvents",
    "charge_weight",
    "delay_steps",
    "event_steps",
    "psp_weight",
    "simulate",
    "stream",
    "with_learned_weights",
]

_MODULES = {
    "STDP": "plasticity",
    "Counts": "counts",
    "Events": "events",
    "Hebbian": "plasticity",
    "LIFParams": "neurons",
    "LIParams": "neurons",
    "Network": "network",
    "PoissonInput": "poisson",
    "Population": "population",
    "Projection": "projection",
    "Raster": "events",
    "Record": "recording",
    "Recording": "recording",
    "Session": "grid.session",
    "SimulationState": "state",
    "SummingLayer": "projection",
    "Synapses": "synapses",
    "TimeGrid": "units",
    "TimedEvents": "timed_events",
    "charge_weight": "neurons",
    "delay_steps": "units",
    "event_steps": "units",
    "psp_weight": "neurons",
    "simulate": "simulation",
    "stream": "streaming",
    "with_learned_weights": "learned_weights",
}

if TYPE_CHECKING:
    from snn.core.counts import Counts
    from snn.core.events import Events, Raster
    from snn.core.grid.session import Session
    from snn.core.learned_weights import with_learned_weights
    from snn.core.network import Network
    from snn.core.neurons import LIFParams, LIParams, charge_weight, psp_weight
    from snn.core.plasticity import STDP, Hebbian
    from snn.core.poisson import PoissonInput
    from snn.core.population import Population
    from snn.core.projection import Projection, SummingLayer
    from snn.core.recording import Record, Recording
    from snn.core.simulation import simulate
    from snn.core.state import SimulationState
    from snn.core.streaming import stream
    from snn.core.synapses import Synapses
    from snn.core.timed_events import TimedEvents
    from snn.core.units import TimeGrid, delay_steps, event_steps
else:

    def __getattr__(name: str) -> Any:
        """Load a name with its module."""
        if name in _MODULES:
            return getattr(import_module(f"snn.core.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'snn.core' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
