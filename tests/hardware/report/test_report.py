"""Reports: every form says the same, saved ones come back bit for bit, targets stand side by side."""

from __future__ import annotations

import csv
import dataclasses
import errno
import io
import json
import math

import pytest
from ledgers import OUT, ROW

from snn.hardware import (
    Ledger,
    TargetTable,
    compare,
    estimate,
    find_target,
    register_target,
    rerun,
    targets,
)

LEDGER = Ledger((ROW, OUT), ("A note that a reader must see.",))
NAMES = targets()


@pytest.mark.parametrize("target", NAMES)
def test_a_saved_report_runs_again_bit_for_bit(tmp_path, target):
    path = tmp_path / "r.json"
    text = estimate(LEDGER, target).to_json(path)
    again = rerun(path)
    assert again.to_json() == text == path.read_text()
    assert again.ledger == LEDGER and rerun(text).to_csv() == estimate(LEDGER, target).to_csv()


def test_what_does_not_run_again():
    data = json.loads(estimate(LEDGER, "loihi1").to_json())
    data["compute_pj"] += 1.0
    data["constants"][0]["value"] = 24.0
    with pytest.raises(ValueError, match="not the same any more: compute_pj, constants changed"):
        rerun(json.dumps(data, indent=2) + "\n")
    with pytest.raises(ValueError, match="its layout changed"):
        rerun(json.dumps(json.loads(estimate(LEDGER, "loihi1").to_json())))
    with pytest.raises(
        ValueError,
        match="source must be a report of schema 'snn.energy_report', version 3, got .'snn.ledger', 4.",
    ):
        rerun(LEDGER.to_json())
    with pytest.raises(ValueError, match="target must be one of 'horowitz45_fp32', .* got 'gone'"):
        rerun(json.dumps(json.loads(estimate(LEDGER, "loihi1").to_json()) | {"target": "gone"}))


def test_csv_sums_to_the_total():
    report = estimate(LEDGER, "truenorth")
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert len(rows) == len(report.rows)
    for end, field in (("low", "energy_low_pj"), ("nominal", "energy_pj"), ("high", "energy_high_pj")):
        assert math.fsum(float(row[field]) for row in rows) == pytest.approx(
            getattr(report.energy(), end), rel=1e-12
        )
    for row in rows:
        assert int(row["count"]) * float(row["price_pj"]) == float(row["energy_pj"])


@pytest.mark.parametrize("target", ["horowitz45_int8", "truenorth", "gpu_a100_int8"])
def test_every_form_carries_its_assumptions_and_sources(tmp_path, target):
    report = estimate(LEDGER, target)
    text = report.to_markdown(tmp_path / "r.md")
    page = estimate(LEDGER, target).to_html(tmp_path / "r.html").read_text()
    assert (tmp_path / "r.md").read_text() == text
    for constant in report.constants:
        assert constant.name in text and constant.source in text and constant.name in page
    for assumption in report.assumptions:
        assert assumption in text
    assert "A note that a reader must see." in text and "A note that a reader must see." in page
    for form in (text, page, report.table()):
        assert "compute only" in form and "total, memory included" in form and "latency" in form
        assert "a-b" in form and "without a spike" in form


def test_markdown_cells_cannot_break_a_table():
    wild = Ledger((dataclasses.replace(ROW, name="a|b"),))
    lines = estimate(wild, "loihi1").to_markdown().splitlines()
    header = next(line for line in lines if line.startswith("| component"))
    assert "a\\|b" in header and header.replace("\\|", "").count("|") == 4


def test_energy_without_a_spike():
    report = estimate(LEDGER, "horowitz45_int8")
    silent = estimate(Ledger((ROW.without_spikes(), OUT.without_spikes())), "horowitz45_int8")
    assert report.idle == silent.energy() and silent.energy() == silent.idle
    assert silent.compute_pj == 0 and silent.neuron_pj == report.neuron_pj
    assert ROW.without_spikes().updates_dense == 80 and ROW.without_spikes().synapses == 10


