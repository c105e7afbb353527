"""Neurons that remember in other places than their membranes: synaptic currents and thresholds that adapt.

    python examples/08_neuron_options.py [--epochs 100] [--seeds 3] [--out runs/neuron-options]

The same small network without delays, four kinds of neuron, spoken words (the embedded synthetic set). Membranes
forget with 20 ms in all; currents carry on for 20 ms more, thresholds for 200 ms. The network trained last, of
adaptive neurons with currents, is then run by events and costed from the same description.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import torch

import snn

DT_MS, HIDDEN = 10.0, 64
CURRENTS, ADAPTATION = {"tau_syn": 2.0}, {"adapt_by": 0.1, "tau_adapt": 20.0}
NEURONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "currents": CURRENTS,
    "adaptive": ADAPTATION,
    "adaptive, currents": CURRENTS | ADAPTATION,
}


def network(n_in: int, n_out: int, neuron: dict[str, Any], seed: int) -> snn.nn.Sequential:
    """Two hidden layers of one kind of neuron; a readout of leaky integrators."""
    torch.manual_seed(seed)

    def hidden(n: int) -> list[snn.nn.Layer]:
        lif = snn.nn.LIF(
            tau=2.0, decay_input=False, detach_reset=True, surrogate="atan", surrogate_alpha=5.0, **neuron
        )
        return [snn.nn.Linear(n, HIDDEN), snn.nn.BatchNorm(HIDDEN), lif, snn.nn.Dropout(0.2)]

    return snn.nn.Sequential(
        *hidden(n_in), *hidden(HIDDEN), snn.nn.Linear(HIDDEN, n_out), snn.nn.LeakyReadout(tau=2.0)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/neuron-options"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # the tensors are small
    train, valid, test = snn.datasets.shd(dt_ms=DT_MS, group=5)
    print(f"{train.name}: {len(train)} training, {len(valid)} validation, {len(test)} test words")

    # 1. train each kind of neuron, from the same weights
    result = {}
    for name, neuron in NEURONS.items():
        accuracy = []
        for seed in range(options.seeds):
            model = network(train.n_units, len(train.classes), neuron, seed)
            config = snn.train.TrainConfig(epochs=options.epochs, batch_size=64, seed=seed)
            snn.train.fit(model, train, valid, config)
            accuracy.append(100 * snn.train.evaluate(model, test).accuracy)
        mean = statistics.mean(accuracy)
        spread = statistics.stdev(accuracy) if len(accuracy) > 1 else 0.0
        result[name] = {"accuracy": accuracy, "mean": mean, "spread": spread}
        seeds = " / ".join(f"{a:.1f}" for a in accuracy)
        print(f"{name:20s} {seeds} %, mean {mean:.1f} +- {spread:.1f} %", flush=True)
    (options.out / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")

    # 2. run the last one by events: the same spikes
    net = snn.nn.to_network(model.double(), dt_ms=DT_MS)
    rec = snn.simulate(net, {"in": test.events}, record=snn.Record(spikes=["hid1", "hid2"]))
    batch = next(test.batches(len(test)))
    x, lengths, _ = snn.train.prepare(batch, model)
    with torch.no_grad():
        hidden = snn.nn.populations.trace(model, x, lengths)[0][1].numpy()
    same = np.array_equal(rec.spikes["hid1"].to_raster(len(x)).z, hidden)
    print(f"hid1 spikes {rec.counts.spikes['hid1']}; the same in torch: {same}")

    # 3. cost it: the same integers, priced
    ledger = snn.hardware.count(rec, net)
    assert ledger == snn.hardware.count(model, torch.from_numpy(batch.x), torch.from_numpy(batch.lengths))
    print(snn.hardware.estimate(ledger, target="loihi1").table())


if __name__ == "__main__":
    main()
