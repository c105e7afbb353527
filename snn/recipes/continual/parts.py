"""The parts of a run over tasks: the stream, the network, the learner, the figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from snn import continual, nn
from snn.datasets import ImageSet
from snn.plot import accuracy_curves, accuracy_matrix
from snn.recipes.continual.config import ContinualConfig
from snn.recipes.pictures import write
from snn.recipes.vision import pooled_plan
from snn.train.initial_weights import load_initial_weights

__all__ = ["begin_with", "build_model", "draw", "learner", "ranks_of", "tasks"]

NEURON: dict[str, Any] = {
    "tau": 2.0,
    "decay_input": False,
    "reset": "soft",
    "detach_reset": True,
    "surrogate": "sigmoid",
    "surrogate_alpha": 4.0,
}
"""The neuron of Xiao et al., 2024, for gradients through surrogates: arguments of `LIF`."""

FIRST_MLP, LATER_MLP = (80, 200, 100), (70, 70, 50, 50, 50, 30, 30, 30, 10)
"""Published rows of the subspaces of a 784-800-800-10: of the first task by layer, of later ones in each layer."""
FIRST_CONV, LATER_CONV = (6, 100, 200), (2, 20, 40)
"""Published rows of the three convolutions of a net for CIFAR-100: first task, and each later one."""
FIRST_HEAD, LATER_HEAD = 100, 20
"""Rows of the head of a convolutional net where tasks share it, for which nothing was published."""


def tasks(config: ContinualConfig, sets: tuple[ImageSet, ImageSet, ImageSet]) -> list[continual.Task]:
    """Make the tasks of a stream."""
    if config.stream == "permuted":
        return continual.permuted(*sets, config.tasks, scenario=config.scenario, seed=config.train.seed)
    make = continual.split if config.stream == "split" else continual.rotated
    return make(*sets, config.tasks, scenario=config.scenario)


def build_model(config: ContinualConfig, shape: tuple[int, ...], n_out: int) -> nn.Sequential:
    """Build the network without biases: images flattened, or convolutions with BatchNorm and average pooling.

    Raises:
        ValueError: The image is too small for so many poolings.
    """
    with torch.random.fork_rng():
        torch.manual_seed(config.train.seed)
        layers: list[nn.Layer] = []
        if config.model == "mlp":
            layers, before = [nn.Flatten()], int(torch.tensor(shape).prod())
            for size in config.hidden:
                layers += [nn.Linear(before, size), nn.LIF(**NEURON)]
                before = size
            return nn.Sequential(*layers, nn.Linear(before, n_out), nn.LeakyReadout(1.0))
        plan, features = pooled_plan(shape, config.channels)
        body = nn.vgg(
            plan,
            shape[0],
            n_out,
            features=features,
            bias=False,
            head_bias=False,
            neurons=lambda: nn.LIF(**NEURON),
        )
        return nn.Sequential(*body, nn.LeakyReadout(1.0))


def begin_with(init: Any, model: nn.Sequential, out: Path) -> None:
    """Give a model the weights of a file, unless its run has some of its own already."""
    if not (out / "checkpoint" / "tasks.safetensors").is_file():
        load_initial_weights(init, model)


def learner(config: ContinualConfig, model: nn.Sequential) -> continual.Learner:
    """Make what is done against forgetting.

    Heads of tasks that have outputs of their own are not projected: no other task changes them.
    """
    names = [name for name, part in model.named_modules() if isinstance(part, nn.Linear | nn.Conv2d)]
    layers = names[:-1] if config.scenario == "task" else names
    seed = config.train.seed
    if config.learner == "joint":
        return continual.Joint()
    if config.learner == "ewc":
        return continual.ElasticWeights(config.ewc_strength, seed=seed)
    if config.learner == "gpm":
        return continual.GradientProjectionMemory(config.gpm_share, layers=layers, seed=seed)
    if config.learner == "replay":
        return continual.Replay(config.per_class, seed=seed)
    if config.learner == "none":
        return continual.Learner()
    rates = {name: config.hebbian_lr if i else config.hebbian_lr / 10 for i, name in enumerate(layers)}
    hlop = continual.HebbianProjection(
        ranks_of(config, model, layers),
        layers=layers,
        lr=rates,
        lateral=config.lateral,
        feed=config.feed,
        seed=seed,
    )
    return hlop if config.learner == "hlop" else continual.Replay(config.per_class, beside=hlop, seed=seed)


def ranks_of(
    config: ContinualConfig, model: nn.Sequential, layers: Sequence[str]
) -> float | dict[str, list[int]]:
    """Give the rows of each layer's subspace by task, no more than its inputs; or the share that decides them."""
    if config.ranks not in ("published", "tenth"):
        return float(config.ranks)
    lists = {}
    for i, name in enumerate(layers):
        if config.model == "mlp":
            rows = [FIRST_MLP[min(i, len(FIRST_MLP) - 1)], *LATER_MLP]
            rows += [LATER_MLP[-1]] * (config.tasks - len(rows))
        else:
            last = i == len(config.channels)
            first, later = (
                (FIRST_HEAD, LATER_HEAD) if last else (FIRST_CONV[min(i, 2)], LATER_CONV[min(i, 2)])
            )
            rows = [first] + [later] * (config.tasks - 1)
        weight: Any = model.get_submodule(name).weight
        width = int(weight[0].numel())
        share = 10 if config.ranks == "tenth" else 1
        totals = [min(round(sum(rows[: k + 1]) / share), width) for k in range(config.tasks)]
        lists[name] = [after - before for before, after in zip([0, *totals], totals, strict=False)]
    return lists


def draw(folder: Path, matrix: continual.AccuracyMatrix, found: continual.ContinualScores) -> None:
    """Draw matrix.png and accuracy.png."""
    title = f"average accuracy {found.acc:.1%}"
    if found.bwt is not None:
        title += f", backward transfer {100 * found.bwt:+.1f}"
    write(accuracy_matrix(matrix.values, title=title), folder / "matrix.png")
    write(accuracy_curves(matrix.values), folder / "accuracy.png")
