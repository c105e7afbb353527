"""Labelled spike trains, and batches of them as dense counts."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import Float32Array, Int64Array
from snn.core.checks import shown, whole
from snn.datasets.collate import dense_counts

__all__ = ["Batch", "SpikeSet", "augment_rng", "batch_indices", "sample_index"]


class Batch(NamedTuple):
    """Hold some samples densely.

    Attributes:
        x: Spikes per unit and step, [T, B, N] or images in time [T, B, C, H, W]; T is the batch's longest sample.
        lengths: Steps of each sample, [B].
        label: Class of each sample, [B].
        sample: Index of each sample in its set, [B].
    """

    x: Float32Array
    lengths: Int64Array
    label: Int64Array
    sample: Int64Array


def batch_indices(
    samples: int, batch_size: int, seed: Any = None, min_batch: int = 1
) -> Iterator[Int64Array]:
    """Cut `samples` into batches of indices, the last one smaller; fewer than `min_batch` are left out.

    Args:
        samples: Samples of the set.
        batch_size: Samples in a batch, >= 1.
        seed: Decides the order (an integer or several); None keeps that of the set.
        min_batch: A last batch smaller than this is left out, >= 1.

    Raises:
        ValueError: batch_size or min_batch is below 1.
    """
    batch_size, min_batch = whole("batch_size", batch_size, low=1), whole("min_batch", min_batch, low=1)
    order = np.arange(samples) if seed is None else np.random.default_rng(seed).permutation(samples)
    for start in range(0, samples, batch_size):
        index = order[start : start + batch_size]
        if len(index) >= min_batch:
            yield index


def augment_rng(seed: Any) -> np.random.Generator:
    """Make the generator by which batches are varied, apart from the one that orders them.

    Args:
        seed: Seed of the batches (an integer or several); None draws one.
    """
    return np.random.default_rng(None if seed is None else (*np.atleast_1d(seed).tolist(), 2))


def sample_index(index: SupportsIndex, samples: int) -> int:
    """Give the place of one sample, from 0; a negative index counts from the end.

    Raises:
        IndexError: There is no such sample.
        TypeError: It is no integer.
    """
    try:
        given = operator.index(index)
    except TypeError:
        raise TypeError(f"index must be an integer (subset takes several), got {shown(index)}") from None
    if not -samples <= given < samples:
        raise IndexError(f"index must be from {-samples} to {samples - 1}, got {given}")
    return given % samples


@dataclass(frozen=True, slots=True)
class SpikeSet:
    """Hold labelled spike trains on one time grid.

    Samples can be taken one by one, as torch's DataLoader does; `collate` puts them together.

    Attributes:
        name: What the data really are, to be printed with every result.
        events: The spikes; each sample has its own length.
        labels: Class of each sample, [B].
        speakers: Speaker of each sample, [B]; -1 where unknown.
        classes: Names of the classes.
        dropped_spikes: Spikes cut off by `max_ms`.
        shape: How the units of a step lie in a batch, such as (C, H, W); () leaves them in one row.
    """

    name: str
    events: Events
    labels: Int64Array
    speakers: Int64Array
    classes: tuple[str, ...]
    dropped_spikes: int = 0
    shape: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.events)

    def __getitem__(self, index: SupportsIndex) -> tuple[Events | Float32Array, int]:
        """Give one sample and its label: its events, or its counts [T, C, H, W] where a step is an image (`shape`).

        Raises:
            IndexError: There is no such sample.
            TypeError: The index is no integer.
        """
        i = sample_index(index, len(self))
        events = self.events.select([i])
        if not self.shape:
            return events, int(self.labels[i])
        frames = dense_counts(events)[: int(events.n_steps[0])].reshape(-1, *self.shape)
        return frames, int(self.labels[i])

    @property
    def n_units(self) -> int:
        """Number of inputs."""
        return self.events.n_units

    @property
    def dt_ms(self) -> float:
        """Length of a step, ms."""
        return self.events.dt_ms

    def subset(self, indices: ArrayLike) -> SpikeSet:
        """Take samples by index, in the order given.

        Raises:
            IndexError: An index is out of range.
        """
        chosen = np.asarray(indices)
        return replace(
            self,
            events=self.events.select(chosen),
            labels=self.labels[chosen],
            speakers=self.speakers[chosen],
        )

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give all samples in batches, as `batch_indices` cuts them.

        Raises:
            ValueError: batch_size or min_batch is below 1.
        """
        for index in batch_indices(len(self), batch_size, seed, min_batch):
            yield self._batch(index)

    def _batch(self, index: Int64Array) -> Batch:
        part = self.events.select(index)
        x = dense_counts(part)
        x = x.reshape(*x.shape[:2], *(self.shape or x.shape[2:]))
        return Batch(x, part.n_steps.copy(), self.labels[index], index)
