"""The compiled loop of engine="clock": every neuron in every step, every sender for every delay.

It is the plain reading of the semantics against which the event loop is tested bit for bit, and
shares only the flat arrays, the log (`snn.core.grid.event`) and the step of plasticity with it: synapses come as
lists, without rings and bitmaps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.core.compiled import compiled_entry, part
from snn.core.grid.addressed import Parts, by_address
from snn.core.grid.bundles import Sample
from snn.core.grid.plasticity_step import learn
from snn.core.layout.neuron_arrays import NeuronArrays
from snn.core.layout.plasticity_arrays import PlasticityArrays
from snn.core.layout.projection_arrays import ProjectionArrays
from snn.core.neurons import HARD, HARD_NEXT_STEP, MOST_SPIKES, SOFT
from snn.core.random import FIRST, GOLDEN, SECOND


def run_clock(sample: Sample, learning: PlasticityArrays, parts: Parts) -> None:
    """Run a sample to its end, or until its log has no room for another step; `parts` as in `by_address`."""
    enter_clock_loop(by_address(sample, parts), by_address(learning))


@compiled_entry
def enter_clock_loop(s: Sample, learning: PlasticityArrays) -> None:
    """Run a sample on a clock.

    Begins or goes on at `cursor.next_step`, and stops before the end when the log has no room for
    another step.
    """
    neurons, inputs, log, horizon, cursor = s.neurons, s.inputs, s.log, s.projections.horizon, s.cursor[0]
    populations, units, used, given = neurons.slot.size, neurons.decay.size, cursor.log_end, cursor.next_input
    start = max(cursor.next_step, 0)
    ring = np.zeros((horizon + 1, units), dtype=np.int64)  # spikes of every unit in the last rows
    for row in range(start, start + horizon):
        for e in range(log.bounds[row * populations], log.bounds[(row + 1) * populations]):
            ring[row % (horizon + 1), log.unit[e]] = log.spikes[e]
    for k in range(start, cursor.stop):
        cursor.next_step, cursor.log_end, cursor.next_input = k, used, given
        if used + units > log.unit.size:
            return
        now = (horizon + k) % (horizon + 1)
        ring[now] = 0
        for p in range(populations):
            begin, end = used, neurons.first[p + 1]
            if neurons.source[p]:
                while given < inputs.step.size and inputs.step[given] == k and inputs.unit[given] < end:
                    log.unit[used], log.spikes[used] = inputs.unit[given], inputs.spikes[given]
                    given, used = given + 1, used + 1
            else:
                _receive(s, p, k, ring)
                for u in range(neurons.first[p], end):
                    spikes = _step_neuron(s, p, u, k)
                    if spikes > 0:
                        log.unit[used], log.spikes[used] = u, spikes
                        used += 1
            for e in range(begin, used):
                ring[now, log.unit[e]] = log.spikes[e]
            log.bounds[(horizon + k) * populations + p + 1] = used
        learn(learning, log, (horizon + k) * populations, k)
    cursor.next_step, cursor.log_end, cursor.next_input = cursor.stop, used, given


@part
def _receive(s: Sample, p: int, k: int, ring: Any) -> None:
    """Decay the currents of population p, and add what every projection and noise input brings."""
    neurons, projections, current, inputs = s.neurons, s.projections, s.state.current, s.inputs
    size, real = neurons.first[p + 1] - neurons.first[p], s.state.v.dtype
    for a in range(neurons.slot[p], neurons.slot[p] + neurons.slot_rows[p] * size):
        current[a] *= neurons.syn_decay[a]
    touched = np.zeros(size, dtype=np.bool_)
    for q in range(projections.incoming[p], projections.incoming[p + 1]):
        came, total, pre = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=real), projections.pre[q]
        for delay in range(projections.horizon, -1, -1):  # oldest first
            row = (projections.horizon + k - delay) % (projections.horizon + 1)
            for i in range(neurons.first[pre + 1] - neurons.first[pre]):
                spikes = ring[row, neurons.first[pre] + i]
                if spikes > 0:
                    _deliver(projections, q, i, delay, total.dtype.type(spikes), total, came)
        for n in range(size):
            if came[n]:
                current[projections.target[q] + n] += projections.scale[q] * total[n]
                touched[n] = True
    for m in range(neurons.noise_first[p], neurons.noise_first[p + 1]):
        for n in range(size):
            spikes = _poisson(neurons, inputs.noise_key[m], inputs.steps_before + k, m, n)
            s.counted.noise_events[p] += spikes
            if spikes > 0:
                current[neurons.noise_slot[m] + n] += neurons.noise_weight[m] * real.type(spikes)
                touched[n] = True
    for a in range(neurons.slot[p], neurons.slot[p] + neurons.slot_rows[p] * size):
        current[a] += neurons.syn_bias[a]
    s.counted.touched[p] += touched.sum()


@part
def _deliver(
    projections: ProjectionArrays, q: int, i: int, delay: int, spikes: Any, total: Any, came: Any
) -> None:
    """Add the synapses of sender i with that delay: their weights, or their number if all weigh the same."""
    first, end = projections.delay_first[q], projections.delay_first[q + 1]
    d = first + np.searchsorted(projections.delay[first:end], delay)
    if d == end or projections.delay[d] != delay:
        return
    t = projections.table_first[q] + i * (end - first) + d - first
    for s in range(projections.table[t], projections.table[t + 1]):
        n = np.int64(projections.post32[s]) if projections.wide[q] else np.int64(projections.post16[s])
        came[n] = True
        total[n] += (
            spikes if projections.counted[q] else projections.weight[s + projections.weight_shift[q]] * spikes
        )


@part
def _poisson(neurons: NeuronArrays, key: Any, step: int, m: int, n: int) -> Any:
    """Draw the Poisson number of neuron n in a step: half a word of two SplitMix64 streams in a row."""
    word = _mix(_mix(key + GOLDEN * (np.uint64(step) + np.uint64(1))) + GOLDEN * np.uint64(n // 2))
    half = np.uint32(word >> np.uint64(32)) if n % 2 else np.uint32(word & np.uint64(0xFFFFFFFF))
    drawn = neurons.noise_least[m]
    for c in range(neurons.noise_cut_first[m], neurons.noise_cut_first[m + 1]):
        drawn += half > neurons.noise_cut[c]
    return drawn


@part
def _mix(z: Any) -> Any:
    z = (z ^ (z >> np.uint64(30))) * FIRST
    z = (z ^ (z >> np.uint64(27))) * SECOND
    return z ^ (z >> np.uint64(31))


@part
def _step_neuron(s: Sample, p: int, u: int, k: int) -> int:
    """Take neuron u through step k (equation in `snn.core.neurons`); return how often it spiked."""
    neurons, state, inputs, counted = s.neurons, s.state, s.inputs, s.counted
    size, n = neurons.first[p + 1] - neurons.first[p], u - neurons.first[p]
    x = state.v.dtype.type(0.0)
    for r in range(neurons.slot_rows[p]):
        x += state.current[neurons.slot[p] + r * size + n]
    drive = neurons.bias[u]
    if inputs.drive_column[p] >= 0:
        drive += inputs.drive[k if inputs.drive.shape[0] > 1 else 0, inputs.drive_column[p] + n]
    state.theta[u] *= neurons.adapt_decay[u]
    threshold, v, strict = neurons.v_th[u] + state.theta[u], state.v[u], neurons.strict[p]
    if neurons.reset[p] == HARD_NEXT_STEP and (v > threshold if strict else v >= threshold):
        v = neurons.v_reset[u]
    spikes = 0
    if state.hold[u] > 0:
        state.hold[u] -= 1
    else:
        rest, scale = neurons.v_rest[u], neurons.input_scale[u]
        if neurons.decay_input[p]:
            v = v + ((x + drive) - (v - rest)) * scale
        else:
            v = rest + (v - rest) * neurons.decay[u] + (x + drive) * scale
        spikes = 1 if (v > threshold if strict else v >= threshold) else 0
    if spikes > 0:
        if neurons.multiple[p]:
            parts = (v - threshold) / neurons.reset_by[u]
            count = np.ceil(parts) if strict else np.floor(parts) + state.v.dtype.type(1.0)
            spikes = int(min(count, state.v.dtype.type(MOST_SPIKES)))
        times = state.v.dtype.type(spikes)
        state.hold[u] = neurons.refractory[u]
        state.theta[u] += neurons.adapt_by[u] * times
        if neurons.reset[p] == HARD:
            v = neurons.v_reset[u]
        elif neurons.reset[p] == SOFT:
            v = v - neurons.reset_by[u] * times
    state.v[u] = v
    if counted.trace_column[p] >= 0:
        counted.trace[k, counted.trace_column[p] + n] = v
    return spikes
