"""Foreign models: loops of their own, branches, state and units are counted right, or refused by name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from snn.hardware import count, count_steps

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    snntorch = pytest.importorskip("snntorch", reason="snntorch is not installed")
    from spikingjelly.activation_based import layer as sj_layer
    from spikingjelly.activation_based import neuron as sj_neuron


def spikes(*shape, rate=0.4, seed=0):
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


class Step(nn.Module):
    """A neuron without memory."""

    def forward(self, x):
        return (x > 0.3).to(x.dtype)


class Layers(nn.Module):
    """Two layers of snnTorch, fed step by step in a loop, layer by layer in loops, or once per call."""

    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(0)
        self.kind, hidden = kind, kind == "hidden"
        self.a, self.la = nn.Linear(6, 8), snntorch.Leaky(beta=0.9, init_hidden=hidden, threshold=0.3)
        self.b, self.lb = nn.Linear(8, 5), snntorch.Leaky(beta=0.8, init_hidden=hidden, threshold=0.2)

    def forward(self, x):
        if self.kind == "hidden":
            return self.lb(self.b(self.la(self.a(x))))
        va, vb = self.la.init_leaky(), self.lb.init_leaky()
        out = []
        if self.kind == "layers":
            current, first = self.a(x), []
            for step in current:
                z, va = self.la(step, va)
                first.append(z)
            for step in self.b(torch.stack(first)):
                z, vb = self.lb(step, vb)
                out.append(z)
            return torch.stack(out)
        for t in range(len(x)):
            z, va = self.la(self.a(x[t]), va)
            z, vb = self.lb(self.b(z), vb)
            out.append(z)
        return torch.stack(out)


def recount(x):
    """Count the two layers by hand, from the equations of the neuron: [T, B] each."""
    model = Layers("steps")
    rows, z = [], x
    for layer, lif in ((model.a, model.la), (model.b, model.lb)):
        v, sent, fan = torch.zeros(x.shape[1], layer.out_features), [], layer.out_features
        for current in layer(z):
            reset = (v > lif.threshold).float()  # as snnTorch: subtracted in the step after
            v = lif.beta * v + current - reset * lif.threshold
            sent.append((v > lif.threshold).float())
        after = torch.stack(sent)
        inputs = z.sum(2).int().numpy()
        touched = (z.sum(2) > 0).int().numpy() * fan
        rows.append({"input_spikes": inputs, "synaptic_events": inputs * fan, "updates_touched": touched,
                     "output_spikes": after.sum(2).int().numpy(), "macs": 0 * inputs})  # fmt: skip
        z = after
    return rows


@pytest.mark.parametrize("kind", ["steps", "layers", "hidden"])
@pytest.mark.parametrize("batch", [3, 5, 7])
def test_snntorch_in_loops(kind, batch):
    x, lengths = spikes(7, batch, 6), torch.tensor([7, 3, 0, 5, 7, 1, 2][:batch])
    model = Layers(kind)
    valid = np.arange(7)[:, None] < lengths.numpy()
    with torch.no_grad():
        by_hand = recount(x)
    for _ in range(2):  # nothing is left over
        model(x[0] if kind == "hidden" else x)
        steps = count_steps(model, x, lengths, time="loop" if kind == "hidden" else "axis")
        assert [(row.name, row.pre, row.post) for row in steps] == [("a", "in", "la"), ("b", "la", "lb")]
        for row, hand in zip(steps, by_hand, strict=True):
            for name, counts in hand.items():
                np.testing.assert_array_equal(row[name], np.where(valid, counts, 0), f"{row.name} {name}")
    assert steps["a"]["output_spikes"].sum() > 10


def test_a_second_branch_has_its_own_sender():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.sa = nn.Linear(4, 6), Step()
            self.b, self.sb = nn.Linear(4, 5), Step()
            self.c, self.d, self.sc = nn.Linear(6, 3), nn.Linear(5, 3), Step()

        def forward(self, x):
            first, second = self.sa(self.a(x)), self.sb(self.b(x))
            return self.sc(self.d(second) + self.c(first))

    steps = count_steps(Branches(), spikes(4, 2, 4), neurons=(Step,))
    assert {row.name: row.pre for row in steps} == {"a": "in", "b": "in", "c": "sa", "d": "sb"}
    assert {row.name: row.post for row in steps} == {"a": "sa", "b": "sb", "c": "sc", "d": "d"}
    for layer, neurons in (("c", "a"), ("d", "b")):
        assert steps[layer]["input_spikes"].sum() == steps[neurons]["output_spikes"].sum()


@pytest.mark.parametrize("how", ["module", "function", "adaptive"])
def test_ledgers_of_pooled_layers_add_up(how):
    class Pooled(nn.Module):
        def __init__(self):
            super().__init__()
            self.spike, self.fc = Step(), nn.Linear(9, 4)
            self.pool = nn.AdaptiveAvgPool2d(3) if how == "adaptive" else nn.AvgPool2d(2)

        def forward(self, x):
            z = self.spike(x)
            z = (
                nn.functional.avg_pool2d(z.flatten(0, 1), 2)
                if how == "function"
                else self.pool(z.flatten(0, 1))
            )
            return self.fc(z.flatten(1).unflatten(0, x.shape[:2]))

    x = torch.zeros(1, 2, 1, 6, 6)
    x[0, 0, 0, :2, :2] = 1  # one window of four spikes: half a spike or four, seen alone
    x[0, 1, 0, 0, 0], x[0, 1, 0, 2, :2] = 1, 1
    made = Pooled()
    whole, parts = (
        count_steps(made, part, neurons=(Step,), free=(nn.Flatten,)).ledger() for part in (x, x[:, :1])
    )
    assert parts["fc"].synaptic_events == 16 and parts["fc"].macs == 4 and parts["fc"].values == "levels"
    rest = count_steps(made, x[:, 1:], neurons=(Step,)).ledger()
    assert parts + rest == whole and whole["fc"].synaptic_events == 4 * 7


def test_state_that_nothing_resets_is_refused():
    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.v = None

        def forward(self, x):
            v = x if self.v is None else 0.9 * self.v + x
            z = (v > 0.5).float()
            self.v = v * (1 - z)
            return z

    model, x = nn.Sequential(nn.Linear(4, 5), Keeps()), spikes(6, 3, 4)
    first = count_steps(model, x, time="loop", neurons=(Keeps,)).ledger()
    assert model[1].v is None and count_steps(model, x, time="loop", neurons=(Keeps,)).ledger() == first
    model(x[0])
    with pytest.raises(
        ValueError, match=r"^1.v \(Keeps\) must be at rest before a run is counted, got state of"
    ):
        count_steps(model, x, time="loop", neurons=(Keeps,))
    Keeps.reset = lambda self: setattr(self, "v", None)
    assert count_steps(model, x, time="loop", neurons=(Keeps,)).ledger() == first


class Twice(nn.Module):
    """A layer that runs two times a step."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return torch.stack([self.fc(self.fc(step)) for step in x])


class BatchFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x.transpose(0, 1))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            nn.Sequential(nn.Linear(4, 3), Step()),
            r"^1 \(Step\) is of no class that is known to spike or to cost",
        ),
        (
            snntorch.RLeaky(beta=0.9, linear_features=4),
            r"^RLeaky .* has synapses inside \(recurrent.weight\)",
        ),
        (snntorch.SLSTM(4, 4), r"^SLSTM .* has synapses inside \(lstm_cell.weight_ih"),
        (Twice(), "^fc must run once for each of 6 steps, or once behind the time axis, .* more than 6 runs"),
        (BatchFirst(), r"^fc: axes must be time first, \[6, 3, ...\], got \[3, 6\]"),
    ],
    ids=["unknown", "recurrent", "lstm", "twice", "batch first"],
)
def test_what_hooks_cannot_see_is_refused_by_name(model, message):
    with pytest.raises(ValueError, match=message):
        count_steps(model, spikes(6, 3, 4))
    with pytest.raises(ValueError, match=r"^x must be of at least one step and one sample, got \[0, 3, 4\]"):
        count_steps(nn.Linear(4, 2), torch.zeros(0, 3, 4))


@pytest.mark.parametrize("change", ["prune", "weight_norm", "old_weight_norm", "spectral_norm"])
def test_weights_that_are_made_of_others(change):
    def changed(layer):
        torch.manual_seed(1)
        if change == "prune":
            prune.random_unstructured(layer, "weight", 0.5)
        elif change == "old_weight_norm":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                nn.utils.weight_norm(layer)
        else:
            getattr(parametrizations, change)(layer)
        return layer

    import snn.nn as ours

    x, options = spikes(5, 3, 6), {"tau": 1.2, "decay_input": False, "v_th": 0.2}
    made = ours.Sequential(
        changed(ours.Linear(6, 8)), ours.LIF(**options), ours.Linear(8, 3), ours.LeakyReadout()
    )
    plain = ours.Sequential(ours.Linear(6, 8), ours.LIF(**options), ours.Linear(8, 3), ours.LeakyReadout())
    made.eval()
    with torch.no_grad():
        made(x)
        plain[0].weight.copy_(made[0].weight)
        plain[2].weight.copy_(made[2].weight)
    made.train()(x)  # the weight is part of a graph now
    found = count(made, x)
    assert found == count(plain, x) and found["in-hid1"].synapses == (24 if change == "prune" else 48)
    if change == "prune":  # what an optimiser changed is seen before the next forward pass
        conv = ours.Sequential(changed(ours.Conv2d(1, 2, 3)), ours.LIF())
        conv(torch.ones(1, 1, 1, 4, 4))
        with torch.no_grad():
            conv[0].weight_orig.zero_()
        assert count(conv, torch.ones(1, 1, 1, 4, 4))["conv1"].synapses == 0
    theirs = nn.Sequential(changed(nn.Linear(6, 8, bias=False)), sj_neuron.IFNode(step_mode="m"))
    assert count_steps(theirs, x)["0"].stored_weights == (24 if change == "prune" else 48)


def test_spikingjelly_pools_and_flattens_at_no_cost():
    model = nn.Sequential(
        sj_layer.Conv2d(1, 2, 3, padding=1, step_mode="m"),
        sj_neuron.IFNode(0.2, step_mode="m"),
        sj_layer.AvgPool2d(2, step_mode="m"),
        sj_layer.Flatten(step_mode="m"),
        sj_layer.Dropout(0.2, step_mode="m"),
        sj_layer.Linear(8, 3, step_mode="m"),
        sj_neuron.IFNode(step_mode="m"),
    )
    x = spikes(4, 5, 1, 4, 4)
    whole = count(model, x)
    assert sum((count(model, x[:, b : b + 1]) for b in range(1, 5)), count(model, x[:, :1])) == whole
    assert whole["5"].input_spikes == whole["0"].output_spikes > 0 and whole["5"].pre == "1"
