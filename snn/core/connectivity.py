"""Draw connectivity: fixed in-degree, Bernoulli, by distance; as CSR, without a Python loop per neuron.

Random numbers are hashes of (seed, receiver, draw), so a seed always gives the same synapses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike

from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import finite, flag, number, refusal, whole
from snn.core.memory import check_synapses
from snn.core.memory import check_units as check_memory
from snn.core.random import check_seed, keys, uniform
from snn.core.units import check_units


def fixed_in_degree(
    pre: int, post: int, degree: int, weight: float = 1.0, *, loops: bool = True, seed: int = 0
) -> Any:
    """Give every receiver `degree` senders, drawn with replacement.

    A sender drawn twice makes two synapses, as NEST's rule of that name does.

    Args:
        pre: Number of senders.
        post: Number of receivers.
        degree: Synapses per receiver, >= 0.
        weight: Weight of each synapse.
        loops: Whether neuron i may be its own sender; False where both sides are one population.
        seed: Decides the draw.

    Returns:
        CSR [pre, post], with parallel synapses as separate entries.

    Raises:
        ValueError: A number is out of range.
        MemoryError: The network would not fit; the message says what it takes and what is free.
    """
    pre, post, weight = _checked(pre, post, weight, loops, seed)
    degree, choices = whole("degree", degree, low=0), pre if loops else pre - 1
    if degree > 0 and choices < 1:
        raise refusal("degree", "0 where there are no senders", degree)
    check_memory(pre + post)
    check_synapses(degree * post)
    receiver = np.repeat(np.arange(post), degree)
    draw = np.tile(np.arange(degree), post)
    sender = (uniform(keys(seed, "fixed_in_degree", receiver), draw) * choices).astype(np.int64)
    if not loops:
        sender += sender >= receiver
    return _csr(sender, receiver, weight, (pre, post))


def bernoulli(
    pre: int,
    post: int,
    probability: float,
    weight: float = 1.0,
    *,
    loops: bool = True,
    seed: int = 0,
) -> Any:
    """Connect every pair with one probability.

    Args:
        pre: Number of senders.
        post: Number of receivers.
        probability: Of each pair, in [0, 1].
        weight: Weight of each synapse.
        loops: Whether neuron i may be its own sender.
        seed: Decides the draw.

    Returns:
        CSR [pre, post].

    Raises:
        ValueError: A number is out of range.
        MemoryError: The network would not fit; the message says what it takes and what is free.
    """
    pre, post, weight = _checked(pre, post, weight, loops, seed)
    probability = number("probability", probability, low=0, high=1)
    check_memory(pre + post)
    check_synapses(round(probability * pre * post))
    return _pairs(pre, post, lambda rows: np.float64(probability), weight, loops, seed)


def by_distance(
    pre_at: ArrayLike,
    post_at: ArrayLike,
    length: float,
    peak: float = 1.0,
    weight: float = 1.0,
    *,
    loops: bool = True,
    seed: int = 0,
) -> Any:
    """Connect pairs with probability `peak * exp(-(distance / length)^2)`.

    Args:
        pre_at: Places of the senders, [pre, D].
        post_at: Places of the receivers, [post, D].
        length: Distance at which the probability has fallen to peak / e, >= 1e-150; infinite: peak everywhere.
        peak: Probability at distance 0, in [0, 1].
        weight: Weight of each synapse.
        loops: Whether neuron i may be its own sender.
        seed: Decides the draw.

    Returns:
        CSR [pre, post].

    Raises:
        ValueError: A number or shape is out of range.
        MemoryError: The network would not fit even if all its pairs were connected with `peak`.
    Source: Maass, Natschlaeger & Markram, Neural Computation 14 (2002), 2531.
    """
    senders, receivers = finite("pre_at", pre_at), finite("post_at", post_at)
    if senders.ndim != 2 or receivers.ndim != 2 or senders.shape[1] != receivers.shape[1]:
        raise ValueError(
            "pre_at and post_at must be of shapes [pre, D] and [post, D], "
            f"got {list(senders.shape)} and {list(receivers.shape)}"
        )
    _, _, weight = _checked(len(senders), len(receivers), weight, loops, seed)
    length, peak = number("length", length, low=1e-150, infinite=True), number("peak", peak, low=0, high=1)

    def probability(rows: Int64Array) -> Float64Array:
        with np.errstate(over="ignore", invalid="ignore"):  # infinitely far: never connected
            squares = ((receivers[rows, None, :] - senders[None]) ** 2).sum(axis=2)
            return np.asarray(peak * np.exp(-squares / np.square(length)))

    return _pairs(len(senders), len(receivers), probability, weight, loops, seed)


_PAIRS_AT_ONCE = 4_000_000
"""Pairs drawn together: bounds the scratch memory."""


def _pairs(pre: int, post: int, probability: Any, weight: float, loops: bool, seed: int) -> Any:
    """Draw every pair on its own, some receivers at a time."""
    senders, receivers, found, together = [], [], 0, max(1, _PAIRS_AT_ONCE // pre)
    for first in range(0, post, together):
        rows = np.arange(first, min(post, first + together))
        draws = uniform(keys(seed, "pairs", rows)[:, None], np.arange(pre)[None])
        hit = draws < probability(rows)
        if not loops:
            own = rows[rows < pre]
            hit[own - first, own] = False
        receiver, sender = np.nonzero(hit)
        found += receiver.size
        check_synapses(found)
        senders.append(sender)
        receivers.append(receiver + first)
    return _csr(np.concatenate(senders), np.concatenate(receivers), weight, (pre, post))


def _csr(sender: Int64Array, receiver: Int64Array, weight: float, shape: tuple[int, int]) -> Any:
    order = np.lexsort((receiver, sender))  # a COO matrix of SciPy would add parallel synapses up
    indptr = np.concatenate([[0], np.cumsum(np.bincount(sender, minlength=shape[0]))])
    data: Float64Array = np.full(sender.size, weight)
    return scipy.sparse.csr_array((data, receiver[order], indptr), shape=shape)


def _checked(pre: int, post: int, weight: float, loops: bool, seed: int) -> tuple[int, int, float]:
    weight = number("weight", weight)
    if weight == 0.0:
        raise refusal("weight", "other than 0 (a zero is no synapse)", weight)
    check_seed(seed)
    flag("loops", loops)
    return check_units("pre", pre), check_units("post", post), weight
