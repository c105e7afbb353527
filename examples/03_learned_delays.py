"""What delays learn: tell which of two inputs came first, 10 ms apart, with neurons that remember nothing.

    python examples/03_learned_delays.py [--mode gauss|linear] [--epochs 30] [--out runs/learned-delays]

Both classes hold one spike of each input, so only timing tells them apart. A neuron can do it if its two delays
differ by the lag: then both spikes meet. Trained with learned delays, and with all delays frozen at zero.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import snn

LAG, STEPS, MAX_DELAY, DT_MS = 10, 40, 24, 1.0


def pairs(samples: int, seed: int) -> snn.datasets.SpikeSet:
    """Class 0: input 0 leads by LAG steps; class 1: input 1 does. The first spike comes at any time."""
    rng = np.random.default_rng(seed)
    labels, first = rng.integers(0, 2, samples), rng.integers(0, STEPS - LAG, samples)
    steps = [[s, s + LAG] for s in first]
    units = [[label, 1 - label] for label in labels]
    events = snn.Events.from_lists(steps, units, n_units=2, dt_ms=DT_MS, n_steps=STEPS)
    return snn.datasets.SpikeSet(
        "pairs of spikes", events, labels, np.zeros(samples, int), ("0 first", "1 first")
    )


def network(mode: str, hidden: int = 24, seed: int = 0) -> snn.nn.Sequential:
    """Delays into memoryless neurons, then plain weights to a readout. "zero" freezes all delays at 0."""
    torch.manual_seed(seed)
    delays = snn.nn.DelayLinear(2, hidden, MAX_DELAY, "fixed" if mode == "zero" else mode)
    if mode == "zero":
        delays.position.fill_(delays.centre)
    with torch.no_grad():
        delays.weight.fill_(0.6)  # one spike is not enough, two at a time are
    neuron = snn.nn.LIF(
        tau=1.005, decay_input=False, detach_reset=True, surrogate="atan", surrogate_alpha=5.0
    )
    return snn.nn.Sequential(
        delays, neuron, snn.nn.Linear(hidden, 2, bias=True), snn.nn.LeakyReadout(tau=1.005)
    )


def learned_lag(model: snn.nn.Sequential) -> int:
    """Lag, steps, that the neuron with the most say answers to, of those that two spikes fire and one does not."""
    weight, delay = model[0].weight.detach(), model[0].delay_steps()
    pairwise = (weight.sum(1) >= 1.0) & (weight < 1.0).all(1)
    say = torch.where(pairwise, model[2].weight.detach().diff(dim=0)[0].abs(), 0.0)
    best = int(say.argmax())
    return int(delay[best, 0] - delay[best, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mode", choices=("gauss", "linear"), default="gauss")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("runs/learned-delays"))
    options = parser.parse_args()
    torch.set_num_threads(1)  # the tensors are tiny
    train, valid, test = pairs(512, 0), pairs(256, 1), pairs(1024, 2)
    # narrow bells at the end, then whole delays: what is trained is what runs
    config = snn.train.TrainConfig(
        epochs=options.epochs,
        batch_size=32,
        lr=2e-2,
        delay_lr=0.3,
        sigma_end=0.05,
        rounded_epochs=options.epochs // 5,
    )
    for mode in (options.mode, "zero"):
        model = network(mode)
        before = model[0].delays().detach().clone()
        snn.train.fit(model, train, valid, config)
        accuracy = snn.train.evaluate(model, test).accuracy
        print(f"{mode:<6} delays: test accuracy {accuracy:.1%}")
        if mode != "zero":
            print(
                f"the neuron with the most say answers to: {learned_lag(model)} steps (in the data: +-{LAG})"
            )
            after = model[0].delays().detach()
            figure = snn.plot.delay_histogram({"in-hid1": (before * DT_MS, after * DT_MS)}, DT_MS)
            options.out.mkdir(parents=True, exist_ok=True)
            figure.savefig(options.out / "delays.png", dpi=150)
            print(f"figure: {options.out / 'delays.png'}")


if __name__ == "__main__":
    main()
