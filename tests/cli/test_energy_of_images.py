"""`snn energy` of a convolutional model: counted layer by layer on recordings of an event camera."""

from __future__ import annotations

import json

import numpy as np
import torch

from snn.cli import main
from snn.hardware import Ledger, count
from snn.recipes import nmnist, vision
from snn.train import save


def recordings(folder):
    """Write two recordings of each digit and split: 5 bytes an event, as N-MNIST has them."""
    rng = np.random.default_rng(0)
    for split in ("Train", "Test"):
        for digit in range(10):
            (folder / split / str(digit)).mkdir(parents=True)
            for i in range(2):
                events = 60
                times = np.sort(rng.integers(0, 300_000, events))
                rows = np.zeros((events, 5), dtype=np.uint8)
                rows[:, 0], rows[:, 1] = rng.integers(0, 34, (2, events))
                high = (times >> 16) & 0x7F
                rows[:, 2] = high | (rng.integers(0, 2, events) << 7)
                rows[:, 3], rows[:, 4] = (times >> 8) & 0xFF, times & 0xFF
                (folder / split / str(digit) / f"{i:05d}.bin").write_bytes(rows.tobytes())
    return folder


def test_energy_of_a_convolutional_model(tmp_path, capsys):
    data = recordings(tmp_path / "digits")
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
    words = ["energy", str(tmp_path / "model.safetensors"), "--target", "horowitz45_int8", "--out", str(out)]
    assert main([*words, "--samples", "5"]) == 0
    printed = capsys.readouterr().out
    assert "N-MNIST" in printed and "mean of 5 samples" in printed and "conv1" in printed
    saved = Ledger.from_json(json.dumps(json.loads(out.with_suffix(".json").read_text())["ledger"]))
    batch = next(nmnist.load_data(config)[2].subset(range(5)).batches(5))
    assert saved == count(model, torch.from_numpy(batch.x), torch.from_numpy(batch.lengths))
    assert saved.samples == 5 and saved["conv1"].input_spikes == 5 * 60
    assert main([*words, "--samples", "0"]) == 2
    assert "samples must be >= 1, got 0" in capsys.readouterr().err
