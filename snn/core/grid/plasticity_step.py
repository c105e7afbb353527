"""The compiled step of plasticity, after the step of the network (`snn.core.plasticity` has the equations).

A weight changes once the spikes of its step have passed, so all that a step teaches stands in the log of
spikes, and both engines take it from there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.compiled import lean, lean_inlined
from snn.core.grid.bundles import SpikeLog
from snn.core.layout.plasticity_arrays import PlasticityArrays

SILENT = 1e-30
"""Trace that counts as 0: numbers far below would slow the processor down."""


@lean
def learn(a: PlasticityArrays, log: SpikeLog, row: int, k: int) -> None:
    """Change weights and traces by what happened in step k.

    Args:
        a: The plastic projections.
        log: The spikes of the sample.
        row: First row of the log in step k, horizon + k, in populations.
        k: The step.
    """
    for i in range(a.plastic.size):
        _learn_on_arrivals(a, i, log, row)
        _trace_senders(a, i, log, row, k)
        _learn_on_spikes(a, i, log, row, k)


@lean_inlined
def _change_weight(a: PlasticityArrays, i: int, at: int, dw: Any) -> None:
    """Add `dw` to the weight at `at` within the bounds of plastic projection i."""
    one, w = a.plastic[i], a.weight[at]
    if one.soft > 0:
        w += dw * (one.w_max - w) if dw > 0 else dw * (w - one.w_min)
    else:
        w += dw
    zero = a.weight.dtype.type(0.0)  # no -0.0, which marks in the sums that nothing came
    a.weight[at] = min(max(w, one.w_min), one.w_max) + zero


@lean
def _learn_on_arrivals(a: PlasticityArrays, i: int, log: SpikeLog, row: int) -> None:
    """Decay y, and change the weights over which spikes arrive."""
    one, zero = a.plastic[i], a.post.dtype.type(0.0)
    for n in range(one.y, one.y + one.receivers):
        y = a.post[n] * one.decay_post
        a.post[n] = y if y > SILENT else zero
    delays = one.delay_end - one.delay
    for d in range(delays):
        place = row - a.delay[one.delay + d] * one.populations + one.pre
        for e in range(log.bounds[place], log.bounds[place + 1]):
            t = one.table + (log.unit[e] - one.pre_unit) * delays + d
            for s in range(a.table[t], a.table[t + 1]):
                dw = one.on_arrival * a.post[one.y + np.int64(a.receiver[s])]
                for _ in range(log.spikes[e]):
                    _change_weight(a, i, one.weight + s - one.first, dw)


@lean
def _trace_senders(a: PlasticityArrays, i: int, log: SpikeLog, row: int, k: int) -> None:
    """Decay x, and raise that of the senders that spike."""
    one, zero, place = a.plastic[i], a.pre.dtype.type(0.0), row + a.plastic[i].pre
    now = one.x + k % one.depth * one.senders
    before = one.x + (k - 1) % one.depth * one.senders
    for n in range(one.senders):
        x = a.pre[before + n] * one.decay_pre
        a.pre[now + n] = x if x > SILENT else zero
    for e in range(log.bounds[place], log.bounds[place + 1]):
        a.pre[now + log.unit[e] - one.pre_unit] += a.pre.dtype.type(log.spikes[e])


@lean
def _learn_on_spikes(a: PlasticityArrays, i: int, log: SpikeLog, row: int, k: int) -> None:
    """Change the weights of receivers that spike, and raise their y."""
    one, place = a.plastic[i], row + a.plastic[i].post
    for e in range(log.bounds[place], log.bounds[place + 1]):
        n = log.unit[e] - one.post_unit
        for c in range(a.column[one.column + n], a.column[one.column + n + 1]):
            x = a.pre[one.x + (k - np.int64(a.lag[c])) % one.depth * one.senders + np.int64(a.sender[c])]
            at = one.weight + np.int64(a.synapse[c])
            for _ in range(log.spikes[e]):
                _change_weight(a, i, at, one.on_spike * x - one.forget * a.weight[at])
        a.post[one.y + n] += a.post.dtype.type(log.spikes[e])
