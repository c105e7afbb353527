"""Models of `snn.nn` with images in them: every integer against torch modules, a recount, or a hand."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional

import snn.nn as ours
from snn.hardware import count, count_steps, estimate, register_counter
from snn.nn import (
    LIF,
    AdaptiveAvgPool2d,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    Flatten,
    Layer,
    LeakyReadout,
    Linear,
    MaxPool2d,
    Sequential,
)

NEURON = {"tau": 1.2, "decay_input": False, "v_th": 0.3}
NAMES = (
    "n_pre n_post synapses dense_synapses stored_weights dense_weights samples steps input_spikes "
    "synaptic_events active_inputs macs output_spikes updates_dense updates_touched"
).split()


class Fires(nn.Module):
    """A layer of ours behind a plain call."""

    def __init__(self, lif):
        super().__init__()
        self.lif = lif

    def forward(self, x):
        return self.lif(x)[0]


class Steps(nn.Module):
    """A torch module over [T, B, ...]."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def spikes(*shape, rate=0.2, seed=0):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def same(mine, theirs):
    for name in NAMES:
        assert getattr(mine, name) == getattr(theirs, name), (mine.name, name)


@pytest.mark.parametrize(
    "options", [{"padding": 1}, {"stride": 2}, {"groups": 2, "padding": 1}, {"dilation": 2}], ids=str
)
@pytest.mark.parametrize("pruned", [False, True])
def test_the_same_network_as_ours_and_as_torch_modules(options, pruned):
    torch.manual_seed(0)
    x = spikes(5, 3, 2, 8, 8)
    first = Conv2d(2, 4, 3, **options)
    side = first(x)[0].shape[-1]
    made = Sequential(first, LIF(**NEURON), Flatten(), Linear(4 * side * side, 3), LIF(**NEURON)).eval()
    with torch.no_grad():
        for layer in (made[0], made[3]) if pruned else ():
            layer.weight[torch.rand_like(layer.weight) < 0.6] = 0
    conv, line = nn.Conv2d(2, 4, 3, bias=False, **options), nn.Linear(4 * side * side, 3, bias=False)
    conv.weight, line.weight = made[0].weight, made[3].weight
    theirs = nn.Sequential(Steps(conv), Fires(made[1]), nn.Flatten(2), line, Fires(made[4]))
    rows = count(made, x).rows
    others = count_steps(theirs, x, neurons=(Fires,)).ledger().rows
    assert [row.name for row in rows] == ["conv1", "linear1"] and [row.post for row in rows] == [
        "lif1",
        "lif2",
    ]
    for mine, row in zip(rows, others, strict=True):
        same(mine, row)
    assert rows[0].values == "counts" and rows[1].input_spikes == rows[0].output_spikes > 0
    steps = count_steps(made, x)
    assert steps.ledger().rows == rows and steps["conv1"]["macs"].shape == (5, 3)


@pytest.mark.parametrize(("at", "reached"), [((0, 0), 8), ((0, 2), 12), ((2, 2), 18), ((4, 1), 12)])
def test_one_spike_into_a_convolution(at, reached):
    """3x3, padding 1, two output channels: a corner reaches 8, an edge 12, the middle 18."""
    x = torch.zeros(1, 1, 1, 5, 5)
    x[0, 0, 0, at[0], at[1]] = 1
    row = count(Sequential(Conv2d(1, 2, 3, padding=1), LIF()), x)["conv1"]
    assert (row.synaptic_events, row.updates_touched, row.updates_dense) == (reached, reached, 50)
    assert row.padded_synapses == 18 * 25 and row.dense_synapses == row.synapses == 2 * 13**2


POOLS = [
    MaxPool2d(2),
    AvgPool2d(3, 2),
    MaxPool2d(3, 1, 1),
    AvgPool2d((2, 3), (1, 2), (1, 0)),
    AdaptiveAvgPool2d((3, 2)),
]


@pytest.mark.parametrize("pool", POOLS, ids=lambda p: f"{type(p).__name__}{p.config()}")
def test_pooling_by_recount(pool):
    """Links of a pooling layer are where its output moves with an input; one spike is one operation per link."""
    image = torch.rand(1, 1, 1, 7, 6, requires_grad=True)
    y = _summed(pool, image)
    links = torch.zeros(7, 6)
    for out in y.flatten():
        (grad,) = torch.autograd.grad(out, image, retain_graph=True)
        links += (grad[0, 0, 0] != 0).float()
    x = spikes(3, 2, 2, 7, 6, rate=0.3)
    row = count(Sequential(pool), x)["pool1"]
    assert row.synapses == row.dense_synapses == 2 * int(links.sum())
    assert row.synaptic_events == row.active_inputs == int((x * links).sum())
    assert (row.macs, row.stored_weights, row.dense_weights) == (0, 0, 0)


def _summed(pool, image):
    """Run the windows of a pool as sums, so that every input of a window has a gradient."""
    if isinstance(pool, AdaptiveAvgPool2d):
        return functional.adaptive_avg_pool2d(image[0], pool.output_size)
    return functional.avg_pool2d(image[0], pool.kernel_size, pool.stride, pool.padding)


