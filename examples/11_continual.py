"""Learn permuted digits, task after task, without forgetting: Hebbian orthogonal projection beside other ways.

    python examples/11_continual.py [--tasks 5] [--epochs 5] [--learners none hlop gpm ewc replay joint] [--seed 0]

The images are the 1 797 digits of 8 x 8 pixels that come with scikit-learn; every task has the pixels in another
order. A spiking net of two hidden layers learns one task after the other by gradient descent through time.
Printed are average accuracy and backward transfer (below 0: what was lost of tasks before, in points), the numbers
that the learner keeps beside the net, and the CPU time of a task. `snn train continual` does it with MNIST.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

from snn.continual import (
    ElasticWeights,
    GradientProjectionMemory,
    HebbianProjection,
    Joint,
    Learner,
    Replay,
    permuted,
    run_tasks,
    scores,
)
from snn.datasets import ImageSet, hold_out
from snn.nn import LIF, Flatten, Linear, Sequential
from snn.plot import accuracy_matrix
from snn.train import TrainConfig

NAMES = ("none", "hlop", "gpm", "ewc", "replay", "joint")
STEPS, HIDDEN = 6, 200
ROWS = {"layers.1": (20, 8), "layers.3": (40, 20), "layers.5": (40, 20)}
"""Of the subspaces: in the first task, in each later one."""
RATES = {"layers.1": 0.01, "layers.3": 0.003, "layers.5": 0.003}
"""Of the Hebbian rule, whose speed goes as the squared length of a layer's input."""


def learner(name: str, tasks: int) -> Learner:
    """What is done against forgetting."""
    if name == "hlop":
        return HebbianProjection(
            {k: [first] + [later] * (tasks - 1) for k, (first, later) in ROWS.items()}, lr=RATES
        )
    return {
        "none": Learner(),
        "gpm": GradientProjectionMemory(0.9),
        "ewc": ElasticWeights(100.0),
        "replay": Replay(per_class=10),
        "joint": Joint(),
    }[name]


def digits(seed: int) -> tuple[ImageSet, ImageSet, ImageSet]:
    """Training, validation and test images, normalised."""
    found = load_digits()
    pixels = np.minimum(16 * found.images, 255).astype(np.uint8)[:, None]
    norm = {"mean": round(pixels.mean() / 255, 4), "deviation": round(pixels.std() / 255, 4)}
    whole = ImageSet("digits of scikit-learn", pixels, found.target, tuple("0123456789"), STEPS, **norm)
    rest, test = map(whole.subset, hold_out(whole.labels, 0.2, seed))
    train, valid = map(rest.subset, hold_out(rest.labels, 0.1, seed))
    return train, valid, test


def net(seed: int) -> Sequential:
    """A net without biases, of the neuron of Xiao et al., 2024."""
    torch.manual_seed(seed)
    neuron = {
        "tau": 2.0,
        "decay_input": False,
        "reset": "soft",
        "surrogate": "sigmoid",
        "surrogate_alpha": 4.0,
    }
    first, second = (LIF(**neuron, detach_reset=True) for _ in range(2))
    return Sequential(
        Flatten(), Linear(64, HIDDEN), first, Linear(HIDDEN, HIDDEN), second, Linear(HIDDEN, 10)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--learners", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/continual_digits"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    plain = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "lr": 0.1}
    how = {"epochs": options.epochs, "batch_size": 32, "min_batch": 1, "loss": "mean_cross_entropy"}
    config = TrainConfig(**how, **plain, seed=options.seed)
    sets = digits(options.seed)
    tasks = permuted(*sets, options.tasks, seed=options.seed)
    print(f"{sets[0].name}: {len(tasks)} tasks of {len(sets[0])} training images")
    print("           accuracy  backward transfer   numbers kept   a task")
    for name in options.learners:
        matrix = run_tasks(net(options.seed), tasks, config, learner(name, options.tasks))
        acc, bwt, _ = scores(matrix)
        transfer = "" if bwt is None else f"{100 * bwt:+.2f}"
        seconds = np.mean(matrix.seconds)
        print(
            f"{name:10s} {100 * acc:7.2f}% {transfer:>18s} {matrix.kept[-1]:14,d} {seconds:6.1f} s",
            flush=True,
        )
        title = f"{name}: {100 * acc:.1f} %"
        accuracy_matrix(matrix.values, title=title).savefig(options.out / f"{name}.png", dpi=150)


if __name__ == "__main__":
    main()
