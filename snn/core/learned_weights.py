"""Make a network of what a run has learned."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from snn.core.checks import flag, whole
from snn.core.network import Network
from snn.core.projection import Projection
from snn.core.state import SimulationState


def with_learned_weights(
    network: Network, state: SimulationState, sample: int = 0, fixed: bool = False
) -> Network:
    """Return `network` with the weights that one sample has learned.

    A weight that has become 0 is no longer a synapse.

    Args:
        network: The network that ran.
        state: Where it stands: `Recording.state`.
        sample: Which sample's weights to take.
        fixed: Whether they stop learning.

    Raises:
        ValueError: The state is of another network, or there is no such sample.
    """
    state.check(network)
    sample = whole("sample", sample, low=0, high=len(state) - 1)
    fixed = flag("fixed", fixed)
    projections = []
    for given in network.projections:
        if given.name not in state.weights:
            projections.append(given)
            continue
        rows = network.synapses(given.name)
        parts = (state.weights[given.name][sample], rows.indices.astype(np.int64), rows.indptr)
        weight = scipy.sparse.csr_array(parts, shape=given.weight.shape)
        delay = rows.delay_steps * network.dt_ms
        rule = None if fixed else given.plasticity
        ends = (given.pre, given.post)
        projections.append(Projection(*ends, weight, delay, given.name, given.receptor, rule, given.layers))
    return Network(network.dt_ms, network.populations, projections, network.noise)
