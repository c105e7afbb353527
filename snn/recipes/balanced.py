"""Balanced networks of excitation and inhibition: Vogels & Abbott's CUBA, and Brunel's."""

from __future__ import annotations

import numpy as np

from snn.core import LIFParams, Network, PoissonInput, Population, Projection
from snn.core.connectivity import bernoulli, fixed_in_degree


def cuba(
    n: int = 4000, probability: float = 0.02, dt_ms: float = 0.1, delay_steps: int = 1, seed: int = 0
) -> Network:
    """Build the current-based network of Vogels & Abbott (2005) in the form of the 2007 benchmark.

    Four fifths of the neurons excite. Potentials in mV; currents are scaled so that a step is the
    exact solution of tau dv/dt = (E - v) + g_e + g_i. Every neuron starts at the same potential and
    fires by itself, so start from a state with `v` drawn in [-60, -50) to have them out of step.

    Args:
        n: Number of neurons.
        probability: Of each pair to be connected.
        dt_ms: Time step, ms.
        delay_steps: Delay of all synapses; 1 is Brian2's undelayed synapse.
        seed: Decides the wiring.

    Source: Brette et al., J. Comput. Neurosci. 23 (2007), 349, benchmark 2.
    """
    tau, tau_exc, tau_inh = 20.0, 5.0, 10.0
    neuron = LIFParams(
        tau_mem_ms=tau, v_rest=-49.0, v_th=-50.0, v_reset=-60.0, fires=">", t_ref_ms=5.0,
        tau_syn_ms={"exc": tau_exc, "inh": tau_inh},
    )  # fmt: skip
    excite = n * 4 // 5
    sizes = {"exc": excite, "inh": n - excite}
    weights = {"exc": 1.62 * _gain(dt_ms, tau, tau_exc), "inh": -9.0 * _gain(dt_ms, tau, tau_inh)}
    projections = [
        Projection(
            pre,
            post,
            bernoulli(sizes[pre], sizes[post], probability, weights[pre], seed=4 * seed + i),
            delay_steps * dt_ms,
            receptor=pre,
        )
        for i, (pre, post) in enumerate((a, b) for a in sizes for b in sizes)
    ]
    return Network(dt_ms, [Population(name, size, neuron) for name, size in sizes.items()], projections)


def _gain(dt_ms: float, tau: float, tau_syn: float) -> float:
    """Membrane rise over a step by a unit of synaptic drive that decays meanwhile."""
    return float(tau_syn / (tau - tau_syn) * (np.exp(-dt_ms / tau) - np.exp(-dt_ms / tau_syn)))


def brunel(
    n: int = 12_500,
    g: float = 5.0,
    eta: float = 2.0,
    j_mv: float = 0.1,
    delay_ms: float = 1.5,
    epsilon: float = 0.1,
    dt_ms: float = 0.1,
    seed: int = 0,
) -> Network:
    """Build Brunel's network of delta synapses with independent Poisson input.

    Four fifths of the neurons excite; every neuron has a fixed number of senders of either kind.
    Regimes of the paper's figure 8, as (g, eta): SR (3, 2), SI fast (6, 4), AI (5, 2), SI slow (4.5, 0.9).

    Args:
        n: Number of neurons.
        g: Strength of inhibition relative to excitation.
        eta: External rate relative to the rate that drives the membrane to threshold.
        j_mv: Jump of the membrane by an excitatory spike, mV.
        delay_ms: Delay of all synapses, ms.
        epsilon: Connection probability: senders per neuron / neurons.
        dt_ms: Time step, ms.
        seed: Decides the wiring.

    Source: Brunel, J. Comput. Neurosci. 8 (2000), 183.
    """
    tau, theta = 20.0, 20.0
    neuron = LIFParams(tau_mem_ms=tau, v_th=theta, v_reset=10.0, t_ref_ms=2.0)
    excite = n * 4 // 5
    sizes = {"exc": excite, "inh": n - excite}
    weights = {"exc": j_mv, "inh": -g * j_mv}
    projections = [
        Projection(
            pre,
            post,
            fixed_in_degree(
                sizes[pre], sizes[post], round(epsilon * sizes[pre]), weights[pre], seed=4 * seed + i
            ),
            delay_ms,
        )
        for i, (pre, post) in enumerate((a, b) for a in sizes for b in sizes)
    ]
    rate_hz = eta * theta / (j_mv * tau) * 1000.0
    noise = [PoissonInput(name, rate_hz, j_mv) for name in sizes]
    return Network(
        dt_ms, [Population(name, size, neuron) for name, size in sizes.items()], projections, noise
    )
