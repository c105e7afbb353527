"""A network of rectifiers, trained in plain torch, down to one time step.

    python examples/benchmarks/torch_to_one_step.py --data MNIST [--train 8000] [--epochs 6] [--json FILE]

A convolutional network of torch.nn with BatchNorm is trained by a loop of torch. `snn.interop.pytorch.convert`
takes it as it is, `snn.train.convert` finds thresholds, `snn.train.reduce_steps` trains at 5, 3 and 1 steps.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from snn.datasets import ImageSet, images
from snn.interop import pytorch
from snn.nn import Layer
from snn.train import TrainConfig, convert, evaluate, reduce_steps

STEPS = (5, 3, 1)
LOSS = "mean_cross_entropy"


def network() -> nn.Sequential:
    """Convolutions, BatchNorm, rectifiers, average pooling: 1 x 28 x 28 to 10."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        nn.AvgPool2d(2),
        nn.Sequential(nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()),
        nn.AvgPool2d(2),
        nn.Sequential(nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def train_in_torch(net: nn.Module, train: ImageSet, epochs: int, seed: int) -> None:
    """Train without anything of ours but the batches."""
    adam = torch.optim.Adam(net.parameters(), 3e-3)
    for epoch in range(epochs):
        for batch in train.batches(64, seed=1000 * seed + epoch):
            adam.zero_grad()
            x, label = torch.from_numpy(batch.x[0]), torch.from_numpy(batch.label)
            nn.functional.cross_entropy(net(x), label).backward()
            adam.step()


@torch.no_grad()
def accuracy(net: nn.Module, test: ImageSet) -> float:
    """Test a network of torch."""
    right = sum(
        int((net(torch.from_numpy(batch.x[0])).argmax(1).numpy() == batch.label).sum())
        for batch in test.batches(256)
    )
    return right / len(test)


def measure(options: argparse.Namespace, seed: int) -> dict[str, float]:
    """Run the whole way once and give test accuracies."""
    torch.manual_seed(seed)
    train, valid, test = images(options.data, n_steps=1, max_train=options.train, seed=seed)
    test = test.subset(range(min(options.test, len(test))))
    net = network()
    train_in_torch(net, train, options.epochs, seed)
    net.eval()
    found = {"torch": accuracy(net, test)}

    def tested(model: Layer, steps: int) -> float:
        return evaluate(model, replace(test, n_steps=steps), loss=LOSS).accuracy

    model = pytorch.convert(net)
    found["as layers"] = tested(model, 1)
    seen = torch.from_numpy(next(train.batches(512, seed=seed)).x[0])
    spiking = convert(model, seen, steps=20)
    found |= {f"converted, {n} steps": tested(spiking, n) for n in STEPS}
    config = TrainConfig(options.epochs, 64, loss=LOSS, lr=1e-3, schedule="steps", seed=seed)
    for n in STEPS:
        epochs = options.last_epochs if n == 1 else options.epochs
        sets = replace(train, n_steps=n), replace(valid, n_steps=n)
        reduce_steps(spiking, lambda _, sets=sets: sets, replace(config, epochs=epochs), steps=[n])
        found[f"trained at {n}"] = tested(spiking, n)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True, help="a folder of images, see snn.datasets.sets.images")
    parser.add_argument("--train", type=int, default=8000, help="images to train, validation included")
    parser.add_argument("--test", type=int, default=10000, help="images to test, the first so many")
    parser.add_argument("--epochs", type=int, default=6, help="in torch, and at all steps but the last")
    parser.add_argument("--last-epochs", type=int, default=12, help="at one step")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runs = []
    for seed in range(options.seeds):
        runs.append(measure(options, seed))
        print(json.dumps(runs[-1]), flush=True)
    for name in runs[0]:
        values = [100 * run[name] for run in runs]
        spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
        print(f"{name:24s} {statistics.mean(values):6.2f}%{spread}")
    if options.json is not None:
        options.json.write_text(json.dumps(runs, indent=2) + "\n")


if __name__ == "__main__":
    main()
