"""Accuracy of a liquid on memory cells over their read noise: a curve of results/liquid.md.

    python examples/tables/liquid_noise.py --data FSDD [--devices 3] [--noise 0 0.02 0.1 ...] --json FILE

The readout is fitted once per device, on the training words without noise, its strength chosen on the validation
words; the official test words are then read with more and more noise (the deviation of one reading of one cell, as
a share of its conductance). A line of FILE is a device at one noise; those that are there are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from snn.hardware import AnalogModel, Crossbar
from snn.liquid import fit_readout, harvest
from snn.recipes.liquid import LiquidConfig
from snn.recipes.liquid.parts import LiquidSamples, load_samples, make_liquids


def with_noise(model: AnalogModel, noise: float) -> AnalogModel:
    """Give the same chip, read with other noise."""

    def change(array: Crossbar) -> Crossbar:
        device = replace(array.config.device, read_noise=noise)
        return replace(array, config=replace(array.config, device=device))

    return model.with_arrays({name: tuple(map(change, layer.arrays)) for name, layer in model.layers.items()})


def of_device(
    config: LiquidConfig, samples: LiquidSamples, noises: Sequence[float]
) -> Iterator[dict[str, Any]]:
    """Give the test accuracy of one device at each noise."""
    made = make_liquids(config, samples)
    assert isinstance(made.liquid, AnalogModel)
    train, valid, test = (
        (samples.events.select(np.flatnonzero(one)), samples.labels[one])
        for one in (samples.train, samples.valid, samples.test)
    )
    quiet = [
        (harvest(made.reservoir, part, windows=config.windows), labels) for part, labels in (train, valid)
    ]
    readout = fit_readout(*quiet[0], *quiet[1])
    for noise in noises:
        rows = harvest(with_noise(made.liquid, noise), test[0], windows=config.windows)
        yield {"device": config.device_seed, "noise": noise, "accuracy": readout.accuracy(rows, test[1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--devices", type=int, default=3)
    parser.add_argument("--noise", type=float, nargs="*", default=[0.0, 0.02, 0.05, 0.1, 0.2, 0.5])
    parser.add_argument("--json", type=Path, required=True)
    given = parser.parse_args()
    config = LiquidConfig(data=given.data, weights="rram")
    samples = load_samples(config)
    lines = [json.loads(line) for line in given.json.read_text().splitlines()] if given.json.exists() else []
    for device in range(given.devices):
        known = {line["noise"] for line in lines if line["device"] == device}
        missing = [noise for noise in given.noise if noise not in known]
        if not missing:
            continue
        for line in of_device(replace(config, device_seed=device), samples, missing):
            lines.append(line)
            given.json.write_text("".join(json.dumps(one) + "\n" for one in lines))
    for noise in given.noise:
        right = np.array([line["accuracy"] for line in lines if line["noise"] == noise])
        spread = right.std(ddof=1) if len(right) > 1 else 0.0
        print(f"read noise {noise:<5} {right.mean():.1%} +- {spread:.1%}")


if __name__ == "__main__":
    main()