def test_the_curve_passes_through_the_point():
    report = estimate(LEDGER, "horowitz45_int8")
    (axes,) = report.plot("break_even_curve").axes
    lines = {line.get_label(): line for line in axes.lines}
    baseline = next(b for b in report.baselines if b.name == "ann_int8_once")
    here = report.ledger.spikes_per_synapse
    for name, y in (
        ("total, memory included", report.total_pj_per_inference / baseline.total_pj),
        ("compute only", report.compute_pj_per_inference / baseline.compute_pj),
    ):
        x, curve = lines[name].get_data()
        low = max(i for i in range(len(x)) if x[i] <= here)
        assert curve[low] <= y * (1 + 1e-9) and y <= curve[low + 1] * (1 + 1e-9)
        dots = [line.get_data() for line in axes.lines if line.get_marker() == "o"]
        assert any(d[0][0] == pytest.approx(here) and d[1][0] == pytest.approx(y) for d in dots)


@pytest.mark.parametrize("target", ["horowitz45_int8", "ann_qnn_once"])
def test_a_silent_network_has_a_report(tmp_path, target):
    silent = Ledger((ROW.without_spikes(), OUT.without_spikes()))
    report = estimate(silent, target)
    assert report.to_html(tmp_path / "r.html").exists() and "total" in report.table()


def test_targets_side_by_side(tmp_path):
    table = compare(LEDGER, ["horowitz45_int8", "loihi1_board", find_target("gpu_a100_int8")])
    assert isinstance(table, TargetTable) and [r.target for r in table.reports][1] == "loihi1_board"
    for report in table.reports:
        assert table[report.target].total_pj == estimate(LEDGER, report.target).total_pj
    text = table.table()
    assert "not separable" in text and "at 100% utilisation" in text and "to" in table.to_markdown()
    data = table.to_dict()
    assert data["gpu_a100_int8"]["total_pj"][2] == pytest.approx(10 * data["gpu_a100_int8"]["total_pj"][1])
    assert data["loihi1_board"]["latency_us"][0] == pytest.approx(6.0)
    assert data["horowitz45_int8"]["compute_pj"] == table.reports[0].compute_pj_per_inference
    general = [name for name in targets() if not hasattr(find_target(name), "check_ledger")]
    assert [report.target for report in compare(LEDGER).reports] == general and len(general) >= 20
    page = estimate(LEDGER, "horowitz45_int8").to_html(tmp_path / "r.html", compare=["truenorth"]).read_text()
    assert "truenorth_static" in page and "Targets side by side" in page
    with pytest.raises(KeyError, match="no target 'loihi9'; there are horowitz45_int8"):
        table["loihi9"]
    with pytest.raises(ValueError, match="reports must be those of at least one target, got .."):
        compare(LEDGER, [])
    other = estimate(Ledger((ROW,)), "loihi1")
    with pytest.raises(ValueError, match="reports must all be of one ledger"):
        TargetTable((table.reports[0], other))


def test_targets_of_one_name_are_refused(tmp_path):
    mine = dataclasses.replace(find_target("loihi1"), neurons_per_core=1)
    with pytest.raises(
        ValueError, match="targets with different names, got 'loihi1' more than once: give a variant"
    ):
        compare(LEDGER, ["loihi1", mine])
    with pytest.raises(ValueError, match="'loihi1' more than once"):
        estimate(LEDGER, "loihi1").to_html(tmp_path / "r.html", compare=[mine])
    named = dataclasses.replace(mine, name="loihi1 small")
    assert set(compare(LEDGER, ["loihi1", named]).to_dict()) == {"loihi1", "loihi1 small"}
    page = estimate(LEDGER, "loihi1").to_html(
        tmp_path / "r.html", compare=["loihi1", "truenorth", "truenorth"]
    )
    assert "Targets side by side" in page.read_text()  # the very same target twice says nothing new


@pytest.mark.parametrize("target", NAMES)
def test_baselines_and_ratios_have_ranges(target):
    """Each end of a ratio: the network's price at one end over the baseline's at the other."""
    report = estimate(LEDGER, target)
    mine = report.total_per_inference
    for item in report.comparisons():
        theirs = estimate(LEDGER, item.baseline.name).total_per_inference
        assert dataclasses.astuple(item.baseline.total) == pytest.approx(dataclasses.astuple(theirs))
        ends = (mine.low / theirs.high, mine.nominal / theirs.nominal, mine.high / theirs.low)
        assert dataclasses.astuple(item.total) == pytest.approx(ends)
        assert item.total_ratio == item.total.nominal
    data = json.loads(report.to_json())
    assert data["comparisons"][0]["total_ratio_range"]["high"] == report.comparisons()[0].total.high
    assert data["baselines"][1]["total_range_pj"]["low"] == report.baselines[1].total.low


