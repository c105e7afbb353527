"""Training on DVS-Gesture and CIFAR10-DVS, on files of their layouts; the settings that were published."""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from event_files import write_cifar10_dvs, write_gestures

from snn.cli import main
from snn.hardware import Ledger
from snn.nn import AdaptiveAvgPool2d
from snn.recipes import dvs
from snn.recipes.saved import load_saved
from snn.train import evaluate

SMALL = ["--channels", "4", "--size", "8", "--steps", "2", "--epochs", "2", "--batch-size", "8"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dvs")
    return {
        "gesture": write_gestures(folder / "gesture", people=2, n=300),
        "cifar10": write_cifar10_dvs(folder / "cifar10", (0, 100, 101)),
    }


@pytest.mark.parametrize(
    ("name", "classes", "samples", "step_ms"), [("gesture", 11, 22, 3000), ("cifar10", 10, 10, 650)]
)
def test_a_run_and_its_model(name, classes, samples, step_ms, data, tmp_path, capsys):
    out = tmp_path / "run"
    arguments = [
        "--data",
        str(data[name]),
        "--out",
        str(out),
        "--dataset",
        name,
        "--valid-fraction",
        "0.5",
        *SMALL,
    ]
    assert main(["train", "dvs", *arguments]) == 0
    summary = json.loads((out / "metrics.jsonl").read_text().splitlines()[-1])
    assert summary["test_samples"] == samples
    model = out / "model.safetensors"
    saved = load_saved(model)
    test = saved.test_set()
    assert (saved.dt_ms, test.dt_ms, len(test.classes), saved.shape) == (
        step_ms,
        step_ms,
        classes,
        (2, 128, 128),
    )
    assert isinstance(saved.model[0], AdaptiveAvgPool2d)
    assert evaluate(saved.model, test, loss=saved.loss).accuracy == summary["test_accuracy"]
    page = tmp_path / "r.html"
    assert (
        main(["energy", str(model), "--samples", "4", "--target", "horowitz45_int8", "--out", str(page)]) == 0
    )
    ledger = Ledger.from_json(json.dumps(json.loads(page.with_suffix(".json").read_text())["ledger"]))
    assert ledger.samples == 4 and ledger.steps == 8 and ledger["conv1"].n_pre == 2 * 8 * 8
    assert summary["data"].split(" sample")[0] in capsys.readouterr().out


def test_published_networks():
    """VGG-11 with 9.5 million parameters, for 128 x 128 pixels and for 48 x 48; both have the head of 7 x 7."""

    sizes = (2, 64, 128, 256, 256, 512, 512, 512, 512)
    convolutions = sum(9 * pre * post + post for pre, post in itertools.pairwise(sizes))
    parameters = convolutions + 2 * sum(sizes[1:]) + 10 * (512 * 7 * 7 + 1)
    assert 9.45e6 < parameters < 9.55e6

    class Recordings:
        classes = tuple("0123456789")

    for config, first in ((dvs.DvsConfig(), 0), (dvs.PAPER_CIFAR10, 1)):
        model = dvs._model_for(config, Recordings())
        assert (
            sum(p.numel() for p in model.parameters()) == parameters
            and isinstance(model[0], AdaptiveAvgPool2d) == first
        )
        assert (config.train.method, config.train.chunk, config.train.optimizer) == ("sltt", 1, "sgd")
    x = torch.zeros(1, 1, 2, 128, 128)
    with torch.no_grad():
        assert model.eval()(x, None)[0].shape == (1, 1, 10)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dataset": "n-cars"}, "dataset must be one of 'gesture', 'cifar10', got 'n-cars'"),
        ({"size": 31}, "size must be >= 32, since five poolings of VGG-11 halve it, got 31"),
        ({"size": 200}, "size must be a whole number >= 1 and <= 128, got 200"),
        (
            {"size": 8, "channels": (2, 2, 2, 2)},
            "channels must be at most 3 sizes, since each halves an image of 8 x 8",
        ),
        ({"channels": ()}, "channels must be at least one size"),
        ({"steps": 0}, "steps must be a whole number >= 1"),
        ({"dt_ms": 5.0}, "frames 'count' needs n_bins, got dt_ms 5.0"),
        ({"valid_fraction": 1.0}, "valid_fraction must be a finite number > 0 and < 1, got 1.0"),
    ],
)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        dvs.DvsConfig(**settings)
