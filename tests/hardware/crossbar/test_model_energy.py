"""Energy of a model on the arrays it is programmed into: reads by hand, parts that sum, neurons beside them."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from crossbars import NEURON

from snn.hardware import (
    AnalogCircuit,
    ConverterConfig,
    CrossbarConfig,
    DeviceConfig,
    LayerReads,
    Ledger,
    ProgrammedCrossbars,
    TileConfig,
    analog_energy,
    count,
    count_reads,
    crossbar_energy,
    crossbar_sections,
    estimate,
    program_crossbar,
    reads_of,
    register_target,
    rerun,
    to_crossbar,
)
from snn.nn import (
    LIF,
    AvgPool2d,
    Conv2d,
    DelayLinear,
    Flatten,
    LeakyReadout,
    Linear,
    RecurrentLIF,
    Sequential,
)

TILED = CrossbarConfig(
    device=DeviceConfig(g_max_us=25.0, sigma_us=(0.3,)),
    tile=TileConfig(8, 8),
    converter=ConverterConfig(adc_bits=6),
)


def words():
    torch.manual_seed(0)
    layers = (DelayLinear(6, 5, 4), RecurrentLIF(5, 3, **NEURON), Linear(5, 2), LeakyReadout(1.2))
    return Sequential(*layers).eval(), torch.poisson(torch.full((9, 3, 6), 0.3))


def images():
    torch.manual_seed(0)
    layers = (Conv2d(2, 4, 3, groups=2), LIF(**NEURON), Flatten(), Linear(64, 2), LeakyReadout(1.2))
    return Sequential(*layers).eval(), (torch.rand(4, 3, 2, 6, 6) < 0.3).float()


@pytest.fixture(params=[words, images], ids=["words", "images"])
def case(request):
    return request.param()


def test_one_spike_by_hand():
    """One row of 3 driven once: a read of both arrays, two conversions of pairs, V^2 (G+ + G-) t of its cells."""
    made = Sequential(Linear(3, 2), LIF(**NEURON))
    with torch.no_grad():
        made[0].weight.copy_(torch.tensor([[1.0, 0.5, 0.0], [-0.25, 0.0, 1.0]]))
    x = torch.zeros(4, 1, 3)
    x[1, 0, 0] = 1
    analog = to_crossbar(made, CrossbarConfig(device=DeviceConfig(g_max_us=20.0)))
    report = crossbar_energy(analog, x, circuit=AnalogCircuit(adc_bits=8))
    lines = {row.component: row for row in report.rows}
    assert lines["array read"].pj == pytest.approx(0.2**2 * (20.0 + 5.0) * 10.0 * 1e-3)  # V^2 G t, uS ns
    assert lines["row drivers"].count == 2  # G+ and G- are arrays of their own
    assert lines["row drivers"].pj == pytest.approx(2 * 0.41667)
    assert lines["converters"].count == 2 and lines["converters"].pj == pytest.approx(2 * 1.67)
    assert lines["neuron update"].pj == pytest.approx(2 * 4 * 3.3)
    assert lines["event queue"].pj == pytest.approx(10.0) and report.idle.nominal < report.total_pj
    silent = crossbar_energy(analog, torch.zeros(4, 1, 3))
    assert silent.compute_pj == 0 and silent.total_pj == pytest.approx(report.idle.nominal)
    always = crossbar_energy(analog, x, circuit=AnalogCircuit(gated=False))
    assert always.static_pj == pytest.approx(4 * 2 * 1.67) and always.idle.nominal > always.static_pj


def test_reads_are_those_of_the_arrays(case):
    model, x = case
    analog = to_crossbar(model, TILED)
    reads = reads_of(analog, x)
    assert all(isinstance(layer, LayerReads) for layer in reads)
    ledger = count(analog, x)
    assert [layer.layer for layer in reads] == [row.name for row in ledger]
    row, first = ledger.rows[0], reads[0]
    assert first.taps == (5 if row.max_delay else 1)
    driven = sum(counts.row_drives for counts in first.counts)
    if first.taps > 1:  # every spike drives its row once per delay
        inside = x.new_zeros(9 + model.tail_steps)
        inside[:9] = (x > 0).sum((1, 2))
        last = sum(int(inside[: len(inside) - d].sum()) for d in range(5))
        assert driven == 2 * last  # in both arrays of the pairs
    report = crossbar_energy(analog, x)
    priced = analog_energy([c for layer in reads for c in layer.counts], AnalogCircuit(adc_bits=6))
    components = ("array read", "row drivers", "converters", "partial sums")
    for name in components:
        assert report.energy_pj(component=name) == pytest.approx(priced.energy(component=name).nominal)
    assert report.total_pj == pytest.approx(sum(row.pj for row in report.rows))
    target = report.priced_on
    assert isinstance(target, ProgrammedCrossbars) and target.tops_per_w == pytest.approx(priced.tops_per_w)
    assert target.area_mm2 == pytest.approx(priced.area_mm2) and report.latency_us == priced.latency_us
    assert target.programming == priced.programming and "6-bit" in report.title
    assert {b.name for b in report.baselines} >= {"ann_int8_once", "ann_int8_every_step"}


def test_samples_add_up_and_end_where_they_end(case):
    model, x = case
    analog = to_crossbar(model, TILED)
    lengths = torch.tensor([x.shape[0], 2, 3])
    together = reads_of(analog, x, lengths)
    apart = [reads_of(analog, x[:n, b : b + 1]) for b, n in enumerate(lengths)]
    for i, layer in enumerate(together):
        for k, counts in enumerate(layer.counts):
            whole = apart[0][i].counts[k] + apart[1][i].counts[k] + apart[2][i].counts[k]
            assert dataclasses.replace(whole, source_uw=0.0) == dataclasses.replace(counts, source_uw=0.0)
            assert whole.source_uw == pytest.approx(counts.source_uw)
    places = 16 if isinstance(model[0], Conv2d) else 1
    assert together[0].counts[0].vectors == places * int((lengths + model.tail_steps).sum())


def test_a_plain_layer_is_one_count_of_its_array():
    torch.manual_seed(0)
    made, x = Sequential(Linear(20, 6), LIF(**NEURON)), torch.poisson(torch.full((7, 2, 20), 0.2))
    (layer,) = reads_of(to_crossbar(made, TILED, seed=4), x)
    array = program_crossbar(made[0].weight, TILED, 4, name="in-out")
    direct = count_reads(array, x)
    assert dataclasses.replace(layer.counts[0], source_uw=direct.source_uw) == direct
    assert layer.counts[0].source_uw == pytest.approx(direct.source_uw)


def test_the_report_is_kept_and_run_again(case, tmp_path):
    model, x = case
    report = crossbar_energy(to_crossbar(model, TILED), x)
    text = report.to_json(tmp_path / "r.json")
    assert "programmed_crossbars" in text and Ledger.from_json(report.ledger.to_json()) == report.ledger
    named = dataclasses.replace(report.priced_on, name=f"chip-{x.dim()}")
    register_target(named)
    saved = estimate(report.ledger, named).to_json(tmp_path / "named.json")
    assert rerun(tmp_path / "named.json").to_json() == saved
    page = report.to_html(
        tmp_path / "r.html", after=crossbar_sections(to_crossbar(model, TILED), x)
    ).read_text()
    assert "Programming is not in the total" in page and "On crossbars, array by array" in page


def test_two_layers_of_one_name():
    counts = LayerReads("a", 1, ())
    with pytest.raises(
        ValueError, match=r"reads must be of layers with names of their own, got \['a', 'a'\]"
    ):
        ProgrammedCrossbars((counts, counts))


def words_of(seed, hidden=5, steps=9):
    torch.manual_seed(seed)
    made = Sequential(Linear(6, hidden), LIF(**NEURON), Linear(hidden, 2), LeakyReadout(1.2)).eval()
    with torch.no_grad():
        made[0].weight.mul_(3.0)
    return made, torch.poisson(torch.full((steps, 3, 6), 0.3))


def test_a_ledger_of_something_else_is_refused():
    """Other names, shapes, weights or samples than those whose reads were counted."""
    model, x = words_of(0)
    analog = to_crossbar(model, TILED)
    target = ProgrammedCrossbars(reads_of(analog, x))
    assert estimate(count(analog, x), target).total_pj > 0
    other, y = words_of(1)
    for ledger, text in (
        (count(to_crossbar(words_of(0, hidden=4)[0], TILED), x), "in-hid1.n_post must be 5, got 4"),
        (count(to_crossbar(other, TILED), x), "must be the one counted with these reads"),
        (count(analog, y), "in-hid1.input_spikes must be"),
        (count(analog, x[:5]), "in-hid1.steps must be 27, got 15"),
        (count(analog, x[:, :2]), "in-hid1.samples must be 3, got 2"),
        (count(*words()), r"with layers \['in-hid1', 'hid1-out'\], got layers \['in-hid1', 'hid1-hid1', "),
        (
            Ledger(count(analog, x).rows[:1]),
            r"with layers \['in-hid1', 'hid1-out'\], got layers \['in-hid1'\]",
        ),
    ):
        with pytest.raises(ValueError, match=text):
            estimate(ledger, target)
    with pytest.raises(ValueError, match="with layers in-hid1, hid1-out, got 'a-b'"):
        target.price(dataclasses.replace(count(analog, x).rows[0], name="a-b"))


def test_pooling_is_digital_by_one_rule():
    """Two events in one window of 2 x 2: two additions and two addresses, on arrays programmed or not."""
    torch.manual_seed(0)
    model = Sequential(AvgPool2d(2), Flatten(), Linear(4, 2), LIF(**NEURON)).eval()
    x = torch.zeros(3, 1, 1, 4, 4)
    x[0, 0, 0, 0, 0] = x[1, 0, 0, 1, 1] = 1
    analog = to_crossbar(model, TILED)
    ledger = count(analog, x)
    pool = next(row for row in ledger if not row.dense_weights)
    for report in (crossbar_energy(analog, x), estimate(ledger, "rram_crossbar")):
        part = {row.component: row.pj for row in report.rows if row.layer == pool.name and row.pj}
        assert part["synaptic add"] == pytest.approx(2 * 0.03)
        assert part["addressing"] == pytest.approx(2 * 0.1)
        assert not {"array read", "row drivers", "converters"} & set(part)
        assert any("pooling" in text for text in report.assumptions)
