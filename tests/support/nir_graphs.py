"""Random NIR graphs: chains, branches, recurrence, delays, convolutions, all kinds of neurons."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

nir = pytest.importorskip("nir")


def chain(*nodes, shape=(2,), loops=(), metadata=None):
    """A graph in a row, each node by its number; `loops` are weights from a node, by its place, to itself."""
    named = {str(i): node for i, node in enumerate(nodes)}
    edges = list(pairwise(["in", *named, "out"]))
    for place, node in loops:
        named[f"loop{place}"] = node
        edges += [(str(place), f"loop{place}"), (f"loop{place}", str(place))]
    ends = {"in": nir.Input(np.array(shape)), "out": nir.Output(np.array([1]))}
    return nir.NIRGraph(ends | named, edges, metadata=metadata or {}, type_check=False)


class Drawn:
    """A graph as it grows."""

    def __init__(self, seed, dt_s=1e-3):
        self.rng = np.random.default_rng(seed)
        self.dt = dt_s
        self.nodes, self.edges = {}, []

    def add(self, node, *before):
        name = f"{type(node).__name__.lower()}{len(self.nodes)}"
        self.nodes[name] = node
        self.edges += [(one, name) for one in before]
        return name

    def neurons(self, shape, spiking=True):
        rng, tau = self.rng, lambda: self.rng.uniform(3, 30, shape) * self.dt
        v_th, v_reset = rng.uniform(0.3, 1.0, shape), rng.uniform(-0.5, 0.1, shape)
        kinds = ["LIF", "CubaLIF", "IF", "Threshold"] if spiking else ["LI", "CubaLI", "I"]
        kind = rng.choice(kinds)
        r = np.ones(shape) if rng.random() < 0.4 else rng.uniform(0.5, 3.0, shape)
        leak = rng.uniform(-0.2, 0.2, shape)
        ends = {"v_threshold": v_th, "v_reset": v_reset} if spiking else {}
        if kind == "Threshold":
            return nir.Threshold(v_th)
        if kind in ("IF", "I"):
            return getattr(nir, kind)(np.full(shape, 1.0 / self.dt), **ends)
        if kind.startswith("Cuba"):
            w_in = rng.uniform(0.5, 2.0, shape)
            return getattr(nir, kind)(tau_syn=tau(), tau_mem=tau(), r=r, v_leak=leak, w_in=w_in, **ends)
        return getattr(nir, kind)(tau=tau(), r=r, v_leak=leak, **ends)

    def weights(self, post, pre):
        rng = self.rng
        weight = rng.normal(0.4, 2.0 / np.sqrt(pre), (post, pre)) * (rng.random((post, pre)) < 0.8)
        return nir.Linear(weight) if rng.random() < 0.5 else nir.Affine(weight, rng.normal(0.1, 0.1, post))

    def delay(self, shape):
        return nir.Delay(self.rng.integers(1, 5, shape) * self.dt)

    def graph(self):
        order = self.rng.permutation(list(self.nodes))  # nodes have no order
        return nir.NIRGraph({name: self.nodes[name] for name in order}, self.edges, type_check=False)


def flat(seed):
    """Layers of neurons, some with several inputs, delays, loops to themselves or back."""
    d = Drawn(seed)
    rng = d.rng
    before = [(d.add(nir.Input(np.array([n]))), n) for n in rng.integers(1, 5, rng.integers(1, 3))]
    for _ in range(rng.integers(1, 4)):
        size = int(rng.integers(1, 6))
        into = []
        for name, n in [before[i] for i in rng.permutation(len(before))[: rng.integers(1, 3)]]:
            if rng.random() < 0.3:
                name = d.add(d.delay((n,)), name)
            name = d.add(d.weights(size, n), name)
            if rng.random() < 0.3:
                name = d.add(nir.Scale(rng.uniform(0.5, 1.5, size)), name)
            if rng.random() < 0.2:
                name = d.add(d.delay((size,)), name)
            into.append(name)
        neurons = d.add(d.neurons((size,)), *into)
        if rng.random() < 0.4:
            d.edges.append((d.add(d.weights(size, size), neurons), neurons))
        if rng.random() < 0.2:
            d.edges.append((d.add(d.weights(size, size), d.add(d.delay((size,)), neurons)), neurons))
        before.append((neurons, size))
    if len(before) > 3 and rng.random() < 0.4:  # from the last population back to the first
        (first, n), (last, m) = before[-2], before[-1]
        if type(d.nodes[first]).__name__ != "Input":
            d.edges.append((d.add(d.weights(n, m), last), first))
    end, size = before[-1]
    if rng.random() < 0.3:
        end = d.add(d.neurons((size,), spiking=False), d.add(d.weights(size, size), end))
    d.add(nir.Output(np.array([size])), end)
    return d.graph()


def image(seed):
    """Convolutions and pooling over an image, or a convolution over a line."""
    d = Drawn(seed)
    rng = d.rng
    line = rng.random() < 0.25
    shape = (int(rng.integers(1, 3)) * 2, *((9,) if line else (8, 7)))
    name = d.add(nir.Input(np.array(shape)))
    for _ in range(rng.integers(1, 3)):
        if min(shape[1:]) < 3:
            break
        groups = int(rng.choice([1, 2])) if shape[0] % 2 == 0 else 1
        out = 2 * groups
        kernel = rng.integers(1, 4, len(shape) - 1)
        pad, stride = rng.integers(0, 2, kernel.size), rng.integers(1, 3, kernel.size)
        weight = rng.normal(0.2, 1.0, (out, shape[0] // groups, *kernel))
        bias = rng.normal(0, 0.1, out)
        if line:
            node = nir.Conv1d(None, weight, int(stride[0]), int(pad[0]), 1, groups, bias)
        elif rng.random() < 0.2:
            weight = rng.normal(
                0.2, 1.0, (out, shape[0] // groups, *(2 * (kernel // 2) + 1))
            )  # torch warns of even ones
            node = nir.Conv2d(None, weight, (1, 1), "same", (1, 1), groups, bias)
            pad, stride = None, np.ones(2, dtype=int)
        else:
            node = nir.Conv2d(
                None, weight, tuple(map(int, stride)), tuple(map(int, pad)), (1, 1), groups, bias
            )
        name = d.add(node, name)
        sizes = [
            n if pad is None else (n + 2 * pad[i] - kernel[i]) // stride[i] + 1
            for i, n in enumerate(shape[1:])
        ]
        shape = (out, *map(int, sizes))
        if not line and min(shape[1:]) > 3 and rng.random() < 0.5:
            kind = nir.AvgPool2d if rng.random() < 0.5 else nir.SumPool2d
            name = d.add(kind(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])), name)
            shape = (out, shape[1] // 2, shape[2] // 2)
        name = d.add(d.neurons(shape), name)
    name = d.add(nir.Flatten({"input": np.array(shape)}, 0, -1), name)
    name = d.add(d.neurons((3,)), d.add(d.weights(3, int(np.prod(shape))), name))
    d.add(nir.Output(np.array([3])), name)
    return d.graph()
