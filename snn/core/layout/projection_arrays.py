"""Lay out projections for the loops: one or few delays follow the log, a delay per synapse a ring.

Along the log, the synapses of a sender are cut at each delay, and step k visits what was emitted
`delay` steps ago; where synapses are dense and alike, most of them are bits rather than entries of a
list (`snn.core.layout.bitmaps`). With a delay for nearly every synapse those cuts would be longer than the
rows; then a spike is written ahead to the cells (step of arrival, receiver) of a ring, block by block
(`snn.core.grid.rings`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import IndexArray, Int64Array, RealArray, Uint64Array
from snn.core.compiled import compiled
from snn.core.layout import bitmaps
from snn.core.synapses import Synapses, bounds

if TYPE_CHECKING:
    from snn.core.network import Network


NARROW = 1 << 16
"""Counts up to here, exclusive, fit the uint16 of the loops."""


class Forms(NamedTuple):
    """Say how projections are laid out; results do not depend on it, and the defaults are measured."""

    short: float = 16.0
    """Synapses per (sender, delay) under which a ring is taken: infinite for rings, 0 for none."""
    dense: float = bitmaps.DENSE
    """Share of pairs from which bitmaps are: 0 wherever synapses are alike, infinite for none."""
    room: int = 1 << 20
    """Cells of a ring."""


DEFAULT = Forms()
LISTS = Forms(short=0.0, dense=np.inf)
"""Every synapse in a list along the log: what plastic projections need, and what engine="clock" reads."""

MOST_BLOCKS, MOST_PERIODS = 16, 4
"""Blocks that the longest delay spans, at most, though a ring then outgrows its room; and the other way round."""
PER_CUT = 4
"""Synapses from one cut of a ring's row to the next."""


class ProjectionArrays(NamedTuple):
    """Hold the projections in flat arrays: Q projections, S synapses; by receiver, then as given."""

    incoming: Int64Array
    """First projection to each population, [P + 1]."""
    pre: Int64Array
    """Sending population of each projection, [Q]."""
    target: Int64Array
    """First arrival slot that each projection feeds, [Q]."""
    size: Int64Array
    """Receivers of each projection, [Q]."""
    depth: Int64Array
    """Steps of its ring, [Q]; 0: along the log."""
    reach: Int64Array
    """Longest delay of each projection, steps, [Q]."""
    cut: Int64Array
    """Steps from one cut of the rows of a ring to the next, [Q]."""
    delay: Int64Array
    """Delays at which the rows of each projection are cut, ascending; along the log all that there are."""
    delay_first: Int64Array
    """Start of each projection in `delay`, [Q + 1]."""
    table: Int64Array
    """Start of each (sender, delay); the next entry is its end."""
    table_first: Int64Array
    """Start of each projection in `table`, [Q]."""
    wide: NDArray[np.bool_]
    """Whether the synapses are in `post32` rather than `post16`, [Q]."""
    post16: NDArray[np.uint16]
    """Receiver of each synapse."""
    post32: NDArray[np.uint32]
    """Receiver of each synapse, or delay * size + receiver to a ring."""
    words: Int64Array
    """Words of a row of bits, [Q]; 0: all synapses are listed. Else only those that repeat a pair are."""
    bits: Uint64Array
    """Rows of all bitmaps, then an empty one."""
    bits_first: Int64Array
    """Start of each bitmap, [Q]."""
    counted: NDArray[np.bool_]
    """Whether arrivals are counted, for there is one weight, [Q]."""
    most: Int64Array
    """Most synapses that a receiver has, [Q]: with one spike per sender, the largest count."""
    scale: RealArray
    """The one weight, or 1 where each synapse has its own, [Q]."""
    weight: RealArray
    """Weight of each synapse that has its own."""
    weight_shift: Int64Array
    """Place of a synapse in `weight` less its place in `post16` or `post32`, [Q]."""
    out_first: Int64Array
    """First ring fed by each population, [P + 1]."""
    out: Int64Array
    """Projections with rings, by sender, [rings]."""
    horizon: int
    """Longest delay, steps."""


