"""Networks of one neuron, spikes off the grid and the answer in closed form: tests of engine="exact" and NEST."""

from __future__ import annotations

import numpy as np

from snn.core import Network, Population, Projection, TimedEvents


def response(t, tau, tau_syn):
    """The membrane's answer to a unit current, straight from the solution of the equation."""
    tau_syn = np.asarray(tau_syn, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = tau_syn / (tau_syn - tau) * (np.exp(-t / tau_syn) - np.exp(-t / tau))
    return np.where(tau_syn == tau, t / tau * np.exp(-t / tau), apart)


def one_neuron(neuron, weight=1.0, delay_ms=0.0, dt_ms=1.0, receptor=None):
    """A neuron "n" behind a source "in" of one unit."""
    return Network(
        dt_ms,
        [Population("in", 1), Population("n", 1, neuron)],
        [Projection("in", "n", [[weight]], delay_ms, receptor=receptor)],
    )


def spikes_at(times_ms, n_steps, dt_ms=1.0):
    """Spikes of one unit, one sample, at any times."""
    return TimedEvents.from_times([times_ms], [[0] * len(times_ms)], n_units=1, dt_ms=dt_ms, n_steps=n_steps)
