"""Recordings as a small liquid takes them: the middle of the image, a fixed number of windows."""

from __future__ import annotations

import math

import numpy as np

from snn.core import Events
from snn.core.arrays import BoolArray, Int64Array
from snn.core.checks import choice, instance, refusal, whole

__all__ = ["centre_crop", "chunk"]


def centre_crop(
    events: Events, shape: tuple[int, ...], *, size: int = 16, polarity: int = 1, binary: bool = True
) -> Events:
    """Keep the middle of the image in one polarity, as the resistive-memory liquid saw N-MNIST.

    There, size 16 of 34, and 50 binary frames: `snn.datasets.nmnist(n_bins=50)` gives the steps.

    Args:
        events: Units (polarity H + y) W + x, as sets of recordings have them.
        shape: Axes of a step: (2 polarities, H rows, W columns).
        size: Rows and columns kept, 1 to the smaller of H and W; the first is (H - size) // 2.
        polarity: 1 keeps where light rose, 0 where it fell.
        binary: Whether several events of a pixel in one step become one.

    Returns:
        Events of size^2 units, row by row.

    Raises:
        ValueError: An argument is impossible; the message names it.
    """
    events, (height, width) = _image(events, shape)
    size = whole("size", size, low=1, high=min(height, width))
    choice("polarity", polarity, (0, 1))
    seen, y, x = np.unravel_index(events.unit, (2, height, width))
    row, column = y - (height - size) // 2, x - (width - size) // 2
    kept = (seen == polarity) & (row >= 0) & (row < size) & (column >= 0) & (column < size)
    return _rebuilt(events, kept, events.step, row * size + column, size**2, events.n_steps, binary)


def chunk(events: Events, windows: int = 129) -> Events:
    """Join neighbouring steps into at most `windows` windows, in which a unit spikes once or not.

    A sample of n steps is cut into windows of ceil(n / windows) steps, as torch.chunk does, and filled up with
    silent ones. So the length of a window differs between samples, and `dt_ms`, which is kept, is not that of a
    window; the shorter a sample, the slower it seems.

    Args:
        events: The samples.
        windows: Steps of every sample afterwards, >= 1.

    Raises:
        ValueError: An argument is impossible; the message names it.
    """
    instance("events", events, Events)
    windows = whole("windows", windows, low=1)
    width = np.maximum(-(-events.n_steps // windows), 1)
    step = events.step // width[events.sample]
    lengths = np.full(len(events), windows)
    return _rebuilt(events, np.ones(step.size, bool), step, events.unit, events.n_units, lengths, True)


def _image(events: Events, shape: tuple[int, ...]) -> tuple[Events, tuple[int, int]]:
    instance("events", events, Events)
    axes = tuple(shape) if isinstance(shape, tuple | list) else ()
    if len(axes) != 3 or axes[0] != 2 or math.prod(axes) != events.n_units:
        raise refusal("shape", f"(2 polarities, H, W) of {events.n_units} units in all", shape)
    return events, (axes[1], axes[2])


def _rebuilt(
    events: Events,
    kept: BoolArray,
    step: Int64Array,
    unit: Int64Array,
    n_units: int,
    n_steps: Int64Array,
    binary: bool,
) -> Events:
    """Make events of some of others', with steps and units of their own; `binary` keeps one of equal ones."""
    rows = np.stack([events.sample, step, unit], axis=1)[kept]
    if binary:
        rows = np.unique(rows, axis=0)
    rows = rows[np.lexsort(rows.T[::-1])]
    offsets = np.searchsorted(rows[:, 0], np.arange(len(events) + 1))
    return Events(rows[:, 1], rows[:, 2], offsets, n_units, events.dt_ms, n_steps)
