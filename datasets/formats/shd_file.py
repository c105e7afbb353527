"""Read one file in the layout of the Spiking Heidelberg Digits, checking every value.

Layout: spikes/times (s, one array per word), spikes/units (0..699), labels; extra/speaker and extra/keys (names of
classes) may be missing. Source: Cramer et al., 2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from snn.datasets.errors import DataError
from snn.datasets.formats.locate import Source

__all__ = ["CHANNELS", "Words", "read_words"]

CHANNELS = 700
_NEEDED = ("spikes/times", "spikes/units", "labels")


@dataclass(frozen=True, slots=True)
class Words:
    """Hold the words of one file; spikes of all words one after another, in the file's own number types."""

    time_s: NDArray[np.floating[Any]]
    """Time of each spike, s, ascending within a word, [E]."""
    channel: NDArray[np.integer[Any]]
    """Channel of each spike, 0..699, [E]."""
    offsets: NDArray[np.int64]
    """Bounds of the words, [B + 1]."""
    labels: NDArray[np.int64]
    """Class of each word, [B]."""
    speakers: NDArray[np.int64]
    """Speaker of each word, [B]; -1 where the file names none."""
    classes: tuple[str, ...]
    """Names of the classes."""

    def part(self, start: int, stop: int) -> Words:
        """Take the words from `start` up to `stop`."""
        first, last = self.offsets[start], self.offsets[stop]
        return Words(
            self.time_s[first:last],
            self.channel[first:last],
            self.offsets[start : stop + 1] - first,
            self.labels[start:stop],
            self.speakers[start:stop],
            self.classes,
        )


def read_words(source: Source) -> Words:
    """Read and check a file.

    Raises:
        FileNotFoundError: It is not there.
        DataError: It is damaged, of another layout, or holds an impossible value; the message names file and word.
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


def _read(file: Any, source: Source) -> Words:
    missing = [name for name in _NEEDED if name not in file]
    if missing:
        raise DataError(
            f"{source} is not laid out like SHD: no {', '.join(missing)}; there: {', '.join(file) or 'nothing'}"
        )
    times, units, labels = (file[name][()] for name in _NEEDED)
    labels = np.asarray(labels, dtype=np.int64)
    if not len(times) == len(units) == len(labels):
        raise DataError(
            f"{source}: {len(times)} times, {len(units)} units and {len(labels)} labels; must be as many"
        )
    if not len(times):
        raise DataError(f"{source} holds no words")
    sizes = np.array([len(word) for word in times], dtype=np.int64)
    other = np.array([len(word) for word in units], dtype=np.int64)
    if (sizes != other).any():
        b = int((sizes != other).argmax())
        raise DataError(f"{source}, word {b}: {sizes[b]} times but {other[b]} units")
    if (sizes == 0).any():
        raise DataError(f"{source}, word {int((sizes == 0).argmax())} has no spikes")
    words = Words(
        np.concatenate(times),
        np.concatenate(units),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        labels,
        _speakers(file, len(labels), source),
        _classes(file, labels),
    )
    _check(words, source)
    return words


def _speakers(file: Any, n_words: int, source: Source) -> NDArray[np.int64]:
    if "extra/speaker" not in file:
        return np.full(n_words, -1, dtype=np.int64)
    speakers = np.asarray(file["extra/speaker"][()], dtype=np.int64)
    if speakers.shape != (n_words,):
        raise DataError(f"{source}: extra/speaker has {speakers.size} entries for {n_words} words")
    return speakers


def _classes(file: Any, labels: NDArray[np.int64]) -> tuple[str, ...]:
    if "extra/keys" in file:
        return tuple(
            name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in file["extra/keys"]
        )
    return tuple(str(number) for number in range(int(labels.max(initial=0)) + 1))


def _check(words: Words, source: Source) -> None:
    """Refuse impossible values, naming the word and the spike."""

    def refuse(bad: NDArray[np.bool_], name: str, values: NDArray[Any], allowed: str) -> None:
        if bad.any():
            at = int(bad.argmax())
            word = int(np.searchsorted(words.offsets, at, side="right")) - 1
            spike = at - int(words.offsets[word])
            raise DataError(
                f"{source}, word {word}, spike {spike}: {name} is {values[at]!s}, allowed {allowed}"
            )

    t = words.time_s
    refuse(~np.isfinite(t) | (t < 0), "time", t, "finite and >= 0 s")
    first = np.zeros(t.size, dtype=bool)
    first[words.offsets[:-1]] = True
    refuse(np.append(False, t[1:] < t[:-1]) & ~first, "time", t, "not before the spike ahead of it")
    n = words.channel
    refuse((n < 0) | (n >= CHANNELS), "unit", n, f"0 to {CHANNELS - 1}")
    bad = (words.labels < 0) | (words.labels >= len(words.classes))
    if bad.any():
        b = int(bad.argmax())
        raise DataError(
            f"{source}, word {b}: label is {words.labels[b]}, allowed 0 to {len(words.classes) - 1}"
        )
