"""Read one file in the layout of the Spiking Heidelberg Digits, checking every value.

Layout: spikes/times (s, one array per sample), spikes/units (0..699), labels; extra/speaker and extra/keys (names
of classes) may be missing. In SHD itself a sample is a spoken word. Source: Cramer et al., 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import BoolArray, Int64Array
from snn.datasets.errors import DataError, data_refusal
from snn.datasets.formats.locate import Source

__all__ = ["CHANNELS", "ShdColumns", "read_shd"]

CHANNELS = 700
_NEEDED = ("spikes/times", "spikes/units", "labels")


@dataclass(frozen=True, slots=True)
class ShdColumns:
    """Hold the samples of one file; spikes of all samples one after another, in the file's own number types.

    Attributes:
        time_s: Time of each spike, s, ascending within a sample, [E].
        channel: Channel of each spike, 0..699, [E].
        offsets: Bounds of the samples, [B + 1].
        labels: Class of each sample, [B].
        speakers: Speaker of each sample, [B]; -1 where the file names none.
        classes: Names of the classes.
    """

    time_s: NDArray[np.floating[Any]]
    channel: NDArray[np.integer[Any]]
    offsets: Int64Array
    labels: Int64Array
    speakers: Int64Array
    classes: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.labels)

    def part(self, start: int, stop: int) -> ShdColumns:
        """Take the samples from `start` up to `stop`."""
        first, last = self.offsets[start], self.offsets[stop]
        return ShdColumns(
            self.time_s[first:last],
            self.channel[first:last],
            self.offsets[start : stop + 1] - first,
            self.labels[start:stop],
            self.speakers[start:stop],
            self.classes,
        )


def read_shd(source: Source) -> ShdColumns:
    """Read and check a file.

    Raises:
        FileNotFoundError: It is not there.
        DataError: It is damaged, of another layout, or holds an impossible value; the message names the file, the
            field, the sample and the spike: `spikes/times[3][0]`.
    """
    if not source.path.is_file():
        raise FileNotFoundError(f"no file at {source.path}")
    packed = source.member is not None or source.name.lower().endswith(".gz")
    try:
        file = h5py.File(source.read() if packed else source.path, "r")
    except OSError as error:
        raise DataError(f"{source} is not a whole HDF5 file: {error}") from error
    with file:
        try:
            return _read(file, source)
        except (OSError, RuntimeError) as error:  # what h5py raises on damaged chunks
            raise DataError(f"{source} is damaged: {error}") from error


def _read(file: Any, source: Source) -> ShdColumns:
    if any(name not in file for name in _NEEDED):
        there = ", ".join(file) or "nothing"
        raise DataError(f"{source} must hold {', '.join(_NEEDED)}, as SHD's files do, got {there}")
    times, units, labels = (file[name][()] for name in _NEEDED)
    labels = np.asarray(labels, dtype=np.int64)
    if not len(times) == len(units) == len(labels):
        counts = f"{len(times)}, {len(units)} and {len(labels)}"
        raise DataError(f"{source}: {', '.join(_NEEDED)} must have as many entries, got {counts}")
    if not len(times):
        raise data_refusal(source, "len(labels)", ">= 1", 0)
    sizes = np.array([len(row) for row in times], dtype=np.int64)
    other = np.array([len(row) for row in units], dtype=np.int64)
    if (sizes != other).any():
        b = int((sizes != other).argmax())
        both = f"spikes/times[{b}] and spikes/units[{b}]"
        raise DataError(f"{source}: {both} must have as many entries, got {sizes[b]} and {other[b]}")
    if (sizes == 0).any():
        raise data_refusal(source, f"len(spikes/times[{int((sizes == 0).argmax())}])", ">= 1", 0)
    columns = ShdColumns(
        np.concatenate(times),
        np.concatenate(units),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        labels,
        _speakers(file, len(labels), source),
        _classes(file, labels),
    )
    _check(columns, source)
    return columns


def _speakers(file: Any, n_samples: int, source: Source) -> Int64Array:
    if "extra/speaker" not in file:
        return np.full(n_samples, -1, dtype=np.int64)
    speakers = np.asarray(file["extra/speaker"][()], dtype=np.int64)
    if speakers.shape != (n_samples,):
        rule = f"{n_samples}, one for each sample"
        raise data_refusal(source, "len(extra/speaker)", rule, speakers.size)
    return speakers


def _classes(file: Any, labels: Int64Array) -> tuple[str, ...]:
    if "extra/keys" in file:
        return tuple(
            name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in file["extra/keys"]
        )
    return tuple(str(number) for number in range(int(labels.max(initial=0)) + 1))


def _check(columns: ShdColumns, source: Source) -> None:
    """Refuse impossible values, naming the sample and the spike."""

    def refuse(bad: BoolArray, field: str, values: NDArray[Any], rule: str) -> None:
        if bad.any():
            e = int(bad.argmax())
            sample = int(np.searchsorted(columns.offsets, e, side="right")) - 1
            spike = e - int(columns.offsets[sample])
            raise data_refusal(source, f"{field}[{sample}][{spike}]", rule, values[e])

    t = columns.time_s
    refuse(~np.isfinite(t) | (t < 0), "spikes/times", t, "finite and >= 0 s")
    first = np.zeros(t.size, dtype=bool)
    first[columns.offsets[:-1]] = True
    refuse(
        np.append(False, t[1:] < t[:-1]) & ~first, "spikes/times", t, "no earlier than the spike before it"
    )
    n = columns.channel
    refuse((n < 0) | (n >= CHANNELS), "spikes/units", n, f"0 to {CHANNELS - 1}")
    bad = (columns.labels < 0) | (columns.labels >= len(columns.classes))
    if bad.any():
        b = int(bad.argmax())
        raise data_refusal(source, f"labels[{b}]", f"0 to {len(columns.classes) - 1}", columns.labels[b])
