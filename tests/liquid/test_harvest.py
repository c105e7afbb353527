"""A harvest is the same in pieces, in one go and after a stop; others' files are refused."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from liquids import PAPER, events, liquid

import snn
from snn.liquid import Harvest, Reservoir, harvest


@pytest.fixture
def rng():
    return np.random.default_rng(5)


class Stop(Exception):
    """Stands for a lost machine."""


def stop_after(samples):
    def progress(done, total):
        assert done <= total
        if done >= samples:
            raise Stop

    return progress


@pytest.mark.parametrize("as_layers", [False, True])
def test_a_harvest_that_was_stopped_goes_on_to_the_same_bits(as_layers, rng, tmp_path):
    reservoir, given = liquid(rng, delays=rng.integers(1, 5, (40, 40))), events(rng, samples=11)
    taken = reservoir.layers(1.0) if as_layers else reservoir
    whole = reservoir.run(given, 2)
    seen = []
    in_memory = harvest(taken, given, windows=2, piece=4, progress=lambda *done: seen.append(done))
    np.testing.assert_array_equal(in_memory, whole)
    assert seen == [(4, 11), (8, 11), (11, 11)]
    with pytest.raises(Stop):
        harvest(taken, given, tmp_path / "h", 2, piece=4, progress=stop_after(8))
    assert Harvest(tmp_path / "h").shape == (8, 80)
    with pytest.raises(FileExistsError, match="holds a harvest of 8 samples; resume=True goes on"):
        harvest(taken, given, tmp_path / "h", 2, piece=4)
    done = harvest(taken, given, tmp_path / "h", 2, True, piece=4)
    np.testing.assert_array_equal(np.asarray(done), whole)
    np.testing.assert_array_equal(done[3:9], whole[3:9])
    np.testing.assert_array_equal(done[::-5], whole[::-5])
    assert len(done) == 11 and np.asarray(done, dtype=np.float64).dtype == np.float64
    with pytest.raises(TypeError, match="index must be a slice of samples, got 3"):
        done[3]


def test_traces_and_sets_are_harvested_too(rng):
    reservoir, given = liquid(rng), events(rng)
    labels = np.zeros(len(given), dtype=np.int64)
    words = snn.datasets.SpikeSet("words", given, labels, labels, ("0",))
    np.testing.assert_array_equal(
        harvest(reservoir, words, features="traces", trace_ms=7.0),
        reservoir.run(given, 1, "traces", trace_ms=7.0),
    )
    assert harvest(reservoir, given.select([])).shape == (0, 40)


def test_a_harvest_of_something_else_is_refused(rng, tmp_path):
    reservoir, given = liquid(rng), events(rng)
    harvest(reservoir, given, tmp_path / "h", piece=3)
    others = {
        "liquid": lambda: harvest(liquid(rng), given, tmp_path / "h", resume=True, piece=3),
        "data": lambda: harvest(reservoir, events(rng), tmp_path / "h", resume=True, piece=3),
        "settings": lambda: harvest(reservoir, given, tmp_path / "h", 2, True, piece=3),
    }
    for name, run in others.items():
        with pytest.raises(ValueError, match=f"part-.*: {name} must be .*, as of this harvest, got"):
            run()
    with pytest.raises(FileNotFoundError, match="no harvest at"):
        Harvest(tmp_path / "none")


def test_damaged_and_missing_pieces_are_refused(rng, tmp_path):
    reservoir, given = liquid(rng), events(rng, samples=9)
    harvest(reservoir, given, tmp_path / "h", piece=3)
    first, second, _ = sorted((tmp_path / "h").glob("part-*.h5"))
    content = bytearray(second.read_bytes())
    content[len(content) // 2] ^= 1
    second.write_bytes(content)
    with pytest.raises(ValueError, match="it has been changed, cut or damaged since"):
        harvest(reservoir, given, tmp_path / "h", resume=True, piece=3)
    second.unlink()
    with pytest.raises(ValueError, match="is missing"):
        Harvest(tmp_path / "h")
    assert first.exists()


def test_memory_does_not_grow_with_the_samples(rng, tmp_path):
    reservoir, few = liquid(rng), events(rng, samples=40, per_sample=20)
    many = few.select(np.tile(np.arange(40), 12))
    peaks = []
    harvest(reservoir, few, tmp_path / "warm", piece=20)
    for name, given in (("few", few), ("many", many)):
        tracemalloc.start()
        harvest(reservoir, given, tmp_path / name, piece=20)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize(("gain", "word"), [(0.0, "silent"), (1000.0, "saturated")])
def test_a_liquid_that_tells_nothing_is_warned_of(gain, word, rng, tmp_path):
    neuron = snn.LIFParams(tau_mem_ms=1e6, v_th=1.0, reset="soft")
    reservoir = Reservoir(gain * np.ones((12, 4)), np.zeros((4, 4)), neuron)
    for path in (None, tmp_path / "h"):
        with pytest.warns(UserWarning, match=f"the liquid is {word}: .* spikes per neuron and step"):
            harvest(reservoir, events(rng), path)


def test_bad_arguments_are_refused_by_name(rng, tmp_path):
    reservoir, given = liquid(rng), events(rng)
    with pytest.raises(TypeError, match="data must be Events or a set that holds some, got 3"):
        harvest(reservoir, 3)
    with pytest.raises(TypeError, match="model_or_reservoir must be a Reservoir or a layer of snn.nn"):
        harvest("liquid", given)
    for name, value in {"windows": 0, "features": "x", "trace_ms": -1.0, "piece": 0, "resume": 1}.items():
        with pytest.raises(ValueError, match=f"{name} must be"):
            harvest(reservoir, given, **{name: value})
    narrow = Reservoir(np.ones((3, 2)), np.zeros((2, 2)), PAPER)
    with pytest.raises(ValueError, match="n_units of events must be 3"):
        harvest(narrow, given, tmp_path / "h")
