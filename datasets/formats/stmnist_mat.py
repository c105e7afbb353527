"""Recordings of ST-MNIST: digits written on 10 x 10 pressure sensors, in MATLAB files.

A file holds one matrix, `spiketrain` [101, E]: column by column an event, 1 or -1 in the row of its sensor, and in
the last row its time, s.
Source: See et al., "ST-MNIST - the spiking tactile MNIST neuromorphic dataset", 2020.
"""

from __future__ import annotations

import numpy as np

from snn.core.checks import finite
from snn.core.units import event_steps
from snn.datasets.errors import DataError, data_refusal, reading
from snn.datasets.formats.camera_events import CameraEvents, check_events
from snn.datasets.formats.locate import Source

__all__ = ["SENSORS", "read_stmnist_mat"]

SENSORS = (10, 10)
"""Rows and columns of pressure sensors."""
_NAME = "spiketrain"
_MOST_S = 2.0**40


def read_stmnist_mat(source: Source, *, sort: bool = False) -> CameraEvents:
    """Read one .mat file; pressure that rose is polarity 1. Times are cut to whole microseconds.

    Args:
        source: The file.
        sort: Put events in order of time where they are not.

    Raises:
        OSError: It cannot be read.
        DataError: It is damaged, holds no such matrix, an event is not of one sensor, or time runs back.
    """
    from scipy.io import loadmat, whosmat

    data = source.read()
    data.seek(0)
    with reading(source):
        there = {name: (shape, kind) for name, shape, kind in whosmat(data)}
    shape, kind = there.get(_NAME, ((), "none"))
    if (
        len(shape) != 2
        or shape[0] != 101
        or kind != "double"
        or 8 * shape[0] * shape[1] > _most_bytes(source)
    ):
        raise DataError(
            f"{source}: {_NAME} must be a matrix of 101 rows of doubles, got {kind} of shape {list(shape)}"
        )
    data.seek(0)
    with reading(source):
        matrix = np.asarray(loadmat(data, variable_names=[_NAME])[_NAME], dtype=np.float64)
        time_us = event_steps(finite("times", matrix[-1], low=0), 0.001, unit_ms=1000.0)
    spikes = matrix[:-1].T
    event, sensor = np.nonzero(spikes)
    signs = spikes[event, sensor]
    odd = (np.abs(signs) != 1).any() or not np.array_equal(event, np.arange(len(time_us)))
    if odd:
        raise data_refusal(source, f"every column of {_NAME}", "0 but for one 1 or -1, and a time", matrix)
    rows, columns = np.divmod(sensor.astype(np.int64), SENSORS[1])
    return check_events(
        source, CameraEvents(time_us, columns, rows, (signs > 0).astype(np.int64)), SENSORS, sort=sort
    )


def _most_bytes(source: Source) -> int:
    """Bytes that a matrix may have: MATLAB packs it, and it is nearly all zeros."""
    return (64 << 20) + 1100 * source.most_bytes
