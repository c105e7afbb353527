"""Variations of spike trains for training: other voices, other speeds, lost spikes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.core import Events
from snn.datasets.spike_set import Batch, SpikeSet

__all__ = ["AugmentedSpikes", "SpikeAugment"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SpikeAugment:
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
    blend: float = 0.0
    """Share of samples, in [0, 1], that keep half of their spikes and take half of another's, of the same class and
    speaker, moved in time until their middles meet. Source: Nowotny, Turner and Knight, 2022."""
    blend_speakers: bool = False
    """The other sample may be of any speaker."""

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
        if not 0 <= self.blend <= 1:
            raise ValueError(f"blend must be in [0, 1], got {self.blend!r}")

    def __bool__(self) -> bool:
        """Tell whether anything is varied."""
        return bool(self.shift_units or self.stretch or self.drop or self.blend)

    def __call__(self, events: Events, rng: np.random.Generator) -> Events:
        """Vary every sample of on-grid events by itself, unblended; each has at least one step left."""
        batch = len(events)
        shift = rng.integers(-self.shift_units, self.shift_units + 1, batch)
        scale = rng.uniform(1 - self.stretch, 1 + self.stretch, batch)
        lost = rng.uniform(0, self.drop, batch) if self.drop else np.zeros(batch)
        sample = events.sample
        # a spike lies anywhere in its step, and each is placed anew: steps fill evenly at any speed
        step = np.floor((events.step + rng.random(events.n_events)) * scale[sample]).astype(np.int64)
        unit = events.unit + shift[sample]
        kept = (unit >= 0) & (unit < events.n_units) & (rng.random(events.n_events) >= lost[sample])
        length = np.maximum(np.ceil(events.n_steps * scale), 1).astype(np.int64)
        return _events(sample[kept], step[kept], unit[kept], length, events)


def _events(sample: Ints, step: Ints, unit: Ints, length: Ints, like: Events) -> Events:
    """Sort spikes into samples of `length` steps each."""
    order = np.lexsort((unit, step, sample))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(sample, minlength=len(length)))])
    return Events(step[order], unit[order], offsets, like.n_units, like.dt_ms, length)


def _middles(events: Events) -> NDArray[np.float64]:
    """Give the mean step of each sample's spikes, [B]; 0 where there are none."""
    total = np.bincount(events.sample, events.step, len(events))
    return total / np.maximum(np.bincount(events.sample, minlength=len(events)), 1)


def _blended(first: Events, second: Events, chosen: NDArray[np.bool_], rng: np.random.Generator) -> Events:
    """Draw the spikes of `chosen` samples from two, half of each; the second moves until the mean steps agree."""
    by = np.rint(_middles(first) - _middles(second)).astype(np.int64)
    half = rng.random(first.n_events) < 0.5, rng.random(second.n_events) < 0.5
    step = second.step + by[second.sample]
    stays, joins = half[0] | ~chosen[first.sample], half[1] & chosen[second.sample] & (step >= 0)
    parts = [(first.sample, first.step, first.unit, stays), (second.sample, step, second.unit, joins)]
    sample, at, unit = (np.concatenate([part[k][part[3]] for part in parts]) for k in range(3))
    length = np.where(chosen, np.maximum(first.n_steps, second.n_steps + by), first.n_steps)
    return _events(sample, at, unit, length, first)


class AugmentedSpikes:
    """A training set whose batches are varied anew in every epoch, decided by the seed of the batches."""

    def __init__(self, base: SpikeSet, augment: SpikeAugment) -> None:
        """Vary `base` by `augment`."""
        self.base, self.augment = base, augment
        speakers = np.zeros_like(base.speakers) if augment.blend_speakers else base.speakers
        self._kind = np.unique(np.stack([base.labels, speakers]), axis=1, return_inverse=True)[1].reshape(-1)
        self._order = np.argsort(self._kind, kind="stable")

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches as `SpikeSet.batches` does, varied."""
        rng = np.random.default_rng(None if seed is None else (*np.atleast_1d(seed).tolist(), 2))
        for batch in self.base.batches(batch_size, seed=seed, min_batch=min_batch):
            part = self.base.subset(batch.sample)
            events = part.events
            if self.augment.blend:
                partners = self.base.events.select(self._partners(batch.sample, rng))
                events = _blended(events, partners, rng.random(len(part)) < self.augment.blend, rng)
            varied = replace(part, events=self.augment(events, rng))
            yield next(varied.batches(len(part)))._replace(sample=batch.sample)

    def _partners(self, index: Ints, rng: np.random.Generator) -> Ints:
        """Draw a sample of its kind for each."""
        # those of a kind lie side by side in `order`
        first, last = (
            np.searchsorted(self._kind[self._order], self._kind[index], side) for side in ("left", "right")
        )
        return self._order[rng.integers(first, last)]
