"""Labelled spike trains, and batches of them as dense counts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, SupportsIndex

from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import Float32Array, Int64Array
from snn.core.checks import refusal, shown, whole
from snn.datasets.collate import dense_counts
from snn.datasets.samples import batch_indices, check_classes, chosen_samples, one_per_sample, sample_index

__all__ = ["Batch", "SpikeSet"]


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


@dataclass(frozen=True, slots=True)
class SpikeSet:
    """Hold labelled spike trains on one time grid.

    Samples can be taken one by one, as torch's DataLoader does; `collate` puts them together.

    Attributes:
        name: What the data really are, to be printed with every result.
        events: The spikes; each sample has its own length.
        labels: Class of each sample, from 0, [B].
        speakers: Speaker of each sample, [B]; -1 where unknown.
        classes: Names of the classes.
        dropped_spikes: Spikes cut off by `max_ms`, >= 0.
        shape: How the units of a step lie in a batch, such as (C, H, W); () leaves them in one row.

    Raises:
        TypeError: `events` are none.
        ValueError: Labels or speakers are not one whole number for each sample or are no classes, or the shape has
            another number of units.
    """

    name: str
    events: Events
    labels: Int64Array
    speakers: Int64Array
    classes: tuple[str, ...]
    dropped_spikes: int = 0
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.events, Events):
            raise TypeError(f"events must be Events, got {shown(self.events)}")
        classes, samples = check_classes(self.classes), len(self.events)
        labels = one_per_sample("labels", self.labels, samples, high=len(classes) - 1)
        speakers = one_per_sample("speakers", self.speakers, samples, low=-1)
        shape = self.shape if isinstance(self.shape, tuple | list) else (self.shape,)
        axes = tuple(whole(f"shape[{i}]", size, low=1) for i, size in enumerate(shape))
        if axes and math.prod(axes) != self.events.n_units:
            raise refusal("shape", f"of {self.events.n_units} units in all, as events", self.shape)
        dropped = whole("dropped_spikes", self.dropped_spikes, low=0)
        for name, value in (
            ("labels", labels),
            ("speakers", speakers),
            ("classes", classes),
            ("dropped_spikes", dropped),
            ("shape", axes),
        ):
            object.__setattr__(self, name, value)

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
        """Take samples in the order given: by index, or those marked in truth values [B].

        Raises:
            ValueError: The indices are no whole numbers.
            IndexError: An index is out of range.
        """
        chosen = chosen_samples(indices, len(self))
        return replace(
            self,
            events=self.events.select(chosen),
            labels=self.labels[chosen],
            speakers=self.speakers[chosen],
        )

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give all samples in batches, as `batch_indices` cuts them.

        Raises:
            ValueError: The set is empty, batch_size or min_batch is below 1, or a seed is no whole number >= 0.
        """
        for index in batch_indices(len(self), batch_size, seed, min_batch, self.name):
            yield self._batch(index)

    def _batch(self, index: Int64Array) -> Batch:
        part = self.events.select(index)
        x = dense_counts(part)
        x = x.reshape(*x.shape[:2], *(self.shape or x.shape[2:]))
        return Batch(x, part.n_steps.copy(), self.labels[index], index)
