"""Lay out projections for the loops: one or few delays follow the log, a delay per synapse a ring.

Along the log, the synapses of a sender are cut at each delay, and step k visits what was emitted
`delay` steps ago; where synapses are dense and alike, most of them are bits rather than entries of a
list (`snn.core.layout.bitmaps`). With a delay for nearly every synapse those cuts would be longer than the
rows; then a spike is written ahead to the cells (step of arrival, receiver) of a ring, block by block
(`snn.core.grid.rings`).
"""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from snn.core import memory
from snn.core.arrays import (
    BoolArray,
    IndexArray,
    Int64Array,
    RealArray,
    Uint16Array,
    Uint32Array,
    Uint64Array,
)
from snn.core.checks import refusal
from snn.core.compiled import compiled
from snn.core.layout import bitmaps
from snn.core.layout.neuron_arrays import neuron_arrays_of, slot_of
from snn.core.network import Network
from snn.core.synapses import Synapses, bounds

NARROW = 1 << 16
"""Counts up to here, exclusive, fit the uint16 of the loops."""


class Forms(NamedTuple):
    """Say how projections are laid out; results do not depend on it, and the defaults are measured.

    Attributes:
        short: Synapses per (sender, delay) under which a ring is taken: infinite for rings, 0 for none.
        dense: Share of pairs from which bitmaps are: 0 wherever synapses are alike, infinite for none.
        room: Cells of a ring.
        full: Keep a projection of every sender to every receiver as rows of weights.
    """

    short: float = 16.0
    dense: float = bitmaps.DENSE
    room: int = 1 << 20
    full: bool = True


DEFAULT = Forms()
LISTS = Forms(short=0.0, dense=np.inf, full=False)
"""Every synapse in a list along the log: what plastic projections need, and what engine="clock" reads."""

MOST_BLOCKS, MOST_PERIODS = 16, 4
"""Blocks that the longest delay spans, at most, though a ring then outgrows its room; and the other way round."""
PER_CUT = 4
"""Synapses from one cut of a ring's row to the next."""


class ProjectionArrays(NamedTuple):
    """Hold the projections in flat arrays: Q projections, S synapses; by receiver, then as given.

    Attributes:
        incoming: First projection to each population, [P + 1].
        pre: Sending population of each projection, [Q].
        target: First arrival slot that each projection feeds, [Q].
        size: Receivers of each projection, [Q].
        depth: Steps of its ring, [Q]; 0: along the log.
        reach: Longest delay of each projection, steps, [Q].
        cut: Steps from one cut of the rows of a ring to the next, [Q].
        delay: Delays at which the rows of each projection are cut, ascending; along the log all that there are.
        delay_first: Start of each projection in `delay`, [Q + 1].
        table: Start of each (sender, delay); the next entry is its end.
        table_first: Start of each projection in `table`, [Q].
        wide: Whether the synapses are in `post32` rather than `post16`, [Q].
        post16: Receiver of each synapse.
        post32: Receiver of each synapse, or delay * size + receiver to a ring.
        words: Words of a row of bits, [Q]; 0: all synapses are listed. Else only those that repeat a pair are.
        bits: Rows of all bitmaps, then an empty one.
        bits_first: Start of each bitmap, [Q].
        full: Whether every sender reaches every receiver over one delay, each with a weight of its own, [Q]: its
            weights are a row for each sender, and nothing is listed.
        counted: Whether arrivals are counted, for there is one weight, [Q].
        most: Most synapses that a receiver has, [Q]: with one spike per sender, the largest count.
        scale: The one weight, or 1 where each synapse has its own, [Q].
        weight: Weight of each synapse that has its own.
        weight_shift: Place of a synapse in `weight` less its place in `post16` or `post32`, [Q].
        out_first: First ring fed by each population, [P + 1].
        out: Projections with rings, by sender, [rings].
        horizon: Longest delay, steps.
    """

    incoming: Int64Array
    pre: Int64Array
    target: Int64Array
    size: Int64Array
    depth: Int64Array
    reach: Int64Array
    cut: Int64Array
    delay: Int64Array
    delay_first: Int64Array
    table: Int64Array
    table_first: Int64Array
    wide: BoolArray
    post16: Uint16Array
    post32: Uint32Array
    words: Int64Array
    bits: Uint64Array
    bits_first: Int64Array
    full: BoolArray
    counted: BoolArray
    most: Int64Array
    scale: RealArray
    weight: RealArray
    weight_shift: Int64Array
    out_first: Int64Array
    out: Int64Array
    horizon: int


