"""`snn energy` of a convolutional model: counted layer by layer on recordings of an event camera."""

from __future__ import annotations

import json

import torch
from samples import write_recordings

from snn.cli import main
from snn.hardware import Ledger, count
from snn.recipes import nmnist, vision
from snn.train import save


def test_energy_of_a_convolutional_model(tmp_path, capsys):
    data = write_recordings(tmp_path / "digits", 2, 2)
    config = nmnist.NmnistConfig(data=str(data), channels=(2, 3), steps=4, valid_fraction=0.5)
    torch.manual_seed(0)
    model = vision.build_model((2, 34, 34), 10, config.channels, config.tau, 0.1, seed=0).eval()
    about = {
        "recipe": "nmnist",
        "seed": 0,
        "data": {name: getattr(config, name) for name in nmnist.DATA_FIELDS},
    }
    save(model, tmp_path / "model.safetensors", about)
    out = tmp_path / "r.html"
    arguments = [
        "energy",
        str(tmp_path / "model.safetensors"),
        "--target",
        "horowitz45_int8",
        "--out",
        str(out),
    ]
    assert main([*arguments, "--samples", "5"]) == 0
    printed = capsys.readouterr().out
    assert "N-MNIST" in printed and "mean of 5 samples" in printed and "conv1" in printed
    saved = Ledger.from_json(json.dumps(json.loads(out.with_suffix(".json").read_text())["ledger"]))
    batch = next(nmnist.load_data(config)[2].subset(range(5)).batches(5))
    assert saved == count(model, torch.from_numpy(batch.x), torch.from_numpy(batch.lengths))
    assert saved.samples == 5 and saved["conv1"].input_spikes == 5 * 60
    assert main([*arguments, "--samples", "0"]) == 2
    assert "samples must be a whole number >= 1, got 0" in capsys.readouterr().err
