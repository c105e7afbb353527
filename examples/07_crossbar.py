"""A spiking network on analog crossbars: what the hardware does to it, why, and what training for it gives back.

    python examples/07_crossbar.py [--out runs/crossbar] [--epochs 40]

Trains on the embedded words (synthetic speech), puts the weights into phase-change cells in tiles of 64 x 64 with
wires and 6-bit converters, and compares: accuracy, signal to noise per layer, age, energy.
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import snn
from snn.hardware import (
    AnalogModel,
    ConverterConfig,
    CrossbarConfig,
    TileConfig,
    WireConfig,
    calibrate,
    count,
    device_preset,
    estimate,
    hardware_aware,
    to_crossbar,
)
from snn.nn import LIF, BatchNorm, LeakyReadout, Linear, Sequential
from snn.train import TrainConfig, evaluate, fit, prepare

DAY_S = 86400.0
PUBLISHED = device_preset("pcm_ibm")
# three times the published spread of writing, so that there is something to win; outputs make good what cells lose
PCM = CrossbarConfig(
    device=replace(PUBLISHED, sigma_us=tuple(3 * c for c in PUBLISHED.sigma_us)),
    tile=TileConfig(64, 64),
    wires=WireConfig("exact", word_ohm=1.0, bit_ohm=1.0),
    converter=ConverterConfig(adc_bits=6),
    compensate_drift=True,
)
CELLS = CrossbarConfig(device=PCM.device)  # what training sees: cells without wires and converters


def trained(train: Any, valid: Any, epochs: int, on_devices: bool) -> Sequential:
    """Train the net, every pass on its own weights or on another write of them into cells."""
    torch.manual_seed(0)
    neuron: dict[str, Any] = {"tau": 2.0, "decay_input": False, "surrogate": "atan", "detach_reset": True}
    hidden = Linear(train.n_units, 64), BatchNorm(64), LIF(**neuron)
    model = Sequential(*hidden, Linear(64, len(train.classes)), LeakyReadout(tau=2.0))
    with hardware_aware(model, CELLS) if on_devices else nullcontext():
        fit(model, train, valid, TrainConfig(epochs=epochs, lr=5e-3, batch_size=32))
    return model


def energy(
    analog: AnalogModel, model: Sequential, test: Any, seen: tuple[Tensor, Tensor], path: Path
) -> None:
    """Price counted reads of these arrays, beside the same model on a digital core and a dense network."""
    batch = next(iter(test.batches(16)))
    words = torch.from_numpy(batch.x), torch.from_numpy(batch.lengths)
    report = snn.hardware.crossbar_energy(analog, *words)
    digital = estimate(count(model, *words), "horowitz45_int8")
    int8 = next(b for b in report.baselines if b.name == "ann_int8_every_step")
    print(
        f"\n{report.table()}\nA word costs {report.total_pj_per_inference / 1e3:.0f} nJ on these crossbars, "
        f"{digital.total_pj_per_inference / 1e3:.0f} nJ on a digital event-driven core, and "
        f"{int8.total_pj / 1e3:.0f} nJ as a dense int8 network run at every step on the same digital operators; "
        "digital parts 45 nm, converters 32 nm, published constants, nothing measured."
    )
    sections = snn.hardware.crossbar_sections(analog, *seen, times_s=(DAY_S, 365 * DAY_S))
    others = ("horowitz45_int8", "rram_crossbar", "loihi1", "gpu_a100_int8")
    print("written:", report.to_html(path, title="Words on crossbars", after=sections, compare=others))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/crossbar"))
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--chips", type=int, default=4)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    train, valid, test = snn.datasets.shd()
    model = trained(train, valid, options.epochs, on_devices=False)
    x, lengths, _ = prepare(next(iter(valid.batches(32))), model)

    def chips(model: Sequential, age_s: float | None = None) -> str:
        made = [to_crossbar(model, PCM, seed=s, time_s=age_s) for s in range(options.chips)]
        found = torch.tensor([evaluate(calibrate(chip, x, lengths), test).accuracy for chip in made])
        return f"{found.mean():.1%} (mean of {len(found)} chips, deviation {found.std(correction=0):.1%})"

    # 1. hardware without flaws is the model, bit for bit
    ideal = to_crossbar(model, CrossbarConfig.ideal())
    print(f"{test.name}: as trained {evaluate(model, test).accuracy:.1%}")
    print("ideal crossbars give the same bits:", torch.equal(ideal(x)[0], model(x)[0]))

    # 2. real cells, wires and converters; converter ranges from the validation words
    diagnosis = snn.hardware.diagnose(calibrate(to_crossbar(model, PCM, seed=1), x, lengths), x, lengths)
    print(f"on phase-change cells: {chips(model)}\n{diagnosis.table()}least: {diagnosis.worst}")
    for days in (30.0, 365.0):
        print(f"after {days:g} days: {chips(model, days * DAY_S)}")

    # 3. the same training, but every pass sees another write of the cells
    aware = trained(train, valid, options.epochs, on_devices=True)
    print(f"trained with the noise of the cells: {evaluate(aware, test).accuracy:.1%} plain, {chips(aware)}")

    # 4. the arrays as a network of the event engine (weights as written, no reading noise), and their energy
    analog = calibrate(to_crossbar(aware, PCM, seed=1), x, lengths)
    net = snn.hardware.crossbar_network(analog, train.dt_ms, weights_only=True)
    print("event engine:", ", ".join(f"{p.name} {p.pre}->{p.post}" for p in net.projections))
    energy(analog, aware, test, (x, lengths), options.out / "report.html")


if __name__ == "__main__":
    main()