_built: WeakKeyDictionary[Network, dict[tuple[str, Forms], ProjectionArrays]] = WeakKeyDictionary()


def projection_arrays_of(network: Network, dtype: str, forms: Forms = DEFAULT) -> ProjectionArrays:
    """Return the projections of `network` in flat form, built at its first use.

    Raises:
        ValueError: A weight does not fit `dtype`.
        MemoryError: Tables of its delays would not fit.
    """
    made = _built.setdefault(network, {})
    if (dtype, forms) not in made:
        made[dtype, forms] = _build(network, np.dtype(dtype).type, forms)
    return made[dtype, forms]


def projection_order(network: Network) -> tuple[str, ...]:
    """Names of the projections in the order of `ProjectionArrays`."""
    return tuple(p.name for p in sorted(network.projections, key=lambda p: network.place[p.post]))


def _build(network: Network, real: Any, forms: Forms) -> ProjectionArrays:
    """Lay out the projections of `network` in numbers of type `real`; a weight may not fit."""
    names = projection_order(network)
    ends = [(network.projection(name).pre, network.projection(name).post) for name in names]
    sizes = [network.population(post).size for _, post in ends]
    rows = [network.synapses(name) for name in names]
    learns = [network.projection(name).plasticity is not None for name in names]
    # Weights that change are kept one by one, and read when a spike arrives: along the log.
    rows = [row.with_own_weights() if plastic else row for row, plastic in zip(rows, learns, strict=True)]
    laid = [
        _layout(row, size, LISTS if plastic else forms)
        for row, size, plastic in zip(rows, sizes, learns, strict=True)
    ]
    weights = [_weights(name, row, real) for name, row in zip(names, rows, strict=True)]
    place, slot = network.place, neuron_arrays_of(network, np.dtype(real).name).slot
    receptors = [network.projection(name).receptor for name in names]
    targets = [slot_of(network, slot, post, r) for (_, post), r in zip(ends, receptors, strict=True)]
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
        target=np.array(targets, dtype=np.int64),
        size=np.array(sizes, dtype=np.int64),
        depth=depth,
        reach=np.array([row.max_delay for row in rows], dtype=np.int64),
        cut=np.array([one.cut for one in laid], dtype=np.int64),
        delay=_joined([one.delays for one in laid], np.int64),
        delay_first=bounds([one.delays.size for one in laid]),
        table=_joined([one.table + start for one, start in zip(laid, starts, strict=True)], np.int64),
        table_first=bounds([one.table.size for one in laid])[:-1].copy(),
        wide=wide,
        post16=_joined([one.post for one in laid if one.post.dtype == np.uint16], np.uint16),
        post32=_joined([one.post for one in laid if one.post.dtype == np.uint32], np.uint32),
        words=np.array([one.words for one in laid], dtype=np.int64),
        bits=_joined([*(one.bits for one in laid), np.zeros(_most_words(laid), np.uint64)], np.uint64),
        bits_first=bounds([one.bits.size for one in laid])[:-1].copy(),
        full=np.array([one.full for one in laid], dtype=bool),
        counted=np.array([row.one_weight is not None for row in rows], dtype=bool),
        most=np.array([_most(row.indices, n) for row, n in zip(rows, sizes, strict=True)], dtype=np.int64),
        scale=np.array([1.0 if row.one_weight is None else row.one_weight for row in rows], dtype=real),
        weight=_joined(weights, real),
        weight_shift=bounds([w.size for w in weights])[:-1] - starts,
        out_first=bounds(np.bincount(pre[feeding], minlength=len(place))),
        out=feeding,
        horizon=max((row.max_delay for row in rows), default=0),
    )


