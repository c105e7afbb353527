"""A liquid: fixed random neurons listen, a linear readout learns; in software, by events, and on memory devices.

    python examples/09_liquid.py [--neurons 200] [--device-seed 0] [--out runs/liquid]

Spoken words (the embedded synthetic set). The liquid is one description; it runs as layers or by events with the
same counts. Nothing in it learns: its features are harvested once, and a ridge readout is solved for. The same
liquid is then made of random resistive memory, whose cells are formed by chance and read with noise, and both are
compared with the same neurons without recurrence and with the input's own counts.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

import snn
from snn.hardware import CrossbarConfig, device_preset, form_random_array, to_crossbar
from snn.liquid import Reservoir, fit_readout, harvest, scale_spectral_radius, wiring, with_readout

DT_MS, WINDOWS = 4.0, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--neurons", type=int, default=200)
    parser.add_argument("--device-seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/liquid"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # the tensors are small
    size, seed = options.neurons, options.device_seed
    train, valid, test = snn.datasets.shd(dt_ms=DT_MS, group=10)
    print(f"{train.name}: {len(train)} training, {len(valid)} validation, {len(test)} test words")

    # 1. describe the liquid: weights, membranes, and a delay for each neuron
    rng = np.random.default_rng(seed)
    tau_ms = np.exp(rng.uniform(np.log(10.0), np.log(100.0), size))
    gain = np.sqrt(1 - np.exp(-2 * DT_MS / tau_ms))  # slow neurons gather more: scale down what arrives
    w_in = wiring.dense_gaussian(train.n_units, size, sd=0.18, seed=seed) * gain
    w_rec = scale_spectral_radius(wiring.dense_gaussian(size, size, seed=seed + 1), 2.0) * gain
    neuron, delays = snn.LIFParams(tau_mem_ms=tau_ms), rng.integers(1, 61, (size, 1))
    liquid = Reservoir(w_in, w_rec, neuron, delays)

    # 2. run it: as layers or by events, the same counts
    few = test.events.select(range(20))
    same = np.array_equal(liquid.run(few, WINDOWS, engine="layers"), liquid.run(few, WINDOWS, engine="event"))
    print(f"{liquid}; layers and events count alike: {same}")

    # 3. the same liquid of memory cells: formed at 3.554 V, two for a weight, read with 2 % noise in every step
    device = device_preset("rram_random_40nm")
    hardware = CrossbarConfig(device=replace(device, forming=replace(device.forming, voltage_v=3.554)))

    def formed(name: str, weight: np.ndarray):
        """Form an array whose weights spread as those in software."""
        scale = (weight / gain).std() / 6.60 * gain
        return form_random_array(len(weight), size, hardware, seed, scale=scale, name=name)

    arrays = {"in-out": formed("in-out", w_in), "out": formed("out", w_rec)}
    chip = to_crossbar(liquid.layers(DT_MS), hardware, arrays=arrays)

    # 4. harvest the features of all words, and solve for a readout: validation chooses its strength
    rows = {
        "input counts": lambda words: words.events.spike_counts(WINDOWS).reshape(len(words), -1),
        "no recurrence": lambda words: harvest(liquid.without_recurrence(), words, windows=WINDOWS),
        "no delays": lambda words: harvest(liquid.without_delays(), words, windows=WINDOWS),
        "liquid": lambda words: harvest(liquid, words, windows=WINDOWS),
        "memory cells": lambda words: harvest(chip, words, windows=WINDOWS),
    }
    for name, features in rows.items():
        seen = [features(words) for words in (train, valid, test)]
        readout = fit_readout(seen[0], train.labels, seen[1], valid.labels)
        print(f"{name:14s} test accuracy {readout.accuracy(seen[2], test.labels):.1%}", flush=True)
        if name == "liquid":
            snn.train.save(
                with_readout(liquid.layers(DT_MS), readout, WINDOWS), options.out / "model.safetensors"
            )

    # 5. the liquid alone as a network file: `snn simulate` runs it by events
    liquid.network(DT_MS).save(options.out / "network.h5")
    rec = snn.simulate(liquid.network(DT_MS), {"in": test.events}, record=snn.Record(spikes=["liquid"]))
    print(snn.hardware.estimate(snn.hardware.count(rec, liquid.network(DT_MS)), target="loihi1").table())


if __name__ == "__main__":
    main()
