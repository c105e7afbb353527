"""What arrives in a window, dealt to its receivers by a counting sort.

The sort is stable: a receiver is dealt its arrivals by projection, then by emission, then by sender, and those
of one time are added up in that order.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from snn.core.arrays import Float64Array, IndexArray
from snn.core.compiled import lean, lean_inlined, part
from snn.core.exact.layout import ExactArrays
from snn.core.exact.sample import SampleState
from snn.core.exact.streams import Streams


class Hand(NamedTuple):
    """Hold the arrivals of a window, receiver by receiver; A is the room for them.

    Attributes:
        time_ms: When each arrives, [A], ms.
        weight: Its weight, [A].
        receptor: The current that it feeds, [A].
    """

    time_ms: Float64Array
    weight: Float64Array
    receptor: IndexArray


class Dealt(NamedTuple):
    """Hold a window of one population: what is dealt, as much room for its sort, and its end for each unit."""

    hand: Hand
    spare: Hand
    ends: IndexArray


@part
def room_for(arrivals: int, ends: IndexArray) -> Dealt:
    """Make room for some arrivals."""
    return Dealt(_empty_hand(arrivals), _empty_hand(arrivals), ends)


@part
def _empty_hand(arrivals: int) -> Hand:
    return Hand(np.empty(arrivals), np.empty(arrivals), np.empty(arrivals, dtype=np.uint8))


@lean
def begin(ends: IndexArray, size: int) -> int:
    """Turn the numbers of arrivals of `size` units into where these begin; return their sum."""
    total = 0
    for n in range(size):
        total, ends[n] = total + ends[n], total
    return total


@lean
def deal(
    arrays: ExactArrays,
    state: SampleState,
    p: int,
    until: float,
    streams: Streams,
    dealt: Dealt,
) -> None:
    """Deal what arrives at population p before `until`; `ends` move on to where those of a unit end."""
    for e in range(arrays.in_first[p], arrays.in_first[p + 1]):
        q = arrays.into[e]
        state.delay_reads[q] += _deal_over(arrays, q, until, streams, dealt.ends, dealt.hand)


@lean_inlined
def _deal_over(
    arrays: ExactArrays, q: int, until: float, streams: Streams, ends: IndexArray, hand: Hand
) -> int:
    """Deal what arrives over projection q, and return how many were delayed; spikes that are through leave."""
    first, receptor = streams.first[q], arrays.receptor[q]
    delayed, kept = 0, first
    for i in range(first, first + streams.used[q]):
        place = np.uint64(i)
        emitted, due = streams.emitted_ms[place], streams.due_ms[place]
        s, end = streams.synapse[place], streams.end[place]
        while due < until:
            synapse = np.uint64(s)
            n = arrays.post[synapse]
            to = ends[n]
            ends[n] = to + 1
            hand.time_ms[to], hand.weight[to], hand.receptor[to] = due, arrays.weight[synapse], receptor
            delayed += arrays.delayed[synapse]
            s += 1
            due = emitted + arrays.delay[np.uint64(s)] if s < end else math.inf
        if s < end:
            streams.due_ms[kept], streams.emitted_ms[kept] = due, emitted
            streams.synapse[kept], streams.end[kept] = s, end
            kept += 1
    streams.used[q] = kept - first
    return delayed
