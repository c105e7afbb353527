"""One ledger wherever it comes from: pieces of runs, convolutions written as synapses, padding, nothing at all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import snn
from snn.core import SummingLayer
from snn.hardware import Ledger, count, count_steps, estimate
from snn.nn import (
    LIF,
    AvgPool2d,
    BatchNorm,
    Conv2d,
    DelayLinear,
    Flatten,
    LeakyReadout,
    Linear,
    MaxPool2d,
    RecurrentLIF,
    Residual,
    Sequential,
    to_network,
)

NEURON = {"tau": 1.2, "decay_input": False, "v_th": 0.3}


def images():
    torch.manual_seed(0)
    layers = (Conv2d(2, 4, 3, padding=1), LIF(**NEURON), AvgPool2d(2), Conv2d(4, 3, 3, 2, 1), LIF(**NEURON))
    return Sequential(*layers, Flatten(), Linear(12, 3), LeakyReadout()).double().eval()


def events_of(x, ends=None):
    return snn.Raster(x.flatten(2).numpy().astype(int), snn.TimeGrid(len(x), 1.0), ends).to_events()


def test_a_dense_pass_of_a_convolution_is_the_same_from_an_engine_run_and_its_file(tmp_path):
    """3 x 3 over 8 x 8 with padding: 2 x 4 x 22^2 products on pixels, 2 x 4 x 9 x 64 with those on zeros."""
    model, x = images(), torch.poisson(torch.full((6, 3, 2, 8, 8), 0.3)).double()
    net = to_network(model, 1.0, shape=(2, 8, 8))
    net.save(tmp_path / "net.h5")
    run = snn.simulate(net, {"in": events_of(x)})
    by_torch = count(model, x)
    for given in (net, snn.Network.load(tmp_path / "net.h5")):
        ledger = count(run, given)
        assert [row.name for row in ledger] == ["in-hid1", "hid1-hid2.pool1", "hid1-hid2", "hid2-out"]
        for mine, theirs in zip(ledger, by_torch, strict=True):
            assert mine.dense_macs == theirs.dense_macs and mine.padding_synapses == theirs.padding_synapses
            assert (mine.macs, mine.values) == (theirs.macs, theirs.values)
        assert ledger.notes == by_torch.notes
    row = ledger["in-hid1"]
    assert (row.dense_synapses, row.padded_synapses) == (8 * 22**2, 8 * 9 * 64)
    assert Ledger.from_json(ledger.to_json()) == ledger
    dense = {b.name: b.compute_pj for b in estimate(ledger).baselines}
    assert dense == {b.name: b.compute_pj for b in estimate(by_torch).baselines}


@pytest.mark.parametrize("cuts", [(4,), (1, 2, 3), (0, 6), (11,)])
def test_a_run_in_pieces_has_the_ledger_of_the_whole(cuts):
    torch.manual_seed(0)
    model = Sequential(DelayLinear(5, 7, 4), RecurrentLIF(7, 3, **NEURON), Linear(7, 2), LeakyReadout())
    net = to_network(model.double().eval(), 1.0)
    ends = torch.tensor([12, 7, 9])
    x = torch.poisson(torch.full((12, 3, 5), 0.4)) * (torch.arange(12)[:, None, None] < ends[:, None])
    events = events_of(x, ends.numpy())
    whole, state, parts = count(snn.simulate(net, {"in": events}), net), None, []
    for start, stop in itertools.pairwise((0, *cuts, 12)):
        run = snn.simulate(net, {"in": events.slice(start, stop)}, state=state)
        state = run.state
        parts.append(count(run, net))
    for order in itertools.permutations(parts):
        total = order[0]
        for part in order[1:]:
            total = total + part
        assert total == whole and total.samples == 3
    assert parts[-1].samples == 3 and parts[-1].rows[0].continued
    assert (whole + whole).samples == 6 and estimate(parts[-1], "loihi1").total_pj > 0


def test_continuations_alone_are_pieces_of_the_same_samples():
    one = snn.Counts(samples=3, steps=5, continued=True)
    assert (one + one).samples == 3 and (one + one).continued
    fresh = snn.Counts(samples=2, steps=4)
    assert fresh + one + fresh == one + fresh + fresh == snn.Counts(samples=4, steps=13)
    assert snn.Counts() + one == one + snn.Counts() == one


def test_neurons_that_no_projection_feeds_are_counted():
    net = snn.Network(1.0, [snn.Population("a", 3, snn.LIFParams(decay=0.5, bias=2.0))])
    run = snn.simulate(net, n_steps=4)
    (row,) = count(run, net)
    assert (row.name, row.pre, row.n_post, row.updates_dense, row.output_spikes) == ("a", None, 3, 12, 12)


@pytest.mark.parametrize("delayed", [True, False])
def test_what_lies_beyond_the_end_of_a_sample_does_not_count(delayed):
    torch.manual_seed(0)
    first = DelayLinear(4, 6, 6) if delayed else Linear(4, 6)
    model = Sequential(first, BatchNorm(6), LIF(**NEURON), Linear(6, 2), LeakyReadout()).eval()
    x, lengths = torch.poisson(torch.full((8, 3, 4), 0.6)), torch.tensor([8, 3, 0])
    inside = torch.where(torch.arange(8)[:, None, None] < lengths[:, None], x, 0.0)
    for beyond in (7.0, float("nan"), -0.5):
        rubbish = torch.where(torch.arange(8)[:, None, None] < lengths[:, None], x, beyond)
        assert count(model, rubbish, lengths) == count(model, inside, lengths)
    with pytest.raises(ValueError, match="x must be of whole numbers of spikes >= 0 .*, got nan"):
        count(model, x.log().sqrt())
    assert count(model, x > 0) == count(model, (x > 0).to(torch.uint8)) == count(model, (x > 0).float())


@pytest.mark.parametrize(("steps", "batch"), [(0, 2), (3, 0), (0, 0)])
def test_nothing_counts_as_nothing(steps, batch):
    residual = Residual(Sequential(Conv2d(2, 2, 3, padding=1)))
    deep = (Conv2d(1, 2, 3, padding=1), residual, BatchNorm(2), LIF(), MaxPool2d(2), AvgPool2d(2), Flatten())
    for model, shape in (
        (Sequential(DelayLinear(6, 8, 4), RecurrentLIF(8, 2), Linear(8, 3), LeakyReadout()), (6,)),
        (Sequential(*deep, Linear(2, 3), LIF()), (1, 4, 4)),
    ):
        ledger = count(model.eval(), torch.zeros(steps, batch, *shape))
        assert (
            ledger.samples == batch and ledger.total("synaptic_events") == ledger.total("output_spikes") == 0
        )
        assert ledger.steps == batch * (steps + model.tail_steps)
        some = count(model, torch.ones(3, 2, *shape))
        assert (some + ledger).total("active_inputs") == some.total("active_inputs")


def test_pooled_layers_do_not_take_their_unit_from_the_batch():
    """Windows of four spikes alone, of one alone, and both: a mean of 1 is four spikes whatever else there is."""
    model = Sequential(AvgPool2d(2), Flatten(), Linear(4, 3), LIF()).eval()
    full, single = torch.zeros(1, 1, 1, 4, 4), torch.zeros(1, 1, 1, 4, 4)
    full[..., :2, :2], single[..., 0, 0] = 1, 1
    parts = [count(model, x) for x in (full, single)]
    assert [part["linear1"].synaptic_events for part in parts] == [12, 3]
    assert [part["linear1"].macs for part in parts] == [3, 0]
    assert parts[0] + parts[1] == count(model, torch.cat([full, single], 1))
    real = Sequential(Linear(3, 3), Linear(3, 2), LIF()).eval()  # currents are real values, one alone too
    x = torch.tensor([1.0, 0, 0]).expand(1, 2, 3)
    row = count_steps(real, x)["linear2"]
    assert row.values == "real" and (row["macs"] == row["active_inputs"]).all()


@pytest.mark.parametrize("shape", [(2, 4), (3, 3)])
def test_layers_that_do_not_lead_from_senders_to_receivers_are_refused(shape):
    links = [np.ones((2, 3)), np.ones(shape)]
    layers = [SummingLayer(6, 0, 0, 0, links[0]), SummingLayer(6, 0, 6, 6, links[1])]
    with pytest.raises(ValueError, match="projection 'a-b': layers must be "):
        snn.Projection("a", "b", np.ones((2, 4)), layers=layers)
