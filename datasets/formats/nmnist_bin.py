"""Read one recording of N-MNIST, checking every event.

An event is 5 bytes: column, row, and a big-endian 24-bit word of polarity (top bit) and microseconds.
Source: Orchard et al., "Converting static image datasets to spiking neuromorphic datasets using saccades", 2015.
"""

from __future__ import annotations

import numpy as np

from snn.datasets.errors import data_refusal
from snn.datasets.formats.camera_events import CameraEvents
from snn.datasets.formats.locate import Source

__all__ = ["ENDING", "SENSOR", "read_nmnist_bin"]

ENDING = ".bin"
SENSOR = (34, 34)
"""Rows and columns of the camera."""
_BYTES = 5
_MOST_BYTES = 16 << 20


def read_nmnist_bin(source: Source) -> CameraEvents:
    """Read one .bin file, of at most 16 MiB, and check it.

    Raises:
        OSError: It cannot be read.
        DataError: It is empty, too large, cut short or damaged, a pixel lies off the sensor, or time runs
            backwards; the message names the file and the event.
    """
    raw = np.frombuffer(source.read(_MOST_BYTES).getbuffer(), dtype=np.uint8)
    if not raw.size or raw.size % _BYTES:
        rule = f"a multiple of {_BYTES} bytes, and more than 0 (an N-MNIST recording that is whole)"
        raise data_refusal(source, "size", rule, raw.size)
    x, y, high, middle, low = raw.reshape(-1, _BYTES).astype(np.int64).T
    for name, values, size in (("x", x, SENSOR[1]), ("y", y, SENSOR[0])):
        if values.max() >= size:
            event = int((values >= size).argmax())
            raise data_refusal(source, f"{name} of event {event}", f"0 to {size - 1}", values[event])
    time_us = (high & 127) << 16 | middle << 8 | low
    back = np.diff(time_us) < 0
    if back.any():
        event = int(back.argmax()) + 1
        rule = f">= {time_us[event - 1]} us, that of the event before it"
        raise data_refusal(source, f"time of event {event}", rule, time_us[event])
    return CameraEvents(time_us, x, y, high >> 7)
