"""From a network without spikes to a spiking one that needs a single time step, on Fashion-MNIST.

    python examples/05_one_time_step.py [--data FOLDER] [--train 8000] [--epochs 8] [--last-epochs 24] [--paper]

A small VGG with rectifiers is trained and its BatchNorm folded; rectifiers become spiking neurons with thresholds
at the 90th percentile of their input; threshold and leak then learn with the weights at 5 steps, 3 and 1. Unless
--no-direct, the same net also learns at one step from random weights, for as many epochs as all of that together.
Energy is that of a digital core at 45 nm in 32 bits. --paper: average pooling, the loss of summed outputs and
Adam with amsgrad. Source: Chowdhury, Rathi and Roy, "One Timestep is All You Need" (IIR-SNN), 2021.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from snn.datasets import AugmentedImages, ImageAugment, ImageSet, images
from snn.hardware import count_steps, estimate
from snn.nn import LIF, Layer, ReLU, vgg
from snn.train import IIR_NEURON, TrainConfig, convert, evaluate, fit, fold_batch_norm, reduce_steps

STEPS = (5, 3, 1)
DIRECT = (("random weights", fold_batch_norm), ("random weights, BatchNorm", lambda net: net))


def network(neurons: Callable[[], Layer], pool: str, shape: tuple[int, ...], seed: int) -> Layer:
    torch.manual_seed(seed)
    plan, size = (16, pool, 32, pool, 64), shape[1] // 4
    return vgg(plan, shape[0], 10, features=size, bias=False, head_bias=False, neurons=neurons)


class Report:
    """Test a model at a number of steps, and keep a line of figures for it."""

    def __init__(self, test: ImageSet, counted: int, loss: str) -> None:
        self.test, self.loss, self.lines = test, loss, []
        self.still = torch.from_numpy(next(test.subset(range(counted)).batches(counted)).x[:1])
        print(f"{'':36s} steps  test accuracy  spikes a neuron  arithmetic   with memory")

    def add(self, name: str, model: Layer, steps: int) -> float:
        """Print and keep a line, and give the accuracy."""
        accuracy = evaluate(model, replace(self.test, n_steps=steps), loss=self.loss).accuracy
        ledger = count_steps(model, self.still.repeat(steps, 1, 1, 1, 1), inputs={"in": "real"}).ledger()
        cost = estimate(ledger, target="horowitz45_fp32")
        neurons = sum(row.n_post for row in ledger if row.updates_dense)
        spikes = sum(row.output_spikes for row in ledger) / ledger.samples / max(neurons, 1)
        compute, total = (pj / ledger.samples / 1e6 for pj in (cost.compute_pj, cost.total_pj))
        self.lines.append((name, 100 * accuracy, compute, total))
        print(
            f"{name:36s} {steps:5d} {100 * accuracy:13.2f}% {spikes:16.3f} {compute:8.3f} µJ {total:10.3f} µJ",
            flush=True,
        )
        return accuracy

    def picture(self, path: Path) -> None:
        """Draw the lines as bars."""
        import matplotlib.pyplot as plt

        names, accuracy, compute, total = zip(*self.lines, strict=True)
        _, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
        left.barh(names, accuracy, color="C0")
        left.set(xlabel="test accuracy, %", xlim=(max(0, min(accuracy) - 10), 100))
        right.barh(names, total, color="C7", label="with memory and routing")
        right.barh(names, compute, color="C1", label="arithmetic", height=0.4)
        right.set(xlabel="energy of an image, µJ")
        right.legend(frameon=False)
        left.invert_yaxis()
        plt.suptitle(f"{self.test.name}: fewer and fewer time steps")
        plt.savefig(path, dpi=150)
        print(f"figure: {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", help="a folder or zip of images, see snn.datasets.sets.images")
    parser.add_argument("--train", type=int, default=8000, help="images to train, validation included")
    parser.add_argument("--epochs", type=int, default=8, help="without spikes, and at all steps but the last")
    parser.add_argument("--last-epochs", type=int, default=24, help="at one step, which costs the least")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-direct", action="store_true", help="leave out training from random weights")
    parser.add_argument("--paper", action="store_true", help="average pooling, loss of the sum, amsgrad")
    parser.add_argument("--out", type=Path, default=Path("runs/one_time_step"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    train, valid, test = images(options.data, n_steps=1, max_train=options.train, seed=options.seed)
    print(f"{test.name}: {len(train)} images to train, {len(valid)} to validate")
    pool, loss = ("A", "sum_cross_entropy") if options.paper else ("M", "mean_cross_entropy")
    report = Report(test, counted=min(100, len(test)), loss=loss)
    config = TrainConfig(options.epochs, 64, min_batch=1, loss=loss, lr=3e-3, seed=options.seed)

    def shown(steps: int) -> tuple[AugmentedImages, ImageSet]:
        varied = AugmentedImages(replace(train, n_steps=steps), ImageAugment(1, mirror=True))
        return varied, replace(valid, n_steps=steps)

    ann = network(ReLU, pool, test.shape, options.seed)
    fit(ann, *shown(1), config)
    report.add("no spikes, BatchNorm folded", fold_batch_norm(ann), 1)
    seen = torch.from_numpy(next(train.batches(512, seed=options.seed)).x[0])
    spiking = convert(ann, seen, steps=20)
    report.add("converted, before training", spiking, STEPS[0])
    found, stage = [], replace(config, lr=1e-3, schedule="steps", amsgrad=options.paper)
    for n in STEPS:
        epochs = options.last_epochs if n == STEPS[-1] else options.epochs
        reduce_steps(spiking, shown, replace(stage, epochs=epochs), steps=[n])
        found.append(report.add(f"trained at {n}", spiking, n))
    print(f"from {STEPS[0]} steps to 1: {100 * (found[-1] - found[0]):+.2f} points")
    long = replace(config, epochs=len(STEPS) * options.epochs + options.last_epochs)
    for name, make in () if options.no_direct else DIRECT:
        direct = make(network(lambda: LIF(**IIR_NEURON), pool, test.shape, options.seed))
        fit(direct, *shown(1), long)
        report.add(f"one step, {name}", fold_batch_norm(direct), 1)
    report.picture(options.out / "one_time_step.png")


if __name__ == "__main__":
    main()
