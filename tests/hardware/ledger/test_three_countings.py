"""Models drawn at random, counted layer by layer in torch, from runs of the engines and by a plain recount: equal.

`SNN_COUNTED_MODELS=200 pytest tests/hardware/ledger/test_three_countings.py` draws so many; the default is 60.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from counted_models import counted_case

import snn
from snn.hardware import count, count_steps
from snn.nn import (
    LIF,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    DelayLinear,
    Dropout,
    Flatten,
    LeakyReadout,
    Linear,
    MaxPool2d,
    RecurrentLIF,
    Residual,
    Sequential,
    to_network,
)

MODELS = int(os.environ.get("SNN_COUNTED_MODELS", "60"))
POOLS = (AdaptiveAvgPool2d, AvgPool2d, MaxPool2d)


# --- the recount: lists of synapses, walked spike by spike ---


@dataclass
class Stream:
    """What goes from layer to layer: values, the spikes they stand for or None, and where something arrived."""

    x: torch.Tensor
    spikes: np.ndarray | None
    arrived: np.ndarray
    pooled: bool = False


def synapses_of(layer, shape):
    """List (input, output, weight, delay) of every place that a layer reads, and count the reads of padding."""
    if isinstance(layer, Conv2d):
        return convolution(layer, shape)
    if isinstance(layer, POOLS):
        return pooling(layer, shape), 0
    delays = layer.delay_steps() if hasattr(layer, "delay_steps") else torch.zeros_like(layer.weight)
    out, size = layer.weight.shape[-2:]
    kernels = zip(*(a.detach().reshape(-1, out, size).tolist() for a in (layer.weight, delays)), strict=True)
    return [[(i, j, w[j][i], int(d[j][i])) for i in range(size) for j in range(out)] for w, d in kernels], 0


def convolution(layer, shape):
    weight, found, outside = layer.weight.tolist(), [], 0
    out_shape = layer(torch.zeros(1, 1, *shape, dtype=torch.float64))[0].shape[2:]
    per_group = shape[0] // layer.groups
    places = itertools.product(range(per_group), range(layer.kernel_size[0]), range(layer.kernel_size[1]))
    places = list(places)
    for o, y, x in itertools.product(*map(range, out_shape)):
        group = o // (out_shape[0] // layer.groups)
        for c, a, b in places:
            row = y * layer.stride[0] + a * layer.dilation[0] - layer.padding[0]
            column = x * layer.stride[1] + b * layer.dilation[1] - layer.padding[1]
            if not (0 <= row < shape[1] and 0 <= column < shape[2]):
                outside += 1
                continue
            i = ((group * per_group + c) * shape[1] + row) * shape[2] + column
            found.append((i, (o * out_shape[1] + y) * out_shape[2] + x, weight[o][c][a][b], 0))
    return [found], outside


def pooling(layer, shape):
    """An input is in a window where the mean of the window moves with it."""
    mean = layer
    if isinstance(layer, MaxPool2d):
        mean = AvgPool2d(layer.kernel_size, layer.stride, layer.padding)
    size = int(np.prod(shape))
    each = torch.eye(size, dtype=torch.float64).reshape(1, size, *shape)
    return [[(int(i), int(j), 1.0, 0) for i, j in mean(each)[0][0].flatten(1).nonzero()]]


def open_outputs(shape, behind):
    """Tell which outputs move anything ahead of the next neurons or weights: those of a scale of zero do not."""
    size = int(np.prod(shape))
    nothing = torch.zeros(1, 1, *shape, dtype=torch.float64)
    each = torch.eye(size, dtype=torch.float64).reshape(1, size, *shape)
    moved = torch.ones(size, dtype=torch.bool)
    for layer in behind:
        if not isinstance(layer, (BatchNorm, Dropout, Flatten, AvgPool2d, AdaptiveAvgPool2d)):
            break
        nothing, each = layer(nothing)[0], layer(each)[0]
        moved = ((each - nothing) != 0).flatten(2).any(2)[0]
    return moved.numpy()


class Recount:
    """Walk through a model and write a row per connection and pool."""

    def __init__(self, ends, steps):
        self.ends, self.steps = ends, steps
        self.rows, self.open = [], []

    def run(self, layers, stream, behind=()):
        layers = flat(layers)
        for k, layer in enumerate(layers):
            stream = self.layer(layer, stream, [*layers[k + 1 :], *behind])
        return stream

    def layer(self, layer, stream, behind):
        if isinstance(layer, Residual):
            body = self.run([layer.body], stream, behind)
            around = stream if layer.shortcut is None else self.run([layer.shortcut], stream, behind)
            joined = layer.combine(body.x, around.x)
            spikes = None
            if body.spikes is not None and around.spikes is not None:
                spikes = joined.numpy()
            arrived = joined.numpy() != 0 if spikes is not None else body.arrived | around.arrived
            return Stream(joined, spikes, arrived)
        y = layer(stream.x, None, torch.tensor(self.ends))[0].detach()
        if isinstance(layer, (Linear, DelayLinear, Conv2d, *POOLS)):
            return self.connection(layer, stream, y, behind)
        if isinstance(layer, RecurrentLIF):
            y = self.cut(y)
            own = Stream(y, y.numpy(), y.numpy() != 0)
            back = self.connection(layer, own, y, [])
            return self.population(y, stream.arrived | back.arrived, y.numpy())
        if isinstance(layer, (LIF, LeakyReadout)):
            y = self.cut(y)
            return self.population(y, stream.arrived, y.numpy() if isinstance(layer, LIF) else None)
        if isinstance(layer, BatchNorm):
            scaled = layer(torch.ones_like(stream.x))[0] - layer(torch.zeros_like(stream.x))[0]
            return Stream(y, None, stream.arrived & (scaled.detach().numpy() != 0))
        if isinstance(layer, Flatten):
            spikes = None if stream.spikes is None else stream.spikes.reshape(y.shape)
            return Stream(y, spikes, stream.arrived.reshape(y.shape), stream.pooled)
        assert isinstance(layer, Dropout)
        return stream

    def pairs(self):
        return [(sample, step) for sample, end in enumerate(self.ends) for step in range(end)]

    def cut(self, y):
        return torch.where(torch.arange(len(y)).reshape(-1, *[1] * (y.dim() - 1)) <
                           torch.tensor(self.ends).reshape(1, -1, *[1] * (y.dim() - 2)), y, 0.0)  # fmt: skip

    def connection(self, layer, stream, y, behind):
        shape, batch = stream.x.shape[2:], len(self.ends)
        kernels, outside = synapses_of(layer, tuple(shape))
        pool = isinstance(layer, POOLS)
        kept = np.ones(int(np.prod(y.shape[2:])), bool) if isinstance(layer, RecurrentLIF) else \
            open_outputs(y.shape[2:], behind)  # fmt: skip
        if pool:  # one channel is one window after another: all of them are closed, or none
            channels = kept.reshape(y.shape[2], -1).any(1)
            kept = np.repeat(channels, kept.size // channels.size)
        weights = layer.weight.detach() if not pool else torch.zeros(0)
        numbers = None if stream.spikes is None else stream.spikes.reshape(self.steps, batch, -1)
        values = stream.x.numpy().reshape(self.steps, batch, -1)
        sends = stream.arrived.reshape(self.steps, batch, -1)
        arrived = np.zeros((self.steps, batch, kept.size), bool)
        sums = np.zeros((self.steps, batch, kept.size), int)
        for synapses in kernels:
            row = {name: np.zeros((self.steps, batch), int) for name in COUNTS}
            present = [s for s in synapses if s[2] != 0 and kept[s[1]]]
            fan = np.zeros(values.shape[2], int)
            late = np.zeros(values.shape[2], int)
            for i, _, _, d in present:
                fan[i] += 1
                late[i] += d > 0
            for b, t in self.pairs():
                for i, v in enumerate(values[t, b]):
                    n = int(numbers[t, b, i]) if numbers is not None else int(v != 0)
                    several = (n > 1 if numbers is not None else n > 0) and not pool
                    row["input_spikes"][t, b] += n
                    row["synaptic_events"][t, b] += n * fan[i]
                    row["active_inputs"][t, b] += (n != 0) * fan[i]
                    row["macs"][t, b] += several * fan[i]
                    row["delay_writes"][t, b] += n * late[i]
                for i, j, _, d in present:
                    if sends[t, b, i] and t + d < self.ends[b]:
                        arrived[t + d, b, j] = True
                        n = int(numbers[t, b, i]) if numbers is not None else 1
                        row["delay_reads"][t + d, b] += n * (d > 0)
            if pool and numbers is not None:
                for i, j, _, _ in synapses:
                    sums[:, :, j] += numbers[:, :, i].astype(int)
            row["shape"] = {
                "n_pre": values.shape[2],
                "n_post": kept.size,
                "synapses": len(present),
                "dense_synapses": len(synapses),
                "padding_synapses": outside,
                "max_delay": max((s[3] for s in present), default=0),
                "dense_weights": weights.numel() // len(kernels),
                "values": "real" if numbers is None else "levels" if stream.pooled else "counts",
            }
            self.open.append(len(self.rows))
            self.rows.append(row)
        arrived = arrived.reshape(y.shape)
        if not pool:
            return Stream(y, None, arrived)
        if isinstance(layer, MaxPool2d):
            if stream.pooled or numbers is None:
                return Stream(y, None if numbers is None else self.largest(layer, stream), arrived, True)
            return Stream(y, y.numpy(), arrived)
        return Stream(y, None if numbers is None else sums.reshape(y.shape), arrived, True)

    def largest(self, layer, stream):
        size = (layer.kernel_size, layer.stride, layer.padding)
        at = torch.nn.functional.max_pool2d(stream.x.flatten(0, 1), *size, return_indices=True)[1]
        flat_spikes = torch.from_numpy(stream.spikes).flatten(0, 1).flatten(2)
        return flat_spikes.gather(2, at.flatten(2)).reshape(*stream.x.shape[:2], *at.shape[1:]).numpy()

    def population(self, y, arrived, spikes):
        size = int(np.prod(y.shape[2:]))
        sizes = [self.rows[r]["shape"]["n_post"] for r in self.open]
        row = self.rows[self.open[sizes.index(size)]]
        for b, t in self.pairs():
            row["updates_dense"][t, b] += size
            row["updates_touched"][t, b] += int(arrived[t, b].sum())
            row["output_spikes"][t, b] += 0 if spikes is None else int(spikes[t, b].sum())
        self.open.clear()
        return Stream(y, spikes, y.numpy() != 0)


COUNTS = (
    "input_spikes synaptic_events active_inputs macs output_spikes updates_dense updates_touched delay_writes "
    "delay_reads"
).split()


def flat(layers):
    return [part for layer in layers for part in (flat(layer) if isinstance(layer, Sequential) else [layer])]


@torch.no_grad()
def recount(case):
    tail = case.model.tail_steps
    ends = [int(n) + tail for n in case.lengths]
    x = torch.cat([valid(case), case.x.new_zeros(tail, *case.x.shape[1:])])
    made = Recount(ends, len(x))
    made.run([case.model], Stream(x, x.numpy(), x.numpy() != 0))
    return made.rows


def valid(case):
    steps = torch.arange(len(case.x)).reshape(-1, 1)
    inside = (steps < case.lengths).reshape(*case.x.shape[:2], *[1] * (case.x.dim() - 2))
    return torch.where(inside, case.x, 0.0)


# --- the laws ---

ROW = (*COUNTS, "n_pre", "n_post", "synapses", "dense_synapses", "padding_synapses", "max_delay", "samples",
       "steps", "stored_weights", "dense_weights", "values")  # fmt: skip


def rows_of(ledger):
    """Rows without names: layers over images are named by kind in torch, by population in networks."""
    return [{name: getattr(row, name) for name in ROW} for row in ledger]


@pytest.mark.parametrize("seed", range(MODELS))
def test_three_countings(seed):
    case = counted_case(seed)
    steps = count_steps(case.model, case.x, case.lengths)
    ledger = steps.ledger()
    by_hand = recount(case)
    assert len(by_hand) == len(steps.rows)
    for row, hand in zip(steps, by_hand, strict=True):
        for name in COUNTS:
            np.testing.assert_array_equal(row[name], hand[name], f"{row.name} {name}")
        assert {name: getattr(row, name) for name in hand["shape"]} == hand["shape"], row.name
    order = np.random.default_rng(seed).permutation(len(case.lengths))
    assert count(case.model, case.x[:, order], case.lengths[order]) == ledger
    for cut in range(1, len(order)):
        mine, rest = order[:cut], order[cut:]
        parts = (count(case.model, case.x[:, part], case.lengths[part]) for part in (mine, rest))
        assert sum_of(parts) == ledger
    if case.by_events:
        for engine in ("event", "clock"):
            check_engine(case, engine, steps)


def sum_of(ledgers):
    first, *others = ledgers
    for ledger in others:
        first = first + ledger
    return first


def check_engine(case, engine, steps):
    """A run, and the run cut after every step and continued: the counts of each step, and their sum."""
    shape = case.x.shape[2:]
    net = to_network(case.model, 1.0, shape=shape if len(shape) == 3 else None)
    tail = case.model.tail_steps
    x = torch.cat([valid(case), case.x.new_zeros(tail, *case.x.shape[1:])]).flatten(2).numpy().astype(int)
    ends = (case.lengths + tail).numpy()
    grid = snn.TimeGrid(len(x), 1.0)
    whole = count(snn.simulate(net, {"in": snn.Raster(x, grid, ends).to_events()}, engine=engine), net)
    assert rows_of(whole) == rows_of(steps.ledger())
    if len(shape) == 1:
        assert whole.rows == steps.ledger().rows
    events, state, pieces = snn.Raster(x, grid, ends).to_events(), None, []
    for t in range(len(x)):
        rec = snn.simulate(net, {"in": events.slice(t, t + 1)}, engine=engine, state=state)
        state = rec.state
        pieces.append(count(rec, net))
        for row, mine in zip(steps, pieces[-1], strict=True):
            for name in COUNTS:
                assert getattr(mine, name) == row[name][t].sum(), (row.name, name, t)
    assert sum_of(pieces) == whole == sum_of(pieces[::-1])
    assert whole.samples == len(case.lengths)
