"""Training on recordings and images: the run's folder, resumed runs, saved models used again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from samples import write_idx, write_recordings

from snn.cli import main
from snn.nn import Conv2d
from snn.recipes import images, nmnist, vision
from snn.recipes.saved import load_saved
from snn.train import TrainConfig, evaluate, read_info

FILES = ("config.json", "metrics.jsonl", "timing.jsonl", "model.safetensors", "checkpoint/last.safetensors")
FIGURES = ("training.png", "rates.png", "confusion.png", "sample.png")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Recordings whose place on the sensor tells the digit."""
    rng = np.random.default_rng(0)

    def in_its_corner(digit, _):
        x, y = rng.integers(0, 5, (2, 80)) + np.array([[6 * (digit % 5)], [16 * (digit // 5)]])
        events = zip(x, y, rng.integers(0, 2, 80), np.sort(rng.integers(0, 300_000, 80)), strict=True)
        return (tuple(map(int, event)) for event in events)

    return write_recordings(tmp_path_factory.mktemp("digits"), 12, 3, make=in_its_corner)


@pytest.fixture(scope="module")
def quarters(tmp_path_factory):
    """Images of 8 x 8 with a bright quarter that tells the class, in MNIST's format."""
    folder, rng = tmp_path_factory.mktemp("quarters"), np.random.default_rng(0)

    def split(count):
        labels = np.arange(count) % 4
        x = rng.integers(0, 60, (count, 8, 8))
        for b, label in enumerate(labels):
            x[b, 4 * (label // 2) :, 4 * (label % 2) :][:4, :4] += 150
        return x, labels

    write_idx(folder, split(120), split(40), packed=False)
    return folder


def last(path):
    return json.loads((path / "metrics.jsonl").read_text().splitlines()[-1])


def nmnist_arguments(data, out, epochs):
    size = ["--epochs", str(epochs), "--steps", "3", "--channels", "4", "4", "--batch-size", "20"]
    return ["train", "nmnist", "--data", str(data), "--out", str(out), "--shift", "0", *size]


@pytest.fixture(scope="module")
def trained(digits, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "nmnist"
    assert main(nmnist_arguments(digits, out, 12)) == 0
    return out


def test_a_run_leaves_a_whole_folder_and_learns(trained, digits):
    assert all((trained / name).stat().st_size > 0 for name in FILES)
    assert all((trained / "figures" / name).stat().st_size > 5000 for name in FIGURES)
    summary = last(trained)
    assert summary["test_accuracy"] > 0.8 and summary["test_samples"] == 30
    assert "N-MNIST sample (120 + 30" in summary["data"]
    saved = load_saved(trained / "model.safetensors")
    assert (saved.recipe.name, saved.loss, saved.shape, saved.dt_ms) == (
        "nmnist",
        vision.LOSS,
        (2, 34, 34),
        100.0,
    )
    test = saved.test_set()
    assert evaluate(saved.model, test, loss=saved.loss).accuracy == summary["test_accuracy"]
    assert evaluate(saved.model, saved.test_set(str(digits)), loss=saved.loss).samples == 30
    about = read_info(trained / "model.safetensors")
    assert set(about["data"]) == set(nmnist.DATA_FIELDS) and about["classes"] == list("0123456789")


def test_simulate_and_energy_take_the_model(trained, tmp_path, capsys):
    model = str(trained / "model.safetensors")
    assert main(["simulate", model, "--out", str(tmp_path / "sim")]) == 0
    printed = capsys.readouterr().out
    assert f"accuracy by events: {last(trained)['test_accuracy']:.1%}" in printed
    assert "30 of 30 samples: the same spikes" in printed
    counts = json.loads((tmp_path / "sim" / "counts.json").read_text())
    assert counts["samples"] == 30 and counts["spikes"]["in"] == 30 * 80
    arguments = ["energy", model, "--target", "horowitz45_int8", "--out", str(tmp_path / "r.html")]
    assert main(arguments) == 0 and (tmp_path / "r.json").stat().st_size > 0
    assert main([*arguments, "--data", "/nowhere"]) == 2
    assert "no file, folder or zip at /nowhere" in capsys.readouterr().err


def test_a_resumed_run_ends_with_the_same_bits(quarters, tmp_path):
    config = images.ImagesConfig(
        data=str(quarters),
        steps=2,
        channels=(3, 4),
        shift=1,
        mirror=False,
        train=TrainConfig(epochs=3, batch_size=30, loss=vision.LOSS, method="sltt", k=1),
    )
    whole = images.run(config, tmp_path / "whole")

    class Cut(Exception):
        pass

    def stop(progress):
        if progress.metrics is not None and progress.epoch == 1:
            raise Cut

    with pytest.raises(Cut):
        images.run(config, tmp_path / "cut", callback=stop)
    again = images.run(config, tmp_path / "cut", resume=True)
    assert again.fit.history == whole.fit.history and again.test == whole.test
    for one, two in zip(whole.model.state_dict().values(), again.model.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    with pytest.raises(ValueError, match="holds a run already"):
        images.run(config, tmp_path / "cut")
    other = replace(config, train=replace(config.train, lr=0.25))
    with pytest.raises(ValueError, match="lr was 0.005, now 0.25; resume with the same settings"):
        images.run(other, tmp_path / "cut", resume=True)


@pytest.mark.parametrize("method", [["bptt"], ["sltt"], ["sltt", "--k", "1"], ["ottt"]])
def test_images_are_learnt_by_every_method(method, quarters, tmp_path, capsys):
    out = tmp_path / "run"
    arguments = [
        "train",
        "images",
        "--data",
        str(quarters),
        "--out",
        str(out),
        "--steps",
        "3",
        "--shift",
        "0",
    ]
    arguments += ["--channels", "8", "8", "--epochs", "10", "--batch-size", "20", "--method", *method]
    assert main(arguments) == 0
    assert last(out)["test_accuracy"] > 0.9
    config = json.loads((out / "config.json").read_text())["config"]
    assert config["train"]["chunk"] == (None if method == ["bptt"] else 1)
    assert main(["simulate", str(out / "model.safetensors"), "--out", str(tmp_path / "s")]) == 2
    assert "still images, which are currents in its first layer (Conv2d)" in capsys.readouterr().err


def test_a_share_of_the_images_may_train(quarters, tmp_path):
    config = images.ImagesConfig(data=str(quarters), steps=2, max_train=40, channels=(2,), valid_fraction=0.2)
    train, valid, test = images.load_data(config)
    assert (len(train), len(valid), len(test)) == (32, 8, 40)
    model = vision.build_model(train.shape, 4, config.channels, 1.1, 0.0, seed=0)
    assert isinstance(model[0], Conv2d) and model(torch.rand(2, 3, 1, 8, 8))[0].shape == (2, 3, 4)
    assert images.ImagesConfig().train.chunk is None


def test_frames_of_equal_length_differ_in_number(digits):
    config = nmnist.NmnistConfig(data=str(digits), dt_ms=40.0)
    train, _, _ = nmnist.load_data(config)
    assert train.dt_ms == 40.0 and {len(batch.x) for batch in train.batches(30)} <= {7, 8}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": ()}, "channels must be at least one size"),
        (
            {"channels": (2,) * 6},
            "channels must be at most 5 sizes, since each halves an image of 34 x 34, got 6",
        ),
        ({"tau": 0.5}, "tau"),
        ({"dropout": 1.0}, "dropout must be a finite number >= 0 and < 1, got 1.0"),
        ({"steps": 0}, "steps must be a whole number >= 1, got 0"),
        ({"shift": -1}, "shift must be a whole number >= 0, got -1"),
    ],
)
def test_impossible_configs_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        nmnist.NmnistConfig(**options)