def test_a_report_stands_beside_measured_chips(tmp_path):
    """TOPS/W by hand: two operations per dense synapse and step, over the energy in pJ."""
    report = estimate(LEDGER, "rram_crossbar")
    operations = 2 * (12 * 20 + 8 * 20)
    assert report.tops_per_w.nominal == pytest.approx(operations / report.total_pj)
    assert report.tops_per_w.low == pytest.approx(operations / report.energy().high)
    page = report.to_html(tmp_path / "r.html").read_text()
    chips = {(chip["name"], chip["tops_per_w"]) for chip in report.to_dict()["measured_chips"]}
    published = {("HERMES core", 10.5), ("HERMES, 64 cores", 9.76), ("HERMES, 64 cores", 2.48), ("NeuRRAM", 43.1),
                 ("NeuRRAM", 8.3)}  # fmt: skip
    assert chips == published
    for form in (page, report.to_markdown()):
        assert (
            all(name in form and f"{value:g}" in form for name, value in published) and "this report" in form
        )


@pytest.mark.parametrize("target", NAMES)
def test_a_page_says_one_thing(tmp_path, target):
    """What the total holds is what is priced; the baselines' silicon is named; a ratio has its reason."""
    report = estimate(LEDGER, target)
    page = report.to_html(tmp_path / "r.html").read_text()
    assert ("same operators and memories" in page) == target.startswith(("horowitz", "ann"))
    assert ("static energy</dd>" in page) == (target in ("truenorth", "rram_crossbar_always_on"))
    assert "dense int8, one pass: that network pays each synapse once" in page
    assert "Why" in report.table() and "Its largest part is" in report.to_markdown()


@pytest.mark.parametrize("columns", [80, 100, 132])
@pytest.mark.parametrize("layers", [1, 3, 12])
def test_tables_fit_the_terminal(monkeypatch, columns, layers):
    monkeypatch.setenv("COLUMNS", str(columns))
    names = [f"hidden_population_{i}-hidden_population_{i + 1}" for i in range(layers)]
    ledger = Ledger(tuple(dataclasses.replace(ROW, name=name) for name in names))
    for target in ("loihi1_board", "rram_crossbar", "horowitz45_fp32_hierarchy"):
        text = estimate(ledger, target).table()
        assert max(map(len, text.splitlines())) <= columns and "\N{NO-BREAK SPACE}" not in text
        assert all(name in text for name in ("total", "all layers", "break-even"))
        joined = "".join(text.split())
        assert all(f"hidden_population_{i}-" in joined for i in range(layers))
    text = compare(ledger, NAMES).table()
    assert max(map(len, text.splitlines())) <= columns and all(
        name in text for name in ("loihi1_board", "truenorth")
    )
    monkeypatch.setenv("COLUMNS", "20")
    assert max(map(len, compare(ledger, NAMES).table().splitlines())) <= 80


@pytest.mark.parametrize("activity", [0.0, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("target", ["horowitz45_int8", "loihi1"])
def test_the_legend_of_the_curve_is_clear_of_its_lines(activity, target):
    events = round(20 * activity)
    row = dataclasses.replace(
        ROW.without_spikes(), synaptic_events=events, active_inputs=events, input_spikes=events
    )
    figure = estimate(Ledger((row,)), target).plot("break_even_curve")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert axes.get_legend() is None and len(figure.legends) == 1
    assert not figure.legends[0].get_window_extent().overlaps(axes.get_window_extent())
    low, high = axes.get_ylim()
    assert low < 1 < high


def test_mixed_kinds_are_named():
    report = estimate(LEDGER, "truenorth")
    assert report.kinds == ("derived", "measured") and "derived, measured (a mixture)" in report.table()


@pytest.mark.parametrize("form", ["to_json", "to_csv", "to_markdown", "to_html"])
def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch, form):
    report, path = estimate(LEDGER, "loihi1"), tmp_path / "report"
    getattr(report, form)(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("snn.core.files.whole.os.fsync", full)
    with pytest.raises(OSError, match="the file written before is untouched"):
        getattr(estimate(LEDGER, "truenorth"), form)(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_registered_target_runs_again():
    register_target(dataclasses.replace(find_target("horowitz45_int8"), name="slow", clock_ghz=0.1))
    report = rerun(estimate(LEDGER, "slow").to_json())
    assert report.latency_us.nominal == pytest.approx(
        10 * estimate(LEDGER, "horowitz45_int8").latency_us.nominal
    )
