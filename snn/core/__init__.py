"""Numbers, time and events: the description of a network, and the engines that run it."""

from __future__ import annotations

from snn.core.counts import Counts
from snn.core.events import Events, Raster
from snn.core.learned_weights import with_learned_weights
from snn.core.network import Network
from snn.core.neurons import LIFParams, LIParams
from snn.core.plasticity import STDP, Hebbian
from snn.core.poisson import PoissonInput
from snn.core.population import Population
from snn.core.projection import Projection
from snn.core.recording import Record, Recording
from snn.core.simulate import simulate
from snn.core.state import SimulationState
from snn.core.stream import stream
from snn.core.synapses import Synapses
from snn.core.timed_events import TimedEvents
from snn.core.units import TimeGrid, delay_steps, event_steps

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
    "SimulationState",
    "Synapses",
    "TimeGrid",
    "TimedEvents",
    "delay_steps",
    "event_steps",
    "simulate",
    "stream",
    "with_learned_weights",
]
