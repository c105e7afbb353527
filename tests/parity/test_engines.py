"""The two engines agree bit for bit, and with a plain Python reading of the documented semantics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import assert_same, simulate_with
from random_networks import DT, OPTIONS, random_network, random_neuron, random_run

import snn
from snn.core import (
    Counts,
    LIFParams,
    Network,
    Population,
    Projection,
    Raster,
    Record,
    TimeGrid,
)

FEW = settings(max_examples=120, deadline=None)
MANY = settings(max_examples=500, deadline=None)


@MANY
@given(
    seed=st.integers(0, 2**32 - 1),
    dyadic=st.booleans(),
    options=st.sampled_from(OPTIONS),
    dtype=st.sampled_from(["float64", "float32"]),
)
def test_event_equals_clock(seed, dyadic, options, dtype):
    rng = np.random.default_rng(seed)
    net = random_network(rng, dyadic, noisy=True)
    inputs, currents, record, _ = random_run(rng, net)
    keep = Record(spikes=[p.name for p in net.populations], v=record)
    given = {"currents": currents, "record": keep, "dtype": dtype, "seed": seed}
    event = simulate_with(options, net, inputs, **given)
    assert_same(event, snn.simulate(net, inputs, engine="clock", **given))
    assert all(v.dtype == dtype for v in event.state.v.values())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), options=st.sampled_from(OPTIONS))
def test_the_choice_may_change_on_the_way(seed, options):
    """Bursts and silence over several windows of the choice, blocks of several sizes."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(60, 300))
    neuron = random_neuron(rng, size, dyadic=False, spiking=True)
    while neuron.receptors:  # those are never left alone
        neuron = random_neuron(rng, size, dyadic=False, spiking=True)
    net = Network(
        DT,
        [Population("in", 9), Population("p", size, neuron)],
        [
            Projection("in", "p", rng.normal(0.6, 0.4, (9, size)) * (rng.random((9, size)) < 0.2)),
            Projection("p", "p", np.full((size, size), 0.5) * (rng.random((size, size)) < 1 / size)),
        ],
    )
    busy = np.repeat(rng.random(30) < 0.3, 20)[:, None, None]
    inputs = {"in": Raster((rng.random((600, 1, 9)) < 0.1) * busy, TimeGrid(600, DT))}
    event = simulate_with(options, net, inputs)
    assert_same(event, snn.simulate(net, inputs, engine="clock"))


def field(value, size):
    return np.broadcast_to(np.asarray(value, dtype=float), (size,))


