"""Spoken words, end to end: train a network with delays, run it by events, cost it.

    python examples/01_spoken_words.py [--epochs 12] [--out runs/spoken-words]

The words are the embedded synthetic set; `snn.datasets.shd("path/to/SHD")` gives real speech.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import snn


def build(n_in: int, n_out: int) -> snn.nn.Sequential:
    """Two hidden layers; every synapse learns a weight and a delay of up to 24 steps."""

    def lif() -> snn.nn.LIF:
        return snn.nn.LIF(
            tau=1.005, decay_input=False, detach_reset=True, surrogate="atan", surrogate_alpha=5.0
        )

    return snn.nn.Sequential(
        snn.nn.DelayLinear(n_in, 96, max_delay=24),
        snn.nn.BatchNorm(96),
        lif(),
        snn.nn.Dropout(0.3),
        snn.nn.DelayLinear(96, 96, max_delay=24),
        snn.nn.BatchNorm(96),
        lif(),
        snn.nn.Dropout(0.3),
        snn.nn.DelayLinear(96, n_out, max_delay=24),
        snn.nn.LeakyReadout(tau=1.005),
    )


def tell(progress: snn.train.Progress) -> None:
    if progress.metrics is not None:
        m = progress.metrics
        print(f"epoch {m['epoch'] + 1:>2}  loss {m['train_loss']:.3f}  validation {m['valid_accuracy']:.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path("runs/spoken-words"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    # 1. train by gradients
    train, valid, test = snn.datasets.shd(dt_ms=10.0, group=5)
    print(f"{train.name}: {len(train)} training, {len(valid)} validation, {len(test)} test words")
    torch.manual_seed(0)
    model = build(train.n_units, len(train.classes))
    config = snn.train.TrainConfig(epochs=options.epochs, batch_size=64)
    snn.train.fit(model, train, valid, config, callback=tell)
    print(f"test accuracy {snn.train.evaluate(model, test).accuracy:.1%}")
    snn.train.save(model, options.out / "model.safetensors")

    # 2. run by events: the same network, the same spikes
    net = snn.nn.to_network(model, dt_ms=10.0)
    words = test.events.pad(model.tail_steps)
    rec = snn.simulate(net, {"in": words}, engine="event", record=snn.Record(v=["out"]))
    batch = next(test.batches(len(test)))
    x, lengths, _ = snn.train.prepare(batch, model.double())
    hidden = snn.nn.populations.trace(model, x, lengths)[0][1].numpy()
    same = np.array_equal(rec.spikes["hid1"].to_raster(len(x)).z, hidden)
    print(f"hid1 spikes {rec.counts.spikes['hid1']}; the same in torch: {same}")

    # 3. cost on hardware: the same integers, priced
    ledger = snn.hardware.count(rec, net)
    assert ledger == snn.hardware.count(model, torch.from_numpy(batch.x), torch.from_numpy(batch.lengths))
    report = snn.hardware.estimate(ledger, target="loihi1")
    print(report.table())
    report.to_html(options.out / "report.html")
    seen = {"in": words, "hid1": rec.spikes["hid1"]}  # "out" never spikes: its membranes are the last panel
    figure = snn.plot.sample_activity(seen, rec.v["out"], test.classes, title=train.name)
    figure.savefig(options.out / "word.png", dpi=150)
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
