"""Networks trained in SpikingJelly and snnTorch: converted, run by events, costed.

    python examples/13_interchange.py [--epochs 6] [--out runs/interchange]

Digits of scikit-learn (8 x 8 pixels; a brighter pixel spikes more often) train a small convolutional network in
each of the two packages. As layers of ours it spikes as there, in every step of every test sample, and so does the
event engine; what it would cost on Loihi is counted from that run. Without snnTorch its half is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import snn
from snn.interop import snntorch, spikingjelly

T = 12
Net = Callable[[torch.Tensor], torch.Tensor]
"""Gives the spikes of the outputs [T, B, 10] for those of the pixels [T, B, 1, 8, 8]."""


def digits() -> tuple[torch.Tensor, np.ndarray]:
    """Spikes [T, B, 1, 8, 8], evenly spread over time, and the digits [B]."""
    images, labels = load_digits(return_X_y=True)
    step = np.arange(T + 1)[:, None, None] * images / 16
    return torch.from_numpy(np.diff(np.floor(step), axis=0)).float().reshape(T, -1, 1, 8, 8), labels


def in_spikingjelly() -> tuple[list[nn.Module], Net, Callable[..., snn.nn.Sequential]]:
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    lif = [neuron.LIFNode(2.0, surrogate_function=surrogate.ATan(), detach_reset=True) for _ in range(2)]
    body = [layer.Conv2d(1, 12, 3, padding=1, bias=False), layer.BatchNorm2d(12), lif[0], layer.AvgPool2d(2)]
    net = nn.Sequential(*body, layer.Flatten(), layer.Linear(12 * 16, 10), lif[1])
    functional.set_step_mode(net, "m")

    def run(x: torch.Tensor) -> torch.Tensor:
        functional.reset_net(net)
        return net(x)

    return [net], run, spikingjelly.convert


def in_snntorch() -> tuple[list[nn.Module], Net, Callable[..., snn.nn.Sequential]]:
    import snntorch as other

    conv, pool, fc = nn.Conv2d(1, 12, 3, padding=1), nn.AvgPool2d(2), nn.Linear(12 * 16, 10)
    first, second = other.Leaky(beta=0.8), other.Leaky(beta=0.8)

    def run(x: torch.Tensor) -> torch.Tensor:
        v1, v2, out = first.init_leaky(), second.init_leaky(), []
        for step in x:
            z, v1 = first(conv(step), v1.to(x))
            z, v2 = second(fc(pool(z.to(x)).flatten(1)), v2.to(x))
            out.append(z.to(x))
        return torch.stack(out)

    return [conv, first, pool, nn.Flatten(), fc, second], run, snntorch.convert


def train(parts: list[nn.Module], run: Net, x: torch.Tensor, labels: np.ndarray, epochs: int) -> None:
    """Train on the numbers of output spikes; nothing here is ours."""
    adam = torch.optim.Adam([p for part in parts for p in part.parameters()], 5e-3)
    for _ in range(epochs):
        for chosen in torch.randperm(x.shape[1]).split(64):
            adam.zero_grad()
            spikes = run(x[:, chosen]).sum(0)
            nn.functional.cross_entropy(spikes, torch.from_numpy(labels)[chosen]).backward()
            adam.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("runs/interchange"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    x, labels = digits()
    tools = {"SpikingJelly": in_spikingjelly}
    if importlib.util.find_spec("snntorch") is not None:
        tools["snnTorch"] = in_snntorch
    for name, build in tools.items():
        torch.manual_seed(0)
        parts, run, convert = build()
        train(parts, run, x[:, :1200], labels[:1200], options.epochs)
        test, digit = x[:, 1200:].double(), labels[1200:]
        for part in parts:
            part.eval().double()
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # snnTorch has a word on its types
            theirs = run(test).numpy()
        model = convert(parts)  # layers of ours
        with torch.no_grad():
            ours = model(test)[0].numpy()
        net = snn.nn.to_network(model, dt_ms=1.0, shape=(1, 8, 8))  # by events
        z = test.flatten(2).numpy().astype(np.int64)
        rec = snn.simulate(net, {"in": snn.Raster(z, snn.TimeGrid(T, 1.0)).to_events()})
        events = rec.spikes["out"].to_raster().z
        for what, found in (("layers", ours), ("events", events)):
            steps = (found != theirs).any(2).sum()
            same = (found.sum(0).argmax(1) == theirs.sum(0).argmax(1)).sum()
            print(f"{name}, {what}: {steps} of {T * len(digit)} steps differ, {same} of {len(digit)} alike")
        right = (events.sum(0).argmax(1) == digit).mean()
        cost = snn.hardware.estimate(snn.hardware.count(rec, net), "loihi1").total_pj / len(digit) / 1e6
        print(f"{name}: test accuracy {right:.1%}, {cost:.3f} µJ a digit on Loihi")
        net.save(options.out / f"{name}.h5")


if __name__ == "__main__":
    main()
