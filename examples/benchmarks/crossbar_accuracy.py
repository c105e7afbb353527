"""Accuracy of a trained model on crossbars: noise, converter bits, array size and age, each over seeds.

    python examples/benchmarks/crossbar_accuracy.py MODEL [--data PATH] [--out runs/crossbar] [--samples 150]

Every curve changes one thing. Runs are kept on disk and taken up from there. Converter ranges are set on samples
that are not scored; the labels of those play no part.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from snn.hardware import (
    AnalogModel,
    ConverterConfig,
    CrossbarConfig,
    DeviceConfig,
    FlickerNoise,
    Sweep,
    TileConfig,
    WireConfig,
    calibrate,
    device_preset,
    sweep,
    to_crossbar,
)
from snn.hardware.report.text import age_text
from snn.nn import Layer
from snn.recipes.saved import load_saved
from snn.train import prepare
from snn.train.losses import LOSSES

HELD = 12  # samples that set the converters' ranges
HOUR, DAY = 3600.0, 86400.0
CURVES: dict[str, dict[str, list[Any]]] = {
    "noise": {"times": [0.0, 0.5, 1.0, 2.0, 4.0]},
    "bits": {"adc_bits": [3, 4, 5, 6, 8]},
    "size": {"rows": [64, 128, 256, 512], "adc_bits": [5]},
    "age": {"time_s": [20.0, HOUR, DAY, 30 * DAY, 365 * DAY], "compensated": [False, True]},
}
NAMES = {
    "times": "noise of writing and reading, times that of the device",
    "adc_bits": "bits of a conversion (tiles 128 x 128)",
    "rows": "rows and columns of a tile (5 bits, wires of 1 ohm a segment)",
    "time_s": "time after writing (dashed: drift compensated)",
}


def scaled(device: DeviceConfig, times: float, reads: bool) -> DeviceConfig:
    """Scale the noise of writing, and that of reading or leave it out."""
    noise = device.read_noise
    if not reads or times == 0:
        noise = 0.0
    elif isinstance(noise, FlickerNoise):
        noise = replace(noise, scale=noise.scale * times, limit=noise.limit * times)
    return replace(device, sigma_us=tuple(c * times for c in device.sigma_us), read_noise=noise)


def configured(curve: str, point: dict[str, Any], device: DeviceConfig) -> CrossbarConfig:
    if curve == "noise":
        return CrossbarConfig(device=scaled(device, point["times"], reads=True))
    still = CrossbarConfig(device=scaled(device, 1.0, reads=False))
    if curve == "age":
        return replace(still, compensate_drift=point["compensated"])
    rows = point.get("rows", 128)
    wires = WireConfig("row_column_mean", 1.0, 1.0) if curve == "size" else WireConfig()
    converter = ConverterConfig(adc_bits=point["adc_bits"])
    return replace(still, tile=TileConfig(rows, rows), wires=wires, converter=converter)


@torch.no_grad()
def accuracy(model: Layer, test: Any, loss: str, batch: int = 4) -> float:
    right, first = 0, 0
    for part in test.batches(batch):
        x, lengths, label = prepare(part, model)
        state = model.start(first) if isinstance(model, AnalogModel) else None
        y, _ = model(x, state, lengths)
        right += int((LOSSES.find(loss).score(y, lengths).argmax(1) == label).sum())
        first += len(label)
    return right / first


def drawn(found: dict[str, Sweep], plain: float, title: str) -> Figure:
    figure = Figure(figsize=(11.0, 7.0), layout="constrained")
    for axes, (curve, runs) in zip(figure.subplots(2, 2).flat, found.items(), strict=True):
        x = next(iter(CURVES[curve]))
        points = runs.points()
        for style, compensated in (("o-", False), ("o--", True)):
            chosen = [p for p in points if p.config.get("compensated", False) == compensated]
            values = ([p.config[x] for p in chosen], [100 * p.mean["accuracy"] for p in chosen])
            axes.errorbar(*values, yerr=[100 * p.spread["accuracy"] for p in chosen], fmt=style, capsize=3)
        axes.axhline(100 * plain, color="#9aa6b2", lw=1)
        axes.set(xlabel=NAMES[x], ylabel="accuracy, %", xscale="log" if x in ("time_s", "rows") else "linear")
        axes.set_xticks(
            CURVES[curve][x], [age_text(v) if x == "time_s" else f"{v:g}" for v in CURVES[curve][x]]
        )
        axes.minorticks_off()
        axes.grid(color="#d5dbe1", lw=0.7)
    figure.suptitle(title)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--data")
    parser.add_argument("--out", type=Path, default=Path("runs/crossbar"))
    parser.add_argument("--device", default="pcm_ibm")
    parser.add_argument("--samples", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    saved = load_saved(options.model)
    everything = saved.test_set(options.data)
    order = np.random.default_rng(0).permutation(len(everything))
    test = everything.subset(order[HELD : HELD + options.samples])
    x, lengths, _ = prepare(next(iter(everything.subset(order[:HELD]).batches(HELD))), saved.model)
    plain = accuracy(saved.model, test, saved.loss)
    print(f"{test.name}, {len(test)} samples; as trained: {plain:.1%}", flush=True)
    device = device_preset(options.device)
    found: dict[str, Sweep] = {}
    for curve, grid in CURVES.items():

        def measure(point: dict[str, Any], seed: int, curve: str = curve) -> dict[str, float]:
            config = configured(curve, point, device)
            analog = to_crossbar(saved.model, config, seed=seed, time_s=point.get("time_s"))
            if config.converter.adc_bits is not None:
                analog = calibrate(analog, x, lengths, percentile=99.95)
            return {"accuracy": accuracy(analog, test, saved.loss)}

        found[curve] = sweep(measure, grid, seeds=range(options.seeds), path=options.out / f"{curve}.jsonl")
        for point in found[curve].points():
            print(
                f"{dict(point.config)}: {point.mean['accuracy']:.1%} +- {point.spread['accuracy']:.1%}",
                flush=True,
            )
    drawn(found, plain, f"{test.name}, {options.device}").savefig(options.out / "curves.png", dpi=130)
    (options.out / "plain.json").write_text(json.dumps({"accuracy": plain, "samples": len(test)}) + "\n")


if __name__ == "__main__":
    main()
