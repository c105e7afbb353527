"""A liquid: drawn, read out, measured, saved, run by events, formed of memory cells, and asked across two senses.

Run it as a script, with a folder for the figures; `docs/liquid.md` goes through it piece by piece.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

import snn
from snn.liquid import Reservoir, Sense, fit_readout, harvest, measures, wiring

NEURONS, WINDOWS, DT_MS = 200, 4, 4.0


def draw_liquid(n_in: int, seed: int) -> Reservoir:
    """Draw weights of both signs for every pair, and for each neuron how long its spikes travel."""
    w_in = wiring.dense_gaussian(n_in, NEURONS, sd=0.08, seed=seed)
    w_rec = wiring.dense_gaussian(NEURONS, NEURONS, seed=seed + 1)
    w_rec = snn.liquid.scale_spectral_radius(w_rec, 1.2)
    delays = np.random.default_rng(seed).integers(1, 27, (NEURONS, 1))  # steps: up to 104 ms
    return Reservoir(w_in, w_rec, snn.LIFParams(tau_mem_ms=20.0), delays)


def read_it(liquid: Reservoir, sets: list[snn.datasets.SpikeSet]) -> tuple[snn.liquid.Readout, float]:
    """Solve for a readout of spike counts in windows; give it and its accuracy on test words."""
    train, valid, test = sets
    x, x_valid, x_test = (liquid.run(part.events, windows=WINDOWS) for part in sets)
    readout = fit_readout(x, train.labels, x_valid, valid.labels)
    return readout, readout.accuracy(x_test, test.labels)


def fire(liquid: Reservoir, test: snn.datasets.SpikeSet, folder: Path) -> None:
    """Run the liquid by events for its spikes, say how it fires, and draw a word."""
    record = snn.Record(spikes=["liquid"])
    spikes = snn.simulate(liquid.network(DT_MS), {"in": test.events}, record=record).spikes["liquid"]
    same = np.array_equal(
        spikes.spike_counts(WINDOWS).reshape(len(test), -1), liquid.run(test.events, WINDOWS)
    )
    print(f"by events: the same counts: {same}")

    firing = measures.firing_statistics(spikes)
    print(f"fires: {firing.rate:.3f} a step, CV {firing.cv:.2f}, silent {firing.silent:.2f}")
    figure = snn.plot.liquid_activity({"in": test.events, "liquid": spikes}, title="a word")
    figure.savefig(folder / "liquid_activity.png", dpi=80)


def jittered(word: snn.Events, copies: int) -> snn.Events:
    """Move every spike of a word by a step at most, once for every copy."""
    rng = np.random.default_rng(0)
    steps, units = [], []
    for _ in range(copies):
        step = (word.step + rng.integers(-1, 2, word.n_events)).clip(0, word.n_steps[0] - 1)
        order = np.lexsort((word.unit, step))
        steps.append(step[order])
        units.append(word.unit[order])
    sizes = {"n_units": word.n_units, "dt_ms": word.dt_ms, "n_steps": word.n_steps[0]}
    return snn.Events.from_lists(steps, units, **sizes)


def tell_apart(liquid: Reservoir, test: snn.datasets.SpikeSet, folder: Path) -> None:
    """Say how far the liquid takes words apart, and how little the variants of one word."""
    words, variants = liquid.run(test.events), liquid.run(jittered(test.events.select([0]), len(test)))
    apart = measures.separation(words, np.roll(words, 1, axis=0))
    near = measures.separation(variants, np.roll(variants, 1, axis=0))
    print(f"separation: {apart:.0f} between words, {near:.0f} between variants of one")

    kernel = measures.kernel_rank(words, tol=50.0)
    noise = measures.generalisation_rank(variants, tol=50.0)
    print(f"ranks: {kernel} of {len(test)} words, {noise} of as many variants of one")
    figure = snn.plot.class_features(words, test.labels, test.classes, title="words in the liquid")
    figure.savefig(folder / "liquid_features.png", dpi=80)


def remember(liquids: dict[str, Reservoir], words: snn.Events, folder: Path) -> None:
    """Say how long liquids remember a bit, and how long they are disturbed by a spike."""
    memory = {name: measures.memory_capacity(one, 2000, 40, dt_ms=DT_MS) for name, one in liquids.items()}
    print("bits remembered:", ", ".join(f"{name} {bits:.1f}" for name, (bits, _) in memory.items()))
    parts = {name: parts for name, (_, parts) in memory.items()}
    snn.plot.memory_curve(parts, floor=1 / 2000).savefig(folder / "liquid_memory.png", dpi=80)

    distances = {name: measures.perturbation(one, words, unit=20, step=10) for name, one in liquids.items()}
    late = ", ".join(f"{name} {distance[-10:].mean():.4f}" for name, distance in distances.items())
    print("spikes that still differ:", late)
    figure = snn.plot.perturbation_curve(distances, DT_MS, step=10)
    figure.savefig(folder / "liquid_perturbation.png", dpi=80)


def map_it(liquid: Reservoir, words: snn.Events, folder: Path) -> None:
    """Measure the liquid with weaker and stronger weights."""
    gains, strengths = [0.25, 0.5, 1, 2], [0, 0.5, 1, 2, 4]
    found = measures.edge_of_chaos(liquid, words, gains, strengths, delays=30, unit=20, step=10)
    rows, columns = np.unravel_index(found.memory.argmax(), found.memory.shape)
    print(f"remembers most at {gains[rows]:g} times its input, {strengths[columns]:g} times its recurrence")
    panels = {
        "memory (bits)": found.memory,
        "separation": found.separation,
        "lasting difference": found.lasting,
    }
    snn.plot.parameter_map(panels, gains, strengths).savefig(folder / "liquid_map.png", dpi=80)


def save_it(liquid: Reservoir, readout: snn.liquid.Readout, file: Path) -> None:
    """Save the liquid and its readout as one model, and load it."""
    model = snn.liquid.with_readout(liquid.layers(DT_MS), readout, WINDOWS)
    snn.train.save(model, file)
    loaded = snn.train.load(file)
    x = (torch.rand(50, 3, liquid.n_in) < 0.1).float()
    print(f"saved and loaded: the same scores: {torch.equal(loaded(x)[0].sum(0), model(x)[0].sum(0))}")


def on_devices(liquid: Reservoir, sets: list[snn.datasets.SpikeSet], device_seed: int) -> None:
    """Form arrays of memory cells whose random conductances are the weights, and read them with noise."""
    hardware = snn.hardware.CrossbarConfig(device=snn.hardware.device_preset("rram_random_40nm"))
    arrays = {}
    for name, weight in (("in-out", liquid.w_in), ("out", liquid.w_rec)):
        scale = float(weight.std()) / 8.94  # the conductances' deviation, microsiemens
        arrays[name] = snn.hardware.form_random_array(
            *weight.shape, hardware, device_seed, name=name, scale=scale
        )
    w_in, w_rec = (array.weight().T.double().numpy() for array in arrays.values())
    formed = Reservoir(w_in, w_rec, liquid.neuron, liquid.delays)
    chip = snn.hardware.to_crossbar(formed.layers(DT_MS), hardware, arrays=arrays)

    readout, accuracy = read_it(formed, sets)
    test = sets[2]
    noisy = readout.accuracy(harvest(chip, test.events, windows=WINDOWS), test.labels)
    print(f"chip {device_seed}: test accuracy {accuracy:.2f}, read with noise in every step {noisy:.2f}")


def across_senses(liquid: Reservoir, sets: list[snn.datasets.SpikeSet]) -> None:
    """Ask with the high tones of a word for low tones of its class, among seen classes and two unseen ones."""
    train, _, test = sets
    low = np.arange(liquid.n_in)[:, None] < liquid.n_in // 2
    senses = []
    for heard in (low, ~low):
        ear = Reservoir(liquid.w_in * heard, liquid.w_rec, liquid.neuron, liquid.delays)
        senses.append(Sense(ear.run(train.events), train.labels, ear.run(test.events), test.labels))
    splits = snn.liquid.all_splits(range(10))[:3]
    config = snn.liquid.ContrastiveConfig(epochs=20, batch_size=32, lr=3e-3, normalised=True, temperature=0.1)
    for found in snn.liquid.zero_shot(*senses, splits, config, relabelings=3):
        print(
            f"unseen {found.split.unseen}: seen {found.seen:.2f}, unseen {found.unseen:.2f}, "
            f"chance {found.chance:.2f}, shuffled {found.shuffled:.2f}"
        )


def main(folder: Path) -> None:
    """Do with a liquid what can be done with it; a line or two for each."""
    torch.set_num_threads(1)  # the tensors are small
    sets = list(snn.datasets.shd(dt_ms=DT_MS, group=10))
    liquid = draw_liquid(sets[0].n_units, seed=0)
    liquids = {
        "liquid": liquid,
        "without delays": liquid.without_delays(),
        "without recurrence": liquid.without_recurrence(),
    }
    for name, one in liquids.items():
        print(f"{name}: test accuracy {read_it(one, sets)[1]:.2f}")
    fire(liquid, sets[2], folder)
    tell_apart(liquid, sets[2], folder)
    words = sets[2].events.select(np.arange(10)).slice(20, 80)
    remember(liquids, words, folder)
    map_it(liquid, words, folder)
    save_it(liquid, read_it(liquid, sets)[0], folder / "model.safetensors")
    for device_seed in range(2):
        on_devices(liquid, sets, device_seed)
    across_senses(liquid, sets)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(sys.argv[1] if len(sys.argv) > 1 else place))
