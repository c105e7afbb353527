"""Foreign models: every integer against an independent count, spike by spike and weight by weight."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from snn.hardware import LayerSteps, Ledger, StepLedger, count, count_steps, estimate
from snn.nn import LIF, Conv2d, Linear, Sequential

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from spikingjelly.activation_based import layer as sj_layer
    from spikingjelly.activation_based import neuron as sj_neuron


class Step(nn.Module):
    """A neuron without memory: spikes where its input passes one half."""

    def forward(self, x):
        return (x > 0.5).to(x.dtype)


def one_spike(height, width, at, channels=1):
    x = torch.zeros(1, 1, channels, height, width)
    x[0, 0, 0, at[0], at[1]] = 1
    return x


def plain_conv(layer, x):
    """Walk over every output, kernel place and channel: (events, outputs reached) of one image [C, H, W]."""
    weight = layer.weight.detach().numpy()
    stride, dilation, groups = layer.stride, layer.dilation, layer.groups
    out_channels, per_group, rows, cols = weight.shape
    pads = (
        layer.padding
        if not isinstance(layer.padding, str)
        else tuple(d * (k - 1) // 2 if layer.padding == "same" else 0
                   for d, k in zip(dilation, (rows, cols), strict=True))
    )  # fmt: skip
    height, width = x.shape[1:]
    sizes = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip((height, width), pads, dilation, (rows, cols), stride, strict=True)
    ]
    active, touched = 0, set()
    for o, i, j in itertools.product(range(out_channels), *map(range, sizes)):
        group = o // (out_channels // groups)
        for c, a, b in itertools.product(range(per_group), range(rows), range(cols)):
            y, z = i * stride[0] + a * dilation[0] - pads[0], j * stride[1] + b * dilation[1] - pads[1]
            if layer.padding_mode == "circular":
                y, z = y % height, z % width
            inside = 0 <= y < height and 0 <= z < width
            if inside and weight[o, c, a, b] != 0 and x[group * per_group + c, y, z] != 0:
                active += 1
                touched.add((o, i, j))
    return active, touched


@pytest.mark.parametrize(
    ("at", "reached"), [((0, 0), 8), ((0, 2), 12), ((2, 2), 18), ((4, 4), 8), ((4, 1), 12)]
)
def test_one_spike_into_a_convolution(at, reached):
    """3x3, padding 1, two output channels: a corner reaches 8, an edge 12, the middle 18."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), Step())
    row = count_steps(model, one_spike(5, 5, at).flatten(0, 1), time="none", neurons=(Step,))["0"]
    assert row["synaptic_events"].tolist() == [[reached]]
    assert row["active_inputs"].tolist() == [[reached]] and row["macs"].sum() == 0
    assert row["updates_touched"].tolist() == [[reached]] and row["updates_dense"].tolist() == [[50]]
    assert (row.dense_synapses, row.padding_synapses) == (
        2 * 13**2,
        18 * 25 - 2 * 13**2,
    )  # nine taps on 25 places, 169 inside
    assert row.stored_weights == 18 and row.values == "binary"


CONVOLUTIONS = [
    {},
    {"stride": 2},
    {"stride": 2, "padding": 1},
    {"stride": (1, 2), "padding": (2, 0)},
    {"groups": 2, "padding": 1},
    {"groups": 4},
    {"dilation": 2, "padding": 2},
    {"padding": "same"},
    {"padding": 1, "padding_mode": "circular"},
]


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_convolutions_by_recount(options, pruned, rate):
    torch.manual_seed(3)
    conv = nn.Conv2d(4, 4, (3, 2) if options.get("padding") != "same" else 3, **options)
    if pruned:
        with torch.no_grad():
            conv.weight[torch.rand_like(conv.weight) < 0.6] = 0
    x = (torch.rand(3, 2, 4, 7, 6) < rate).float()
    found = count_steps(nn.Sequential(sj_multi(conv), Step()), x, neurons=(Step,))["0.0"]
    for t, b in itertools.product(range(3), range(2)):
        active, touched = plain_conv(conv, x[t, b].numpy())
        assert found["synaptic_events"][t, b] == found["active_inputs"][t, b] == active
        assert found["updates_touched"][t, b] == len(touched)


