"""Spikes on their way: per projection a stream in the order of emission, of those that still have to arrive.

Spikes of sources are let in as their first arrival comes near, those of neurons when a window is over; a spike
leaves with its last arrival. Rows of synapses are sorted by delay, so a spike over many delays waits at the
synapse that comes next.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from snn.core.arrays import Float64Array, IndexArray, Int64Array
from snn.core.compiled import lean, lean_inlined, part
from snn.core.exact.layout import ExactArrays
from snn.core.exact.sample import SampleInput

_ONE = np.uint64(1)


class Streams(NamedTuple):
    """Hold the spikes on their way; C is the room for them.

    Attributes:
        first: Start of the room of each projection, [Q + 1].
        used: How much of it is taken, [Q].
        seen: The given spike from which each projection looks for what is to be let in, [Q].
        due_ms: When the next arrival of each spike is due, [C], ms.
        emitted_ms: When each was emitted, [C], ms.
        synapse: The synapse over which that arrival comes, [C].
        end: End of the sender's synapses, [C].
    """

    first: Int64Array
    used: Int64Array
    seen: Int64Array
    due_ms: Float64Array
    emitted_ms: Float64Array
    synapse: Int64Array
    end: Int64Array


@part
def no_spikes(arrays: ExactArrays, given: SampleInput) -> Streams:
    """Return streams with nothing on its way."""
    projections = arrays.pre.size
    return Streams(
        np.zeros(projections + 1, dtype=np.int64),
        np.zeros(projections, dtype=np.int64),
        given.first[arrays.pre],
        np.empty(0),
        np.empty(0),
        np.empty(0, dtype=np.int64),
        np.empty(0, dtype=np.int64),
    )


@part
def with_room(old: Streams, q: int, more: int) -> Streams:
    """Return streams with room for `more` spikes over projection q."""
    lacking = old.used[q] + more - (old.first[q + 1] - old.first[q])
    if lacking <= 0:
        return old
    first = old.first.copy()
    for e in range(q + 1, first.size):
        first[e] += lacking + old.used[q] + more
    room = first[first.size - 1]
    new = Streams(
        first,
        old.used,
        old.seen,
        np.empty(room),
        np.empty(room),
        np.empty(room, dtype=np.int64),
        np.empty(room, dtype=np.int64),
    )
    for e in range(old.used.size):
        for i in range(old.used[e]):
            to, place = first[e] + i, old.first[e] + i
            new.due_ms[to], new.emitted_ms[to] = old.due_ms[place], old.emitted_ms[place]
            new.synapse[to], new.end[to] = old.synapse[place], old.end[place]
    return new


@lean_inlined
def send(arrays: ExactArrays, q: int, u: int, t: float, streams: Streams) -> None:
    """Put a spike of unit u at time t on its way over projection q.

    A spike before time 0, of an earlier run, has arrived over its shorter delays already.
    """
    row = arrays.row_first[q] + u - arrays.first[arrays.pre[q]]
    s, end = arrays.row[row], arrays.row[row + 1]
    while s < end and t + arrays.delay[s] < 0.0:
        s += 1
    if s < end:
        place = streams.first[q] + streams.used[q]
        streams.due_ms[place], streams.emitted_ms[place] = t + arrays.delay[s], t
        streams.synapse[place], streams.end[place] = s, end
        streams.used[q] += 1


@lean
def come_near(
    arrays: ExactArrays, q: int, given: SampleInput, start: float, until: float, streams: Streams
) -> int:
    """Move `seen` to the first given spike that may first arrive in [start, until); return the end of these.

    They are sorted by step, not by time, and a time may be off its step by a little, so a step more is taken on
    both sides.
    """
    e, end, shortest = streams.seen[q], given.first[arrays.pre[q] + 1], arrays.shortest[q]
    if e == end or shortest == math.inf:
        return int(e)
    low = math.floor((start - shortest) / given.dt_ms) - 1
    high = math.floor((until - shortest) / given.dt_ms) + 1
    while e < end and given.step[np.uint64(e)] < low:
        e += 1
    streams.seen[q] = e
    while e < end and given.step[np.uint64(e)] <= high:
        e += 1
    return int(e)


@lean
def count(arrays: ExactArrays, q: int, until: float, streams: Streams, ends: IndexArray) -> None:
    """Count what arrives over projection q before `until`, for each unit, in `ends`."""
    for i in range(streams.first[q], streams.first[q] + streams.used[q]):
        place = np.uint64(i)
        if streams.due_ms[place] < until:
            _count_due(
                arrays, streams.emitted_ms[place], streams.synapse[place], streams.end[place], until, ends
            )


@lean_inlined
def _count_due(arrays: ExactArrays, t: float, s: int, end: int, until: float, ends: IndexArray) -> None:
    while s < end and t + arrays.delay[np.uint64(s)] < until:
        ends[arrays.post[np.uint64(s)]] += 1
        s += 1


@lean
def let_in(
    arrays: ExactArrays,
    q: int,
    given: SampleInput,
    start: float,
    until: float,
    end: int,
    streams: Streams,
    ends: IndexArray,
) -> None:
    """Send the given spikes from `seen` to `end` whose first arrival over projection q can be in [start, until).

    They are counted as `count` does it.
    """
    shortest, first_row = arrays.shortest[q], arrays.row_first[q] - arrays.first[arrays.pre[q]]
    place = streams.first[q] + streams.used[q]
    for e in range(streams.seen[q], end):
        t = given.time_ms[np.uint64(e)]
        if start <= t + shortest < until:
            row = np.uint64(given.unit[np.uint64(e)] + first_row)
            s, last = arrays.row[row], arrays.row[row + _ONE]
            if s < last:
                to = np.uint64(place)
                streams.due_ms[to], streams.emitted_ms[to] = t + arrays.delay[np.uint64(s)], t
                streams.synapse[to], streams.end[to] = s, last
                place += 1
                _count_due(arrays, t, s, last, until, ends)
    streams.used[q] = place - streams.first[q]


@lean
def next_arrival(arrays: ExactArrays, q: int, given: SampleInput, now: float, streams: Streams) -> float:
    """Give a time before which nothing arrives over projection q, ms, where all before `now` has."""
    soonest = math.inf
    for place in range(streams.first[q], streams.first[q] + streams.used[q]):
        soonest = min(soonest, streams.due_ms[place])
    e, end, shortest = streams.seen[q], given.first[arrays.pre[q] + 1], arrays.shortest[q]
    while e < end and given.time_ms[e] + shortest < now:
        e += 1
    if e < end:
        soonest = min(soonest, (given.step[e] - 1) * given.dt_ms + shortest)
    return soonest
