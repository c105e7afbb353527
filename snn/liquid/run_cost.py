"""Which engine runs a liquid faster: sums of measured costs."""

from __future__ import annotations

from typing import Literal

import numpy as np

from snn.core import Events
from snn.liquid.description import Liquid

__all__ = ["events_ns", "faster_engine", "layers_ns"]

_RATE = 0.1
"""Spikes of a neuron in a step that a liquid is expected to send, before it has run."""
_STEP_NS = 8.0
"""Layers: a neuron's step. All these are ns on one core, from `examples/benchmarks/liquid.py`."""
_ROW_NS, _ROWS_UP_TO = 0.5, 600
"""Layers: a weight of a row that is added, of so many neurons; dearer in proportion with more."""
_PAIR_NS, _PAIRS_UP_TO = 2.5, 700
"""Layers: the same of a synapse with a delay of its own."""
_EVENT_STEP_NS = 45.0
"""Events: a neuron's step."""
_SYNAPSE_NS, _DELAYED_NS = 3.8, 7.0
"""Events: a synaptic event, and one with a delay of its own."""


def faster_engine(liquid: Liquid, events: Events) -> Literal["layers", "event"]:
    """Name the engine that is expected to take less time; events where layers do not have the neuron."""
    from snn.liquid.layers import reservoir_layers

    if layers_ns(liquid, events) > events_ns(liquid, events):
        return "event"
    try:
        reservoir_layers(liquid, events.dt_ms)
    except ValueError:
        return "event"
    return "layers"


def layers_ns(liquid: Liquid, events: Events) -> float:
    """Estimate the time of a run as layers, ns: a weight for every pair, whether it is a synapse or not."""
    updates = float(events.n_steps.sum()) * liquid.size
    one, up_to = (_ROW_NS, _ROWS_UP_TO) if _per_sender(liquid) else (_PAIR_NS, _PAIRS_UP_TO)
    weights = updates * _RATE * liquid.size if liquid.recurrent_synapses else 0.0
    incoming = events.n_events * liquid.size * _ROW_NS
    return updates * _STEP_NS + incoming + weights * one * max(1.0, liquid.size / up_to)


def events_ns(liquid: Liquid, events: Events) -> float:
    """Estimate the time of a run by events, ns: what there is of synapses."""
    updates = float(events.n_steps.sum()) * liquid.size
    synapses = np.count_nonzero(liquid.w_in if isinstance(liquid.w_in, np.ndarray) else liquid.w_in.data)
    incoming = events.n_events * synapses / liquid.n_in
    recurrent = updates * _RATE * liquid.recurrent_synapses / liquid.size
    one = _SYNAPSE_NS if _per_sender(liquid) else _DELAYED_NS
    return updates * _EVENT_STEP_NS + incoming * _SYNAPSE_NS + recurrent * one


def _per_sender(liquid: Liquid) -> bool:
    """Tell whether all synapses of a sender share its delay."""
    delays = liquid.delays
    return bool(delays.ndim == 0 or (delays.ndim == 2 and (delays == delays[:, :1]).all()))
