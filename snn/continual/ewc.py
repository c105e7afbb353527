"""Elastic weight consolidation: weights that earlier tasks need are held by springs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from snn.continual.learner import Learner
from snn.continual.samples import together
from snn.continual.tasks import Task
from snn.core.checks import number, whole
from snn.nn import Layer
from snn.train import backward, prepare
from snn.train.config import TrainConfig
from snn.train.data_loaders import GivenBatch

__all__ = ["ElasticWeights", "diagonal_fisher"]


class ElasticWeights(Learner):
    """Add strength / 2 · sum over past tasks of F_i (w - w_i)² to the loss, by its gradient.

    F_i is the diagonal of the empirical Fisher information of task i at its end, w_i the weights then. The sum over
    tasks is itself one square, so that two numbers a weight are kept, however many tasks there are: sum F_i and
    sum F_i w_i. Weights of all kinds are held; the outputs of another task's head have no Fisher information.
    Source: Kirkpatrick et al., "Overcoming Catastrophic Forgetting in Neural Networks", 2017.
    """

    def __init__(self, strength: float = 100.0, samples: int = 500, seed: int = 0) -> None:
        """Set up.

        Args:
            strength: Weight of the penalty, >= 0. A step of plain gradient descent is stable where
                lr · strength · F < 2.
            samples: Training samples of a task that the Fisher information is a mean over, >= 1.
            seed: Decides which.

        Raises:
            ValueError: A value is out of its range.
        """
        self.strength = number("strength", strength, low=0)
        self.samples, self.seed = whole("samples", samples, low=1), whole("seed", seed, low=0)

    def start(self, model: Layer, config: TrainConfig) -> None:
        """Begin without springs."""
        super().start(model, config)
        self._fisher: dict[str, Tensor] = {}
        self._pull: dict[str, Tensor] = {}

    @torch.no_grad()
    def __call__(self, seen: Layer) -> None:
        """Add the gradient of the penalty: strength · (sum F_i w - sum F_i w_i)."""
        for name, parameter in self.model.named_parameters():
            if name in self._fisher and parameter.grad is not None:
                force = self._fisher[name] * parameter - self._pull[name]
                parameter.grad.add_(force, alpha=self.strength)

    def finish_task(self, seen: Layer, task: Task, config: TrainConfig) -> None:
        """Hold the weights where they are, by the Fisher information of the task."""
        fisher = diagonal_fisher(seen, task, config, self.samples, self.seed)
        named = {parameter: name for name, parameter in self.model.named_parameters()}
        for parameter, found in fisher.items():
            name, held = named[parameter], parameter.detach()
            self._fisher[name] = self._fisher.get(name, torch.zeros_like(held)) + found
            self._pull[name] = self._pull.get(name, torch.zeros_like(held)) + found * held

    @property
    def kept(self) -> int:
        """Two numbers for each weight."""
        return 2 * sum(part.numel() for part in self._fisher.values())

    def describe(self) -> dict[str, Any]:
        """Give its settings."""
        return {"strength": self.strength, "samples": self.samples, "seed": self.seed}

    def state_dict(self) -> dict[str, Any]:
        """Give the springs."""
        return {"fisher": self._fisher, "pull": self._pull}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the springs back."""
        held = dict(self.model.named_parameters())
        self._fisher, self._pull = (
            {name: part.to(held[name]) for name, part in state[key].items()} for key in ("fisher", "pull")
        )


def diagonal_fisher(
    model: Layer, task: Task, config: TrainConfig, samples: int, seed: int = 0
) -> dict[torch.nn.Parameter, Tensor]:
    """Give the mean over samples of the squared gradient of each one's loss: the empirical Fisher information.

    "Empirical": of the true labels, not of labels drawn from the model. Gradients are those of the config's method.

    Args:
        model: The model; its gradients are gone afterwards.
        task: Whose training samples.
        config: Names method and loss.
        samples: How many of them, at most.
        seed: Decides which.

    Returns:
        Values of the parameters' shapes, by parameter; those that do not learn are left out.
    """
    model.eval()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    fisher = {parameter: torch.zeros_like(parameter) for parameter in parameters}
    seen = 0
    for batch in task.train.batches(1, seed=seed):
        model.zero_grad(set_to_none=True)
        one = together([GivenBatch(batch.x, batch.lengths, batch.label)])
        backward(model, *prepare(one, model), config)
        for parameter in parameters:
            if parameter.grad is not None:
                fisher[parameter] += parameter.grad.square()
        seen += 1
        if seen == samples:
            break
    model.zero_grad(set_to_none=True)
    return {parameter: total / seen for parameter, total in fisher.items()}
