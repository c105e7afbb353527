"""Variations of spike trains for training: other voices, other speeds, lost spikes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snn.core import Events
from snn.core.arrays import BoolArray, Float64Array, Int64Array
from snn.core.checks import flag, number, refusal, shown, whole
from snn.datasets.samples import augment_rng
from snn.datasets.spike_set import Batch, SpikeSet

__all__ = ["AugmentedSpikes", "SpikeAugment"]

_MOST_SHIFT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class SpikeAugment:
    """Say how far samples may be varied; each draws its own values, uniformly.

    Attributes:
        shift_units: All spikes of a sample move by up to this many units up or down, 0 to 2^31 - 1; those moved
            off the edge are lost.
        stretch: Times are scaled by 1 - stretch to 1 + stretch, in [0, 1).
        drop: Up to this share of a sample's spikes is lost, in [0, 1).
        blend: Share of samples, in [0, 1], that keep half of their spikes and take half of another's, of the same
            class and speaker, moved in time until their middles meet. Source: Nowotny, Turner and Knight, 2022.
        blend_speakers: The other sample may be of any speaker.

    Raises:
        ValueError: A value is impossible; the message names the field.
    """

    shift_units: int = 0
    stretch: float = 0.0
    drop: float = 0.0
    blend: float = 0.0
    blend_speakers: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "shift_units", whole("shift_units", self.shift_units, low=0))
        if self.shift_units > _MOST_SHIFT:
            raise refusal("shift_units", f"at most {_MOST_SHIFT}", self.shift_units)
        for name in ("stretch", "drop"):
            object.__setattr__(self, name, number(name, getattr(self, name), low=0, below=1))
        object.__setattr__(self, "blend", number("blend", self.blend, low=0, high=1))
        object.__setattr__(self, "blend_speakers", flag("blend_speakers", self.blend_speakers))

    def __bool__(self) -> bool:
        """Tell whether anything is varied."""
        return bool(self.shift_units or self.stretch or self.drop or self.blend)

    def __call__(self, events: Events, rng: np.random.Generator) -> Events:
        """Vary every sample of on-grid events by itself, unblended; each keeps a step at least, if it had any."""
        batch = len(events)
        shift = rng.integers(-self.shift_units, self.shift_units + 1, batch)
        scale = rng.uniform(1 - self.stretch, 1 + self.stretch, batch)
        lost = rng.uniform(0, self.drop, batch) if self.drop else np.zeros(batch)
        sample = events.sample
        # a spike lies anywhere in its step, and each is placed anew: steps fill evenly at any speed
        step = np.floor((events.step + rng.random(events.n_events)) * scale[sample]).astype(np.int64)
        unit = events.unit + shift[sample]
        kept = (unit >= 0) & (unit < events.n_units) & (rng.random(events.n_events) >= lost[sample])
        length = np.maximum(np.ceil(events.n_steps * scale), events.n_steps > 0).astype(np.int64)
        step = np.minimum(step, length[sample] - 1)  # a place drawn just below the end may round onto it
        return _sorted_events(sample[kept], step[kept], unit[kept], length, events)


def _sorted_events(
    sample: Int64Array, step: Int64Array, unit: Int64Array, length: Int64Array, like: Events
) -> Events:
    """Sort spikes into samples of `length` steps each."""
    order = np.lexsort((unit, step, sample))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(sample, minlength=len(length)))])
    return Events(step[order], unit[order], offsets, like.n_units, like.dt_ms, length)


def _middles(events: Events) -> Float64Array:
    """Give the mean step of each sample's spikes, [B]; 0 where there are none."""
    total = np.bincount(events.sample, events.step, len(events))
    return total / np.maximum(np.bincount(events.sample, minlength=len(events)), 1)


def _blended(first: Events, second: Events, chosen: BoolArray, rng: np.random.Generator) -> Events:
    """Draw the spikes of `chosen` samples from two, half of each; the second moves until the mean steps agree."""
    shift = np.rint(_middles(first) - _middles(second)).astype(np.int64)
    half = rng.random(first.n_events) < 0.5, rng.random(second.n_events) < 0.5
    moved = second.step + shift[second.sample]
    stays, joins = half[0] | ~chosen[first.sample], half[1] & chosen[second.sample] & (moved >= 0)
    sample = np.concatenate([first.sample[stays], second.sample[joins]])
    step = np.concatenate([first.step[stays], moved[joins]])
    unit = np.concatenate([first.unit[stays], second.unit[joins]])
    length = np.where(chosen, np.maximum(first.n_steps, second.n_steps + shift), first.n_steps)
    return _sorted_events(sample, step, unit, length, first)


class AugmentedSpikes:
    """A training set whose batches are varied anew in every epoch, decided by the seed of the batches."""

    def __init__(self, base: SpikeSet, augment: SpikeAugment) -> None:
        """Vary `base` by `augment`.

        Raises:
            TypeError: One of them is of another kind.
        """
        if not isinstance(base, SpikeSet):
            raise TypeError(f"base must be a SpikeSet, got {shown(base)}")
        if not isinstance(augment, SpikeAugment):
            raise TypeError(f"augment must be a SpikeAugment, got {shown(augment)}")
        self.base, self.augment = base, augment
        speakers = np.zeros_like(base.speakers) if augment.blend_speakers else base.speakers
        self._kind = np.unique(np.stack([base.labels, speakers]), axis=1, return_inverse=True)[1].reshape(-1)
        self._order = np.argsort(self._kind, kind="stable")

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.base)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches as `SpikeSet.batches` does, varied."""
        rng = augment_rng(seed)
        for batch in self.base.batches(batch_size, seed=seed, min_batch=min_batch):
            part = self.base.subset(batch.sample)
            events = part.events
            if self.augment.blend:
                partners = self.base.events.select(self._partners(batch.sample, rng))
                chosen = rng.random(len(part)) < self.augment.blend
                chosen &= (events.n_steps > 0) & (partners.n_steps > 0)  # an empty sample stays empty
                events = _blended(events, partners, chosen, rng)
            varied = replace(part, events=self.augment(events, rng))
            yield next(varied.batches(len(part)))._replace(sample=batch.sample)

    def _partners(self, index: Int64Array, rng: np.random.Generator) -> Int64Array:
        """Draw for each sample a partner of its class and speaker, which may be itself."""
        # in `_order`, samples of one class and speaker lie side by side
        first, last = (
            np.searchsorted(self._kind[self._order], self._kind[index], side) for side in ("left", "right")
        )
        return self._order[rng.integers(first, last)]
