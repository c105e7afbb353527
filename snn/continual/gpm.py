"""Gradient projection memory: weights change only where earlier tasks had no input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor

from snn.continual.learner import Learner
from snn.continual.presynaptic import vectors, width
from snn.continual.samples import together
from snn.continual.tasks import Task
from snn.core.checks import number, refusal, whole
from snn.nn import Conv2d, DelayedLayer, Layer, Linear
from snn.train import prepare
from snn.train.config import TrainConfig
from snn.train.data_loaders import GivenBatch

__all__ = ["GradientProjectionMemory", "grown_basis", "input_moments"]


class GradientProjectionMemory(Learner):
    """Keep a basis of each layer's inputs, grown after every task by singular value decomposition, and project.

    Inputs are those of all steps: a weight's gradient is a sum over steps, too. Biases of these layers rest from
    the second task on. Source: Saha, Garg and Roy, "Gradient Projection Memory for Continual Learning", 2021.
    """

    def __init__(
        self,
        threshold: float | Mapping[str, float] = 0.95,
        samples: int = 300,
        layers: Sequence[str] | None = None,
        seed: int = 0,
    ) -> None:
        """Set up.

        Args:
            threshold: Share of the inputs' squared norm that the basis is to hold, in (0, 1]; or one by layer.
            samples: Training samples of a task whose inputs are looked at, >= 1.
            layers: Names of the layers (`model.named_modules()`); None: all that are Linear or Conv2d.
            seed: Decides which samples.

        Raises:
            ValueError: A value is out of its range.
        """
        given = {"": threshold} if not isinstance(threshold, Mapping) else threshold
        self.threshold = {name: number("threshold", value, above=0, high=1) for name, value in given.items()}
        self.samples, self.seed = whole("samples", samples, low=1), whole("seed", seed, low=0)
        self.layers = None if layers is None else tuple(layers)

    def start(self, model: Layer, config: TrainConfig) -> None:
        """Find the layers, and begin without bases.

        Raises:
            ValueError: There is no such layer, one has no threshold, or training does not keep to a projection.
        """
        super().start(model, config)
        check_keeps_projection(config)
        able = {name: part for name, part in model.named_modules() if isinstance(part, Linear | Conv2d)}
        if self.layers is None and any(isinstance(part, DelayedLayer) for part in model.modules()):
            raise refusal("layers", "given for a model with delays, whose weights are not projected", None)
        names = tuple(able) if self.layers is None else self.layers
        for name in names:
            if name not in able:
                raise refusal("layers", f"of {', '.join(map(repr, able))}", name)
            if "" not in self.threshold and name not in self.threshold:
                raise refusal("threshold", f"given for layer {name!r} too", list(self.threshold))
            if getattr(able[name], "groups", 1) > 1:
                raise refusal(f"groups of layer {name!r}", "1 to be projected", able[name].groups)
        self._found: dict[str, Linear | Conv2d] = {name: able[name] for name in names}
        self._basis: dict[str, Tensor] = {}

    @torch.no_grad()
    def __call__(self, seen: Layer) -> None:
        """Take from every weight's gradient what lies in the span of the inputs of earlier tasks."""
        for name, basis in self._basis.items():
            layer = self._found[name]
            if layer.weight.grad is not None:
                rows = layer.weight.grad.flatten(1)
                layer.weight.grad -= (rows @ basis @ basis.T).view_as(layer.weight)
            if layer.bias is not None:
                layer.bias.grad = None

    def finish_task(self, seen: Layer, task: Task, config: TrainConfig) -> None:
        """Grow the bases by what the inputs of this task have beside them."""
        for name, moments in input_moments(seen, self._found, task, self.samples, self.seed).items():
            share = self.threshold.get(name, self.threshold.get("", 0.0))
            before = self._basis.get(name, moments.new_zeros(len(moments), 0)).to(moments)
            self._basis[name] = grown_basis(before, moments, share).to(self._found[name].weight)

    @property
    def kept(self) -> int:
        """Numbers of all bases."""
        return sum(basis.numel() for basis in self._basis.values())

    def describe(self) -> dict[str, Any]:
        """Give its settings."""
        layers = None if self.layers is None else list(self.layers)
        return {"threshold": self.threshold, "samples": self.samples, "layers": layers, "seed": self.seed}

    def state_dict(self) -> dict[str, Any]:
        """Give the bases."""
        return {"basis": self._basis}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the bases back."""
        self._basis = {name: basis.to(self._found[name].weight) for name, basis in state["basis"].items()}


def check_keeps_projection(config: TrainConfig) -> None:
    """Refuse what moves weights otherwise than along their gradients.

    Raises:
        ValueError: The optimiser is Adam, or weights decay.
    """
    if config.optimizer != "sgd":
        raise refusal("optimizer", "'sgd' to keep to a projection: Adam scales it away", config.optimizer)
    if config.weight_decay:
        raise refusal("weight_decay", "0 to keep to a projection", config.weight_decay)


def grown_basis(basis: Tensor, moments: Tensor, share: float) -> Tensor:
    """Add the fewest directions to a basis so that it holds a share of the squared norm of inputs.

    Args:
        basis: Orthonormal columns, [N, R].
        moments: Sum of x x' over the inputs, [N, N].
        share: What the basis is to hold, in (0, 1].

    Returns:
        The basis and, after it, the leading directions of what it left of the inputs, [N, R + K].
    """
    total = moments.trace()
    rest = moments - basis @ (basis.T @ moments)
    rest = rest - (rest @ basis) @ basis.T
    values, directions = torch.linalg.eigh(
        (rest + rest.T) / 2
    )  # squares of the singular values of what is left
    values, directions = values.flip(0).clamp(min=0), directions.flip(1)
    held = total - rest.trace() + torch.cat([values.new_zeros(1), values.cumsum(0)])
    enough = held >= share * total * (1 - 1e-12)
    added = int(enough.to(torch.uint8).argmax()) if bool(enough.any()) else len(values)
    most = len(basis) - basis.shape[1]
    return torch.cat([basis, directions[:, : min(added, most)]], 1)


@torch.no_grad()
def input_moments(
    model: Layer, layers: Mapping[str, Linear | Conv2d], task: Task, samples: int, seed: int = 0
) -> dict[str, Tensor]:
    """Give the sum of x x' over what comes into layers in valid steps, [N, N], in float64, by name.

    Args:
        model: The model, run in evaluation mode.
        layers: The layers; into a convolution come patches.
        task: Whose training samples.
        samples: How many of them, at most.
        seed: Decides which.
    """
    found = {
        name: torch.zeros(width(layer), width(layer), dtype=torch.float64) for name, layer in layers.items()
    }
    lengths = torch.zeros(0)

    def look(name: str, layer: Linear | Conv2d) -> Any:
        def hook(_: Any, inputs: tuple[Any, ...]) -> None:
            x = inputs[0]
            valid = torch.arange(len(x), device=x.device)[:, None] < lengths
            met = vectors(layer, x[valid]).to(torch.float64)
            found[name] += (met.T @ met).cpu()

        return hook

    model.eval()
    with ExitStack() as stack:
        for name, layer in layers.items():
            stack.callback(layer.register_forward_pre_hook(look(name, layer)).remove)
        left = samples
        for batch in task.train.batches(min(64, samples), seed=seed):
            some = together([GivenBatch(batch.x, batch.lengths, batch.label)])
            kept = GivenBatch(some.x[:, :left], some.lengths[:left], some.label[:left])
            x, lengths, _ = prepare(kept, model)
            model(x, None, lengths)
            left -= len(kept.lengths)
            if left <= 0:
                break
    return found
