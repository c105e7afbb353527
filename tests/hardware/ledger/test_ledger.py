"""The ledger: integers that add up, the same from torch and from the engines."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ledgers import ROW

import snn
from snn.hardware import Ledger, count, estimate
from snn.nn import LIF, DelayLinear, LeakyReadout, Linear, Sequential, to_network


def model():
    torch.manual_seed(0)
    made = Sequential(
        DelayLinear(6, 8, 4), LIF(1.2, decay_input=False, v_th=0.4), Linear(8, 3), LeakyReadout(1.2)
    )
    with torch.no_grad():
        made[0].weight[:, 2] = 0.0  # a silent sender
        made[2].weight[1, :4] = 0.0
    return made.eval()


def batch(samples=4, steps=11, seed=0):
    rng = np.random.default_rng(seed)
    lengths = torch.from_numpy(rng.integers(1, steps + 1, samples))
    x = torch.from_numpy(rng.poisson(0.4, (steps, samples, 6)).astype(np.float32))
    return torch.where(torch.arange(steps)[:, None, None] < lengths[:, None], x, 0.0), lengths


def by_recording(made, x, lengths, engine="event"):
    net = to_network(made, 1.0)
    longer = torch.cat([x, x.new_zeros(made.tail_steps, *x.shape[1:])]).numpy().astype(int)
    ends = (lengths + made.tail_steps).numpy()
    events = snn.Raster(longer, snn.TimeGrid(len(longer), 1.0), ends).to_events()
    return snn.simulate(net, {"in": events}, engine=engine)


def by_events(made, x, lengths, engine="event"):
    return count(by_recording(made, x, lengths, engine), to_network(made, 1.0))


def recount(made, x, lengths):
    """Count the first layer spike by spike, synapse by synapse."""
    weight, delays = made[0].weight.detach().numpy(), made[0].delay_steps().numpy()
    total = dict.fromkeys(("synaptic_events", "active_inputs", "macs", "delay_writes", "delay_reads"), 0)
    touched = set()
    for b, n in enumerate((lengths + made.tail_steps).tolist()):
        for t in range(len(x)):
            for i in range(6):
                c = int(x[t, b, i])
                for j in range(8):
                    if not c or weight[j, i] == 0:
                        continue
                    total["synaptic_events"] += c
                    total["active_inputs"] += 1
                    total["macs"] += c > 1
                    total["delay_writes"] += c * (delays[j, i] > 0)
                    if t + delays[j, i] < n:
                        total["delay_reads"] += c * (delays[j, i] > 0)
                        touched.add((b, t + delays[j, i], j))
    return total | {"updates_touched": len(touched)}


def test_torch_engines_and_a_recount_agree():
    made, (x, lengths) = model(), batch()
    ledger = count(made, x, lengths)
    assert isinstance(ledger, Ledger)
    assert ledger == by_events(made, x, lengths) == by_events(made, x, lengths, "clock")
    rec = by_recording(made, x, lengths)
    assert rec.counts.delay_slots == {row.name: row.delay_slots for row in ledger}
    assert rec.counts.delay_bytes(16) == {row.name: row.delay_bytes(16) for row in ledger}
    row = ledger["in-hid1"]
    assert row.delay_slots == (int(made[0].delay_steps()[made[0].weight != 0].max()) + 1) * 8
    assert ledger["hid1-out"].delay_slots == 0
    found = recount(made, x, lengths)
    assert {name: getattr(row, name) for name in found} == found
    assert row.synapses == 40 and row.dense_synapses == 48 and row.max_delay <= 4
    assert ledger["hid1-out"].synapses == 20 and ledger["hid1-out"].output_spikes == 0
    assert row.updates_dense == 8 * ledger.steps
    assert ledger.steps == int((lengths + made.tail_steps).sum()) and ledger.samples == 4


def test_parts_add_up_to_the_whole():
    made, (x, lengths) = model(), batch()
    parts = [count(made, x[:, k : k + 1], lengths[k : k + 1]) for k in range(4)]
    assert parts[0] + parts[1] + parts[2] + parts[3] == count(made, x, lengths)


@pytest.mark.parametrize("target", ["horowitz45_int8", "loihi1", "loihi1_board", "truenorth", "spinnaker2"])
def test_energy_adds_up_over_time(target):
    """A run cut in two costs what the uncut run costs, layer by layer."""
    made = model()
    net = to_network(made, 1.0)
    events = snn.Raster(np.random.default_rng(3).poisson(0.3, (14, 3, 6)), snn.TimeGrid(14, 1.0)).to_events()
    whole = snn.simulate(net, {"in": events})
    first = snn.simulate(net, {"in": events.slice(0, 5)})
    second = snn.simulate(net, {"in": events.slice(5, 14)}, state=first.state)
    one, a, b = (estimate(count(rec, net), target) for rec in (whole, first, second))
    for row in one.ledger:
        parts = a.energy_pj(layer=row.name) + b.energy_pj(layer=row.name)
        assert parts == pytest.approx(one.energy_pj(layer=row.name), rel=1e-12)
    assert first.counts.delay_slots == whole.counts.delay_slots == (first.counts + second.counts).delay_slots


def test_single_precision_models_are_counted_in_double():
    made, (x, lengths) = model(), batch(40, 50)
    assert count(made, x, lengths) == count(made.double(), x.double(), lengths) == by_events(made, x, lengths)


def test_the_mode_of_the_model_is_kept():
    made = model().train()
    count(made, *batch())
    assert made.training


def test_what_cannot_be_counted():
    made, (x, lengths) = model(), batch()
    with pytest.raises(ValueError, match="x must be of whole numbers of spikes >= 0"):
        count(made, x + 0.5, lengths)
    net = to_network(made, 1.0)
    rec = snn.simulate(net, {}, n_steps=3)
    with pytest.raises(TypeError, match="given must be the network that ran, got NoneType"):
        count(rec, None)
    with pytest.raises(
        TypeError, match=r"must be \(model, x \[T, B, ...\]\) or \(recording, network\), got \(str, Tensor\)"
    ):
        count("model", x)
    other = to_network(Sequential(Linear(2, 2), LIF(), Linear(2, 2), LIF(), Linear(2, 2), LIF()), 1.0)
    with pytest.raises(
        ValueError, match="got counts of projections in-hid1, hid1-out and a network with in-hid1"
    ):
        count(rec, other)


def test_delay_buffers_have_a_size():
    assert ROW.delay_slots == 6 * 4 and ROW.delay_bytes(32) == 96 and ROW.delay_bytes(3) == 9
    assert dataclasses.replace(ROW, max_delay=0).delay_bytes() == 0
    with pytest.raises(ValueError, match="bits must be a whole number >= 1, got 0"):
        ROW.delay_bytes(0)
    counts = snn.Counts(delay_slots={"a-b": 24})
    assert (counts + counts).delay_slots == {"a-b": 24} and counts.delay_bytes(3) == {"a-b": 9}
    with pytest.raises(ValueError, match="bits must be a whole number >= 1, got 0"):
        counts.delay_bytes(0)
    with pytest.raises(ValueError, match=r"delay_slots\['a-b'\] must be 24 .*, got 20"):
        counts + snn.Counts(delay_slots={"a-b": 20})


def test_derived_counts():
    assert ROW.acs == 17 and ROW.dense_macs == 240
    assert ROW.spikes_per_synapse == 23 / 20
    assert ROW.per_sample("macs") == 1.5
    with pytest.raises(ValueError, match="field must be one of 'samples', .* got 'volts'"):
        ROW.per_sample("volts")


@pytest.mark.parametrize(
    ("field", "value", "error", "message"),
    [
        ("macs", 1.0, TypeError, "a-b.macs must be an integer, got 1.0"),
        ("macs", -1, ValueError, "a-b.macs must be a whole number >= 0, got -1"),
        ("steps", 2**63, ValueError, "a-b.steps must be within int64, got 9223372036854775808"),
        ("macs", 21, ValueError, "a-b.macs must be at most active_inputs, 20, got 21"),
        ("synapses", 13, ValueError, "a-b.synapses must be at most dense_synapses, 12, got 13"),
    ],
)
def test_impossible_counts(field, value, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(ROW, **{field: value})


def test_ledgers_of_different_networks_do_not_add():
    with pytest.raises(ValueError, match="cannot add ledgers of different networks"):
        Ledger((ROW,)) + Ledger((dataclasses.replace(ROW, name="c-b"),))
    with pytest.raises(ValueError, match="cannot add row 'a-b' to 'a-b': n_post is 5, expected 4"):
        Ledger((ROW,)) + Ledger((dataclasses.replace(ROW, n_post=5),))
    with pytest.raises(ValueError, match="rows must be of layers with different names, got .'a-b', 'a-b'."):
        Ledger((ROW, ROW))
    with pytest.raises(ValueError, match="rows must be those of at least one layer, got .."):
        Ledger(())
    with pytest.raises(KeyError, match="no layer 'x'; there are a-b"):
        Ledger((ROW,))["x"]


@given(st.lists(st.integers(0, 2**40), min_size=11, max_size=11))
def test_json_keeps_every_integer(numbers):
    spikes, events, active, macs, writes, reads, out, dense, touched, samples, steps = numbers
    events, active = max(events, active), min(events, active)
    row = dataclasses.replace(
        ROW,
        samples=samples,
        steps=steps,
        input_spikes=spikes,
        synaptic_events=events,
        active_inputs=active,
        macs=min(macs, active),
        delay_writes=min(writes, events),
        delay_reads=reads,
        output_spikes=out,
        updates_dense=max(dense, touched),
        updates_touched=min(dense, touched),
    )
    ledger = Ledger((row,))
    assert Ledger.from_json(ledger.to_json()) == ledger
    assert ledger.total("synaptic_events") == events


def test_json_of_something_else(tmp_path):
    path = tmp_path / "ledger.json"
    Ledger((ROW,)).to_json(path)
    assert Ledger.from_json(path) == Ledger((ROW,))
    with pytest.raises(
        ValueError, match="source must be a ledger of schema 'snn.ledger', version 4, got .'other', None."
    ):
        Ledger.from_json('{"schema": "other"}')