def sj_multi(module):
    """Run a single-step module over the time axis."""
    return sj_layer.SeqToANNContainer(module)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 3), st.integers(1, 4), st.integers(0, 3))
def test_conv1d_by_recount(seed, stride, kernel, padding):
    torch.manual_seed(seed)
    conv = nn.Conv1d(2, 3, kernel, stride, padding)
    with torch.no_grad():
        conv.weight[torch.rand_like(conv.weight) < 0.3] = 0
    x = (torch.rand(2, 2, 9) < 0.4).float()
    found = count_steps(conv, x, time="none")["Conv1d"]
    flat = nn.Conv2d(2, 3, (1, kernel), (1, stride), (0, padding))
    flat.weight = nn.Parameter(conv.weight[:, :, None])
    for b in range(2):
        assert found["synaptic_events"][0, b] == plain_conv(flat, x[b, :, None].numpy())[0]


def test_linear_with_pruned_weights():
    torch.manual_seed(1)
    made = nn.Linear(7, 5)
    with torch.no_grad():
        made.weight[torch.rand(5, 7) < 0.5] = 0
        made.weight[:, 3] = 0
    x = (torch.rand(4, 3, 7) < 0.4).float()
    row = count_steps(nn.Sequential(made, Step()), x, neurons=(Step,))["0"]
    present = made.weight.detach().numpy() != 0
    for t, b in itertools.product(range(4), range(3)):
        spikes = x[t, b].numpy() != 0
        assert row["synaptic_events"][t, b] == sum(present[:, i].sum() for i in np.flatnonzero(spikes))
        assert row["updates_touched"][t, b] == (present & spikes).any(1).sum()
    assert row.synapses == row.stored_weights == present.sum() and row.dense_synapses == 35


# --- whole models ---


def network(mode):
    torch.manual_seed(0)
    return nn.Sequential(
        sj_layer.Conv2d(2, 4, 3, padding=1, bias=False, step_mode=mode),
        sj_layer.BatchNorm2d(4, step_mode=mode),
        sj_neuron.LIFNode(step_mode=mode),
        sj_layer.MaxPool2d(2, step_mode=mode),
        sj_layer.Flatten(step_mode=mode),
        sj_layer.Linear(36, 10, step_mode=mode),
        sj_neuron.IFNode(v_threshold=0.2, step_mode=mode),
    )


def test_spikingjelly_both_ways():
    x = (torch.rand(5, 3, 2, 6, 6, generator=torch.Generator().manual_seed(4)) < 0.3).float() * 2
    lengths = torch.tensor([5, 3, 0])
    many = count_steps(network("m"), x, lengths)
    single = count_steps(network("s"), x, lengths, time="loop")
    assert isinstance(many, StepLedger) and all(isinstance(row, LayerSteps) for row in many)
    assert many.ledger() == single.ledger() == count(network("m"), x, lengths)
    first, last = many
    assert (first.name, first.pre, first.post) == ("0", "in", "2")
    assert (last.name, last.pre, last.post, last.n_post) == ("5", "2", "6", 10)
    assert first["updates_dense"].tolist() == [[144, 144, 0]] * 3 + [[144, 0, 0]] * 2
    assert 0 < first["output_spikes"].sum() and 0 < last["output_spikes"].sum()
    assert last["input_spikes"].sum() <= first["output_spikes"].sum()
    report = estimate(many.ledger(), "horowitz45_int8")
    assert report.total_pj > 0 and any("hooks" in text for text in report.assumptions)


def test_parts_add_up_to_the_whole():
    x = (torch.rand(4, 6, 2, 6, 6) < 0.3).float()
    whole = count(network("m"), x)
    assert count(network("m"), x[:, :2]) + count(network("m"), x[:, 2:]) == whole
    assert Ledger.from_json(whole.to_json()) == whole