class Plain:
    """One neuron population, read straight from the description."""

    def __init__(self, population):
        self.p, self.n, self.size = population, population.neuron, population.size
        n, size = self.n, self.size
        tau = n.tau_mem_ms
        self.decay = field(n.decay, size) if tau is None else np.exp(-DT / field(tau, size))
        self.scale = 1 - self.decay if n.decay_input else np.ones(size)
        self.v = field(n.v_rest, size).tolist()
        self.hold = [0] * size
        self.theta = np.zeros(size)
        adapts = isinstance(n, LIFParams) and n.adapts
        self.adapt_decay = np.exp(-DT / field(n.tau_adapt_ms, size)) if adapts else np.zeros(size)
        self.adapt_by = field(n.adapt_by, size) if adapts else np.zeros(size)
        taus = n.tau_syn_ms if isinstance(n.tau_syn_ms, dict) else {None: n.tau_syn_ms}
        self.taus = {} if n.tau_syn_ms is None else taus
        self.syn = {r: np.zeros(size) for r in self.taus}

    def step(self, arrivals, drive):
        """`arrivals`: the receptor and the sums of one projection after the other."""
        spikes, jump = [], np.zeros(self.size)
        self.theta = self.theta * self.adapt_decay
        for r, tau in self.taus.items():
            self.syn[r] = self.syn[r] * np.exp(-DT / field(tau, self.size))
        for r, sums in arrivals:
            if self.taus:
                self.syn[r] = self.syn[r] + sums
            else:
                jump = jump + sums
        for j in range(self.size):
            x = sum(float(self.syn[r][j]) for r in self.taus) if self.taus else float(jump[j])
            if self.neuron_step(j, x + float(drive[j])):
                spikes.append(j)
        return spikes

    def neuron_step(self, j, x):
        n, rest, lif = self.n, float(field(self.n.v_rest, self.size)[j]), isinstance(self.n, LIFParams)
        th = float(field(n.v_th, self.size)[j]) + float(self.theta[j]) if lif else np.inf
        v = self.v[j]
        if lif and n.reset == "hard_next_step" and self.fires(v, th):
            v = n.v_reset
        if self.hold[j]:
            self.hold[j] -= 1
            self.v[j] = v
            return False
        scale, decay = float(self.scale[j]), float(self.decay[j])
        v = v + (x - (v - rest)) * scale if n.decay_input else rest + (v - rest) * decay + x * scale
        spiked = lif and self.fires(v, th)
        if spiked:
            self.hold[j] = round(float(field(n.t_ref_ms, self.size)[j]) / DT)
            if n.reset == "hard":
                v = n.v_reset
            elif n.reset == "soft":
                v = v - float(field(n.v_th if n.reset_by is None else n.reset_by, self.size)[j])
            self.theta[j] += self.adapt_by[j]
        self.v[j] = v
        return spiked

    def fires(self, v, th):
        return v > th if self.n.fires == ">" else v >= th


def plain_run(net, inputs, currents, lengths):
    """Simulate and count with nested loops over dense matrices: spikes[name][b] = [(step, unit, n)]."""
    counts = {name: {} for name in ("spikes", "updates_dense", "updates_touched")}
    counts |= {n: {} for n in ("synaptic_events", "active_inputs", "macs", "delay_writes", "delay_reads")}
    spikes = {p.name: [] for p in net.populations}
    finals = {p.name: [] for p in net.populations if p.neuron is not None}

    def add(field_name, name, n=1):
        counts[field_name][name] = counts[field_name].get(name, 0) + int(n)

    for name in spikes:
        add("spikes", name, 0)
    for name in finals:
        add("updates_touched", name, 0)
        add("updates_dense", name, net.population(name).size * lengths.sum())
    for c in net.projections:
        for key in ("synaptic_events", "active_inputs", "macs", "delay_writes", "delay_reads"):
            add(key, c.name, 0)
    counts["delay_slots"] = {c.name: plain_slots(net, c) for c in net.projections}
    for b, length in enumerate(lengths):
        z = {p.name: np.zeros((length, p.size), dtype=int) for p in net.populations}
        for name, raster in inputs.items():
            z[name][:] = raster.z[:length, b]
        cells = {name: Plain(net.population(name)) for name in finals}
        for k in range(length):
            for name in net.order:
                if name in cells:
                    cell = cells[name]
                    arrivals, touched = plain_arrivals(net, name, z, k, add)
                    add("updates_touched", name, len(touched))
                    drive = field(cell.n.bias, cell.size)
                    if name in currents:
                        array = np.asarray(currents[name])
                        drive = drive + (
                            array if array.ndim == 1 else array[k] if array.ndim == 2 else array[k, b]
                        )
                    z[name][k, cell.step(arrivals, drive)] = 1
                plain_emission(net, name, z[name][k], add)
        for name in spikes:
            spikes[name].append(z[name])
        for name, cell in cells.items():
            finals[name].append(cell.v)
    return spikes, finals, counts


