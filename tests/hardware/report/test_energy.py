"""Prices: by hand to the last pJ, parts that sum, sources that stand beside every number."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import LEDGER, ROW, ledger_of

from snn.hardware import (
    Constant,
    EnergyReport,
    EnergyRow,
    Headline,
    Horowitz45,
    Ledger,
    Loihi1,
    Section,
    Target,
    estimate,
    find_target,
    register_target,
    sram_access_pj,
    targets,
    write_page,
)


def test_the_three_targets_are_there():
    assert targets()[:3] == ("horowitz45_fp32", "horowitz45_int8", "loihi1")
    with pytest.raises(
        ValueError, match="target must be one of 'horowitz45_fp32', 'horowitz45_int8', .* got 'loihi9'"
    ):
        estimate(LEDGER, "loihi9")


def test_loihi_by_hand():
    report = estimate(LEDGER, "loihi1")
    assert isinstance(report, EnergyReport) and all(isinstance(row, EnergyRow) for row in report.rows)
    assert report.compute_pj == pytest.approx(23 * 23.6)
    assert report.neuron_pj == pytest.approx(30 * 81 + 50 * 52)
    assert report.routing_pj == pytest.approx(7 * 1.7)
    assert report.memory_pj == 0
    assert report.total_pj == pytest.approx(542.8 + 5030 + 11.9)
    assert report.total_pj_per_inference == pytest.approx(report.total_pj / 2)


def test_horowitz_int8_by_hand():
    report = estimate(LEDGER, "horowitz45_int8")
    assert report.compute_pj == pytest.approx(17 * 0.03 + 3 * 0.23)
    # 10 synapses of 16 bits in 20 bytes; 24 slots of 32 bits in 96 bytes; 4 membranes in 16 bytes
    weight = 10.0 * 20 / 8192 * 16 / 64
    delay = 10.0 * 96 / 8192 * 32 / 64
    membrane = 10.0 * 16 / 8192 * 32 / 64
    memory = 20 * 0.1 + 20 * weight + 38 * delay + 80 * 2 * membrane
    assert report.memory_pj == pytest.approx(memory)
    assert report.neuron_pj == pytest.approx(80 * (3.1 + 0.1 + 0.1))
    assert report.routing_pj == pytest.approx(7 * 2 * 5.0)
    assert report.total_pj == pytest.approx(1.2 + memory + 264 + 70)


def test_horowitz_fp32_by_hand():
    report = estimate(LEDGER, "horowitz45_fp32")
    assert report.compute_pj == pytest.approx(17 * 0.9 + 3 * 4.6)
    assert report.neuron_pj == pytest.approx(80 * (3.7 + 0.9 + 0.9))
    assert report.compute_pj_per_inference == pytest.approx(report.compute_pj / 2)


@pytest.mark.parametrize(
    ("capacity", "bits", "pj"),
    [
        (8 << 10, 64, 10.0),
        (32 << 10, 64, 20.0),
        (1 << 20, 64, 100.0),
        (1 << 20, 32, 50.0),
        (4 << 10, 64, 5.0),
        (1 << 30, 64, 100.0),
    ],
)
def test_sram_prices_are_per_64_bits(capacity, bits, pj):
    assert sram_access_pj(capacity, bits) == pytest.approx(pj)


def test_impossible_memories():
    with pytest.raises(ValueError, match="capacity_bytes must be a finite number >= 0, got -1"):
        sram_access_pj(-1, 8)
    with pytest.raises(ValueError, match="bits must be a whole number >= 1 and <= 2147483647, got 0"):
        sram_access_pj(8, 0)


counts = st.integers(0, 10**9)


@given(st.lists(st.tuples(counts, counts, counts), min_size=2, max_size=4), st.sampled_from(targets()[:3]))
def test_energy_adds_up(layers, target):
    one, three = estimate(ledger_of(layers), target), estimate(ledger_of(layers, 3), target)
    parts = one.compute_pj + one.memory_pj + one.neuron_pj + one.routing_pj
    assert math.isclose(parts, one.total_pj, rel_tol=1e-12)
    assert math.isclose(sum(row.pj for row in one.rows), one.total_pj, rel_tol=1e-12)
    by_layer = sum(one.energy_pj(layer=row.name) for row in one.ledger)
    assert math.isclose(by_layer, one.total_pj, rel_tol=1e-12)
    assert math.isclose(
        estimate(one.ledger + one.ledger + one.ledger, target).total_pj, 3 * one.total_pj, rel_tol=1e-9
    )
    assert three.ledger.samples == 3 * one.ledger.samples


def test_more_activity_never_costs_less():
    busier = dataclasses.replace(ROW, synaptic_events=46, active_inputs=40, input_spikes=14)
    for target in targets()[:3]:
        assert estimate(Ledger((busier,)), target).total_pj > estimate(LEDGER, target).total_pj


def test_every_number_has_its_source():
    for target in targets()[:3]:
        report = estimate(LEDGER, target)
        assert len(report.constants) >= 4 and len(report.assumptions) >= 5
        assert all(constant.source and constant.includes and constant.node for constant in report.constants)
    assert any("pre-silicon" in text for text in estimate(LEDGER, "loihi1").assumptions)
    with pytest.raises(ValueError, match="x.source must be text that is not blank, got ' '"):
        Constant("x", 1.0, "pJ", "45 nm", "measured", "all", " ")
    with pytest.raises(ValueError, match="x.kind must be one of 'measured', .* got 'guessed'"):
        Constant("x", 1.0, "pJ", "45 nm", "guessed", "all", "me")
    with pytest.raises(ValueError, match="x.value must be a finite number >= 0, got nan"):
        Constant("x", math.nan, "pJ", "45 nm", "measured", "all", "me")


def test_delay_buffers_are_sized():
    (buffer,) = estimate(LEDGER, "horowitz45_int8").delay_buffers()
    assert (buffer.depth, buffer.width, buffer.bits, buffer.size_bytes) == (6, 4, 32, 96)
    assert (buffer.reads, buffer.writes) == (9.0, 10.0)
    flat = Ledger((dataclasses.replace(ROW, max_delay=0, delay_writes=0, delay_reads=0),))
    assert estimate(flat, "loihi1").delay_buffers() == ()


def test_ratios_name_their_baseline():
    report = estimate(LEDGER, "horowitz45_int8")
    names = {item.baseline.name: item for item in report.comparisons()}
    dense = {f"ann_{n}_{s}" for n in ("fp32", "int8") for s in ("once", "every_step")}
    assert set(names) == {*dense, "ann_qnn_once"}
    once = names["ann_int8_once"]
    assert once.baseline.compute_pj == pytest.approx(12 * 0.23)
    assert once.total_ratio == pytest.approx(report.total_pj_per_inference / once.baseline.total_pj)
    assert names["ann_int8_every_step"].baseline.compute_pj == pytest.approx(12 * 0.23 * 10)
    assert all(item.compute_ratio is None for item in estimate(LEDGER, "loihi1").comparisons())


def test_reports_are_the_same_every_time(tmp_path):
    one, two = (estimate(LEDGER, "horowitz45_int8") for _ in range(2))
    assert one.to_json() == two.to_json()
    pages = [
        report.to_html(tmp_path / name).read_text() for report, name in ((one, "1.html"), (two, "2.html"))
    ]
    assert pages[0] == pages[1]
    data = json.loads(one.to_json(tmp_path / "r.json"))
    assert data["schema"] == "snn.energy_report" and data["version"] == 3
    assert math.isclose(sum(row["pj"] for row in data["rows"]), data["total_pj"], rel_tol=1e-12)
    assert Ledger.from_json(json.dumps(data["ledger"])) == LEDGER


@pytest.mark.parametrize("target", ["horowitz45_fp32", "horowitz45_int8", "loihi1"])
def test_the_page_stands_alone(tmp_path, target):
    report = estimate(LEDGER, target)
    page = report.to_html(
        tmp_path / "r.html",
        title="A <title>",
        headlines=[Headline("Accuracy", "87 %", "of 300 words")],
        before=[Section("Before", "<p>x</p>")],
        after=[Section("After", report.plot("spikes"), "caption")],
    ).read_text()
    assert "A &lt;title&gt;" in page and "87 %" in page
    assert page.index("Before") < page.index("Where the energy goes") < page.index("After")
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    for constant in report.constants:
        assert constant.name in page
    text = report.table()
    assert "total" in text and "a-b" in text and "break-even" in text


@pytest.mark.parametrize("kind", ["energy", "baselines", "spikes", "break_even"])
def test_every_plot_draws(kind):
    figure = estimate(LEDGER, "horowitz45_int8").plot(kind)
    assert figure.axes
    with pytest.raises(ValueError, match="kind must be one of 'energy', 'baselines', .* got 'pie'"):
        estimate(LEDGER, "loihi1").plot("pie")


def test_a_target_of_ones_own():
    mine = dataclasses.replace(find_target("horowitz45_int8"), name="mine", neuron_updates="touched")
    assert isinstance(mine, Horowitz45)
    target: Target = mine
    register_target(target)
    assert estimate(LEDGER, "mine").neuron_pj == pytest.approx(30 * 3.3)
    with pytest.raises(ValueError, match="target must be a name that is not taken, got 'mine'"):
        register_target(mine)
    with pytest.raises(ValueError, match="neuron_updates must be one of 'dense', 'touched', got 'never'"):
        dataclasses.replace(mine, neuron_updates="never")
    assert estimate(LEDGER, Loihi1(name="other")).total_pj == estimate(LEDGER, "loihi1").total_pj


def test_no_samples_no_estimate():
    empty = dataclasses.replace(ROW, samples=0)
    with pytest.raises(ValueError, match="ledger.samples must be a whole number >= 1, got 0"):
        estimate(Ledger((empty,)), "loihi1")


def test_a_page_of_ones_own(tmp_path):
    path = write_page(tmp_path / "p.html", "T", [Section("S", "<p>b</p>")], subtitle="sub")
    assert "sub" in path.read_text()
