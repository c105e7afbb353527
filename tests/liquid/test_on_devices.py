"""A liquid on random memory arrays: their statistics, their noise, their seeds."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from liquids import PAPER, events, liquid

import snn
from snn.hardware import (
    CrossbarConfig,
    MappingConfig,
    crossbar_network,
    device_preset,
    form_random_array,
    reads_of,
    to_crossbar,
)
from snn.liquid import Reservoir, fit_readout, harvest

DEVICE = device_preset("rram_random_40nm")


def hardware(voltage_v=3.433, read_noise=0.0):
    forming = replace(DEVICE.forming, voltage_v=voltage_v)
    return CrossbarConfig(device=replace(DEVICE, forming=forming, read_noise=read_noise))


def formed(config, seed, size=40, n_in=12, scale=0.04):
    return {
        "in-out": form_random_array(n_in, size, config, seed, name="in-out", scale=scale),
        "out": form_random_array(size, size, config, seed, name="out", scale=scale),
    }


@pytest.mark.parametrize(("voltage_v", "empty", "deviation"), [(3.554, 0.02, 6.60), (3.323, 0.69, 6.63)])
def test_a_pair_has_the_spread_of_the_macro(voltage_v, empty, deviation):
    array = form_random_array(300, 400, hardware(voltage_v), 3)
    weight = array.weight().double()
    assert float(weight.std()) == pytest.approx(deviation, rel=0.03)
    assert float(weight.std()) == pytest.approx(6.61, rel=0.03)  # the macro's input array; 6.67 is its other
    assert abs(float(weight.mean())) < 0.03 * deviation
    assert float((weight == 0).double().mean()) == pytest.approx(empty, abs=0.01)
    plus, minus = array.layout.tiles_to_planes(array.conductance_us)
    assert np.allclose((plus - minus).T.numpy(), weight.numpy(), atol=1e-5)


def test_a_gain_for_each_output_scales_its_column():
    gains = np.linspace(0.5, 2.0, 7)
    plain, scaled = (form_random_array(5, 7, hardware(), 3, scale=scale) for scale in (1.0, gains))
    np.testing.assert_allclose(scaled.weight().numpy(), gains[:, None] * plain.weight().numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match="scale must be one number or 7, one per output"):
        form_random_array(5, 7, hardware(), scale=gains[:3])


@pytest.mark.parametrize("delays", [1, "per sender"])
def test_arrays_without_noise_are_the_liquid_of_their_weights(delays):
    rng = np.random.default_rng(1)
    given = events(rng)
    reservoir = liquid(rng, delays=rng.integers(1, 7, (40, 1)) if delays != 1 else 1)
    arrays = formed(hardware(), 5)
    analog = to_crossbar(reservoir.layers(1.0), hardware(), arrays=arrays)
    w_in, w_rec = (arrays[name].weight().T.double().numpy() for name in ("in-out", "out"))
    due = Reservoir(w_in, w_rec, PAPER, reservoir.delays).run(given, 2)
    assert due.sum() > 0
    np.testing.assert_array_equal(harvest(analog, given, windows=2), due)
    rows = []
    with analog.observed(lambda name, which, seen: rows.append(seen.shape[-1])):  # read row by row
        np.testing.assert_array_equal(harvest(analog, given, windows=2), due)
    assert set(rows) == {12, 40}  # a row per neuron: spikes wait in front of it


def test_noise_is_of_the_sample_and_the_chip():
    rng = np.random.default_rng(2)
    reservoir, given = liquid(rng, delays=rng.integers(1, 4, (40, 1))), events(rng)
    config = hardware(read_noise=0.1)

    def rows(seed, **options):
        analog = to_crossbar(reservoir.layers(1.0), config, arrays=formed(config, seed))
        return harvest(analog, given, **options)

    first = rows(1)
    np.testing.assert_array_equal(first, rows(1, piece=2))
    assert (first != rows(2)).any()
    prints = {
        to_crossbar(reservoir.layers(1.0), config, arrays=formed(config, seed)).fingerprint
        for seed in (1, 1, 2)
    }
    assert len(prints) == 2


def test_more_read_noise_moves_counts_further_and_takes_more_accuracy():
    """Three words, heard 80 times with a fifth of their spikes moved; the readout is fitted without noise."""
    rng = np.random.default_rng(3)
    reservoir, words, labels = liquid(rng), events(rng, samples=3), np.arange(240) % 3
    spoken = words.select(labels)
    moved = rng.uniform(size=spoken.n_events) < 0.2
    step, unit = (
        np.where(moved, rng.integers(0, high, spoken.n_events), old)
        for high, old in ((30, spoken.step), (12, spoken.unit))
    )
    parts = [slice(*pair) for pair in pairwise(spoken.offsets)]
    given = snn.Events.from_lists(
        [step[part] for part in parts], [unit[part] for part in parts], n_units=12, dt_ms=1.0, n_steps=36
    )
    rows = []
    for noise in (0.0, 0.25, 0.5, 2.0):
        config = hardware(read_noise=noise)
        analog = to_crossbar(reservoir.layers(1.0), config, arrays=formed(config, 1))
        rows.append(harvest(analog, given))
    moved = [np.abs(one - rows[0]).mean() for one in rows]
    assert moved == sorted(set(moved))
    readout = fit_readout(rows[0][:60], labels[:60], rows[0][60:90], labels[60:90])
    right = [readout.accuracy(one[90:], labels[90:]) for one in rows]
    assert right == sorted(right, reverse=True) and right[0] > 0.75 and right[-1] < 0.5


def test_a_harvest_of_another_chip_is_refused(tmp_path):
    rng = np.random.default_rng(4)
    reservoir, given = liquid(rng), events(rng)
    chips = [
        to_crossbar(reservoir.layers(1.0), hardware(), arrays=formed(hardware(), seed)) for seed in (1, 2)
    ]
    harvest(chips[0], given, tmp_path / "h")
    with pytest.raises(ValueError, match="liquid must be .*, as of this harvest"):
        harvest(chips[1], given, tmp_path / "h", resume=True)


def test_a_device_without_forming_statistics_is_refused():
    config = CrossbarConfig(device=device_preset("pcm_ibm"), mapping=MappingConfig())
    with pytest.raises(ValueError, match="forming must be given in the device"):
        form_random_array(3, 4, config)


def test_a_liquid_on_arrays_is_a_network_and_its_reads_are_counted():
    rng = np.random.default_rng(6)
    reservoir, given = liquid(rng, delays=rng.integers(1, 5, (40, 1))), events(rng, samples=2)
    analog = to_crossbar(reservoir.layers(1.0), hardware(), arrays=formed(hardware(), 5))
    due = harvest(analog, given)
    net = crossbar_network(analog, 1.0)
    assert [p.name for p in net.projections] == ["in-out", "out-out"]
    spikes = snn.simulate(net, {"in": given}).spikes["out"]
    np.testing.assert_array_equal(spikes.spike_counts()[:, 0], due)
    x = torch.tensor(given.to_raster().z, dtype=torch.float32)
    reads = {one.layer: one for one in reads_of(analog, x, torch.tensor(given.n_steps))}
    assert reads["out-out"].taps == 1