class _Layout(NamedTuple):
    """Hold one projection, laid out.

    Attributes:
        depth: Steps of its ring; 0: along the log.
        delays: Delays at which its rows are cut, ascending.
        table: Start of each (sender, delay) in `post`, and the end of the last.
        post: Receivers, or cells of a ring.
        words: Words of a row of bits; 0: none.
        bits: Rows of bits.
        cut: Steps from one cut of the rows of a ring to the next.
        full: Whether the rows are full, and nothing is listed in `post`.
    """

    depth: int
    delays: Int64Array
    table: Int64Array
    post: IndexArray
    words: int = 0
    bits: Uint64Array = np.zeros(0, dtype=np.uint64)
    cut: int = 1
    full: bool = False


def _layout(rows: Synapses, size: int, forms: Forms) -> _Layout:
    senders, depth = rows.indptr.size - 1, rows.max_delay + 1
    bitmap = bitmaps.bitmap_of(rows, size, forms.dense)
    if bitmap is not None:
        distinct = np.array([rows.max_delay])
        return _Layout(0, distinct, bitmap.bounds, bitmap.surplus, bitmap.words, bitmap.bits)
    if forms.full and _is_full(rows, size):
        return _Layout(0, np.array([rows.max_delay]), rows.indptr, rows.indices[:0], full=True)
    if rows.one_delay is not None or not rows.weight.size:
        distinct = np.full(min(1, rows.weight.size), rows.max_delay, dtype=np.int64)
        return _Layout(0, distinct, rows.indptr if distinct.size else rows.indptr[:0], rows.indices)
    memory.check(25 * depth, f"the tables of delays of up to {depth - 1:,} steps")
    seen = np.zeros(depth, dtype=bool)
    seen[rows.delay_steps] = True
    distinct = np.flatnonzero(seen)
    if depth * size < 1 << 32 and rows.weight.size < forms.short * senders * distinct.size:
        return _ring_layout(rows, size, depth, forms.room)
    memory.check(8 * senders * distinct.size, f"the rows of {senders:,} senders x {distinct.size:,} delays")
    which = np.cumsum(seen) - 1
    return _Layout(0, distinct, _table(rows.indptr, rows.delay_steps, which, distinct.size), rows.indices)


def _is_full(rows: Synapses, size: int) -> bool:
    """Tell whether every sender reaches every receiver once, over one delay, and the weights differ."""
    senders = rows.indptr.size - 1
    if rows.one_delay is None or rows.one_weight is not None or rows.indices.size != senders * size:
        return False
    return bool((rows.indices.reshape(senders, size) == np.arange(size)).all())


def ring_steps(size: int, span: int, room: int = DEFAULT.room) -> int:
    """Return the steps of a ring for `size` receivers and a `span` of delays."""
    return max(min(room // size, MOST_PERIODS * span), -(-span // MOST_BLOCKS))


def _ring_layout(rows: Synapses, size: int, span: int, room: int) -> _Layout:
    """Lay out for a ring, which need not be as long as the `span` of delays."""
    steps = ring_steps(size, span, room)
    cuts = max(1, min(span, rows.weight.size // (PER_CUT * (rows.indptr.size - 1))))
    cut = -(-span // cuts)
    starts = np.arange(0, span, cut)
    table = _table(rows.indptr, rows.delay_steps, np.arange(span) // cut, starts.size)
    cells = (rows.delay_steps * size + rows.indices).astype(np.uint32)
    return _Layout(steps, starts, table, cells, cut=cut)


def _starts(laid: list[_Layout], wide: BoolArray) -> Int64Array:
    """Place each list in that of its type."""
    starts = np.zeros(len(laid), dtype=np.int64)
    for kind in (False, True):
        members = np.flatnonzero(wide == kind)
        starts[members] = bounds([laid[q].post.size for q in members])[:-1]
    return starts


def _most_words(laid: list[_Layout]) -> int:
    return max((one.words for one in laid), default=0)


def _weights(name: str, rows: Synapses, real: Any) -> RealArray:
    """Convert the weights; none are kept where one is enough."""
    given = rows.weight[:1] if rows.one_weight is not None else rows.weight
    with np.errstate(over="ignore"):
        weight: RealArray = given.astype(real)
    bad = (weight == 0.0) | ~np.isfinite(weight)
    if bad.any():
        rule = f"between the smallest and the largest number of {np.dtype(real).name!r}"
        raise refusal(f"weight of {name!r}", rule, given[bad][0])
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
