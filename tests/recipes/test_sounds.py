"""Training on words: spikes with a validation file, and sounds as currents; saved models used again."""

from __future__ import annotations

import json

import numpy as np
import pytest
from samples import write_shd
from sounds import glide, write_speech_commands

from snn.cli import main
from snn.datasets import cochlea
from snn.datasets import write_shd as write_spikes
from snn.hardware import Ledger
from snn.recipes import gsc, ssc
from snn.recipes.delay_net import build_model
from snn.recipes.saved import load_saved
from snn.train import TrainConfig, evaluate, read_info

NET = ["--hidden", "12", "--max-delay", "4", "--dropout", "0", "--batch-size", "8", "--min-batch", "1"]


def last(path):
    return json.loads((path / "metrics.jsonl").read_text().splitlines()[-1])


def run(name, data, out, *arguments):
    assert main(["train", name, "--data", str(data), "--out", str(out), *NET, *arguments]) == 0
    return out


@pytest.fixture(scope="module")
def spiking(tmp_path_factory):
    """Words in which a group of channels before another, or after it, tells the class."""
    folder, rng = tmp_path_factory.mktemp("words"), np.random.default_rng(0)
    for split, count in (("train", 48), ("valid", 8), ("test", 16)):
        labels = np.arange(count) % 2
        times = [np.sort(rng.uniform(0, 0.2, 30)) for _ in labels]
        units = [
            np.where((t < 0.1) == label, 100, 600) + rng.integers(0, 90, 30)
            for t, label in zip(times, labels, strict=True)
        ]
        write_shd(folder / f"ssc_{split}.h5", times, units, labels, classes=("up", "down"))
    return folder


@pytest.fixture(scope="module")
def trained_on_spikes(spiking, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "ssc"
    return run("ssc", spiking, out, "--group", "70", "--epochs", "12", "--lr", "0.02")


@pytest.fixture(scope="module")
def trained_on_sounds(tmp_path_factory):
    sounds = write_speech_commands(tmp_path_factory.mktemp("sounds") / "words", (12, 2, 4))
    out = tmp_path_factory.mktemp("runs") / "gsc"
    return run("gsc", sounds, out, "--mels", "16", "--epochs", "12", "--lr", "0.02")


@pytest.mark.parametrize("name", ["spikes", "sounds"])
def test_a_run_learns_and_its_model_is_used_again(name, request, tmp_path, capsys):
    out = request.getfixturevalue(f"trained_on_{name}")
    summary, model = last(out), str(out / "model.safetensors")
    assert summary["test_accuracy"] > 0.8
    figures = {
        "training.png",
        "rates.png",
        "confusion.png",
        "delays.png",
        *(["raster.png"] if name == "spikes" else []),
    }
    assert {file.name for file in (out / "figures").iterdir()} == figures
    saved = load_saved(model)
    recipe = {"spikes": ssc, "sounds": gsc}[name]
    assert set(read_info(model)["data"]) == set(recipe.DATA_FIELDS) and saved.dt_ms == 10.0
    assert evaluate(saved.model, saved.test_set(), loss=saved.loss).accuracy == summary["test_accuracy"]
    arguments = ["energy", model, "--target", "horowitz45_int8", "--out", str(tmp_path / "r.html")]
    assert main(arguments) == 0
    rows = Ledger.from_json(json.dumps(json.loads((tmp_path / "r.json").read_text())["ledger"])).rows
    if name == "sounds":  # bands are real numbers: a multiply for each and neuron, wherever one is not 0 dB
        assert (rows[0].values, rows[0].n_pre, rows[0].n_post) == ("real", 16, 12)
        heard = sum(np.count_nonzero(saved.test_set()[i][0]) for i in range(8))
        assert rows[0].samples == 8 and rows[0].macs == 12 * heard > 0
    else:  # 30 spikes in each of 16 words
        assert rows[0].samples == 16 and rows[0].input_spikes == 16 * 30
    assert rows[1].input_spikes == rows[0].output_spikes > 0
    capsys.readouterr()
    if name == "spikes":
        assert main(["simulate", model, "--out", str(tmp_path / "sim")]) == 0
        assert "16 of 16 samples: the same spikes" in capsys.readouterr().out
    else:
        assert main(["simulate", model, "--out", str(tmp_path / "sim")]) == 2
        wanted = "is given sounds, which are currents in its first layer (DelayLinear) and no spikes"
        assert wanted in capsys.readouterr().err


def test_from_sound_to_spikes_to_a_trained_net(tmp_path):
    """The chain that made SSC, with a small cochlea."""
    for split, count in (("train", 24), ("valid", 6), ("test", 8)):
        labels = np.arange(count) % 2
        sounds = [glide(*(2 * [3000.0 if label else 500.0]), 0.1, seed=i) for i, label in enumerate(labels)]
        write_spikes(tmp_path / f"{split}.h5", cochlea(sounds, 16_000, channels=50), labels, ["down", "up"])
    result = ssc.run(
        ssc.SscConfig(
            data=str(tmp_path),
            group=10,
            hidden=(8,),
            max_delay=4,
            dropout=0.0,
            train=TrainConfig(epochs=20, batch_size=8, lr=0.02, min_batch=1),
        ),
        tmp_path / "run",
    )
    assert result.test.accuracy == 1.0 and result.sets[2].name == "samples of test.h5"


def test_published_settings():
    """Parameters of the published networks: 1 230 848 with one synapse for each pair, 2.5 million with two."""
    config = ssc.SscConfig()
    sizes = 140, 35
    parameters = sum(p.numel() for p in build_model(config, *sizes, seed=0).parameters())
    assert parameters == 1_230_848
    assert (
        sum(p.numel() for p in build_model(ssc.PAPER, *sizes, seed=0).parameters())
        == 2 * 2 * 613_888 + 2 * 3 * 512
    )
    assert (config.train.epochs, config.train.batch_size, gsc.GscConfig().train.epochs) == (60, 128, 100)
    with pytest.warns(UserWarning, match="53 of 140 mel bands"):
        front_end = gsc.GscConfig(**gsc.PUBLISHED).front_end
    assert (front_end.window, front_end.mels) == (256, 140)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ssc.SscConfig(group=0), "group must be a whole number >= 1"),
        (lambda: ssc.SscConfig(max_delay=3), "max_delay must be even"),
        (lambda: ssc.SscConfig(binning="other"), "binning must be one of"),
        (lambda: gsc.GscConfig(mels=0), "mels must be a whole number >= 1 and <= 1024, got 0"),
        (lambda: gsc.GscConfig(hidden=()), "hidden must be at least one size"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()
