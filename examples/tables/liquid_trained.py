"""Train the liquid itself, every weight of it, by backpropagation through time: a row of results/liquid.md.

    python examples/tables/liquid_trained.py --data FSDD --json FILE [--seeds 3] [--windows 1 8] [--epochs 8]

The network is that of the row "software" of liquid_table.py, seed by seed: the same input, neurons, membranes,
delays and first weights, and a readout of its counts per window, here learned with them from zero. The official
validation words choose the epoch. Batches hold words of about one length. A line of FILE is a run; those that are
there are kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import snn
from snn.datasets import SpikeSet
from snn.liquid import WindowReadout
from snn.recipes.liquid import LiquidConfig
from snn.recipes.liquid.parts import LiquidSamples, load_samples, make_liquids
from snn.train import TrainConfig, evaluate, fit


class OfOneLength:
    """Give a set's samples in batches of about one length, in an order of batches that the seed decides."""

    def __init__(self, words: SpikeSet) -> None:
        self.words = words

    def __len__(self) -> int:
        return len(self.words)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Any]:
        """Give all samples in batches, as `fit` takes them."""
        rng = np.random.default_rng(seed)
        length = self.words.events.n_steps + rng.uniform(0, 10, len(self))
        parts = np.split(np.argsort(length), range(batch_size, len(self), batch_size))
        for i in np.arange(len(parts)) if seed is None else rng.permutation(len(parts)):
            yield from self.words.subset(parts[i]).batches(batch_size)


def of(samples: LiquidSamples, chosen: np.ndarray) -> SpikeSet:
    """Give the chosen samples as a set."""
    which = np.flatnonzero(chosen)
    events = samples.events.select(which)
    return SpikeSet(samples.name, events, samples.labels[which], samples.speakers[which], samples.classes)


def trained(samples: LiquidSamples, config: LiquidConfig, how: TrainConfig) -> dict[str, Any]:
    """Train one network, and test it once."""
    reservoir = make_liquids(config, samples).reservoir
    readout = WindowReadout(config.neurons, len(samples.classes), config.windows)
    model = snn.nn.Sequential(*reservoir.layers(samples.events.dt_ms), readout).requires_grad_(True)
    train, valid, test = (
        OfOneLength(of(samples, one)) for one in (samples.train, samples.valid, samples.test)
    )
    start = time.process_time()
    found = fit(model, train, valid, how)
    spent = time.process_time() - start
    accuracy = evaluate(model, test, loss=how.loss).accuracy
    return {
        "test": accuracy,
        "cpu_s": spent,
        "selected_epoch": found.selected_epoch,
        "history": found.history,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data")
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--windows", type=int, nargs="*", default=[1, 8])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--neurons", type=int, default=LiquidConfig().neurons)
    given = parser.parse_args()
    lines = [json.loads(line) for line in given.json.read_text().splitlines()] if given.json.exists() else []
    config = LiquidConfig(data=given.data, neurons=given.neurons)
    samples = load_samples(config)
    for windows in given.windows:
        runs = []
        for seed in range(given.seeds):
            how = TrainConfig(
                epochs=given.epochs, batch_size=64, lr=1e-3, loss="sum_cross_entropy", seed=seed
            )
            which = {"windows": windows, "seed": seed, "epochs": given.epochs, "neurons": given.neurons}
            done = [line for line in lines if which.items() <= line.items()]
            if not done:
                own = replace(config, windows=windows, device_seed=seed)
                done = [{**which, **trained(samples, own, how)}]
                lines += done
                given.json.write_text("".join(json.dumps(line) + "\n" for line in lines))
            runs.append(done[0])
        right = np.array([run["test"] for run in runs])
        spread = right.std(ddof=1) if len(right) > 1 else 0.0
        spent = np.mean([run["cpu_s"] for run in runs])
        print(
            f"trained, {windows} windows: {right.mean():.1%} +- {spread:.1%}, {spent:.0f} CPU s each",
            flush=True,
        )


if __name__ == "__main__":
    main()
