"""Targets: each by hand from its published numbers, and the laws that all of them keep."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import LEDGER, ROW, ledger_of

import snn
from snn.hardware import (
    Constant,
    DenseNetwork,
    EnergyRow,
    GpuPeak,
    LayerCounts,
    Ledger,
    Loihi1,
    LoihiBoard,
    Range,
    SpiNNaker,
    Timed,
    TrueNorth,
    count,
    estimate,
    find_target,
    hierarchy_access,
    sram_access,
    targets,
)

BUILT_IN = tuple(name for name in targets() if name != "mine")
SPIKING = tuple(n for n in BUILT_IN if not n.startswith(("gpu", "ann")))
EVENTS = "synaptic_events active_inputs macs delay_writes delay_reads updates_touched"
SILENT = dict.fromkeys(("input_spikes", "output_spikes", *EVENTS.split()), 0)


def ends(given):
    return pytest.approx(dataclasses.astuple(given), rel=1e-12)


def near(value):
    return pytest.approx(value, rel=1e-12)


# --- by hand ---


def test_loihi_on_boards_by_hand():
    report = estimate(LEDGER, "loihi1_board")
    assert ends(report.energy(category="compute")) == (23 * 24.0, 23 * 33.6, 23 * 35.5)
    assert report.neuron_pj == near(80 * 51.2 + (30 + 50) * 21.6 + 6 * 69.3)
    assert report.energy(component="soma update").low == near(30 * 21.6 * (1 - 0.117))
    assert report.energy(component="soma update, no input").low == 0
    assert report.routing_pj == near(7 * 111)
    assert ends(report.latency_us) == (12.0, 12.0, 36.0)
    assert estimate(LEDGER, LoihiBoard()).rows == report.rows and report.kinds == ("fit",)
    assert estimate(LEDGER, "loihi1").latency_us is None and not isinstance(find_target("loihi1"), Timed)


def test_a_neuron_with_state_is_updated_without_input():
    """One spike at step 1 of ten, no leak to zero: SANA-FE updates the neuron at steps 1 to 9, 851.0 pJ in all.

    33.6 for the event, 10 x 51.2 for access, 9 x 21.6 for updates, 111 for the message. That step 0 came before the
    spike is not in the counts: the nominal figure has one update more, the low end the one with input alone.
    """
    lif = snn.LIFParams(tau_mem_ms=10.0, v_th=9.0)
    net = snn.Network(1.0, [snn.Population("in", 1), snn.Population("h", 1, lif)],
                      [snn.Projection("in", "h", np.ones((1, 1)))])  # fmt: skip
    events = snn.Events.from_lists([[1]], [[0]], n_units=1, dt_ms=1.0, n_steps=10)
    report = estimate(count(snn.simulate(net, {"in": events}), net), "loihi1_board")
    exact = 33.6 + 10 * 51.2 + 9 * 21.6 + 111
    assert exact == near(851.0) and report.total_pj == near(exact + 21.6)
    assert report.energy_pj(component="soma update") == near(21.6)
    assert report.energy().low < 851.0 < report.energy().high
    quiet = dataclasses.replace(ROW, **SILENT)
    assert estimate(Ledger((quiet,)), "loihi1_board").total_pj == near(80 * 51.2)  # at rest: access alone


@pytest.mark.parametrize(
    ("target", "each", "component"),
    [(Loihi1(), (3.0, 3.5, 4.0), "mesh hop"), (LoihiBoard(), (3.0, 3.6, 4.2), "mesh hop"),
     (TrueNorth(), (2.3, 2.3, 2.3), "spike hop")],
)  # fmt: skip
def test_hops_are_an_option(target, each, component):
    """7 messages of 2.5 hops each; without an option it is said that nothing is placed."""
    placed = dataclasses.replace(target, hops_per_message=2.5)
    assert ends(estimate(LEDGER, placed).energy(component=component)) == tuple(7 * 2.5 * pj for pj in each)
    assert any("2.5" in text and "hops" in text for text in placed.assumptions)
    assert any("not placed" in text and "hops_per_message" in text for text in target.assumptions)
    with pytest.raises(ValueError, match="hops_per_message must be a finite number >= 0, got -1"):
        dataclasses.replace(target, hops_per_message=-1)


@pytest.mark.parametrize("target", SPIKING)
def test_every_spiking_target_says_what_it_does_about_hops(target):
    said = " ".join(find_target(target).assumptions)
    assert "hop" in said or "network between tiles" in said


def test_the_ends_of_loihi():
    """Simulated 23.6 against 35.5 fitted; 81 against 51.2 + 21.6; 52 between 51.2 and 81."""
    report = estimate(LEDGER, "loihi1")
    assert ends(report.energy(category="compute")) == (23 * 23.6, 23 * 23.6, 23 * 35.5)
    assert ends(report.energy(component="active neuron update")) == (30 * 72.8, 30 * 81, 30 * 81)
    assert ends(report.energy(component="inactive neuron update")) == (50 * 51.2, 50 * 52, 50 * 81)


def test_truenorth_by_hand():
    report = estimate(LEDGER, "truenorth")
    assert ends(report.energy(category="compute")) == (23 * 2.3, 23 * 2.4, 23 * 2.5)
    assert report.routing_pj == near(7 * 2.3)
    assert report.static_pj == near(20 * 10_300.0)  # one core, 20 ms
    assert report.latency_us_per_inference == Range(10_000.0, 10_000.0, 10_000.0)
    wide = dataclasses.replace(ROW, n_pre=257, n_post=513)
    report = estimate(Ledger((wide,)), "truenorth")
    assert report.static_pj == near(6 * 20 * 10_300.0) and report.routing_pj == near(7 * 3 * 2.3)


def test_a_full_truenorth_is_near_the_published_chip():
    """4096 cores of 256 neurons at 20 Hz, 128 synapses: 26 pJ an event were published, all included."""
    neurons, seconds = 4096 * 256, 1
    spikes = 20 * neurons * seconds
    chip = Ledger(
        tuple(
            LayerCounts(
                str(core), str(core), "in", n_pre=256, n_post=256, synapses=256 * 128, dense_synapses=256 * 256,
                samples=1, steps=1000, input_spikes=spikes // 4096,
                synaptic_events=128 * (spikes // 4096), active_inputs=128 * (spikes // 4096),
            )
            for core in range(4096)
        )
    )  # fmt: skip
    report = estimate(chip, TrueNorth())
    per_event = report.total_pj / chip.total("synaptic_events")
    assert per_event == pytest.approx(18.1, abs=0.1)
    assert 0.5 < per_event / 26 < 1
    assert report.static_pj / 1e12 == pytest.approx(42e-3, rel=0.01)  # watts over one second


def test_spinnaker_by_hand():
    assert estimate(LEDGER, "spinnaker1").total_pj == near(23 * 13_300 + 80 * 26_000)
    assert estimate(LEDGER, "spinnaker2").total_pj == near(23 * 450 + 80 * 2_190)
    assert isinstance(find_target("spinnaker2"), SpiNNaker)
    assert estimate(LEDGER, "spinnaker1").kinds == ("measured",)


def test_gpu_by_hand():
    report = estimate(LEDGER, "gpu_a100_int8")
    op = 300 / 624
    assert op == pytest.approx(0.481, abs=5e-4)  # pJ: the digital baseline of published comparisons
    ops = 2 * 12 * 20 + 3 * 80
    assert report.total_pj == near(ops * op)
    assert report.energy().high == near(10 * ops * op)
    assert report.latency_us.nominal == near(ops / 624e6)
    half = dataclasses.replace(find_target("gpu_a100_int8"), utilisation=Range(0.5, 0.5, 0.5))
    assert isinstance(half, GpuPeak) and "at 50% utilisation" in half.title
    assert estimate(LEDGER, half).total_pj == near(2 * ops * op)
    with pytest.raises(ValueError, match=r"utilisation.high must be a finite number <= 1, got 1.5"):
        dataclasses.replace(half, utilisation=Range(0.5, 0.5, 1.5))
    with pytest.raises(ValueError, match="peak_tops must be a finite number > 0, got 0"):
        dataclasses.replace(half, peak_tops=0)


def test_quantised_network_by_hand():
    """10 steps a sample: activations of ceil(log2(11)) = 4 bits."""
    report = estimate(LEDGER, "ann_qnn_once")
    per_byte = 10.0 / 8192
    assert report.compute_pj_per_inference == near(12 * (0.2 * 4 / 8 + 0.03))
    memory = 12 * 12 * per_byte * 8 / 64 + (3 * 1.5 + 4 * 2) * per_byte * 4 / 64
    assert report.memory_pj / 2 == near(memory)
    assert {item.baseline.name: item.total_ratio for item in report.comparisons()}["ann_qnn_once"] == near(1)
    steps = estimate(LEDGER, "ann_int8_every_step")
    assert steps.total_pj == near(10 * estimate(LEDGER, DenseNetwork("int8")).total_pj)
    with pytest.raises(ValueError, match="number must be one of 'fp32', 'int8', 'qnn', got 'int3'"):
        DenseNetwork("int3")
    with pytest.raises(ValueError, match="schedule must be one of 'once', 'every_step', got 'twice'"):
        DenseNetwork("int8", "twice")


def test_memory_hierarchy_by_hand():
    levels = [(1, 10), (8 << 10, 10), ((8 << 10) + 1, 20), (1 << 20, 100), ((1 << 20) + 1, 1300)]
    for capacity, price in levels:
        assert hierarchy_access(capacity, 64).nominal == price
    assert hierarchy_access(1 << 21, 32) == Range(650, 650, 1300)
    assert sram_access(8 << 10, 64) == Range(10, 10, 20)
    big = dataclasses.replace(
        ROW, synapses=1 << 20, dense_synapses=1 << 20, max_delay=0, stored_weights=None, dense_weights=None
    )
    fetch = estimate(Ledger((big,)), "horowitz45_fp32_hierarchy").energy_pj(component="weight fetch")
    assert fetch == near(20 * 650)
    near_by = estimate(Ledger((big,)), "horowitz45_fp32").energy_pj(component="weight fetch")
    assert near_by == near(20 * 50)
    with pytest.raises(ValueError, match="memory must be one of 'interpolated', 'hierarchy', got 'tape'"):
        dataclasses.replace(find_target("horowitz45_int8"), memory="tape")
    with pytest.raises(ValueError, match="clock_ghz must be a finite number > 0, got 0"):
        dataclasses.replace(find_target("horowitz45_int8"), clock_ghz=0)
    assert estimate(LEDGER, "horowitz45_int8").latency_us.nominal == near((20 + 80) / 1e3)


def test_shared_weights_are_stored_once():
    shared = dataclasses.replace(ROW, stored_weights=2, dense_weights=3)
    weight = estimate(Ledger((shared,)), "horowitz45_int8").energy_pj(component="weight fetch")
    assert weight == near(20 * (10.0 * 4 / 8192) * 16 / 64)


@pytest.mark.parametrize(
    ("target", "field", "value", "message"),
    [
        (Loihi1(), "neurons_per_core", 0, "neurons_per_core must be a whole number >= 1, got 0"),
        (LoihiBoard(), "neurons_per_core", 0.5, "neurons_per_core must be a whole number >= 1, got 0.5"),
        (TrueNorth(), "core_size", 0, "core_size must be a whole number >= 1, got 0"),
        (TrueNorth(), "step_ms", 0.0, "step_ms must be a finite number > 0, got 0.0"),
        (find_target("spinnaker1"), "step_ms", math.inf, "step_ms must be a finite number > 0, got inf"),
    ],
)
def test_machines_that_cannot_be(target, field, value, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(target, **{field: value})


# --- ranges ---


def test_ranges():
    a = Range(1, 2, 4)
    assert a + a == 2 * a == Range(2, 4, 8) and a / 2 == Range(0.5, 1, 2)
    with pytest.raises(ValueError, match=r"Range must be 0 <= low .* got \(3, 2, 4\)"):
        Range(3, 2, 4)
    with pytest.raises(ValueError, match="must be 0 <= low <= nominal"):
        EnergyRow("a", "b", "compute", 1, 1.0, 2.0)
    assert EnergyRow("a", "b", "compute", 3, 1.0, 0.5).range == Range(1.5, 3, 3)
    with pytest.raises(ValueError, match="x.low must be a finite number >= 0 and <= 1, got 2.0"):
        Constant("x", 1.0, "pJ", "45 nm", "measured", "all", "me", low=2.0)
    with pytest.raises(ValueError, match="x.range_source must be text that is not blank, got ''"):
        Constant("x", 1.0, "pJ", "45 nm", "measured", "all", "me", high=2.0)
    x = Constant("x", 1.0, "pJ", "45 nm", "measured", "all", "me", low=0.5, range_source="they")
    assert x.range == Range(0.5, 1.0, 1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        x.value = 2.0


# --- laws ---


counts = st.integers(0, 10**9)
layers = st.lists(st.tuples(counts, counts, counts), min_size=1, max_size=4)


@given(layers, st.sampled_from(BUILT_IN))
def test_energy_is_additive_over_layers_time_and_ends(found, target):
    one = estimate(ledger_of(found), target)
    total = one.energy()
    assert total.low <= total.nominal <= total.high
    for end in ("low", "nominal", "high"):
        whole = getattr(total, end)
        by_layer = math.fsum(getattr(one.energy(layer=row.name), end) for row in one.ledger)
        by_part = math.fsum(getattr(one.energy(component=name), end) for name in one.components)
        assert math.isclose(by_layer, whole, rel_tol=1e-12) and math.isclose(by_part, whole, rel_tol=1e-12)
    categories = one.compute_pj + one.memory_pj + one.neuron_pj + one.routing_pj + one.static_pj
    assert math.isclose(categories, one.total_pj, rel_tol=1e-12)
    twice = estimate(ledger_of(found) + ledger_of(found), target)
    assert math.isclose(twice.total_pj, 2 * one.total_pj, rel_tol=1e-12)
    assert math.isclose(twice.total_pj_per_inference, one.total_pj_per_inference, rel_tol=1e-12)
    if one.latency_us is not None:
        assert math.isclose(twice.latency_us.nominal, 2 * one.latency_us.nominal, rel_tol=1e-12)


@given(layers, st.sampled_from(BUILT_IN), st.integers(0, 3))
def test_energy_grows_with_activity(found, target, at):
    at %= len(found)
    more = [(a + 5, b + 5, c + 5) if i == at else (a, b, c) for i, (a, b, c) in enumerate(found)]
    less, grown = estimate(ledger_of(found), target).energy(), estimate(ledger_of(more), target).energy()
    assert grown.low >= less.low and grown.nominal >= less.nominal and grown.high >= less.high


@pytest.mark.parametrize("target", SPIKING)
def test_silence_costs_no_event(target):
    """No spike: nothing but the clocked updates and the static power is left."""
    silent = dataclasses.replace(ROW, **SILENT)
    report = estimate(Ledger((silent,)), target)
    assert report.compute_pj == report.routing_pj == 0
    assert report.energy_pj(component="weight fetch") == report.energy_pj(component="delay line write") == 0
    assert report.energy(category="static") == estimate(LEDGER, target).energy(category="static")


def test_silence_costs_nothing_where_work_waits_for_events():
    lazy = dataclasses.replace(find_target("horowitz45_int8"), name="lazy", neuron_updates="touched")
    assert estimate(Ledger((dataclasses.replace(ROW, **SILENT),)), lazy).total_pj == 0


@pytest.mark.parametrize("target", BUILT_IN)
def test_every_target_tells_its_sources(target):
    report = estimate(LEDGER, target)
    assert report.title and report.kinds and len(report.priced_with) >= 1
    for constant in report.constants:
        assert constant.source and constant.range_source, constant.name
    assert set(report.priced_with) <= set(report.constants)
    assert len({c.name for c in report.constants}) == len(report.constants)