def test_our_layers_and_plain_torch_agree():
    """The same weights as a model of ours and as torch modules: the same integers."""
    torch.manual_seed(0)
    ours = Sequential(Linear(6, 8), LIF(1.2, decay_input=False, v_th=0.4)).double().eval()
    with torch.no_grad():
        ours[0].weight[torch.rand(8, 6) < 0.4] = 0
    theirs = nn.Sequential(nn.Linear(6, 8, bias=False).double(), Stateful(ours[1]))
    with torch.no_grad():
        theirs[0].weight.copy_(ours[0].weight)
    x = torch.poisson(torch.full((7, 3, 6), 0.5)).double()
    (mine,) = count(ours, x)
    (row,) = count_steps(theirs, x, neurons=(Stateful,)).ledger()
    names = (
        "synapses dense_synapses samples steps input_spikes synaptic_events active_inputs macs output_spikes"
    )
    for name in (*names.split(), "updates_dense", "updates_touched"):
        assert getattr(row, name) == getattr(mine, name), name


class Stateful(nn.Module):
    """Our neuron behind a plain call."""

    def __init__(self, lif):
        super().__init__()
        self.lif = lif

    def forward(self, x):
        return self.lif(x)[0]


def test_pooled_neurons_are_clocked_and_said_so():
    model = nn.Sequential(sj_multi(nn.Conv2d(1, 2, 3)), sj_multi(nn.AvgPool2d(2)), Step())
    found = count_steps(model, (torch.rand(2, 1, 1, 6, 6) < 0.2).float(), neurons=(Step,))
    row = found["0.0"]
    assert (row["updates_touched"] == row["updates_dense"]).all() and row.n_post == 8
    assert any("upper bound" in note for note in found.notes)
    assert "Foreign model: pooling is not counted: 1.0." in found.notes


def test_layers_after_the_time_axis_count_once():
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.b((self.a(x) > 0).float().mean(0))

    found = count_steps(Mean(), (torch.rand(5, 2, 3) < 0.5).float())
    assert found["b"]["active_inputs"][:-1].sum() == 0 and found["b"]["active_inputs"][-1].sum() > 0
    assert any("ran more or less often (shared, or behind the time axis): b." in note for note in found.notes)


def test_residual_branches_share_their_neurons():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.s = nn.Linear(4, 4), nn.Linear(4, 4), Step()
            with torch.no_grad():
                self.a.weight.copy_(torch.diag(torch.tensor([1.0, 0, 0, 0])))
                self.b.weight.copy_(torch.diag(torch.tensor([0, 1.0, 0, 0])))

        def forward(self, x):
            return self.s(self.a(x) + self.b(x))

    found = count_steps(Block(), torch.ones(1, 4), time="none", neurons=(Step,))
    assert found["a"]["updates_dense"].sum() == 0
    assert found["b"]["updates_touched"].sum() == 2


@pytest.mark.parametrize("branches", [(1, 2), (2, 2), (4, 1)])
@pytest.mark.parametrize("pruned", [False, True])
def test_branches_of_convolutions_reach_their_union(branches, pruned):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = (nn.Conv2d(4, 4, 3, padding=1, groups=groups) for groups in branches)
            self.s = Step()

        def forward(self, x):
            return self.s(self.a(x) + self.b(input=x))

    torch.manual_seed(0)
    model, x = Block(), (torch.rand(3, 4, 5, 6) < 0.04).float()
    if pruned:
        with torch.no_grad():
            model.b.weight[torch.rand_like(model.b.weight) < 0.7] = 0
    row = count_steps(model, x, time="none", neurons=(Step,))["b"]
    for b in range(3):
        union = plain_conv(model.a, x[b].numpy())[1] | plain_conv(model.b, x[b].numpy())[1]
        assert row["updates_touched"][0, b] == len(union)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_number_formats(dtype):
    x = (torch.rand(2, 3, 6) < 0.5).to(dtype)
    row = count_steps(nn.Linear(6, 4).to(dtype), x)["Linear"]
    assert (row["active_inputs"] == 4 * x.double().sum(-1).numpy()).all()


