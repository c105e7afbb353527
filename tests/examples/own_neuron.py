"""A neuron of your own: one step is written; it trains, is saved, counted, and is digital on a crossbar.

Run it as a script; `docs/own-neuron.md` goes through it piece by piece.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import NamedTuple

import torch

import snn


class ResonatorState(NamedTuple):
    """What a resonator carries from one step to the next: current and membrane, [B, N] each."""

    current: torch.Tensor
    v: torch.Tensor


@snn.nn.register_layer
class Resonator(snn.nn.SteppedNeuron):
    """Resonate-and-fire neurons: current and membrane turn about each other and decay (Izhikevich, 2001)."""

    def __init__(self, period: float = 8.0, decay: float = 0.9) -> None:
        super().__init__()
        self.period, self.decay = period, decay

    def config(self):
        """Return the constructor's arguments: what a file needs to build the neuron again."""
        return {"period": self.period, "decay": self.decay}

    def at_rest(self, x):
        """Give the state before any input x [B, N]."""
        return ResonatorState(torch.zeros_like(x), torch.zeros_like(x))

    def step(self, x, state):
        """Turn the input of one step [B, N] into its spikes and the next state."""
        c, s = (self.decay * f(2 * math.pi / self.period) for f in (math.cos, math.sin))
        current = c * state.current - s * state.v + x
        v = s * state.current + c * state.v
        z = snn.kernels.spike(v - 1.0, snn.kernels.Surrogate("atan"))
        return z, ResonatorState(current * (1 - z.detach()), v * (1 - z.detach()))


@snn.nn.register_layer
class SlowThreshold(snn.nn.Layer):
    """Neurons that are a LIF with some options are that LIF, in all readings."""

    def __init__(self) -> None:
        super().__init__()
        self.lif = snn.nn.LIF(4.0, decay_input=False, tau_syn=2.0, adapt_by=0.3, tau_adapt=20.0)

    def forward(self, x, state=None, lengths=None):
        """Map input current [T, B, N] to spikes."""
        return self.lif(x, state, lengths)

    def stages(self):
        """Say what it is made of: from this follow events, costs and crossbars."""
        return [self.lif]


def make_model(neuron: snn.nn.Layer) -> snn.nn.Sequential:
    """Build a network of one layer of such neurons and a readout."""
    torch.manual_seed(0)
    readout = snn.nn.LeakyReadout(tau=4.0)
    return snn.nn.Sequential(snn.nn.Linear(4, 24), neuron, snn.nn.Linear(24, 2), readout)


def rhythms(samples: int, steps: int = 40):
    """Draw trains of period 4 or 8, the class, with noise."""
    label = torch.arange(samples) % 2
    phase, chance = torch.randint(0, 8, (samples,)), torch.rand(steps, samples, 4)
    beat = (torch.arange(steps)[:, None] + phase) % (4 * (label + 1)) == 0
    x = ((beat[:, :, None] & (chance < 0.9)) | (chance < 0.05)).float()
    return x, torch.full((samples,), steps), label


def main() -> None:
    """Do with the neurons what can be done with a layer."""
    model = make_model(Resonator())
    data = [rhythms(32) for _ in range(4)]
    for method in ("bptt", "sltt"):
        config = snn.train.TrainConfig(
            epochs=12, batch_size=32, method=method, loss="step_cross_entropy", lr=0.02
        )
        result = snn.train.fit(make_model(Resonator()), data[:3], data[3:], config)
        print(f"trained by {method}: accuracy {result.selected['valid_accuracy']:.2f}")

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        snn.train.save(model, file)
        loaded = snn.train.load(file)
    x = data[0][0]
    with torch.no_grad():
        print(f"saved and loaded: the same outputs: {torch.equal(model(x)[0], loaded(x)[0])}")

    ledger = snn.hardware.count(model, x)
    print(f"counted: {', '.join(f'{row.name} {row.synaptic_events}' for row in ledger)} synaptic events")

    analog = snn.hardware.to_crossbar(model.eval(), snn.hardware.CrossbarConfig.ideal())
    with torch.no_grad():
        print(f"on a crossbar: the same outputs: {torch.equal(analog(x)[0], model(x)[0])}")

    try:
        snn.nn.to_network(model, dt_ms=1.0)
    except ValueError as refusal:
        print(f"by events: {refusal}")
    net = snn.nn.to_network(make_model(SlowThreshold()), dt_ms=1.0)
    print(f"by events, with stages: {net.population('hid1').neuron.adapt_by}")


if __name__ == "__main__":
    main()
