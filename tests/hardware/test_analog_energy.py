"""Energy of crossbar readings: by hand, additive, silent where nothing fires; and published arithmetic."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import snn
from snn.hardware import (
    AnalogCircuit,
    AnalogEnergy,
    Constant,
    ConvShape,
    CrossbarConfig,
    DeviceConfig,
    LayerCounts,
    Ledger,
    MappingConfig,
    Range,
    RramCrossbar,
    TileConfig,
    analog_energy,
    count_reads,
    crossbar_energy,
    estimate,
    program_crossbar,
    spikesim_energy_pj,
    sram_access_pj,
    to_crossbar,
)
from snn.hardware.targets.analog_constants import ONE_PULSE
from snn.hardware.targets.horowitz import INT32_ADD
from snn.hardware.targets.spikesim import SPIKESIM_CONSTANTS
from snn.nn import LIF, Conv2d, DelayLinear, Sequential


def layer(**counts):
    """A ledger row of one projection; the rest is zero."""
    return LayerCounts(**{"name": "a", "post": "b", "pre": "in", "samples": 1} | counts)


# by hand: 2 tiles of 2 rows for 3 inputs, 2 outputs in pairs of columns
W = torch.tensor([[1.0, -0.5, 0.25], [0.0, 1.0, -1.0]], dtype=torch.float64)
X = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
CONFIG = CrossbarConfig(DeviceConfig(10.0, 50.0), tile=TileConfig(rows=2))


def near(value):
    return pytest.approx(value, rel=1e-12)


def test_energy_by_hand():
    counts = count_reads(program_crossbar(W, CONFIG, name="a"), X)
    energy = analog_energy(counts, AnalogCircuit())
    assert isinstance(energy, AnalogEnergy)
    part = {row.component: row.pj for row in energy.rows}
    assert part["array read"] == near(counts.source_uw * 10e-3)  # 10 ns
    assert part["row drivers"] == near(10 * 0.41667)
    assert part["converters"] == near(8 * 1.67)
    assert part["partial sums"] == near(2 * 0.1) and part["shift-add"] == part["leakage"] == 0
    assert energy.total_pj == near(math.fsum(part.values()))
    assert energy.tops_per_w == near(48 / energy.total_pj)
    assert energy.latency_us.nominal == near(4 * (1 + 10 + 8 * 9 + 1) * 1e-3)
    assert energy.programming.nominal == near(12 * 0.6 * 7)
    assert energy.amortised_pj(100) == near(energy.total_pj / 4 + 12 * 0.6 * 7 / 100)
    formed = analog_energy(counts, AnalogCircuit(pulses=ONE_PULSE))
    assert formed.programming.nominal == near(12 * 0.6) and ONE_PULSE in formed.constants
    area = 12 * 48 * 0.032**2 + 6 * 0.166 + 1 * (1200 + 60)
    assert energy.area_mm2 == near(area * 1e-6)
    always = analog_energy(counts, AnalogCircuit(gated=False))
    assert always.energy(component="converters").nominal == near(16 * 1.67)
    assert always.energy(component="partial sums").nominal == near(8 * 0.1)
    leaking = analog_energy(counts, AnalogCircuit(leakage_uw_per_tile=2.0))
    assert leaking.energy(component="leakage").nominal == near(2.0 * 4 * 4 * 84 * 1e-3)


# --- laws ---


shares = st.floats(0.0, 1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), shares, shares)
def test_energy_is_additive_over_batches_steps_and_layers(seed, one, two):
    rng = torch.Generator().manual_seed(seed)
    w = torch.randn(6, 20, generator=rng, dtype=torch.float64)
    config = CrossbarConfig(DeviceConfig(1.0, 40.0), tile=TileConfig(8, 8))
    crossbar, other = program_crossbar(w, config, name="a"), program_crossbar(-w, config, name="b")
    x = torch.cat([torch.rand(3, 2, 20, generator=rng) < share for share in (one, two)]).double()
    parts = [
        count_reads(crossbar, x[:3]),
        count_reads(crossbar, x[3:], samples=0),
    ]
    whole = count_reads(crossbar, x)
    summed = parts[0] + parts[1]
    assert dataclasses.replace(summed, source_uw=0.0) == dataclasses.replace(whole, source_uw=0.0)
    assert math.isclose(summed.source_uw, whole.source_uw, rel_tol=1e-12)
    for circuit in (AnalogCircuit(), AnalogCircuit(gated=False)):
        alone = [analog_energy(part, circuit).total_pj for part in parts]
        assert math.isclose(math.fsum(alone), analog_energy(whole, circuit).total_pj, rel_tol=1e-12)
        second = count_reads(other, x)
        both = analog_energy((whole, second), circuit)
        layers = [both.energy(layer=name).nominal for name in "ab"]
        assert math.isclose(math.fsum(layers), both.total_pj, rel_tol=1e-12)
        assert both.energy(layer="b") == analog_energy(second, circuit).energy()
    gated, always = (analog_energy(whole, AnalogCircuit(gated=g)).energy() for g in (True, False))
    assert gated.nominal <= always.nominal and gated.low <= gated.nominal <= gated.high


def test_silence_costs_nothing_where_tiles_are_gated():
    counts = count_reads(program_crossbar(W, CONFIG), 0 * X)
    assert analog_energy(counts, AnalogCircuit()).energy().high == 0
    always = analog_energy(counts, AnalogCircuit(gated=False))
    assert always.total_pj == near(16 * 1.67 + 8 * 0.1)
    assert {row.category for row in always.rows if row.pj} == {"static"}


def test_a_dense_read_lies_among_measured_chips():
    """128 x 128 at full activity: chips reached 2.5 to 43 TOPS/W with all that is left out here."""
    w = torch.rand(64, 128, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    counts = count_reads(
        program_crossbar(w, CrossbarConfig(DeviceConfig(1.0, 40.0))), torch.ones(1, 128).double()
    )
    energy = analog_energy(counts, AnalogCircuit())
    assert 20 < energy.tops_per_w < 120
    for component in ("array read", "row drivers", "converters"):
        assert 0.1 < energy.energy(component=component).nominal / energy.total_pj < 0.7


def test_every_number_has_its_source():
    energy = analog_energy(count_reads(program_crossbar(W, CONFIG), X), AnalogCircuit(adc_bits=4))
    assert len(energy.assumptions) >= 7 and len(energy.constants) >= 10
    assert all(constant.source and constant.node for constant in energy.constants)
    ends = energy.energy(component="converters")
    # NeuroSim's SAR at 32 nm and 100 kohm: ((1.1294 b + 8.8998) uW + 0.079449 exp(-2.297 log10 R) W) (b + 1) ns
    sar = 1e-3 * (1.1294 * 4 + 8.8998 + 1e6 * 0.079449 * math.exp(-2.297 * math.log10(100e3))) * 5
    assert ends.low == near(8 * sar) and ends.high == near(8 * 12.9)  # the survey's fit at 130 nm


@pytest.mark.parametrize(("bits", "low", "high"), [(4, 0.07, 12.9), (8, 0.17, 23.9), (10, 0.23, 46.0)])
def test_a_converter_has_the_range_of_published_models(bits, low, high):
    price = AnalogCircuit(adc_bits=bits).conversion
    assert round(price.low, 2) == low and price.high == high and "Murmann" in price.range_source
    row = layer(n_pre=2, n_post=2, synapses=4, dense_synapses=4, steps=1, synaptic_events=4, active_inputs=4)
    rram = estimate(Ledger((row,)), RramCrossbar(circuit=AnalogCircuit(adc_bits=bits)))
    found = rram.energy(component="converters")
    assert found.high / found.low == pytest.approx(price.high / price.low)
    assert rram.total_per_inference.high > 10 * rram.total_pj and any("span" in t for t in rram.assumptions)


def test_a_converter_of_ones_own():
    mine = Constant("my_adc", 0.5, "pJ/conversion", "22 nm", "measured", "one conversion", "our chip")
    circuit = AnalogCircuit(converter=mine)
    counts = count_reads(program_crossbar(W, CONFIG, name="a"), X)
    energy = analog_energy(counts, circuit)
    assert energy.energy(component="converters") == Range(8 * 0.5, 8 * 0.5, 8 * 0.5)
    assert mine in energy.constants and any("your own" in text for text in energy.assumptions)
    target = RramCrossbar(circuit=circuit)
    assert mine in target.constants and any("your own" in text for text in target.assumptions)
    with pytest.raises(ValueError, match="converter.unit must be one of 'pJ/conversion', got 'pJ/op'"):
        AnalogCircuit(converter=dataclasses.replace(mine, unit="pJ/op"))
    for wrong in (0.5, "cheap", True):
        with pytest.raises(TypeError, match=f"converter must be a Constant, .* got {wrong!r}"):
            AnalogCircuit(converter=wrong)


def test_refusals():
    counts = count_reads(program_crossbar(W, CONFIG, name="a"), X)
    with pytest.raises(ValueError, match="adc_bits must be a whole number >= 4 and <= 10, got 3"):
        AnalogCircuit(adc_bits=3)
    with pytest.raises(ValueError, match="columns_per_adc must be a whole number >= 1, got 0"):
        AnalogCircuit(columns_per_adc=0)
    with pytest.raises(ValueError, match="leakage_uw_per_tile must be a finite number >= 0, got -1"):
        AnalogCircuit(leakage_uw_per_tile=-1)
    with pytest.raises(ValueError, match="feature_nm must be a finite number > 0, got 0"):
        AnalogCircuit(feature_nm=0)
    with pytest.raises(ValueError, match=r"counts must be of layers with different names, got \['a', 'a'\]"):
        analog_energy((counts, counts), AnalogCircuit())
    with pytest.raises(ValueError, match="cannot add counts of 'b' to 'a': name is 'b'"):
        counts + dataclasses.replace(counts, name="b")
    with pytest.raises(ValueError, match="a.tiles must be a finite number >= 0, got -1"):
        dataclasses.replace(counts, tiles=-1)
    with pytest.raises(ValueError, match="inferences must be a whole number >= 1, got 0"):
        analog_energy(counts, AnalogCircuit()).amortised_pj(0)


# --- the target: a ledger's integers alone ---


def test_target_by_hand():
    """300 inputs, 100 outputs: 3 x 2 tiles of 128 x 128; 5 spikes in 4 steps of one sample."""
    row = layer(
        n_pre=300,
        n_post=100,
        synapses=30_000,
        dense_synapses=30_000,
        steps=4,
        input_spikes=5,
        synaptic_events=500,
        active_inputs=500,
        output_spikes=7,
        updates_dense=400,
        updates_touched=200,
    )
    report = estimate(Ledger((row,)), "rram_crossbar")
    part = {line.component: line.pj for line in report.rows}
    assert part["array read"] == near(500 * 0.04 * 10.0 * 10e-3)
    assert part["row drivers"] == near(5 * 2 * 0.41667)
    assert part["converters"] == near(5 * 100 * 1.67)  # five spikes alone, below 4 x 3 readings
    assert part["partial sums"] == near(5 * 100 * 0.1)
    assert report.latency_us.nominal == near(4 * 84e-3)
    busy = dataclasses.replace(row, input_spikes=600, synaptic_events=60_000, active_inputs=60_000)
    assert estimate(Ledger((busy,)), "rram_crossbar").energy_pj(component="converters") == near(
        4 * 3 * 100 * 1.67
    )
    always = estimate(Ledger((row,)), "rram_crossbar_always_on")
    assert always.energy_pj(component="converters") == near(4 * 3 * 100 * 1.67)
    assert always.static_pj == near(4 * 3 * 100 * 1.67 + 4 * 2 * 100 * 0.1)
    digital = estimate(Ledger((row,)), "horowitz45_int8")
    assert report.neuron_pj == near(digital.neuron_pj) and report.routing_pj == near(digital.routing_pj)


def test_target_unrolls_convolutions():
    """3x3 kernels, 2 -> 4 channels, on 5x5 images: fan-in 18, 25 positions."""
    dense = 25 * 18 * 4
    row = layer(
        n_pre=50,
        n_post=100,
        synapses=dense,
        dense_synapses=dense,
        steps=2,
        input_spikes=10,
        synaptic_events=360,
        active_inputs=360,
        updates_dense=200,
        updates_touched=100,
        stored_weights=72,
        dense_weights=72,
    )
    report = estimate(Ledger((row,)), RramCrossbar(rows=8))
    assert report.latency_us.nominal == near(2 * 25 * 84e-3)
    assert report.energy_pj(component="row drivers") == near(360 / 4 * 0.41667)
    assert report.energy_pj(component="converters") == near(360 * 1.67)  # fewer than 2 x 100 x 3
    with pytest.raises(ValueError, match="rows must be a whole number >= 1, got 0"):
        RramCrossbar(rows=0)
    with pytest.raises(ValueError, match="v_read must be a finite number > 0, got 0"):
        RramCrossbar(v_read=0)


def test_target_delays_before_the_arrays():
    """10 inputs, 4 outputs, delays of up to 4 steps: 50 rows in 7 tiles of 8; 3 spikes, each in a line of 5 bits.

    Every spike is written once, read five times, and drives five rows; a synapse's cell burns once.
    """
    row = layer(
        n_pre=10, n_post=4, synapses=40, dense_synapses=40, max_delay=4, steps=20, input_spikes=3,
        synaptic_events=12, active_inputs=12, delay_writes=9, delay_reads=9, updates_dense=80, updates_touched=30,
    )  # fmt: skip
    report = estimate(Ledger((row,)), RramCrossbar(rows=8))
    part = {line.component: line for line in report.rows}
    assert "delay line write" not in part and "delay line read" not in part
    bit = sram_access_pj(10 * 5 / 8, 1)
    assert part["spike line write"].pj == near(3 * bit) and part["spike line read"].pj == near(15 * bit)
    assert part["row drivers"].pj == near(15 * 0.41667)
    assert part["row drivers"].range.low == near(3 * 0.0375)  # one delay per input, TIMELY's converter
    assert part["converters"].pj == near(15 * 4 * 1.67)  # fewer than 20 steps x 4 outputs x 7 tiles
    assert part["array read"].pj == near(12 * 0.04 * 10.0 * 10e-3)
    assert any("before the arrays" in text for text in report.assumptions)
    again = dataclasses.replace(row, pre="b", post="b")  # recurrent: no delay of 0, 4 rows an input
    assert estimate(Ledger((again,)), RramCrossbar(rows=8)).energy_pj(component="row drivers") == near(
        12 * 0.41667
    )


@pytest.mark.parametrize("delay", [2, 4, 8])
def test_target_with_delays_is_near_the_programmed_arrays(delay):
    """Row drives equal, conversions bounded: the same layer once by integers, once programmed and read."""
    torch.manual_seed(0)
    model = Sequential(DelayLinear(12, 6, delay, mode="integer"), LIF(decay_input=False)).eval()
    assert int(model[0].delay_steps().max()) == delay
    x = (torch.rand(20, 2, 12) < 0.1).float()
    x[10:] = 0  # every delay of every spike passes within the run
    config = CrossbarConfig(DeviceConfig(0.0, 40.0), MappingConfig(pairs="interleaved"), TileConfig(16, 16))
    exact = crossbar_energy(to_crossbar(model, config), x, circuit=AnalogCircuit())
    bound = estimate(exact.ledger, RramCrossbar(rows=16, cols=16))
    assert bound.energy_pj(component="row drivers") == near(exact.energy_pj(component="row drivers"))
    for name in ("converters", "partial sums"):
        assert 0 < exact.energy_pj(component=name) <= bound.energy_pj(component=name) * (1 + 1e-12)
    for name in ("spike line write", "spike line read", "neuron update", "event queue"):
        assert bound.energy_pj(component=name) == near(exact.energy_pj(component=name))


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_row_drivers_do_not_shrink_with_the_groups_of_a_convolution(groups):
    """An event in the middle is under nine kernel places: nine drives of one row, whatever the groups."""
    model = Sequential(Conv2d(4, 8, 3, groups=groups), LIF(decay_input=False)).eval()
    x = torch.zeros(2, 1, 4, 7, 7)
    x[0, 0, 0, 3, 3] = 1
    config = CrossbarConfig(DeviceConfig(0.0, 40.0), MappingConfig(pairs="interleaved"))
    exact = crossbar_energy(to_crossbar(model, config), x, circuit=AnalogCircuit())
    bound = estimate(exact.ledger, "rram_crossbar")
    for report in (exact, bound):
        assert report.energy_pj(component="row drivers") == near(9 * 0.41667)
    assert bound.energy_pj(component="converters") == near(9 * (8 / groups) * 1.67)
    (row,) = exact.ledger
    assert (row.groups, row.positions) == (groups, 25)


def test_target_bounds_programmed_arrays():
    """The bound on gated conversions holds for the exact count of a run on arrays."""
    w = torch.randn(20, 300, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    crossbar = program_crossbar(w, CrossbarConfig(tile=TileConfig(128, 128)))
    for share in (0.002, 0.02, 0.3):
        x = (torch.rand(30, 1, 300, generator=torch.Generator().manual_seed(1)) < share).double()
        counts = count_reads(crossbar, x)
        spikes = int(x.sum())
        row = layer(
            n_pre=300,
            n_post=20,
            synapses=6000,
            dense_synapses=6000,
            steps=30,
            input_spikes=spikes,
            synaptic_events=20 * spikes,
            active_inputs=20 * spikes,
            updates_dense=600,
        )
        bound = estimate(Ledger((row,)), "rram_crossbar").energy_pj(component="converters") / 1.67
        assert counts.active_conversions <= bound * (1 + 1e-12) <= 600 * 3 * (1 + 1e-12)


# --- published arithmetic ---


def test_spikesim_total():
    """VGG9 on CIFAR-10, five steps, 64 x 64 arrays: the released estimator prints 15 906 934.03 pJ."""
    channels_in, channels_out = (3, 64, 64, 128, 128, 256, 256), (64, 64, 128, 128, 256, 256, 256)
    sizes = (32, 16, 16, 8, 8, 8, 4)
    layers = [ConvShape(*shape) for shape in zip(channels_in, channels_out, sizes, strict=True)]
    total = math.fsum(spikesim_energy_pj(layers, 5))
    assert round(total, 2) == 15_906_934.03
    (one,) = spikesim_energy_pj([ConvShape(64, 64, 1)], 1)
    assert one == pytest.approx(828.49, abs=0.005)  # one cycle of a processing element
    assert all(constant.source for constant in SPIKESIM_CONSTANTS.values())


def test_the_usual_horowitz_example():
    """fp32 at 45 nm: a multiply-accumulate 4.6 pJ, an accumulate 0.9 pJ; 5.1 times less."""
    row = layer(
        n_pre=100,
        n_post=10,
        synapses=1000,
        dense_synapses=1000,
        steps=1,
        input_spikes=100,
        synaptic_events=1000,
        active_inputs=1000,
    )
    report = estimate(Ledger((row,)), "horowitz45_fp32")
    assert report.compute_pj == near(900.0)
    (dense,) = (b for b in report.baselines if b.name == "ann_fp32_once")
    assert dense.compute_pj == near(4600.0)
    assert dense.compute_pj / report.compute_pj == pytest.approx(5.11, abs=0.01)


def test_lemaires_synaptic_operations_are_charged_once():
    """16 synaptic events at 0.1 pJ per int32 addition: 1.6 pJ; memory points 8 KiB 10, 32 KiB 20, 1 MiB 100 pJ."""
    int32 = dataclasses.replace(
        snn.hardware.find_target("horowitz45_int8"),
        name="int32",
        add=INT32_ADD,
    )
    row = layer(
        n_pre=4,
        n_post=8,
        synapses=32,
        dense_synapses=32,
        steps=1,
        input_spikes=2,
        synaptic_events=16,
        active_inputs=16,
    )
    assert estimate(Ledger((row,)), int32).compute_pj == near(1.6)
    assert sram_access_pj(20 << 10, 64) == near(15.0)  # half way
    assert 2 * sram_access_pj(8 << 10, 32) == near(10.0)  # charged per 32 bits it would be 20


def test_two_neurons_on_loihi():
    """One input drives A (weight 1), A drives B after one step: each count and each pJ by hand."""
    lif = snn.LIFParams(tau_mem_ms=10.0, v_th=0.9)
    net = snn.Network(
        dt_ms=1.0,
        populations=[
            snn.Population("in", 1),
            snn.Population("a", 1, neuron=lif),
            snn.Population("b", 1, neuron=lif),
        ],
        projections=[
            snn.Projection("in", "a", weight=np.ones((1, 1)), delay_ms=0.0, name="in-a"),
            snn.Projection("a", "b", weight=np.ones((1, 1)), delay_ms=1.0, name="a-b"),
        ],
    )
    events = snn.Events.from_lists([[2, 6]], [[0, 0]], n_units=1, dt_ms=1.0, n_steps=10)
    record = snn.simulate(net, {"in": events}, n_steps=10, record=snn.Record(spikes=["a", "b"]))
    assert record.spikes["a"].step.tolist() == [2, 6] and record.spikes["b"].step.tolist() == [3, 7]
    report = estimate(snn.hardware.count(record, net), "loihi1")
    # 2 + 2 synaptic events; two neurons, ten steps: 4 active updates, 16 inactive; 2 + 2 spike messages
    assert report.compute_pj == near(4 * 23.6)
    assert report.neuron_pj == near(4 * 81 + 16 * 52)
    assert report.routing_pj == near(4 * 1.7)
    assert report.total_pj == near(94.4 + 324 + 832 + 6.8)


def test_gpu_peak_baseline():
    """153.5 Mop at the 0.481 pJ of 300 W over 624 TOPS: 73.8 uJ; 33.9 uJ in the array is 2.2 times less."""
    op = 300 / 624
    assert op == pytest.approx(0.4808, abs=1e-4)
    assert 153.5e6 * op * 1e-6 / 33.9 == pytest.approx(2.16, rel=0.02)
    assert 17.29e9 * op * 1e-6 / 233.8 == pytest.approx(35.42, rel=0.01)
