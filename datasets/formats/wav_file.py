"""Read sounds: one channel of a plain RIFF wav file."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np

from snn.core.arrays import Float64Array
from snn.datasets.errors import data_refusal, reading
from snn.datasets.formats.locate import Source

__all__ = ["ENDING", "Sound", "read_wav"]

ENDING = ".wav"
_MOST_BYTES = 256 << 20
_HEADER = 8  # bytes that the size at their end does not count


class Sound(NamedTuple):
    """Hold one sound.

    Attributes:
        values: Pressure, -1 to 1 where the file holds integers, [T].
        rate_hz: Values in a second.
    """

    values: Float64Array
    rate_hz: int


def read_wav(source: Source) -> Sound:
    """Read a wav file of one channel and at most 256 MiB: PCM of 8 to 32 bits, or floating point.

    Raises:
        OSError: It cannot be read.
        DataError: It is cut short, damaged, too large, empty, of several channels, or holds a number that is not
            finite or parts that are not understood; the message names it.
    """
    from scipy.io import wavfile  # slow to import

    data = source.read(_MOST_BYTES)
    data.seek(0)
    size = data.getbuffer().nbytes
    said = int.from_bytes(data.getbuffer()[4:8], "little") + _HEADER
    if size not in (said, said + said % 2):  # chunks are filled up to an even number of bytes
        raise data_refusal(
            source, "size", f"{said} bytes, as its header says (a plain wav file that is whole)", size
        )
    with reading(source, "is damaged or no plain wav file"), warnings.catch_warnings():
        warnings.simplefilter("error", wavfile.WavFileWarning)
        rate, found = wavfile.read(data)
    if found.ndim != 1 or not found.size:
        raise data_refusal(source, "shape of the sound", "[T], one channel that is not empty", found.shape)
    if rate < 1:
        raise data_refusal(source, "rate", "at least one value in a second", rate)
    if found.dtype.kind == "f":
        values = found.astype(np.float64)
        if not np.isfinite(values).all():
            i = int((~np.isfinite(values)).argmax())
            raise data_refusal(source, f"value {i}", "finite", values[i])
        return Sound(values, rate)
    middle = 128 if found.dtype == np.uint8 else 0
    return Sound((found.astype(np.float64) - middle) / 2.0 ** (8 * found.dtype.itemsize - 1), rate)
