"""The liquid recipe: its folder, its resumption, its splits, its model in `snn energy`."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import snn
from snn.cli import main
from snn.recipes.liquid import RECIPE, count_saved, run
from snn.recipes.liquid.config import LiquidConfig
from snn.recipes.liquid.parts import load_samples, make_liquids, split_samples

SMALL = LiquidConfig(neurons=30, windows=2, dt_ms=10.0, recurrent_delay=50.0)
KEYS = {"data", "test_accuracy", "raw_accuracy", "no_recurrence_accuracy", "rate", "device_seed", "harvest_s"}


@pytest.fixture(scope="module")
def samples():
    return load_samples(SMALL)


def summary(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return lines[-1]


def test_a_run_fills_its_folder_and_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    flags = ["--neurons", "30", "--windows", "2", "--dt-ms", "10", "--recurrent-delay", "50"]
    assert main(["train", "liquid", *flags, "--out", str(tmp_path / "a")]) == 0
    found = summary(tmp_path / "a")
    assert KEYS <= found.keys() and found["data"].startswith("synthetic speech")
    assert all(0 <= found[f"{name}_accuracy"] <= 1 for name in ("test", "raw", "no_recurrence"))
    assert found["test_accuracy"] > 0.15  # 20 words
    assert 0 < found["rate"] < 0.5 and found["harvest_s"] > 0

    from snn.core.files import whole

    written = []

    def stop(path, *content):
        whole_write(path, *content)
        written.append(path)
        if "no_recurrence" in str(path) and str(path).endswith(".json"):
            raise KeyboardInterrupt

    whole_write = whole.write_whole
    monkeypatch.setattr("snn.recipes.liquid.train.write_whole", stop)
    with pytest.raises(KeyboardInterrupt):
        run(SMALL, tmp_path / "b")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="holds a run already"):
        run(SMALL, tmp_path / "b")
    with pytest.raises(ValueError, match="neurons was 30, now 31"):
        run(replace(SMALL, neurons=31), tmp_path / "b", resume=True)
    run(SMALL, tmp_path / "b", resume=True)
    again = summary(tmp_path / "b")
    assert {k: v for k, v in again.items() if k != "harvest_s"} == {
        k: v for k, v in found.items() if k != "harvest_s"
    }
    names = ("model.safetensors", "network.h5")
    assert all((tmp_path / "a" / n).read_bytes() == (tmp_path / "b" / n).read_bytes() for n in names[:1])

    file = str(tmp_path / "a" / names[0])
    assert main(["energy", file, "--samples", "5", "--out", str(tmp_path / "r.html")]) == 0
    ledger, name = count_saved(file, None, 5)
    assert name.startswith("synthetic") and ledger.samples == 5
    by_events = snn.simulate(
        snn.Network.load(tmp_path / "a" / "network.h5"), {"in": _test_events().select(range(5))}
    )
    assert ledger["linear1"].synaptic_events == by_events.counts.synaptic_events["in-liquid"]
    net = str(tmp_path / "a" / "network.h5")
    assert main(["simulate", net, "--data", "embedded", "--out", str(tmp_path / "s")]) == 0


def _test_events():
    found = load_samples(SMALL)
    return found.events.select(found.test)


def test_a_device_is_another_liquid_of_the_same_statistics(samples):
    software, chip, other = (
        make_liquids(replace(SMALL, weights=weights, device_seed=seed), samples)
        for weights, seed in (("software", 0), ("rram", 0), ("rram", 1))
    )
    for name in ("w_in", "w_rec"):
        first, cells = (np.asarray(getattr(one.reservoir, name)) for one in (software, chip))
        ratio = (cells / cells.std(axis=0)).std() / (first / first.std(axis=0)).std()
        assert ratio == pytest.approx(1.0, abs=0.05)
        assert cells.std() == pytest.approx(first.std(), rel=0.1)
    assert chip.liquid.fingerprint != other.liquid.fingerprint
    np.testing.assert_array_equal(chip.reservoir.delays, software.reservoir.delays)
    few = samples.events.select(range(4))
    noisy = snn.liquid.harvest(chip.liquid, few)
    np.testing.assert_array_equal(noisy, snn.liquid.harvest(chip.liquid, few))
    assert noisy.sum() > 0 and chip.control.source is not chip.liquid.source


def test_splits_keep_speakers_apart():
    speakers = np.repeat([2, 5, 7, 9], 30)
    labels, official = np.arange(120) % 3, np.arange(120) % 10 == 0
    train, valid, test = split_samples("speaker:9", labels, speakers, official, 0)
    assert set(speakers[test]) == {9} and set(speakers[valid]) == {2} and set(speakers[train]) == {5, 7}
    train, valid, test = split_samples("official", labels, speakers, official, 0)
    np.testing.assert_array_equal(test, official)
    assert not (train & valid).any() and (train | valid | test).all() and valid.sum() == 12
    with pytest.raises(ValueError, match=r"split must be 'official' or a speaker .*, got 'speaker:3'"):
        split_samples("speaker:3", labels, speakers, official, 0)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("weights", "gpu", "one of 'software', 'rram'"),
        ("split", "speaker:x", "'official' or 'speaker:N'"),
        ("windows", 0, "a whole number >= 1"),
        ("neurons", 0, "a whole number >= 1"),
        ("voltage", 0.0, "a finite number > 0"),
        ("recurrent_delay", -1.0, "a finite number >= 0"),
        ("tau_ms", (3.0,), "two times, ms"),
        ("group", 11, "a divisor of 700"),
        ("device_seed", -1, "a whole number >= 0"),
    ],
)
def test_impossible_settings_are_refused(field, value, rule):
    with pytest.raises(ValueError, match=f"{field} must be {rule}"):
        replace(SMALL, **{field: value})
    assert RECIPE.config is LiquidConfig


def test_what_a_liquid_does_not_take_is_refused(tmp_path):
    with pytest.raises(ValueError, match="init must be left out"):
        run(SMALL, tmp_path, init="model.safetensors")
    with pytest.raises(ValueError, match="torch_device must be 'cpu' for a liquid"):
        run(SMALL, tmp_path, torch_device="cuda")
