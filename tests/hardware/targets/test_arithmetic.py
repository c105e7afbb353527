"""Published arithmetic, from a network to picojoules: each example done by hand beside it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import snn
from snn.hardware import Horowitz45, count, estimate, find_target, sram_access
from snn.hardware.targets import horowitz as c

PER_BYTE = 10.0 / 8192  # pJ per 64-bit access and byte of capacity, below 8 KiB


def test_two_neurons_on_loihi():
    """a drives b over one synapse of two steps' delay: 3 spikes in, each an event; b fires once."""
    net = snn.Network(
        dt_ms=1.0,
        populations=[
            snn.Population("a", 1),
            snn.Population("b", 1, neuron=snn.LIFParams(decay=1.0, input_scale=1.0, v_th=1.0)),
        ],
        projections=[snn.Projection("a", "b", weight=np.array([[0.4]]), delay_ms=2.0, name="a-b")],
    )
    events = snn.Events.from_lists([[0, 3, 5]], [[0, 0, 0]], n_units=1, dt_ms=1.0, n_steps=10)
    rec = snn.simulate(net, {"a": events})
    assert rec.spikes["b"].step.tolist() == [7]  # 0.4, 0.8, 1.2 at steps 2, 5, 7
    report = estimate(count(rec, net), "loihi1")
    synapses, active, inactive, messages = 3 * 23.6, 3 * 81.0, 7 * 52.0, 3 * 1.7
    assert report.total_pj == pytest.approx(synapses + active + inactive + messages, rel=1e-12) == 682.9
    assert report.energy_pj(component="inactive neuron update") == pytest.approx(364)
    board = estimate(count(rec, net), "loihi1_board")
    held = 7 * 21.6  # a potential may be left in each of the steps without input, and is updated then
    assert board.total_pj == pytest.approx(3 * 33.6 + 10 * 51.2 + 3 * 21.6 + held + 69.3 + 3 * 111, rel=1e-12)


def sixteen():
    """One spike into 16 neurons: 16 synaptic operations."""
    net = snn.Network(
        dt_ms=1.0,
        populations=[snn.Population("a", 1), snn.Population("b", 16, neuron=snn.LIFParams(tau_mem_ms=2.0))],
        projections=[snn.Projection("a", "b", weight=np.full((1, 16), 0.5), name="a-b")],
    )
    events = snn.Events.from_lists([[0]], [[0]], n_units=1, dt_ms=1.0, n_steps=1)
    return count(snn.simulate(net, {"a": events}), net)


def test_sixteen_synaptic_operations_after_lemaire():
    """Lemaire et al. 2022 charge an integer addition per operation, each once, and memory by its capacity."""
    core = Horowitz45("lemaire", "int32", c.INT32_ADD, c.INT8_MAC, c.INT32_ADD, c.INT32_MULT, 32, 32)
    report = estimate(sixteen(), core)
    assert report.compute_pj == pytest.approx(1.6)  # 16 x 0.1; counted twice it would be 3.2
    assert report.energy_pj(component="addressing") == pytest.approx(1.6)
    held = 16 * 4 * PER_BYTE * 32 / 64  # 16 words of 32 bits
    assert report.energy_pj(component="weight fetch") == pytest.approx(16 * held)
    assert report.energy_pj(component="membrane read + write") == pytest.approx(16 * 2 * held)
    # they charge Horowitz's price of 64 bits for each word of 32: the high end here
    fetch = report.energy(component="weight fetch")
    assert fetch.high == pytest.approx(16 * 16 * 4 * PER_BYTE) == pytest.approx(2 * fetch.nominal)


def test_the_memory_law_between_the_points_of_horowitz():
    """10, 20 and 100 pJ at 8 KiB, 32 KiB and 1 MiB, straight between: 15 pJ at 20 KiB, 60 pJ at 528 KiB."""
    assert sram_access(20 << 10, 64).nominal == pytest.approx(15.0)
    assert sram_access(528 << 10, 64).nominal == pytest.approx(60.0)


def test_operators_of_horowitz():
    """A multiply-accumulate is its multiplication and its addition; a spike saves the multiplication."""
    for add, mult, mac in ((c.FP32_ADD, c.FP32_MULT, c.FP32_MAC), (c.INT8_ADD, c.INT8_MULT, c.INT8_MAC)):
        assert add.value + mult.value == pytest.approx(mac.value)
    spiking = estimate(sixteen(), "horowitz45_fp32")
    dense = {b.name: b for b in spiking.baselines}["ann_fp32_once"]
    assert (spiking.compute_pj, dense.compute_pj) == pytest.approx((16 * 0.9, 16 * 4.6))
    ratio = {x.baseline.name: x for x in spiking.comparisons()}["ann_fp32_once"].compute_ratio
    assert ratio == pytest.approx(0.9 / 4.6)  # the often quoted 5.1 times, one spike per synapse, no memory


def test_the_gpu_behind_a_published_ratio():
    """153.5 million operations at 300 W / 624 TOPS against 33.9 µJ of analog reservoir: the published 2.16."""
    op = find_target("gpu_a100_int8").op.value
    assert 153.5e6 * op * 1e-6 / 33.9 == pytest.approx(2.16, abs=0.02)
    assert 17.29e9 * op * 1e-6 / 233.8 == pytest.approx(35.42, abs=0.2)
    half = dataclasses.replace(find_target("gpu_a100_int8"), utilisation=snn.hardware.Range(0.5, 0.5, 1.0))
    ledger = sixteen()
    assert estimate(ledger, half).total_pj == pytest.approx(2 * (2 * 16 + 3 * 16) * op)
