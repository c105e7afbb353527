"""What a liquid saves: training operations, and energy on formed arrays, each against several baselines.

    python examples/tables/liquid_cost.py --data FSDD [--words 100] [--priced 20] [--windows 8]

Operations are counted on the first training words (`snn.hardware.count`), energy on as many of them as --priced.
Backpropagation through time adds weight gradients, an operation per synaptic event, and takes the error back
through all recurrent weights in every step, for a surrogate's derivative is nowhere zero. A dense kernel takes all
weights in every step for both, and for the forward pass. The arithmetic of neurons is left out on all sides.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import torch

from snn.hardware import Ledger, compare, count, crossbar_energy
from snn.recipes.liquid import LiquidConfig
from snn.recipes.liquid.parts import LiquidSamples, load_samples, make_liquids

DIGITAL = (
    "horowitz45_int8",
    "horowitz45_int8_hierarchy",
    "loihi1",
    "spinnaker2",
    "ann_int8_every_step",
    "ann_int8_once",
    "gpu_a100_int8",
)


def batch(samples: LiquidSamples, words: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the first training words as a model takes them."""
    part = samples.events.select(np.flatnonzero(samples.train)[:words])
    return torch.tensor(part.to_raster().z, dtype=torch.float32), torch.tensor(part.n_steps)


def training(ledger: Ledger, config: LiquidConfig, samples: LiquidSamples, epochs: int) -> None:
    """Print multiply-accumulates and additions of training per word, and their ratios."""
    words, n, classes = ledger.samples, config.neurons, len(samples.classes)
    steps = ledger.steps / words
    events = ledger.total("synaptic_events") / words
    weights = n * (samples.events.n_units + n)
    features = config.windows * n
    trained = int((samples.train | samples.valid).sum())
    scored = features * classes
    costs = {
        "liquid, once": events,
        f"readout by gradients, {epochs} epochs": epochs * 2.0 * scored,
        "readout by ridge, one strength": features**2 / 2 + features**3 / 6 / trained,
        f"BPTT by events, {epochs} epochs": epochs * (2 * events + steps * n**2 + 2 * scored),
        f"BPTT by dense kernels, {epochs} epochs": epochs * (steps * (2 * weights + n**2) + 2 * scored),
    }
    print(f"{words} words, {steps:.1f} steps each, {config.windows} windows; operations per training word:")
    for name, operations in costs.items():
        print(f"  {name:<36} {operations / 1e6:10.3f} M")
    liquid, gradients, ridge, *baselines = costs
    for base in baselines:
        for readout in (gradients, ridge):
            alone, whole = costs[readout], costs[readout] + costs[liquid]
            print(
                f"  {base} / {readout}: {costs[base] / alone:.1f}, with the liquid's run {costs[base] / whole:.1f}"
            )


def inference(config: LiquidConfig, samples: LiquidSamples, words: int) -> None:
    """Print the energy of a word on formed arrays, and what digital targets take for the same weights."""
    made = make_liquids(config, samples)
    x, lengths = batch(samples, words)
    report = crossbar_energy(made.liquid, x, lengths)
    arrays = report.total_per_inference
    open_pairs = float((np.asarray(made.reservoir.w_rec) == 0).mean())
    print(f"\n{config.voltage} V, {open_pairs:.0%} of the pairs open; a word on formed arrays: "
          f"{arrays.nominal / 1e6:.3g} uJ ({arrays.low / 1e6:.3g} to {arrays.high / 1e6:.3g})")  # fmt: skip
    ledger = count(made.reservoir.layers(samples.events.dt_ms), x, lengths)
    for other in compare(ledger, DIGITAL).reports:
        total = other.total_per_inference
        print(f"  {other.target:<28} {total.nominal / 1e6:10.3g} uJ, {total.nominal / arrays.nominal:8.2f} times "
              f"({total.low / arrays.high:.2g} to {total.high / arrays.low:.2g})")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--words", type=int, default=100)
    parser.add_argument("--priced", type=int, default=20)
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=8)
    given = parser.parse_args()
    config = LiquidConfig(data=given.data, windows=given.windows)
    samples = load_samples(config)
    model = make_liquids(config, samples).reservoir.layers(samples.events.dt_ms)
    x, lengths = batch(samples, given.words)
    training(count(model, x, lengths), config, samples, given.epochs)
    for voltage in (3.554, 3.323):
        inference(replace(config, weights="rram", voltage=voltage), samples, given.priced)


if __name__ == "__main__":
    main()
