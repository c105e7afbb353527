"""Weights and delays of liquids, as arrays: drawn on the connectivity of `snn.core`, a seed always the same.

Weights are [pre, post], dense or SciPy CSR as `Reservoir` takes them; delays are whole steps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from scipy.special import ndtri

from snn.core import connectivity
from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import finite, number, refusal, whole
from snn.core.memory import check as check_memory
from snn.core.projection import checked_weight
from snn.core.random import check_seed, keys, uniform
from snn.core.units import check_dt, check_units, delay_steps

__all__ = [
    "by_distance",
    "dale",
    "delays_by_distance",
    "dense_gaussian",
    "fixed_in_degree",
    "gaussian_weights",
    "grid_places",
    "small_world",
]


def _normal(seed: int, name: str, size: int) -> Float64Array:
    """Draw standard normal numbers, [size]."""
    draw = uniform(keys(check_seed(seed), name), np.arange(size))
    return np.asarray(ndtri(draw + 2.0**-54))  # never 0, never 1


def dense_gaussian(pre: int, post: int, *, mean: float = 0.0, sd: float = 1.0, seed: int = 0) -> Float64Array:
    """Draw a weight for every pair from N(mean, sd^2), [pre, post]: both signs, no structure.

    Raises:
        ValueError: A size is below 1, `sd` negative, or a number not finite.
        MemoryError: The weights would not fit.
    """
    pre, post = check_units("pre", pre), check_units("post", post)
    mean, sd = number("mean", mean), number("sd", sd, low=0)
    check_memory(24 * pre * post, f"weights of {pre:,} x {post:,} pairs")
    return mean + sd * _normal(seed, "dense_gaussian", pre * post).reshape(pre, post)


def gaussian_weights(connections: Any, *, mean: float = 0.0, sd: float = 1.0, seed: int = 0) -> Any:
    """Give every synapse of a CSR matrix a weight from N(mean, sd^2); who is connected to whom stays.

    Raises:
        ValueError: No CSR matrix, `sd` negative, or a number not finite.
    """
    if not (scipy.sparse.issparse(connections) and connections.format == "csr"):
        raise refusal("connections", "SciPy CSR [pre, post]", connections)
    mean, sd = number("mean", mean), number("sd", sd, low=0)
    weight = connections.copy()
    weight.data = mean + sd * _normal(seed, "gaussian_weights", weight.data.size)
    return weight


def fixed_in_degree(
    pre: int,
    post: int,
    degree: int,
    *,
    mean: float = 0.0,
    sd: float = 1.0,
    loops: bool = True,
    seed: int = 0,
) -> Any:
    """Give every receiver `degree` senders (`snn.core.connectivity.fixed_in_degree`) with Gaussian weights, CSR."""
    found = connectivity.fixed_in_degree(pre, post, degree, loops=loops, seed=seed)
    return gaussian_weights(found, mean=mean, sd=sd, seed=seed)


def by_distance(
    pre_at: ArrayLike,
    post_at: ArrayLike,
    length: float,
    peak: float = 1.0,
    *,
    mean: float = 0.0,
    sd: float = 1.0,
    loops: bool = True,
    seed: int = 0,
) -> Any:
    """Connect pairs the more often the nearer (`snn.core.connectivity.by_distance`) with Gaussian weights, CSR."""
    found = connectivity.by_distance(pre_at, post_at, length, peak, loops=loops, seed=seed)
    return gaussian_weights(found, mean=mean, sd=sd, seed=seed)


def small_world(
    size: int, degree: int, rewire: float, *, mean: float = 0.0, sd: float = 1.0, seed: int = 0
) -> Any:
    """Connect neurons on a ring to their nearest, and move some of these connections anywhere, CSR [size, size].

    Every receiver has `degree` different senders other than itself: the degree / 2 on each side of it, of which
    each is exchanged for one drawn from all others with probability `rewire`.

    Args:
        size: Neurons.
        degree: Senders of each, even, >= 2 and below `size`.
        rewire: Probability in [0, 1]: 0 is the ring, 1 a random graph.
        mean: Mean of the weights.
        sd: Their standard deviation, >= 0.
        seed: Decides the draw.

    Raises:
        ValueError: A value is out of range.
    Source: Watts & Strogatz, Nature 393 (1998), 440; there links have no direction.
    """
    size = whole("size", size, low=3)
    degree = whole("degree", degree, low=2, high=size - 1)
    rewire = number("rewire", rewire, low=0, high=1)
    if degree % 2:
        raise refusal("degree", "even, half on each side", degree)
    near = np.r_[-(degree // 2) : 0, 1 : degree // 2 + 1]
    receiver = np.arange(size)[:, None]
    sender = (receiver + near) % size
    moves = uniform(keys(seed, "small_world/moves", np.arange(size))[:, None], np.arange(degree)) < rewire
    for n in range(size):
        count = int(moves[n].sum())
        if count:
            stay = sender[n, ~moves[n]]
            others = np.setdiff1d(np.arange(size), np.append(stay, n))
            order = np.argsort(uniform(keys(seed, "small_world/senders", n), others), kind="stable")
            sender[n, moves[n]] = others[order[:count]]
    flat, to = sender.ravel(), np.repeat(np.arange(size), degree)
    found = scipy.sparse.csr_array((np.ones(flat.size), (flat, to)), shape=(size, size))
    return gaussian_weights(found, mean=mean, sd=sd, seed=seed)


def dale(weight: Any, *, excitatory: float = 0.8, seed: int = 0) -> Any:
    """Give all synapses of a sender one sign (Dale's law): their sizes stay.

    Args:
        weight: [pre, post], dense or CSR.
        excitatory: Share of the senders that excite, in [0, 1], rounded to whole senders; drawn by the seed.
        seed: Decides which.

    Raises:
        ValueError: No weights, or a share out of range.
    """
    kept = checked_weight("weight", weight)
    pre = kept.shape[0]
    count = round(number("excitatory", excitatory, low=0, high=1) * pre)
    order = np.argsort(uniform(keys(check_seed(seed), "dale"), np.arange(pre)), kind="stable")
    sign = np.full(pre, -1.0)
    sign[order[:count]] = 1.0
    if isinstance(kept, np.ndarray):
        return np.abs(kept) * sign[:, None]
    made = kept.copy()
    made.data = np.abs(kept.data) * np.repeat(sign, np.diff(kept.indptr))
    return made


def grid_places(sides: tuple[int, ...]) -> Float64Array:
    """Give the points of a box with whole coordinates, [product of the sides, D]: a column of neurons.

    Raises:
        ValueError: A side is below 1, or there is none.
    """
    if not sides:
        raise refusal("sides", "at least one whole number >= 1", sides)
    lengths = [whole(f"sides[{i}]", side, low=1) for i, side in enumerate(sides)]
    check_memory(16 * len(lengths) * math.prod(lengths), f"{math.prod(lengths):,} places")
    axes = np.meshgrid(*map(np.arange, lengths), indexing="ij")
    return np.stack([axis.ravel() for axis in axes], axis=1).astype(np.float64)


def delays_by_distance(
    weight: Any, pre_at: ArrayLike, post_at: ArrayLike, *, speed: float, dt_ms: float, least_ms: float = 0.0
) -> Int64Array:
    """Give each synapse the time that a spike takes to travel: least_ms + distance / speed, in steps, at least one.

    Args:
        weight: Weights [pre, post], dense or CSR.
        pre_at: Places of the senders, [pre, D].
        post_at: Places of the receivers, [post, D].
        speed: Distance per ms, > 0.
        dt_ms: Length of a step, ms.
        least_ms: Time at distance 0, ms, >= 0.

    Returns:
        Steps, rounded half to even as delays are, >= 1: [pre, post] of a dense weight, [S] of a CSR one, aligned
        with its data.

    Raises:
        ValueError: A shape does not fit, or a value is out of range.
    """
    kept = checked_weight("weight", weight)
    senders, receivers = finite("pre_at", pre_at), finite("post_at", post_at)
    speed, least = number("speed", speed, above=0), number("least_ms", least_ms, low=0)
    for name, places, count in (("pre_at", senders, kept.shape[0]), ("post_at", receivers, kept.shape[1])):
        if places.ndim != 2 or places.shape != (count, senders.shape[-1]):
            raise refusal(name, f"of shape [{count}, D], as weight", places)
    if isinstance(kept, np.ndarray):
        squares = sum((senders[:, None, d] - receivers[None, :, d]) ** 2 for d in range(senders.shape[1]))
    else:
        sender = np.repeat(np.arange(kept.shape[0]), np.diff(kept.indptr))
        squares = ((senders[sender] - receivers[kept.indices]) ** 2).sum(axis=1)
    return np.maximum(delay_steps(least + np.sqrt(squares) / speed, check_dt(dt_ms)), 1)