def test_pooled_spikes_go_on_as_levels_or_counts():
    torch.manual_seed(0)
    x = spikes(4, 2, 1, 6, 6, rate=0.5)
    for pool, values, multiplies in ((AvgPool2d(2), "levels", True), (MaxPool2d(2), "counts", False)):
        rows = count(Sequential(pool, Flatten(), Linear(9, 4), LIF(**NEURON)), x).rows
        assert [row.name for row in rows] == ["pool1", "linear1"] and rows[1].values == values
        assert (rows[1].macs > 0) == multiplies
        assert rows[1].synaptic_events == 4 * (int(x.sum()) if multiplies else int(pool(x)[0].sum()))
        report = estimate(count(Sequential(pool), x))
        assert report.compute_pj == pytest.approx(0.03 * x.sum().item())
        assert report.energy_pj(component="weight fetch") == 0
        assert any("per spike and window" in text for text in report.assumptions)
        dense = next(b for b in report.baselines if b.name == "ann_int8_every_step")
        assert dense.compute_pj == pytest.approx(4 * 36 * 0.03)


def test_residual_streams_reach_the_neurons_by_recount():
    """Pre-activation: every arrival since the first convolution stays in the stream that the next neurons read."""
    torch.manual_seed(0)
    first, second, around = Conv2d(1, 2, 3, padding=1), Conv2d(2, 2, 3, padding=1), Conv2d(2, 2, 1)
    body = Sequential(BatchNorm(2), LIF(**NEURON), second)
    with torch.no_grad():
        second.weight[torch.rand_like(second.weight) < 0.7] = 0
    for shortcut in (None, Sequential(around)):
        block, head = ours.Residual(body, shortcut), (Flatten(), Linear(50, 2), LeakyReadout())
        made = Sequential(first, block, LIF(**NEURON), *head)
        x = spikes(3, 2, 1, 5, 5, rate=0.05)
        ledger = count(made.eval(), x)

        def reach(layer, z):
            mask, image = (layer.weight != 0).double(), z.flatten(0, 1).double()
            return functional.conv2d(image, mask, padding=layer.padding) > 0

        inner = made[0](x)[0]
        inner = body[1](body[0](inner)[0])[0]
        stream = reach(first, x)
        stream = stream if shortcut is None else reach(around, stream.unflatten(0, (3, 2)))
        assert ledger["conv2"].updates_touched == int((stream | reach(second, inner)).sum())
        assert ledger["conv1"].updates_touched == int(reach(first, x).sum())
        assert ledger["conv1"].post == "lif1" and ledger["conv2"].post == "lif2"
        assert (
            ledger["conv2"].synaptic_events == _events(second, inner) and "Residual joins" in ledger.notes[0]
        )
        assert ledger["linear1"].output_spikes == 0 and ledger["linear1"].post == "readout1"


def _events(conv, z):
    """Walk over every output, kernel place and channel of a padded 3x3 convolution."""
    weight, total = conv.weight.detach(), 0
    padded = functional.pad(z, (1, 1, 1, 1))
    for o, c, a, b in itertools.product(*map(range, weight.shape)):
        if weight[o, c, a, b] != 0:
            total += int(padded[:, :, c, a : a + z.shape[3], b : b + z.shape[4]].sum())
    return total


def test_spikes_joined_to_spikes_are_counts():
    torch.manual_seed(0)
    block = ours.Residual(Sequential(Linear(6, 6), LIF(**NEURON)))
    made = Sequential(Linear(6, 6), LIF(**NEURON), block, Linear(6, 2), LIF(**NEURON)).eval()
    x = spikes(8, 3, 6, rate=0.6)
    row = count(made, x)["linear3"]
    z = made[2](made[1](made[0](x)[0])[0])[0]
    assert z.max() == 2 and row.values == "counts" and row.pre == "lif2 + lif1"
    assert row.synaptic_events == 2 * int(z.sum()) and row.macs == 2 * int((z == 2).sum())


def test_a_closed_normalisation_has_no_synapses():
    torch.manual_seed(0)
    made = Sequential(Conv2d(1, 3, 3), BatchNorm(3), LIF(**NEURON)).eval()
    with torch.no_grad():
        made[1].weight[1] = 0
    row = count(made, spikes(2, 1, 1, 4, 4, rate=0.9))["conv1"]
    assert row.stored_weights == 18 and row.dense_weights == 27 and row.synapses == 72