def test_the_model_is_left_as_it_was():
    model = network("m").train()
    model[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    count_steps(model, torch.ones(2, 1, 2, 6, 6))
    assert model.training and model[0].training and not model[1].training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not model[0]._forward_hooks and model[2].v == 0.0


def test_what_cannot_be_counted():
    x = torch.ones(2, 1, 3)
    with pytest.raises(ValueError, match="0 .GRU. has parameters and cannot be counted"):
        count_steps(nn.Sequential(nn.GRU(3, 3)), x)
    assert count_steps(nn.Sequential(nn.LayerNorm(3), nn.Linear(3, 2)), x, free=(nn.LayerNorm,))
    with pytest.raises(ValueError, match="time must be one of 'axis', 'loop', 'none', got 'odd'"):
        count_steps(nn.Linear(3, 2), x, time="odd")
    with pytest.raises(ValueError, match="step_mode must be 'm' for time='axis', got 's'"):
        count_steps(network("s"), torch.ones(2, 1, 2, 6, 6))
    with pytest.raises(ValueError, match="7 leading entries do not fit"):
        count_steps(Reshaped(), torch.ones(2, 4, 7))
    with pytest.raises(ValueError, match=r"lengths must be \[1\] whole numbers from 0 to 2, got \[3\]"):
        count_steps(nn.Linear(3, 2), x, torch.tensor([3]))
    with pytest.raises(ValueError, match="ran no layer"):
        count_steps(nn.Flatten(), x)
    idle = count_steps(Skipped(nn.Linear(2, 2)), torch.ones(1, 1, 2), time="none")
    assert any("not called, so not counted: unused" in note for note in idle.notes)
    with pytest.raises(KeyError, match="no layer 'x'; there are layer"):
        idle["x"]
    with pytest.raises(KeyError, match="no count 'volts'"):
        idle["layer"]["volts"]


class Reshaped(nn.Module):
    """Give a linear layer rows that are not (step, sample) pairs."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 2)

    def forward(self, x):
        return self.fc(x.reshape(7, 8))


class Skipped(nn.Module):
    """Call one of two layers."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.unused = layer, nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x)


# --- another tool ---


@pytest.mark.parametrize("options", [{"padding": 1}, {"stride": 2}, {"groups": 2, "padding": 1}], ids=str)
def test_synaptic_operations_as_neurobench_counts_them(options):
    """NeuroBench's effective operations of single layers, bias aside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        metrics = pytest.importorskip("neurobench.metrics.utils.layers", reason="neurobench is not installed")
    torch.manual_seed(0)
    conv, line = nn.Conv2d(4, 6, 3, bias=False, **options), nn.Linear(20, 9, bias=False)
    with torch.no_grad():
        line.weight[torch.rand(9, 20) < 0.3] = 0
    for layer, x in (
        (conv, (torch.rand(3, 4, 8, 8) < 0.2).float()),
        (line, (torch.rand(3, 20) < 0.3).float()),
    ):
        theirs, spiking = metrics.single_layer_MACs(x.clone(), layer)
        (mine,) = count_steps(layer, x, time="none")
        assert spiking and int(mine["active_inputs"].sum()) == int(theirs)
        if isinstance(layer, nn.Linear):
            ours = Linear(20, 9)
        else:
            sizes = (layer.kernel_size, layer.stride, layer.padding)
            ours = Conv2d(4, 6, *sizes, groups=layer.groups)
        ours.weight = layer.weight
        assert count(Sequential(ours), x[None]).total("active_inputs") == int(theirs)
        real = torch.randn(x.shape)
        theirs, spiking = metrics.single_layer_MACs(real.clone(), layer)
        assert not spiking and count_steps(layer, real, time="none").ledger().total("macs") == int(theirs)
