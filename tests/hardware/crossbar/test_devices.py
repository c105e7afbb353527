"""Devices: the statistics of every kind of chance against their formulas, and what is kept or drawn anew."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import kstest, norm, truncnorm

from snn.hardware import (
    CrossbarConfig,
    CubicIV,
    DeviceConfig,
    DeviceRecord,
    FlickerNoise,
    Forming,
    LogRelaxation,
    MappingConfig,
    PowerLawDrift,
    SigmaTable,
    WireConfig,
    device_preset,
    device_presets,
    device_record,
    effective_conductance,
    form_random_array,
    program_crossbar,
    register_device,
)

DAY = 86_400.0
WAN = {
    1.0: (0.348, 16.03, -43.853, 45.393, -16.815),
    DAY: (0.701, 22.086, -50.773, 47.095, -16.458),
    2 * DAY: (0.782, 20.274, -43.507, 37.062, -11.934),
}


def cells(device, x, count=40_000, *, seed=0, write_number=0, time_s=None):
    """Write `count` cells at the conductance x of the full range and give what they hold, numpy."""
    target = torch.full((1, count), x, dtype=torch.float64)
    target[0, 0] = 1.0  # sets the scale
    config = CrossbarConfig(device=device)
    crossbar = program_crossbar(target, config, seed=seed, write_number=write_number)
    crossbar = crossbar if time_s is None else crossbar.at(time_s)
    return crossbar.layout.tiles_to_planes(crossbar.conductance_us)[0, 1:, 0].numpy()


def spread_is(found, sigma, mean=None):
    """Deviation within 3 % (4 standard errors of 40 000), mean within 5 standard errors."""
    assert found.std() == pytest.approx(sigma, rel=0.03)
    if mean is not None:
        assert abs(found.mean() - mean) < 5 * sigma / math.sqrt(len(found))


# --- programming ---


@pytest.mark.parametrize("x", [0.3, 0.5, 0.8, 1.0])
def test_programming_noise_of_phase_change_cells(x):
    spread_is(cells(device_preset("pcm_ibm"), x), -1.1731 * x**2 + 1.9650 * x + 0.26348, 25 * x)


@pytest.mark.parametrize("g", [60.0, 120.0, 220.0])
def test_programming_noise_of_filament_cells(g):
    device = device_preset("rram_milo2021")
    spread_is(cells(device, (g - 50) / 175), 4.782 - 0.009107 * g, g)


@pytest.mark.parametrize("x", [0.25, 0.6, 0.9])
@pytest.mark.parametrize("time_s", list(WAN))
def test_spread_over_days(time_s, x):
    found = cells(device_preset("rram_wan2022"), x, time_s=time_s)
    spread_is(found, np.polynomial.polynomial.polyval(x, WAN[time_s]), 40 * x)


def test_a_narrower_range_leaves_the_cell_what_it_is():
    """Half of g_max: the same 10 uS cell scatters as before, not as if 20 uS were full scale."""
    device = device_preset("rram_wan2022")
    half = replace(device, g_max_us=20.0, reference_us=40.0)
    found = cells(half, 0.5)
    spread_is(found, np.polynomial.polynomial.polyval(0.25, WAN[1.0]), 10.0)


def test_spread_between_measured_times_is_linear_in_log_time():
    table = device_preset("rram_wan2022").drift
    x = torch.tensor([0.5], dtype=torch.float64)
    one, day, two = (float(table.sigma(x, t)) for t in WAN)
    assert float(table.sigma(x, math.sqrt(DAY))) == pytest.approx((one + day) / 2, rel=1e-12)
    assert float(table.sigma(x, DAY * math.sqrt(2))) == pytest.approx((day + two) / 2, rel=1e-12)
    assert float(table.sigma(x, 0.1)) == one and float(table.sigma(x, 100 * DAY)) == two


def test_noise_is_normal_and_never_negative():
    device = DeviceConfig(sigma_us=(3.0,))
    assert kstest((cells(device, 0.5) - 50) / 3, "norm").pvalue > 1e-3
    assert cells(device, 0.0).min() == 0.0


# --- drift and relaxation ---


def test_drift_exponents():
    """nu of a cell at x = 0.02: mean clipped(-0.0155 ln x + 0.0244), deviation clipped(-0.0125 ln x - 0.0059)."""
    device = replace(device_preset("pcm_ibm"), sigma_us=())
    for x in (0.02, 0.2, 0.9):
        mean = min(max(-0.0155 * math.log(x) + 0.0244, 0.049), 0.1)
        sigma = min(max(-0.0125 * math.log(x) - 0.0059, 0.008), 0.045)
        for time_s in (3600.0, 1e7):
            nu = -np.log(cells(device, x, time_s=time_s) / (25 * x)) / math.log(time_s / 20)
            wanted = truncnorm(-mean / sigma, np.inf, mean, sigma)
            tail = norm.cdf(-mean / sigma)  # exponents below zero are taken as zero
            assert nu.mean() == pytest.approx((1 - tail) * wanted.mean(), rel=0.02)
            spread_is(nu[nu > 1e-12], wanted.std())
    assert np.array_equal(cells(device, 0.5, time_s=5.0), cells(device, 0.5, time_s=20.0))


def test_exponents_stay_with_the_cell():
    device = replace(device_preset("pcm_ibm"), sigma_us=())
    nu = [np.log(12.5 / cells(device, 0.5, 100, time_s=t)) / math.log(t / 20) for t in (1e3, 1e6)]
    assert np.allclose(*nu, rtol=1e-9)


def test_logarithmic_relaxation():
    """Published for CMO / HfOx cells: mean -0.089 uS per ln s, deviation 0.042 ln t + 0.412 uS."""
    device = DeviceConfig(drift=LogRelaxation(-0.089, 0.042, 0.412))
    for time_s in (1.0, 1e3, 1e6):
        log = math.log(time_s)
        spread_is(cells(device, 0.5, time_s=time_s), 0.042 * log + 0.412, 50 - 0.089 * log)


def test_compensation_restores_the_mean():
    w = torch.randn(30, 200, generator=torch.Generator().manual_seed(0))
    x = torch.ones(1, 200)
    plain = CrossbarConfig(device=device_preset("pcm_ibm"))
    aged = program_crossbar(w, plain).at(1e7)
    restored = program_crossbar(w, replace(plain, compensate_drift=True)).at(1e7)
    assert 0.3 < aged.compensation() < 0.7 and aged.gain == 1.0
    assert torch.allclose(restored.weight(), aged.weight() / aged.compensation(), rtol=1e-5)
    assert restored.diagnose(x).snr_db > aged.diagnose(x).snr_db + 2
    assert program_crossbar(w, plain).compensation() == 1.0


# --- what is kept and what is drawn anew ---


def test_devices_are_kept_and_writes_are_new():
    gain, cycle = DeviceConfig(d2d=0.1), DeviceConfig(c2c=0.1)
    one = cells(gain, 0.5)
    spread_is(one, 5.0, 50.0)
    assert np.array_equal(cells(gain, 0.5, write_number=1), one)
    assert np.allclose(cells(gain, 0.25), one / 2)  # the same gains, whatever is written
    assert abs(np.corrcoef(cells(gain, 0.5, seed=1), one)[0, 1]) < 0.02
    first, second = cells(cycle, 0.5), cells(cycle, 0.5, write_number=1)
    spread_is(first, 5.0, 50.0)
    spread_is(second, 5.0, 50.0)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02
    assert np.array_equal(cells(cycle, 0.5), first)


def test_faults_survive_every_write():
    device = DeviceConfig(
        g_min_us=1.0, stuck_low=0.05, stuck_high=0.1, open_cells=0.02, sigma_us=(0.5,), d2d=0.05
    )
    faults = []
    for number, x in ((0, 0.5), (1, 0.5), (2, 0.3)):
        found = cells(device, x, write_number=number)
        kinds = np.select([found == 1.0, found == 100.0, found == 0.0], [1, 2, 3])
        for kind, share in ((1, 0.05), (2, 0.1), (3, 0.02)):
            assert abs((kinds == kind).mean() - share) < 5 * math.sqrt(share / len(found))
        faults.append(kinds)
    assert np.array_equal(faults[0], faults[1]) and np.array_equal(faults[0], faults[2])
    assert (cells(device, 0.5, seed=1) == 0.0).mean() < 0.03 and not np.array_equal(
        cells(device, 0.5, seed=1) == 1.0, faults[0] == 1
    )


def test_faults_do_not_drift():
    device = replace(device_preset("pcm_ibm"), stuck_high=0.1)
    assert abs((cells(device, 0.5, time_s=1e6) == 25.0).mean() - 0.1) < 0.01


# --- read noise ---


def reads(device, steps=4000, mapping=None, time_s=None):
    w = torch.linspace(0.2, 1.0, 8, dtype=torch.float64).repeat(2, 1)
    crossbar = program_crossbar(w, CrossbarConfig(device, mapping or MappingConfig()), seed=5)
    crossbar = crossbar if time_s is None else crossbar.at(time_s)
    x = torch.ones(steps, 2, 8, dtype=torch.float64)
    return crossbar, crossbar.matmul(x).numpy() - (x @ crossbar.weight().T).numpy()


def deviation(crossbar, cells_us):
    """Deviation of each output, in the units of the weight, from that of every cell on tiles: [out]."""
    columns = (cells_us**2).sum(2)[0].flatten()  # one row tile: [column tiles x cols]
    power = columns[crossbar.layout.column].sum(0)
    if crossbar.layout.reference is not None:
        power = power + columns[crossbar.layout.reference][0]
    return (power.sqrt() * float(crossbar.encoded.weight_per_us.abs().max())).numpy()


@pytest.mark.parametrize("scheme", ["one_sided", "two_sided", "offset"])
def test_read_noise_is_that_of_independent_cells(scheme):
    """Deviation sqrt(sum over cells of (0.02 G)^2), in the units of the weight."""
    crossbar, noise = reads(DeviceConfig(read_noise=0.02), mapping=MappingConfig(scheme))
    g = crossbar.conductance_us
    assert noise.std((0, 1)) == pytest.approx(deviation(crossbar, 0.02 * g), rel=0.05)
    shared = np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]
    if scheme == "offset":  # both outputs are read against one reference column
        power = (g**2).sum(2)[0].flatten()
        reference = power[crossbar.layout.reference][0, 0]
        own = power[crossbar.layout.column][0, 0]
        assert shared == pytest.approx(float(reference / (own + reference)), abs=0.05)
    else:
        assert abs(shared) < 0.05


@pytest.mark.parametrize("scheme", ["one_sided", "offset"])
def test_read_noise_grows_with_the_age_of_the_array(scheme):
    """Deviation sqrt(sum over cells of (Q G)^2 ln((t + t_read) / (2 t_read))), Q = 0.01 / x^0.65, at two ages.

    A pair mapping without converters draws its noise per output, a reference column per column: two places.
    """
    device = DeviceConfig(1.0, 25.0, t0_s=20.0, read_noise=FlickerNoise(0.01, 0.65, 0.2, 250e-9))
    noise = []
    for time_s, log in ((20.0, 17.5044), (1e6, 28.3242)):  # ln(20 / 5e-7), ln(1e6 / 5e-7)
        crossbar, found = reads(device, mapping=MappingConfig(scheme), time_s=time_s)
        g = crossbar.conductance_us
        assert found.std((0, 1)) == pytest.approx(
            deviation(crossbar, 0.01 / (g / 25) ** 0.65 * g * math.sqrt(log)), rel=0.05
        )
        noise.append(found)
    # step and sample key the draws, so that the same chance acts at both ages
    assert np.allclose(noise[1], noise[0] * math.sqrt(28.3242 / 17.5044), rtol=1e-5)


def test_read_noise_is_new_at_every_step_and_for_every_sample():
    noise = reads(DeviceConfig(read_noise=0.02))[1]
    series = noise[:, 0, 0]
    bound = 4 / math.sqrt(len(series))
    for lag in (1, 2, 7):
        assert abs(np.corrcoef(series[:-lag], series[lag:])[0, 1]) < bound
    assert abs(np.corrcoef(series, noise[:, 1, 0])[0, 1]) < bound
    assert kstest(series / series.std(), "norm").pvalue > 1e-3


@pytest.mark.parametrize(("ohm", "loss", "excess"), [(30.0, 0.09, (0.98, 1.06)), (150.0, 0.32, (1.0, 1.3))])
def test_read_noise_through_wires_errs_to_the_safe_side(ohm, loss, excess):
    """800 arrays with every cell scattered and each solved, against one solution: mean ratio of deviations."""
    device = DeviceConfig(g_min_us=1.0, g_max_us=40.0, read_noise=0.05)
    rng = torch.Generator().manual_seed(0)
    w = torch.rand(12, 24, generator=rng, dtype=torch.float64) - 0.5
    crossbar = program_crossbar(w, CrossbarConfig(device, wires=WireConfig("exact", ohm, ohm)))
    x = (torch.rand(24, generator=rng) < 0.5).double()
    noise = crossbar.matmul(x.expand(4000, 1, 24)) - x @ crossbar.weight().T
    g = crossbar.conductance_us
    scatter = torch.randn(800, *g.shape, generator=rng, dtype=torch.float64)
    solved = effective_conductance(g * (1 + 0.05 * scatter), ohm, ohm)  # [800, 1, 2, rows, cols]
    currents = torch.einsum("r,nacrk->nck", x, solved)
    outputs = (currents[:, 0] - currents[:, 1]) * crossbar.encoded.weight_per_us[0]
    assert crossbar.diagnose(x[None]).ir_loss == pytest.approx(loss, abs=0.06)
    assert excess[0] < float((noise.std((0, 1)) / outputs.std(0)).mean()) < excess[1]


def test_flicker_noise_grows_with_time():
    device = replace(device_preset("pcm_ibm"), sigma_us=(), drift=None)
    g = torch.tensor([12.5], dtype=torch.float64)
    for time_s in (20.0, 1e5):
        wanted = 12.5 * min(0.0088 / 0.5**0.65, 0.2) * math.sqrt(math.log((time_s + 250e-9) / 500e-9))
        assert float(device.read_deviation(g, g, time_s)) == pytest.approx(wanted, rel=1e-12)
    assert float(FlickerNoise(0.0088, 0.65, 0.2, 250e-9).relative(g * 0, 250e-9)) == 0


@pytest.mark.parametrize("time_s", [20.0, 86_400.0, 30 * 86_400.0])
@pytest.mark.parametrize(("x", "nu"), [(1.0, 0.049), (0.5, 0.049), (0.1, 0.0244 - 0.0155 * math.log(0.1))])
def test_read_noise_of_drifted_cells_is_that_of_the_state_they_were_written_to(x, nu, time_s):
    """Joshi et al. 2020: sigma(t) = G(t) Q sqrt(ln((t + t_read) / (2 t_read))), Q = min(0.0088 / x^0.65, 0.2).

    x is what was programmed. G(t) = G (t / 20 s)^-nu shrinks faster than the logarithm grows: so does the spread.
    """
    preset = device_preset("pcm_ibm")
    still = replace(preset.drift, nu_sigma=(0.0, 0.0), nu_sigma_range=(0.0, 0.0))
    device = replace(preset, sigma_us=(), drift=still)
    w = torch.tensor([[x], [1.0]], dtype=torch.float64)  # the second cell sets the scale: weight 1 is 25 uS
    crossbar = program_crossbar(w, CrossbarConfig(device), seed=3).at(time_s)
    now = crossbar.matmul(torch.ones(40_000, 1, 1, dtype=torch.float64))[:, 0, 0].numpy()
    left = x * (time_s / 20.0) ** -nu
    assert now.mean() == pytest.approx(left, rel=0.01)
    wanted = left * min(0.0088 / x**0.65, 0.2) * math.sqrt(math.log((time_s + 250e-9) / 500e-9))
    assert now.std() == pytest.approx(wanted, rel=0.01)
    first = x * min(0.0088 / x**0.65, 0.2) * math.sqrt(math.log((20.0 + 250e-9) / 500e-9))
    assert time_s == 20.0 or wanted < first


@pytest.mark.parametrize("stuck", [{"stuck_low": 1.0}, {"stuck_high": 1.0}])
def test_a_stuck_cell_reads_with_the_noise_of_where_it_is_stuck(stuck):
    device = replace(device_preset("pcm_ibm"), g_min_us=1.0, drift=None, sigma_us=(), **stuck)
    crossbar = program_crossbar(torch.tensor([[0.4, 1.0]], dtype=torch.float64), CrossbarConfig(device))
    assert torch.equal(crossbar.programmed_us, crossbar.conductance_us)
    assert set(crossbar.programmed_us.flatten().tolist()) == {1.0 if "stuck_low" in stuck else 25.0}


# --- forming ---


@pytest.mark.parametrize("voltage", [3.2, 3.433, 3.6])
def test_forming_voltage_sets_sparsity(voltage):
    """P(unformed) = 1 - Phi((V - 3.433) / 0.114)."""
    preset = device_preset("rram_random_40nm")
    forming = replace(preset.forming, voltage_v=voltage)
    wanted = 1 - norm.cdf((voltage - 3.433) / 0.114)
    assert forming.unformed == pytest.approx(wanted, rel=1e-12)
    config = CrossbarConfig(replace(preset, forming=forming))
    g = form_random_array(512, 256, config, seed=1).conductance_us.numpy().ravel()
    assert (g == 0).mean() == pytest.approx(wanted, abs=4 * math.sqrt(wanted * (1 - wanted) / g.size) + 1e-4)


def test_formed_cells_are_a_truncated_normal():
    g = (
        form_random_array(512, 256, CrossbarConfig(device_preset("rram_random_40nm")))
        .conductance_us.numpy()
        .ravel()
    )
    formed = g[g > 0]
    cut = truncnorm((7.6 - 12.35) / 1.86, (18.8 - 12.35) / 1.86, 12.35, 1.86)
    assert formed.min() >= 7.6 and formed.max() <= 18.8
    assert kstest(formed, cut.cdf).pvalue > 1e-3
    assert formed.mean() == pytest.approx(12.35, rel=0.01) and formed.std() == pytest.approx(1.86, rel=0.03)


@pytest.mark.parametrize("scheme", ["one_sided", "offset"])
def test_statistics_of_random_weights(scheme):
    """Mean zero; deviation of a pair sqrt(2) times that of a cell, open ones included, in closed form.

    The macro's published statistics, mean 0.0016 and 0.0061, deviation 6.61 and 6.67, are near single cells'.
    """
    preset = device_preset("rram_random_40nm")
    forming = preset.forming
    cut = truncnorm((7.6 - 12.35) / 1.86, (18.8 - 12.35) / 1.86, 12.35, 1.86)
    share = 1 - forming.unformed
    cell = math.sqrt(share * (cut.var() + cut.mean() ** 2) - (share * cut.mean()) ** 2)
    w = form_random_array(512, 256, CrossbarConfig(preset, MappingConfig(scheme))).weight()
    wanted = cell * (math.sqrt(2) if scheme == "one_sided" else 1)
    assert abs(float(w.mean())) < 5 * wanted / math.sqrt(w.numel())
    assert float(w.std()) == pytest.approx(wanted, rel=0.01)
    if scheme == "offset":
        assert float(w.std()) == pytest.approx(6.64, rel=0.06)


# --- records and refusals ---


def test_presets_tell_their_source():
    assert device_presets()[:4] == ("pcm_ibm", "rram_wan2022", "rram_milo2021", "rram_random_40nm")
    for name in device_presets():
        record = device_record(name)
        assert isinstance(record, DeviceRecord) and record.device == device_preset(name)
        assert record.source and record.includes and record.node and record.unit == "uS"
    assert isinstance(device_preset("rram_wan2022").drift, SigmaTable)
    assert isinstance(device_preset("rram_milo2021").iv, CubicIV)
    assert isinstance(device_preset("pcm_ibm").drift, PowerLawDrift)
    assert isinstance(device_preset("rram_random_40nm").forming, Forming)
    with pytest.raises(ValueError, match="device must be one of 'pcm_ibm', 'rram_wan2022', .* got 'pcm'"):
        device_preset("pcm")
    with pytest.raises(ValueError, match="device must be a name that is not taken, got 'pcm_ibm'"):
        register_device(device_record("pcm_ibm"))
    register_device(replace(device_record("pcm_ibm"), name="pcm_mine"))
    assert device_preset("pcm_mine") == device_preset("pcm_ibm")


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("node must be a text that is not empty, got ''", {"node": ""}),
        ("unit must be a text that is not empty, got ' '", {"unit": " "}),
        ("unit must be one of 'uS', got 'S'", {"unit": "S"}),
        ("source must be a text that is not empty, got ''", {"source": ""}),
        ("kind must be one of 'measured', .* got 'guessed'", {"kind": "guessed"}),
    ],
)
def test_records_without_provenance_are_refused(message, change):
    with pytest.raises(ValueError, match=message):
        replace(device_record("pcm_ibm"), **change)


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ("g_max_us must be a finite number > 50, got 50", {"g_min_us": 50, "g_max_us": 50}),
        ("g_max_us must be a finite number > 60, got 50", {"g_min_us": 60, "g_max_us": 50}),
        ("g_min_us must be a finite number >= 0, got -1", {"g_min_us": -1}),
        ("levels must be a whole number >= 2 and <= 9007199254740992, got 1", {"levels": 1}),
        ("levels must be <= 101 in this range with step_us 1, got 102", {"levels": 102, "step_us": 1.0}),
        ("read_noise must be a finite number >= 0, got -0.1", {"read_noise": -0.1}),
        ("t0_s must be a finite number > 0, got 0", {"t0_s": 0}),
        ("open_cells must be shares of at most 1 in all, got 0.6, 0, 0.5", {"stuck_low": 0.6, "open_cells": 0.5}),
    ],
)  # fmt: skip
def test_impossible_devices_are_refused(message, change):
    with pytest.raises(ValueError, match=message):
        DeviceConfig(**change)


def test_impossible_statistics_are_refused():
    with pytest.raises(ValueError, match=r"times_s must be times that ascend from > 0, got \(2.0, 1.0\)"):
        SigmaTable((2.0, 1.0), ((1.0,), (1.0,)))
    with pytest.raises(ValueError, match="sigma_us must be a polynomial for each of the 1 times_s, got 2"):
        SigmaTable((2.0,), ((1.0,), (1.0,)))
    forming = device_preset("rram_random_40nm").forming
    with pytest.raises(ValueError, match="sigma_v must be a finite number > 0, got 0"):
        replace(forming, sigma_v=0)
    with pytest.raises(ValueError, match="g_high_us must be a finite number > 20, got 18.8"):
        replace(forming, g_low_us=20.0)
    assert DeviceConfig(levels=101, step_us=1.0).levels == 101