def test_whole_networks_and_their_parts():
    """ResNet-18 and VGG count, batch by batch as at once, and real images as multiplies."""
    torch.manual_seed(0)
    x = spikes(2, 2, 2, 16, 16)
    made = ours.vgg((4, "A", 4, "M"), 2, 3, features=4, hidden=(5,), dropout=0.2).train()
    assert count(made, x[:, :1]) + count(made, x[:, 1:]) == count(made, x) and made.training
    assert [row.name for row in count(made, x)] == [
        "conv1",
        "pool1",
        "conv2",
        "pool2",
        "pool3",
        "linear1",
        "linear2",
    ]
    deep = ours.resnet18(2, 3)
    ledger = count(deep, x[:1, :1])
    convolutions = [layer for layer in deep.modules() if isinstance(layer, Conv2d)]
    assert len(ledger.rows) >= len(convolutions) + 1 and estimate(ledger, "loihi1").total_pj > 0
    image = torch.rand(2, 2, 2, 16, 16)
    with pytest.raises(
        ValueError, match=r"x must be of whole numbers of spikes >= 0 .*inputs=\{'in': 'real'\}.* got 0\."
    ):
        count(made, image)
    real = count(made, image, inputs={"in": "real"})["conv1"]
    assert real.values == "real" and real.macs == real.active_inputs == real.synapses * 4
    with pytest.raises(
        ValueError, match="inputs must be {'in': 'spikes'} or {'in': 'real'} .* got {'conv1': 'real'}"
    ):
        count(made, image, inputs={"conv1": "real"})


def test_valid_steps_alone_count():
    torch.manual_seed(0)
    made = Sequential(
        Conv2d(1, 2, 3), LIF(**NEURON), MaxPool2d(2), Flatten(), Linear(8, 2), LeakyReadout(1.2)
    )
    x = spikes(6, 2, 1, 6, 6)
    whole = count(made, x[:4, :1]) + count(made, x[:, 1:])
    assert count(made, x, torch.tensor([4, 6])) == whole


def test_recurrent_synapses_by_recount():
    """Spike by spike, synapse by synapse: what recurrence sends, what arrives in time, whom it touches."""
    torch.manual_seed(0)
    made = Sequential(Linear(5, 7), ours.RecurrentLIF(7, 4, **NEURON)).double().eval()
    with torch.no_grad():
        for weight in (made[0].weight, made[1].weight):
            weight[torch.rand_like(weight) < 0.4] = 0
    x, lengths = spikes(12, 3, 5, rate=0.3).double(), [12, 5, 9]
    x = torch.where(torch.arange(12)[:, None, None] < torch.tensor(lengths)[:, None], x, 0.0)
    z, _ = made(x, None, torch.tensor(lengths))
    weight, delays = made[1].weight, made[1].delay_steps()
    sent, arrived, touched = 0, 0, set()
    for b, end in enumerate(lengths):
        for t, j, i in itertools.product(range(end), range(7), range(5)):
            if x[t, b, i] and made[0].weight[j, i]:
                touched.add((b, t, j))
        for t, i, j in itertools.product(range(end), range(7), range(7)):
            if z[t, b, i] and weight[j, i]:
                sent += 1
                if t + delays[j, i] < end:
                    arrived += 1
                    touched.add((b, t + int(delays[j, i]), j))
    first, back = count(made, x, torch.tensor(lengths)).rows
    assert (back.name, back.pre, back.post) == ("out-out", "out", "out") and sent > 50
    assert back.synaptic_events == back.active_inputs == back.delay_writes == sent
    assert back.delay_reads == arrived and back.macs == 0 and back.updates_dense == 0
    assert first.updates_touched == len(touched) and first.output_spikes == back.input_spikes


class Doubled(Layer):
    """Two spikes for one."""

    def config(self):
        return {}

    def forward(self, x, state=None, lengths=None):
        return 2 * x, ()


def test_an_unknown_layer_is_refused_by_name_and_can_be_registered():
    made, x = Sequential(Doubled(), Linear(3, 2), LIF()), spikes(2, 1, 3, rate=0.9)
    with pytest.raises(ValueError, match=r"doubled1 must be of a class that .*register_counter.*got Doubled"):
        count(made, x)
    register_counter(
        Doubled, lambda _, signal, __: replace(signal, x=2 * signal.x, spike_counts=True, source="twice")
    )
    row = count(made, x)["linear1"]
    assert (
        row.pre == "twice" and row.synaptic_events == 2 * 2 * int(x.sum()) and row.macs == row.active_inputs
    )
    with pytest.raises(ValueError, match="kind must be a class that has no counter yet, got Doubled"):
        register_counter(Doubled, lambda layer, signal, builder: signal)
    with pytest.raises(ValueError, match="the model has no layer that can be counted"):
        count(Sequential(Flatten()), x)


@pytest.mark.parametrize(
    "model", [Sequential(Linear(6, 3), LIF()), torch.nn.Linear(6, 3)], ids=["ours", "torch"]
)
def test_an_input_with_the_batch_first_is_refused_by_its_lengths(model):
    x = torch.zeros(4, 10, 6)
    message = r"^x must be time first, \[T, B, ...\] with B = len\(lengths\) = 4, got \[4, 10, ...\]$"
    with pytest.raises(ValueError, match=message):
        count(model, x, torch.full((4,), 10))
    with pytest.raises(
        ValueError, match=r"^lengths must be a tensor \[10\] of whole numbers .*, got \[1, 2\]$"
    ):
        count(model, x, [1, 2])
