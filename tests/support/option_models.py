"""Models drawn at random from all options of neurons that go together."""

from __future__ import annotations

import numpy as np
import torch

from snn.nn import LIF, BatchNorm, DelayLinear, LeakyReadout, Linear, RecurrentLIF, Sequential

INPUTS = 6


def random_neuron(rng: np.random.Generator, recurrent: bool) -> dict:
    """Draw options that go together."""
    reset = rng.choice(["hard", "soft", "hard_next_step"]).item()
    options = {
        "tau": float(rng.uniform(1.2, 6.0)),
        "decay_input": bool(rng.integers(2)),
        "v_th": float(rng.uniform(0.3, 0.8)),
        "v_reset": float(rng.choice([0.0, -0.2])),
        "reset": reset,
        "fires": rng.choice([">=", ">"]).item(),
    }
    if rng.random() < 0.5:
        options["v_leak"] = float(rng.uniform(-0.3, 0.2))
    if reset == "soft" and rng.random() < 0.6:
        options["reset_by"] = float(rng.uniform(0.2, 0.9))
    if rng.random() < 0.4:
        options["tau_syn"] = float(rng.uniform(1.0, 4.0))
    elif rng.random() < 0.5:
        options["syn_leak"] = {"exc": float(rng.uniform(0.1, 0.9)), "inh": float(rng.uniform(0.0, 0.8))}
        if recurrent:
            options["receptor"] = rng.choice(["exc", "inh"]).item()
    if reset != "hard_next_step" and rng.random() < 0.5:
        options |= {"adapt_by": float(rng.uniform(0.05, 0.4)), "tau_adapt": float(rng.uniform(1.0, 8.0))}
    if reset == "soft" and rng.random() < 0.5:
        options["spikes"] = "multiple"
    elif rng.random() < 0.5:
        options["t_ref"] = int(rng.integers(1, 4))
    return options


def random_model(rng: np.random.Generator) -> Sequential:
    """Draw two populations of neurons, and a readout or none."""
    layers, width = [], INPUTS
    for _ in range(2):
        size, recurrent = int(rng.integers(3, 7)), bool(rng.random() < 0.3)
        options = random_neuron(rng, recurrent)
        parts = len(options["syn_leak"]) if isinstance(options.get("syn_leak"), dict) else 1
        out = size * parts
        layers.append(
            DelayLinear(width, out, 4, "linear") if rng.random() < 0.4 else Linear(width, out, True)
        )
        if rng.random() < 0.4:
            layers.append(BatchNorm(out))
        layers.append(RecurrentLIF(size, 3, **options) if recurrent else LIF(**options))
        width = size
    if rng.random() < 0.5:
        layers += [Linear(width, 3), LeakyReadout(2.5, v_leak=0.1, tau_syn=2.0)]
    model = Sequential(*layers).double().eval()
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, Linear | DelayLinear):
                layer.weight.add_(0.1).mul_(2.5)
    return model
