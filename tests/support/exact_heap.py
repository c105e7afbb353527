"""The reference of engine="exact": all that is to come in one heap, in plain Python, group by group.

A group is all that is due to one population at one time. Entries are (time, population, projection, emission, unit,
number), so what arrives together is added up by projection, then emission, then sender. The closed forms and the
search for crossings are those of the engine; when they are used, and in which order, is not.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush

import numpy as np

from snn.core.exact.crossing import first_crossing
from snn.core.exact.flow import Trajectory, height_after
from snn.core.exact.walk import Log
from snn.core.neurons import HARD, SOFT

SPIKE_OF_SOURCE, CROSSING = -1, 1 << 62


class Heap:
    def __init__(self, arrays, state, given, trace):
        self.arrays, self.state, self.given, self.trace = arrays, state, given, trace
        units = arrays.tau.size
        self.population = np.searchsorted(arrays.first, np.arange(units), side="right") - 1
        self.post_population = np.zeros(arrays.pre.size, dtype=int)
        self.post_population[arrays.into] = np.repeat(np.arange(arrays.reset.size), np.diff(arrays.in_first))
        self.heap, self.log = [], []
        self.prediction, self.until = [0] * units, [given.n_steps * given.dt_ms] * units
        self.arrivals, self.reached, self.crosses = np.zeros((2, units)), set(), set()

    def state_at(self, u, t):
        a, s = self.arrays, self.state
        v, currents, taus = s.v[u], s.current[:, u].tolist(), a.tau_syn[:, u].tolist()
        free = t - max(s.as_of_ms[u], s.held_until_ms[u])
        held = min(t, s.held_until_ms[u]) - s.as_of_ms[u]
        if held > 0:
            currents = [i * math.exp(-held / tau) for i, tau in zip(currents, taus, strict=True)]
        if free > 0:
            steady = a.v_rest[u] + a.gain[u] * s.drive[u]
            v = steady + height_after(self.path(u, v - steady, currents), free)
            currents = [i * math.exp(-free / tau) for i, tau in zip(currents, taus, strict=True)]
        return v, currents

    def path(self, u, height, currents):
        a = self.arrays
        lifts = (float(a.gain[u] * i) for i in currents)
        return Trajectory(float(height), *lifts, float(a.tau[u]), *a.tau_syn[:, u].tolist())

    def advance(self, u, t):
        if t > self.state.as_of_ms[u]:
            self.state.v[u], self.state.current[:, u] = self.state_at(u, t)
            self.state.as_of_ms[u] = t

    def predict(self, u):
        a, s, p = self.arrays, self.state, self.population[u]
        self.prediction[u] += 1
        start, until, v_th = max(s.as_of_ms[u], s.held_until_ms[u]), self.until[u], a.v_th[u]
        if start >= until or v_th == math.inf:
            return
        v, currents = self.state_at(u, start)
        steady = a.v_rest[u] + a.gain[u] * s.drive[u]
        if v == v_th and not a.strict[p]:
            t = start
        else:
            path = self.path(u, v - steady, currents)
            t = start + first_crossing(path, float(v_th - steady), float(until - start))
        if t < until:
            heappush(self.heap, (t, p, CROSSING, 0.0, u, self.prediction[u]))

    def emit(self, u, t):
        a, p = self.arrays, self.population[u]
        for q in a.out[a.out_first[p] : a.out_first[p + 1]].tolist():
            row = a.row_first[q] + u - a.first[p]
            for s in range(a.row[row], a.row[row + 1]):
                if t + a.delay[s] >= 0:
                    heappush(self.heap, (t + a.delay[s], self.post_population[q], q, t, u, s))

    def update(self, u, t):
        a, s, p = self.arrays, self.state, self.population[u]
        self.advance(u, t)
        jumps, held, reached = a.receptors[p] == 0, t <= s.held_until_ms[u], u in self.reached
        if not jumps:
            s.current[:, u] += self.arrivals[:, u]
        elif not held:
            s.v[u] += a.jump[u] * self.arrivals[0, u]
        if u in self.crosses and not reached and jumps:
            s.v[u] = max(a.v_th[u], s.v[u])
        above = s.v[u] > a.v_th[u] if a.strict[p] else s.v[u] >= a.v_th[u]
        s.touched[p] += reached
        self.arrivals[:, u] = 0
        if u not in self.crosses and not (jumps and not held and above):
            return 0
        spikes = 1
        if a.reset[p] == HARD:
            s.v[u] = a.v_reset[u]
        elif a.reset[p] == SOFT:
            s.v[u] -= a.reset_by[u]
            while a.t_ref[u] == 0 and s.v[u] >= a.v_th[u]:
                s.v[u] -= a.reset_by[u]
                spikes += 1
        if a.t_ref[u] > 0:
            s.held_until_ms[u] = t + a.t_ref[u]
        return spikes

    def process(self, limit, inclusive):
        a, heap = self.arrays, self.heap
        while heap and (heap[0][0] < limit or (inclusive and heap[0][0] == limit)):
            t, p = heap[0][:2]
            self.reached, self.crosses = set(), set()
            while heap and heap[0][:2] == (t, p):
                _, _, q, _, u, number = heappop(heap)
                if q == CROSSING:
                    self.crosses |= {u} if number == self.prediction[u] else set()
                elif q == SPIKE_OF_SOURCE:
                    self.emit(u, t)
                else:
                    n = int(a.first[p] + a.post[number])
                    self.arrivals[a.receptor[q], n] += a.weight[number]
                    self.state.delay_reads[q] += a.delayed[number]
                    self.reached.add(n)
            for u in sorted(self.reached | self.crosses):
                spikes = self.update(u, t)
                if spikes:
                    self.log.append((t, u, spikes))
                for _ in range(spikes):
                    self.emit(u, t)
                self.predict(u)

    def run(self):
        state, given, dt, end = (
            self.state,
            self.given,
            self.given.dt_ms,
            self.given.n_steps * self.given.dt_ms,
        )
        for t, u in zip(given.earlier_ms.tolist(), given.earlier_unit.tolist(), strict=True):
            self.emit(u, t)
        for t, u in zip(given.time_ms.tolist(), given.unit.tolist(), strict=True):
            heappush(self.heap, (t, self.population[u], SPIKE_OF_SOURCE, 0.0, u, 0))
        bias, changes = state.drive.copy(), given.drive.shape[0] > 1
        for u in given.driven:
            self.until[u] = 0.0 if changes else end
        if not changes:
            state.drive[given.driven] += given.drive[0]
        for u in range(bias.size):
            self.predict(u)
        for k in range(given.n_steps):
            for column, u in enumerate(given.driven if changes else []):
                self.advance(u, k * dt)
                state.drive[u], self.until[u] = bias[u] + given.drive[k, column], (k + 1) * dt
                self.predict(u)
            self.process(k * dt, inclusive=True)
            for u in np.flatnonzero(self.trace.column >= 0):
                self.trace.v[k, self.trace.column[u]] = self.state_at(u, k * dt)[0]
            self.process((k + 1) * dt, inclusive=False)
        self.process(end, inclusive=False)
        for u in range(bias.size):
            self.advance(u, end)


def run_sample_by_heap(arrays, state, given, trace):
    """What `snn.core.exact.loop.run_sample` does."""
    heap = Heap(arrays, state, given, trace)
    heap.run()
    columns = list(zip(*heap.log, strict=True)) or [(), (), ()]
    times, units, spikes = (
        np.array(c, dtype=kind) for c, kind in zip(columns, (float, int, int), strict=True)
    )
    return Log(times, units, spikes, np.array([times.size]))
