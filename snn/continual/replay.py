"""Replay: some samples of every earlier task are learned again beside the new ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from snn.continual.learner import Learner
from snn.continual.samples import Samples, collect, together
from snn.continual.tasks import Task, TaskHead
from snn.core.checks import instance, number, whole
from snn.nn import Layer
from snn.train import backward, prepare
from snn.train.config import TrainConfig
from snn.train.data_loaders import GivenBatch

__all__ = ["Replay"]


class Replay(Learner):
    """Keep so many samples of every class of a task, and mix the gradient of a batch of them into every step.

    Beside another learner, such as `HebbianProjection`, that learner changes the gradient of the new samples; that
    of the old ones is added as it is. Samples go through the head of their own task.
    """

    def __init__(
        self, per_class: int = 50, share: float = 0.5, beside: Learner | None = None, seed: int = 0
    ) -> None:
        """Set up.

        Args:
            per_class: Training samples to keep of every class of a task, >= 1.
            share: Share of the old samples in the gradient, in [0, 1]; the new ones have the rest.
            beside: Another learner, which works on the gradients of the new samples; None: none.
            seed: Decides which samples are kept, and which of them stand in a batch, >= 0.

        Raises:
            ValueError: A value is out of its range.
        """
        self.per_class = whole("per_class", per_class, low=1)
        self.share = number("share", share, low=0, high=1)
        self.beside = Learner() if beside is None else instance("beside", beside, Learner)
        self.seed = whole("seed", seed, low=0)

    def start(self, model: Layer, config: TrainConfig) -> None:
        """Begin without samples."""
        super().start(model, config)
        self.beside.start(model, config)
        self._config = config
        self._memory: list[Samples] = []
        self._heads: list[tuple[int, ...] | None] = []
        self._drawn = 0

    def check(self, seen: Layer, config: TrainConfig) -> None:
        """Let the other learner look."""
        self.beside.check(seen, config)

    def __call__(self, seen: Layer) -> None:
        """Let the other learner change the gradients, then mix in those of a batch of old samples."""
        self.beside(seen)
        if not self._memory:
            return
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad *= 1 - self.share
        with self.beside.paused():
            for head, batch, part in self._draw():
                through = self.model if head is None else TaskHead(self.model, head)
                backward(through, *prepare(batch, through), self._config, self.share * part)

    def _draw(self) -> list[tuple[tuple[int, ...] | None, GivenBatch, float]]:
        """Draw a batch from all that is kept, and give it by heads: head, samples, and their share of it."""
        sizes = [len(samples) for samples in self._memory]
        size = min(self._config.batch_size, sum(sizes))
        rng = np.random.default_rng((self.seed, self._drawn))
        self._drawn += 1
        chosen = np.sort(rng.choice(sum(sizes), size, replace=False))
        starts = np.cumsum([0, *sizes])
        by_head: dict[tuple[int, ...] | None, list[GivenBatch]] = {}
        for samples, head, start, end in zip(self._memory, self._heads, starts, starts[1:], strict=False):
            own = chosen[(chosen >= start) & (chosen < end)] - start
            if len(own):
                some = samples.subset(own)
                by_head.setdefault(head, []).append(GivenBatch(some.x, some.lengths, some.label))
        batches = {head: together(parts) for head, parts in by_head.items()}
        return [(head, batch, len(batch.lengths) / size) for head, batch in batches.items()]

    def finish_task(self, seen: Layer, task: Task, config: TrainConfig) -> None:
        """Keep samples of the task."""
        self.beside.finish_task(seen, task, config)
        self._memory.append(collect(task.train, self.per_class, seed=(self.seed, len(self._memory))))
        self._heads.append(task.outputs)

    @property
    def kept(self) -> int:
        """Numbers of all inputs that are kept, and what the other learner keeps."""
        return sum(samples.x.numel() for samples in self._memory) + self.beside.kept

    def describe(self) -> dict[str, Any]:
        """Give its settings and those of the other learner."""
        beside = {"kind": type(self.beside).__name__, **self.beside.describe()}
        return {"per_class": self.per_class, "share": self.share, "seed": self.seed, "beside": beside}

    def state_dict(self) -> dict[str, Any]:
        """Give the samples, and the state of the other learner."""
        memory = [(samples.x, samples.lengths, samples.label) for samples in self._memory]
        return {
            "memory": memory,
            "heads": list(self._heads),
            "drawn": self._drawn,
            "beside": self.beside.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the samples back."""
        self._memory = [Samples(*parts) for parts in state["memory"]]
        self._heads, self._drawn = list(state["heads"]), whole("drawn", state["drawn"], low=0)
        self.beside.load_state_dict(state["beside"])
