"""Variations of spike trains for training: other voices, other speeds, lost spikes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snn.core import Events
from snn.datasets.spike_set import Batch, SpikeSet

__all__ = ["Augment", "Augmented"]


@dataclass(frozen=True, slots=True)
class Augment:
    """Say how far samples may be varied; each draws its own values, uniformly.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    shift_units: int = 0
    """All spikes of a sample move by up to this many units up or down; those moved off the edge are lost."""
    stretch: float = 0.0
    """Times are scaled by 1 - stretch to 1 + stretch, in [0, 1)."""
    drop: float = 0.0
    """Up to this share of a sample's spikes is lost, in [0, 1)."""

    def __post_init__(self) -> None:
        if (
            isinstance(self.shift_units, bool)
            or not isinstance(self.shift_units, int)
            or self.shift_units < 0
        ):
            raise ValueError(f"shift_units must be a whole number >= 0, got {self.shift_units!r}")
        for name in ("stretch", "drop"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)!r}")

    def __bool__(self) -> bool:
        """Tell whether anything is varied."""
        return bool(self.shift_units or self.stretch or self.drop)

    def __call__(self, events: Events, rng: np.random.Generator) -> Events:
        """Vary every sample of on-grid events; each has at least one step left."""
        batch = len(events)
        shift = rng.integers(-self.shift_units, self.shift_units + 1, batch)
        scale = rng.uniform(1 - self.stretch, 1 + self.stretch, batch)
        lost = rng.uniform(0, self.drop, batch) if self.drop else np.zeros(batch)
        sample = events.sample
        # a spike lies anywhere in its step, and each is placed anew: steps fill evenly at any speed
        step = np.floor((events.step + rng.random(events.n_events)) * scale[sample]).astype(np.int64)
        unit = events.unit + shift[sample]
        kept = (unit >= 0) & (unit < events.n_units) & (rng.random(events.n_events) >= lost[sample])
        sample, step, unit = sample[kept], step[kept], unit[kept]
        order = np.lexsort((unit, step, sample))
        offsets = np.concatenate([[0], np.cumsum(np.bincount(sample, minlength=batch))])
        length = np.maximum(np.ceil(events.n_steps * scale), 1).astype(np.int64)
        return Events(step[order], unit[order], offsets, events.n_units, events.dt_ms, length)


class Augmented:
    """A training set whose batches are varied anew in every epoch, decided by the seed of the batches."""

    def __init__(self, base: SpikeSet, augment: Augment) -> None:
        """Vary `base` by `augment`."""
        self.base, self.augment = base, augment

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches as `SpikeSet.batches` does, varied."""
        rng = np.random.default_rng(None if seed is None else (*np.atleast_1d(seed).tolist(), 2))
        for batch in self.base.batches(batch_size, seed=seed, min_batch=min_batch):
            part = self.base.subset(batch.sample)
            varied = replace(part, events=self.augment(part.events, rng))
            yield next(varied.batches(len(part)))._replace(sample=batch.sample)
