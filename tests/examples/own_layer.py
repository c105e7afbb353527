"""A layer of your own: written, printed, trained, resumed, saved, loaded, counted, run by events, on a crossbar.

Run it as a script; `docs/own-layer.md` goes through it piece by piece.
"""

from __future__ import annotations

import copy
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import snn


class BlockState(NamedTuple):
    """What a block carries from one call to the next: nothing of its weights, the membranes of its neurons."""

    connect: tuple[()]
    fire: snn.nn.LIFState


@snn.nn.register_layer
class Block(snn.nn.Layer):
    """Weights and the neurons that they drive, in one layer."""

    def __init__(self, inputs: int, neurons: int, tau: float = 2.0) -> None:
        super().__init__()
        self.inputs, self.neurons, self.tau = inputs, neurons, tau
        self.connect = snn.nn.Linear(inputs, neurons)
        self.fire = snn.nn.LIF(tau, decay_input=False, detach_reset=True, surrogate="atan")

    def forward(self, x, state=None, lengths=None):
        """Map spikes [T, B, inputs] to spikes [T, B, neurons]."""
        before = BlockState((), None) if state is None else state
        current, nothing = self.connect(x)
        z, fire = self.fire(current, before.fire, lengths=lengths)
        return z, BlockState(nothing, fire)

    def config(self):
        """Return the constructor's arguments: what a file needs to build the block again."""
        return {"inputs": self.inputs, "neurons": self.neurons, "tau": self.tau}

    def stages(self):
        """Say what the block is made of: from this follow events, costs and crossbars."""
        return [self.connect, self.fire]


def make_model() -> snn.nn.Sequential:
    """Build a network of two blocks and a readout."""
    torch.manual_seed(0)
    readout = snn.nn.LeakyReadout(tau=4.0)
    return snn.nn.Sequential(Block(24, 32), Block(32, 16), snn.nn.Linear(16, 3), readout)


def make_data(samples: int, seed: int) -> snn.datasets.SpikeSet:
    """Draw three classes, each with spikes mostly on a third of 24 inputs, of 12 to 20 steps."""
    rng = np.random.default_rng(seed)
    label = np.arange(samples) % 3
    steps, units, lengths = [], [], rng.integers(12, 21, samples)
    for one, length in zip(label, lengths, strict=True):
        rate = np.where(np.arange(24) // 8 == one, 0.35, 0.05)
        step, unit = np.nonzero(rng.random((length, 24)) < rate)
        steps.append(step)
        units.append(unit)
    events = snn.Events.from_lists(steps, units, n_units=24, dt_ms=1.0, n_steps=lengths)
    classes, nobody = ("low", "middle", "high"), np.full(samples, -1)
    return snn.datasets.SpikeSet("three patterns", events, label, nobody, classes)


def train_it(folder: Path, train: snn.datasets.SpikeSet, valid: snn.datasets.SpikeSet) -> snn.nn.Sequential:
    """Train by both methods, and once more with an interruption; give the model trained through time."""
    config = snn.train.TrainConfig(epochs=6, batch_size=24, loss="step_cross_entropy", lr=0.02)
    model = make_model()
    result = snn.train.fit(model, train, valid, config)
    print(f"trained through time (BPTT): accuracy {result.selected['valid_accuracy']:.2f}")

    result = snn.train.fit(make_model(), train, valid, replace(config, method="sltt"))
    print(f"trained inside each step (SLTT): accuracy {result.selected['valid_accuracy']:.2f}")

    def interrupt(progress: snn.train.Progress) -> None:
        if progress.epoch == 3:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        snn.train.fit(make_model(), train, valid, config, out=folder / "run", callback=interrupt)
    resumed = make_model()
    snn.train.fit(resumed, train, valid, config, out=folder / "run", resume=True)
    same = all(torch.equal(a, b) for a, b in zip(model.parameters(), resumed.parameters(), strict=True))
    print(f"interrupted and resumed: the weights of the run without interruption: {same}")
    return model


def save_it(model: snn.nn.Sequential, file: Path, x: torch.Tensor) -> None:
    """Save and load: the class is registered, so the file alone builds the model again."""
    snn.train.save(model, file)
    loaded = snn.train.load(file)
    print(f"saved and loaded: the same outputs: {torch.equal(loaded(x)[0], model(x)[0])}")


def run_it(model: snn.nn.Sequential, data: snn.datasets.SpikeSet) -> None:
    """Count the model, and run it by events: in float64, as the engines run."""
    model = copy.deepcopy(model).double()
    batch = next(data.batches(len(data)))
    x, lengths = torch.from_numpy(batch.x).double(), torch.from_numpy(batch.lengths)
    ledger = snn.hardware.count(model, x, lengths)
    print(f"counted: {', '.join(f'{row.name} {row.synaptic_events}' for row in ledger)} synaptic events")

    net = snn.nn.to_network(model, dt_ms=data.dt_ms)
    recording = snn.simulate(net, {"in": data.events}, record=snn.Record(spikes=["hid1"]))
    spikes, _ = model[0](x, None, lengths)
    beyond = torch.arange(len(x))[:, None, None] >= lengths[:, None]
    events = recording.spikes["hid1"].to_raster().z
    same = np.array_equal(spikes.detach().masked_fill(beyond, 0).numpy(), events)
    counts = snn.hardware.count(recording, net) == ledger
    print(f"run by events: the same spikes: {same}, the same counts: {counts}")


def put_it_on_devices(model: snn.nn.Sequential, x: torch.Tensor) -> None:
    """Put the model on a crossbar, and then one of its layers on cells that were measured."""
    hardware = snn.hardware.CrossbarConfig()
    ideal = snn.hardware.to_crossbar(model, hardware)
    same = torch.equal(ideal(x)[0], model(x)[0])

    plus, minus = np.random.default_rng(3).uniform(1, 50, (2, 24, 32))  # a row per input, microsiemens
    array = snn.hardware.program_measured(plus, minus, hardware, scale=0.01, name="measured")
    analog = snn.hardware.to_crossbar(model, hardware, arrays={"in-hid1": array})
    model = copy.deepcopy(model)
    model[0].connect.weight.data = array.weight().float()
    measured = torch.equal(analog(x)[0], model(x)[0])
    print(f"on a crossbar: the same outputs: {same}, on measured cells those of their weight: {measured}")


def main(folder: Path) -> None:
    """Do with the block all that can be done with a layer of `snn.nn`; a line for each."""
    train, valid = make_data(96, seed=1), make_data(48, seed=2)
    print("printed:", " ".join(repr(make_model()[0]).split()))
    model = train_it(folder, train, valid)
    x = torch.from_numpy(next(valid.batches(8)).x)
    save_it(model, folder / "model.safetensors", x)
    run_it(model, valid)
    put_it_on_devices(model, x)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        main(Path(place))
