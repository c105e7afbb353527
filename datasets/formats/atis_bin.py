"""Read one recording of N-MNIST or N-Caltech101, checking every event.

An event is 5 bytes: column, row, and a big-endian 24-bit word of polarity (top bit) and microseconds. Row 240 is no
pixel: it says that the camera's clock started again, and times from there on are 8 192 us later.
Source: Orchard et al., "Converting static image datasets to spiking neuromorphic datasets using saccades", 2015.
"""

from __future__ import annotations

import numpy as np

from snn.datasets.errors import data_refusal
from snn.datasets.formats.camera_events import CameraEvents, check_events
from snn.datasets.formats.locate import Source

__all__ = ["ATIS", "ENDING", "SENSOR", "read_atis_bin", "read_nmnist_bin"]

ENDING = ".bin"
SENSOR = (34, 34)
"""Rows and columns of N-MNIST, a part of the camera."""
ATIS = (180, 240)
"""Rows and columns of N-Caltech101."""
_BYTES = 5
_MOST_BYTES = 16 << 20


def read_nmnist_bin(source: Source) -> CameraEvents:
    """Read one file of N-MNIST; see `read_atis_bin`."""
    return read_atis_bin(source, SENSOR)


def read_atis_bin(source: Source, sensor: tuple[int, int] = ATIS, *, sort: bool = False) -> CameraEvents:
    """Read one .bin file, of at most 16 MiB, and check it.

    Args:
        source: The file.
        sensor: Rows and columns of the camera.
        sort: Put events in order of time where they are not.

    Raises:
        OSError: It cannot be read.
        DataError: It is empty, too large, cut short or damaged, a pixel lies off the sensor, or time runs
            backwards; the message names the file and the event.
    """
    from snn.datasets.formats.event_loops import decode_bin  # loads numba

    raw = np.frombuffer(source.read(_MOST_BYTES).getbuffer(), dtype=np.uint8)
    if not raw.size or raw.size % _BYTES:
        rule = f"a multiple of {_BYTES} bytes, and more than 0 (a recording that is whole)"
        raise data_refusal(source, "size", rule, raw.size)
    columns = np.empty((4, raw.size // _BYTES), dtype=np.int64)
    found = decode_bin(raw.reshape(-1, _BYTES), *columns)
    return check_events(source, CameraEvents(*columns[:, :found]), sensor, sort=sort)
