"""Labelled sounds that stay in their files: read and turned into bands of frequencies batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import ArrayLike

from snn.core.arrays import Float32Array, Int64Array
from snn.core.checks import instance
from snn.datasets.encode.mel import MelFrontEnd
from snn.datasets.errors import DataError
from snn.datasets.formats.class_tree import LabelledFiles
from snn.datasets.formats.locate import Source
from snn.datasets.formats.wav_file import Sound, read_wav
from snn.datasets.samples import batch_indices, sample_index
from snn.datasets.spike_set import Batch

__all__ = ["SoundSet"]


@dataclass(frozen=True, slots=True)
class SoundSet:
    """Hold a labelled set of wav files; what it takes in memory is a batch.

    Attributes:
        name: What the data really are, to be printed with every result.
        files: Where the sounds are, and their classes.
        front_end: Turns a sound into currents, [T, N].

    Raises:
        ValueError: A field is of another kind.
    """

    name: str
    files: LabelledFiles
    front_end: MelFrontEnd

    def __post_init__(self) -> None:
        instance("files", self.files, LabelledFiles)
        instance("front_end", self.front_end, MelFrontEnd)

    def __len__(self) -> int:
        """Return the number of sounds."""
        return len(self.files)

    def __getitem__(self, index: SupportsIndex) -> tuple[Float32Array, int]:
        """Read one sound: its currents [T, N], and its label.

        Raises:
            IndexError: There is no such sound.
            TypeError: The index is no integer.
            DataError: The file has been damaged since it was checked.
        """
        i = sample_index(index, len(self))
        return self._read(i), int(self.labels[i])

    @property
    def labels(self) -> Int64Array:
        """Class of each sound, [B]."""
        return self.files.labels

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.files.classes

    @property
    def shape(self) -> tuple[int, ...]:
        """Axes of a step's input where it is an image: a spectrum is none, ()."""
        return ()

    @property
    def n_units(self) -> int:
        """Number of inputs: bands."""
        return self.front_end.mels

    @property
    def dt_ms(self) -> float:
        """Length of a step, ms."""
        return self.front_end.dt_ms

    def subset(self, indices: ArrayLike) -> SoundSet:
        """Take sounds in the order given: by index, or those marked in truth values [B].

        Raises:
            ValueError: The indices are no whole numbers.
            IndexError: An index is out of range.
        """
        return replace(self, files=self.files.subset(indices))

    def check(self) -> None:
        """Read every sound once.

        Raises:
            OSError: A file cannot be read.
            DataError: One is damaged, too short for the front end, or of too low a rate.
        """
        for source in self.files.sources:
            self._sound(source)

    def batches(self, batch_size: int, *, seed: Any = None, min_batch: int = 1) -> Iterator[Batch]:
        """Give batches of currents [T, B, N], cut as by `batch_indices`; 0 beyond the end of a sound.

        Raises:
            ValueError: The set is empty, batch_size or min_batch is below 1, or a seed is no whole number >= 0.
            DataError: A file has been damaged since it was checked.
        """
        for index in batch_indices(len(self), batch_size, seed, min_batch, self.name):
            sounds = [self._read(i) for i in index]
            lengths = np.array([len(sound) for sound in sounds])
            x = np.zeros((lengths.max(), len(index), self.n_units), dtype=np.float32)
            for b, sound in enumerate(sounds):
                x[: len(sound), b] = sound
            yield Batch(x, lengths, self.labels[index], index)

    def _read(self, i: int) -> Float32Array:
        return self.front_end(*self._sound(self.files.sources[i]))

    def _sound(self, source: Source) -> Sound:
        sound = read_wav(source)
        try:
            self.front_end.check(len(sound.values), sound.rate_hz)
        except ValueError as error:
            raise DataError(f"{source}: {error}") from error
        return sound
