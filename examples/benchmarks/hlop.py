"""Time of training with Hebbian orthogonal projection over that without, at the subspace sizes of ten tasks.

    python examples/benchmarks/hlop.py [--steps 6] [--ranks published] [--repeat 5] [--json FILE]

Permuted-MNIST's network, 784-800-800-10 without biases, batch 64, the pixels as constant currents, SGD with rate
0.1, surrogate gradients through time. The subspaces have the published sizes of each of the ten tasks
("published"), or a tenth of them ("tenth"). One step of the optimiser each with and without, interleaved, CPU
seconds on one thread; a task's time is the median over `--repeat` rounds, and the ratio that of the means over the
ten tasks. Pixels are drawn with the shares of MNIST's (81 % background), not read; rows are random.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from snn.continual import OrthogonalProjection
from snn.nn import LIF, Linear, Sequential
from snn.train import TrainConfig, methods

BATCH = 64
FIRST, MORE = (80, 200, 100), (70, 70, 70, 50, 50, 50, 30, 30, 30, 10)[1:]
"""Published rows of the three layers for the first task, and of each of them for every later one."""


def network() -> Sequential:
    """The published network; the neuron is the authors'."""
    torch.manual_seed(0)
    neuron = {"decay_input": False, "reset": "soft", "detach_reset": True, "surrogate_alpha": 4.0}
    return Sequential(
        Linear(784, 800), LIF(2.0, **neuron), Linear(800, 800), LIF(2.0, **neuron), Linear(800, 10)
    )


def published_ranks(share: float) -> list[list[int]]:
    """Rows of each layer for each task, at a share of what was published."""
    return [[max(1, round(share * rows)) for rows in (first, *MORE)] for first in FIRST]


def batch(steps: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pixels as constant currents [T, B, 784], lengths and labels."""
    torch.manual_seed(1)
    ink = torch.rand(BATCH, 784) < 0.19
    pixels = (torch.where(ink, torch.rand(BATCH, 784), 0.0) - 0.1307) / 0.3081
    return pixels.repeat(steps, 1, 1), torch.full((BATCH,), steps), torch.randint(0, 10, (BATCH,))


class Trainer:
    """One step of the optimiser after another, with or without projection."""

    def __init__(self, config: TrainConfig, ranks: list[list[int]] | None) -> None:
        self.config, self.model = config, network()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        names = [f"layers.{i}" for i in (0, 2, 4)]
        self.projection = (
            None if ranks is None else OrthogonalProjection(self.model, dict(zip(names, ranks, strict=True)))
        )

    def step(self, given: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> float:
        """Take one; give its CPU seconds."""
        before = time.process_time()
        self.optimizer.zero_grad(set_to_none=True)
        methods.backward(self.model, *given, self.config)
        if self.projection is not None:
            self.projection(self.model)
        self.optimizer.step()
        return time.process_time() - before


def measure(steps: int, share: float, repeat: int) -> dict[str, Any]:
    """Time ten tasks."""
    ranks, given = published_ranks(share), batch(steps)
    config = TrainConfig(
        optimizer="sgd", lr=0.1, momentum=0.0, weight_decay=0.0, loss="mean_cross_entropy", batch_size=BATCH
    )
    plain, hlop = Trainer(config, None), Trainer(config, ranks)
    assert hlop.projection is not None
    seconds: list[tuple[float, float]] = []
    for _ in ranks[0]:
        for trainer in (plain, hlop):
            trainer.step(given)  # warm up
        rounds = [(plain.step(given), hlop.step(given)) for _ in range(repeat)]
        seconds.append(tuple(statistics.median(times) for times in zip(*rounds, strict=True)))  # type: ignore[arg-type]
        hlop.projection.finish_task()
    plain_s, hlop_s = (statistics.mean(times) for times in zip(*seconds, strict=True))
    return {
        "steps": steps,
        "plain_s": plain_s,
        "hlop_s": hlop_s,
        "ratio": hlop_s / plain_s,
        "ranks": ranks,
        "per_task": [later / first for first, later in seconds],
        "lateral_weights": sum(
            len(layer.subspace.rows) * layer.subspace.n for layer in hlop.projection.layers.values()
        ),
        "network_weights": sum(p.numel() for p in hlop.model.parameters()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--ranks", choices=("published", "tenth"), default="published")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(args.steps, 1.0 if args.ranks == "published" else 0.1, args.repeat)
    text = json.dumps(found, indent=2)
    if args.json is not None:
        args.json.write_text(text + "\n")
    print(text if args.json is None else f"ratio {found['ratio']:.2f}")


if __name__ == "__main__":
    main()
