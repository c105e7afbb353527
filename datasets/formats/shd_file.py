"""Read one file in the layout of the Spiking Heidelberg Digits, checking every value.

Layout: spikes/times (s, one array per sample), spikes/units (0..699), labels; extra/speaker and extra/keys (names
of classes) may be missing. In SHD itself a sample is a spoken word. Source: Cramer et al., 2020.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snn.core.arrays import BoolArray, Int64Array
from snn.core.checks import wholes
from snn.core.files.foreign import ForeignFile, read_foreign
from snn.datasets.errors import DataError, data_refusal
from snn.datasets.formats.locate import Source

__all__ = ["CHANNELS", "ShdColumns", "read_shd"]

CHANNELS = 700
_NEEDED = ("spikes/times", "spikes/units", "labels")
_EXTRA = ("extra/speaker", "extra/keys")
_MOST_CLASSES = 2**16


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
    """Read and check a file, through a temporary one if it is packed; limits are those of `Source`, `read_foreign`.

    Raises:
        FileNotFoundError: It is not there.
        OSError: It cannot be read, or unpacked for lack of space.
        DataError: It is damaged, too large, of another layout, or holds an impossible value; the message names the
            file, the field, the sample and the spike: `spikes/times[3][0]`.
    """
    if not source.path.is_file():
        raise FileNotFoundError(f"no file at {source.path}")
    try:
        if not source.packed:
            return _columns(read_foreign(source.path, _NEEDED + _EXTRA, source), source)
        with tempfile.TemporaryDirectory(prefix="snn-") as folder:
            unpacked = Path(folder) / "unpacked.h5"
            with unpacked.open("wb") as file:
                for piece in source.pieces():
                    file.write(piece)
            found = read_foreign(unpacked, _NEEDED + _EXTRA, source)
        return _columns(found, source)
    except DataError:
        raise
    except ValueError as error:
        raise DataError(str(error)) from error


def _columns(file: ForeignFile, source: Source) -> ShdColumns:
    if any(name not in file.columns and name not in file.texts for name in _NEEDED):
        there = ", ".join(file.there) or "nothing"
        raise DataError(f"{source} must hold {', '.join(_NEEDED)}, as SHD's files do, got {there}")
    (times, sizes), (units, other) = file.rows("spikes/times", "uif"), file.rows("spikes/units", "uif")
    labels = _per_sample(file, "labels", source)
    if not len(sizes) == len(other) == len(labels):
        counts = f"{len(sizes)}, {len(other)} and {len(labels)}"
        raise DataError(f"{source}: {', '.join(_NEEDED)} must have as many entries, got {counts}")
    if not len(sizes):
        raise data_refusal(source, "len(labels)", ">= 1", 0)
    if (sizes != other).any():
        b = int((sizes != other).argmax())
        both = f"spikes/times[{b}] and spikes/units[{b}]"
        raise DataError(f"{source}: {both} must have as many entries, got {sizes[b]} and {other[b]}")
    if (sizes == 0).any():
        raise data_refusal(source, f"len(spikes/times[{int((sizes == 0).argmax())}])", ">= 1", 0)
    speakers = np.full(len(labels), -1, dtype=np.int64)
    if "extra/speaker" in file.columns:
        speakers = _per_sample(file, "extra/speaker", source)
    if speakers.shape != labels.shape:
        rule = f"{len(labels)}, one for each sample"
        raise data_refusal(source, "len(extra/speaker)", rule, speakers.size)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    columns = ShdColumns(times, units, offsets, labels, speakers, _classes(file, labels, source))
    _check(columns, source)
    whole_units = units if units.dtype.kind in "iu" else units.astype(np.int64)
    return replace(columns, channel=whole_units)


def _per_sample(file: ForeignFile, name: str, source: Source) -> Int64Array:
    """Return whole numbers, one for each sample, [B]."""
    values = file.columns[name] if name in file.columns else None
    if values is None or values.sizes is not None or values.values.ndim != 1:
        raise data_refusal(source, name, "a list of whole numbers", file.texts.get(name) or "another layout")
    return wholes(f"{source}: {name}", values.values)


def _classes(file: ForeignFile, labels: Int64Array, source: Source) -> tuple[str, ...]:
    if "extra/keys" in file.texts:
        return tuple(file.texts["extra/keys"])
    if "extra/keys" in file.columns:
        return tuple(map(str, file.rows("extra/keys", "uif")[0].tolist()))
    most = int(labels.max(initial=0))
    if most >= _MOST_CLASSES:
        b = int(labels.argmax())
        raise data_refusal(
            source, f"labels[{b}]", f"0 to {_MOST_CLASSES - 1} where classes have no names", most
        )
    return tuple(str(number) for number in range(most + 1))


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
    refuse(~((n >= 0) & (n < CHANNELS)), "spikes/units", n, f"0 to {CHANNELS - 1}")
    if n.dtype.kind == "f":
        refuse(np.floor(n) != n, "spikes/units", n, "a whole number")
    bad = (columns.labels < 0) | (columns.labels >= len(columns.classes))
    if bad.any():
        b = int(bad.argmax())
        raise data_refusal(source, f"labels[{b}]", f"0 to {len(columns.classes) - 1}", columns.labels[b])