def plain_arrivals(net, name, z, k, add):
    post = net.population(name)
    arrivals, touched = [], set()
    for c in net.projections:
        if c.post != name:
            continue
        sums = [0.0] * post.size
        weights = set(c.weight[c.weight != 0.0].tolist())
        one = weights.pop() if len(weights) == 1 else None  # then arrivals are counted
        for emitted in range(k + 1):
            for i in np.flatnonzero(z[c.pre][emitted]):
                for j in range(post.size):
                    delay = delay_of(c, i, j)
                    if c.weight[i, j] and emitted + delay == k:
                        n = int(z[c.pre][emitted, i])
                        sums[j] += (1.0 if one else float(c.weight[i, j])) * n
                        touched.add(j)
                        add("delay_reads", c.name, n if delay else 0)
        arrivals.append((c.receptor, [total * (one or 1.0) for total in sums]))
    return arrivals, touched


def delay_of(c, i, j):
    return round(float(np.broadcast_to(c.delay_ms, c.weight.shape)[i, j]) / DT)


def plain_slots(net, c):
    depth = max((delay_of(c, i, j) for i, j in zip(*np.nonzero(c.weight), strict=True)), default=0)
    return (depth + 1) * net.population(c.post).size if depth else 0


def plain_emission(net, name, row, add):
    add("spikes", name, row.sum())
    for c in net.projections:
        if c.pre == name:
            for i, j in zip(*np.nonzero(c.weight), strict=True):
                add("synaptic_events", c.name, row[i])
                add("active_inputs", c.name, row[i] > 0)
                add("macs", c.name, row[i] > 1)
                add("delay_writes", c.name, row[i] if delay_of(c, i, j) else 0)


@FEW
@given(seed=st.integers(0, 2**32 - 1), dyadic=st.booleans(), engine=st.sampled_from(["event", "clock"]))
def test_engines_equal_a_plain_reading(seed, dyadic, engine):
    rng = np.random.default_rng(seed)
    net = random_network(rng, dyadic)
    inputs, currents, record, lengths = random_run(rng, net)
    keep = Record(spikes=[p.name for p in net.populations], v=record)
    rec = snn.simulate(net, inputs, currents=currents, record=keep, engine=engine)
    spikes, finals, counts = plain_run(net, inputs, currents, lengths)
    for name, samples in spikes.items():
        dense = rec.spikes[name].to_raster().z
        for b, z in enumerate(samples):
            np.testing.assert_array_equal(dense[: lengths[b], b], z)
    for name, v in finals.items():
        np.testing.assert_array_equal(rec.state.v[name], np.array(v))
    assert rec.counts == Counts(**counts, samples=lengths.size, steps=int(lengths.sum()))


@pytest.mark.parametrize("reset", ["hard", "soft", "hard_next_step"])
@pytest.mark.parametrize("decay", [0.0, 0.9, 0.999, 1 - 1e-7, 1.0])
@pytest.mark.parametrize("decay_input", [False, True])
def test_sleeping_neurons_are_caught_up_exactly(reset, decay, decay_input):
    """Biases around the value whose steady state is the threshold, and a rare input."""
    steady = 1.0 if decay_input else 1.0 - decay
    bias = steady * np.array([0.0, -2.0, 0.5, 1 - 1e-12, 1 - 1e-8, 1 - 1e-3, 1.0, 1 + 1e-12, 1.1])
    bias = np.concatenate([bias, bias])
    rest = np.repeat([0.0, 0.1], 9)
    neuron = LIFParams(
        decay=decay, v_rest=rest, bias=bias, reset=reset, decay_input=decay_input, t_ref_ms=3 * DT
    )
    rng = np.random.default_rng(7)
    net = Network(
        DT,
        [Population("in", 3), Population("p", 18, neuron)],
        [
            Projection("in", "p", rng.normal(1, 1, (3, 18))),
            Projection("p", "p", rng.normal(0, 0.2, (18, 18))),
        ],
    )
    inputs = {"in": Raster(rng.random((500, 2, 3)) < 0.005, TimeGrid(500, DT))}
    assert_same(*(snn.simulate(net, inputs, engine=e) for e in ("event", "clock")))