def projection_order(network: Network) -> tuple[str, ...]:
    """Names of the projections in the order of the plan."""
    place = {name: p for p, name in enumerate(network.order)}
    return tuple(p.name for p in sorted(network.projections, key=lambda p: place[p.post]))


def build(network: Network, slots: Int64Array, real: Any, forms: Forms) -> ProjectionArrays:
    """Lay out the projections of `network`.

    Args:
        network: The network.
        slots: First arrival slot of each population.
        real: float32 or float64.
        forms: How to lay them out.

    Raises:
        ValueError: A weight vanishes or overflows in `real`.
    """
    place = {name: p for p, name in enumerate(network.order)}
    names = projection_order(network)
    ends = [(network.projection(name).pre, network.projection(name).post) for name in names]
    sizes = [network.population(post).size for _, post in ends]
    rows = [network.synapses(name) for name in names]
    learns = [network.projection(name).plasticity is not None for name in names]
    # Weights that change are kept one by one, and read when a spike arrives: along the log.
    rows = [row.with_own_weights() if plastic else row for row, plastic in zip(rows, learns, strict=True)]
    laid = [
        _lay(row, size, LISTS if plastic else forms)
        for row, size, plastic in zip(rows, sizes, learns, strict=True)
    ]
    weights = [_weights(name, row, real) for name, row in zip(names, rows, strict=True)]
    pre = np.array([place[pre] for pre, _ in ends], dtype=np.int64)
    posts = np.array([place[post] for _, post in ends], dtype=np.int64)
    depth = np.array([one.depth for one in laid], dtype=np.int64)
    wide = np.array([one.post.dtype == np.uint32 for one in laid], dtype=bool)
    starts = _starts(laid, wide)
    feeding = np.flatnonzero(depth)
    feeding = feeding[np.argsort(pre[feeding], kind="stable")]
    return ProjectionArrays(
        incoming=bounds(np.bincount(posts, minlength=len(place))),
        pre=pre,
        target=np.array([_target(network, slots, place, name) for name in names], dtype=np.int64),
        size=np.array(sizes, dtype=np.int64),
        depth=depth,
        reach=np.array([row.max_delay for row in rows], dtype=np.int64),
        cut=np.array([one.cut for one in laid], dtype=np.int64),
        delay=_joined([one.distinct for one in laid], np.int64),
        delay_first=bounds([one.distinct.size for one in laid]),
        table=_joined([one.table + start for one, start in zip(laid, starts, strict=True)], np.int64),
        table_first=bounds([one.table.size for one in laid])[:-1].copy(),
        wide=wide,
        post16=_joined([one.post for one in laid if one.post.dtype == np.uint16], np.uint16),
        post32=_joined([one.post for one in laid if one.post.dtype == np.uint32], np.uint32),
        words=np.array([one.words for one in laid], dtype=np.int64),
        bits=_joined([*(one.bits for one in laid), np.zeros(_most_words(laid), np.uint64)], np.uint64),
        bits_first=bounds([one.bits.size for one in laid])[:-1].copy(),
        counted=np.array([row.one_weight is not None for row in rows], dtype=bool),
        most=np.array([_most(row.indices, n) for row, n in zip(rows, sizes, strict=True)], dtype=np.int64),
        scale=np.array([1.0 if row.one_weight is None else row.one_weight for row in rows], dtype=real),
        weight=_joined(weights, real),
        weight_shift=bounds([w.size for w in weights])[:-1] - starts,
        out_first=bounds(np.bincount(pre[feeding], minlength=len(place))),
        out=feeding,
        horizon=max((row.max_delay for row in rows), default=0),
    )


class _Laid(NamedTuple):
    """One projection, laid out."""

    depth: int
    distinct: Int64Array
    table: Int64Array
    post: IndexArray
    words: int = 0
    bits: Uint64Array = np.zeros(0, dtype=np.uint64)
    cut: int = 1


def _lay(rows: Synapses, size: int, forms: Forms) -> _Laid:
    senders, depth = rows.indptr.size - 1, rows.max_delay + 1
    bitmap = bitmaps.lay(rows, size, forms.dense)
    if bitmap is not None:
        distinct = np.array([rows.max_delay])
        return _Laid(0, distinct, bitmap.bounds, bitmap.surplus, bitmap.words, bitmap.bits)
    if rows.one_delay is not None or not rows.weight.size:
        distinct = np.full(min(1, rows.weight.size), rows.max_delay, dtype=np.int64)
        return _Laid(0, distinct, rows.indptr if distinct.size else rows.indptr[:0], rows.indices)
    seen = np.zeros(depth, dtype=bool)
    seen[rows.delay_steps] = True
    distinct = np.flatnonzero(seen)
    if depth * size < 1 << 32 and rows.weight.size < forms.short * senders * distinct.size:
        return _lay_ring(rows, size, depth, forms.room)
    which = np.cumsum(seen) - 1
    return _Laid(0, distinct, _table(rows.indptr, rows.delay_steps, which, distinct.size), rows.indices)


def _lay_ring(rows: Synapses, size: int, span: int, room: int) -> _Laid:
    """Lay out for a ring, which need not be as long as the `span` of delays."""
    steps = max(min(room // size, MOST_PERIODS * span), -(-span // MOST_BLOCKS))
    cuts = max(1, min(span, rows.weight.size // (PER_CUT * (rows.indptr.size - 1))))
    cut = -(-span // cuts)
    starts = np.arange(0, span, cut)
    table = _table(rows.indptr, rows.delay_steps, np.arange(span) // cut, starts.size)
    cells = (rows.delay_steps * size + rows.indices).astype(np.uint32)
    return _Laid(steps, starts, table, cells, cut=cut)


def _starts(laid: list[_Laid], wide: NDArray[np.bool_]) -> Int64Array:
    """Place each list in that of its type."""
    starts = np.zeros(len(laid), dtype=np.int64)
    for kind in (False, True):
        members = np.flatnonzero(wide == kind)
        starts[members] = bounds([laid[q].post.size for q in members])[:-1]
    return starts


def _most_words(laid: list[_Laid]) -> int:
    return max((one.words for one in laid), default=0)


def _target(network: Network, slots: Int64Array, place: dict[str, int], name: str) -> int:
    projection = network.projection(name)
    return slot_of(network, slots, place, projection.post, projection.receptor)


def slot_of(
    network: Network, slots: Int64Array, place: dict[str, int], post: str, receptor: str | None
) -> int:
    """First arrival slot of a receptor of the population `post`."""
    population = network.population(post)
    row = population.receptors.index(receptor) if population.receptors else 0
    return int(slots[place[post]]) + row * population.size


def _weights(name: str, rows: Synapses, real: Any) -> RealArray:
    """Convert the weights; none are kept where one is enough."""
    given = rows.weight[:1] if rows.one_weight is not None else rows.weight
    with np.errstate(over="ignore"):
        weight: RealArray = given.astype(real)
    bad = (weight == 0.0) | ~np.isfinite(weight)
    if bad.any():
        raise ValueError(f"weight {given[bad][0]!r} of {name!r} does not fit dtype {np.dtype(real).name!r}")
    return weight[:0] if rows.one_weight is not None else weight


def _joined(parts: list[Any], kind: Any) -> Any:
    return np.concatenate([np.zeros(0, dtype=kind), *parts])


@compiled
def _table(indptr: Int64Array, steps: Int64Array, which: Int64Array, distinct: int) -> Int64Array:
    """Find where each (sender, delay) starts, and where the last one ends: rows are sorted so."""
    table = np.zeros((indptr.size - 1) * distinct + 1, dtype=np.int64)
    for i in range(indptr.size - 1):
        for s in range(indptr[i], indptr[i + 1]):
            table[i * distinct + which[steps[s]] + 1] += 1
    for t in range(1, table.size):
        table[t] += table[t - 1]
    return table


@compiled
def _most(post: IndexArray, size: int) -> int:
    """Count the synapses of the receiver that has most."""
    found = np.zeros(size, dtype=np.int64)
    for n in post:
        found[n] += 1
    return int(found.max())
