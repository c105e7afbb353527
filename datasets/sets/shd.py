"""Spoken words as spikes, in the layout of the Spiking Heidelberg Digits; by default an embedded synthetic set."""

from __future__ import annotations

from typing import Literal

import numpy as np

from snn.core import Events, delay_steps
from snn.core.arrays import BoolArray, Int64Array, PathLike
from snn.core.checks import choice, number, refusal, whole
from snn.core.files.hdf5 import naming
from snn.core.memory import check as check_memory
from snn.core.units import MOST_STEPS, check_dt
from snn.datasets.errors import DataError
from snn.datasets.folds import mark_held_out
from snn.datasets.formats.locate import Source, locate
from snn.datasets.formats.shd_file import CHANNELS, ShdColumns, read_shd
from snn.datasets.known_folders import EMBEDDED
from snn.datasets.sets.shd_binning import Binning, to_steps
from snn.datasets.spike_set import SpikeSet

__all__ = ["SplitBy", "check_same_classes", "checked_grid", "read_set", "shd", "true_name"]

SplitBy = Literal["auto", "speaker", "label"]
_MANY_SPEAKERS = 8
_AT_A_TIME = 256  # samples binned together: bounds the memory of large sets
_BYTES = 52  # that a spike takes while its set is made
_NAMES = {
    "shd_": "SHD (Spiking Heidelberg Digits)",
    "ssc_": "SSC (Spiking Speech Commands)",
    "fsdd_": "FSDD spikes (real speech)",
    "espeak": "synthetic speech (espeak-ng number words)",
}


def true_name(source: Source) -> str:
    """Say what a file holds: only the official file names are called SHD."""
    for start, name in _NAMES.items():
        if source.name.lower().startswith(start):
            return name
    return f"samples of {source.name}"


def shd(
    path: PathLike | None = None,
    *,
    dt_ms: float = 10.0,
    group: int = 5,
    binning: Binning = "fixed",
    valid_fraction: float = 0.1,
    max_ms: float | None = None,
    seed: int = 0,
    split_by: SplitBy = "auto",
) -> tuple[SpikeSet, SpikeSet, SpikeSet]:
    """Read spoken words for training, validation and test.

    Args:
        path: A folder or zip with a *train* and a *test* file in SHD's layout (.h5 or .h5.gz), or one of the two
            files; None is the embedded set of synthetic speech.
        dt_ms: Length of a step, ms.
        group: Neighbouring channels summed into one unit; divides 700.
        binning: How times become steps, see `to_steps`: "fixed", "first_spike" or "restart".
        valid_fraction: Share of the training words that validate, in (0, 1).
        max_ms: Spikes later than this are dropped (and counted in `dropped_spikes`); None keeps all.
        seed: Decides the validation words.
        split_by: "speaker" validates on whole speakers, "label" on words drawn per class, "auto" takes speakers
            where there are at least 8.

    Returns:
        Training, validation and test set; each says in `.name` what its data really are.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged or holds an impossible value.
        TypeError: `path` is none.
        ValueError: An argument is impossible; the message names it.
    """
    dt_ms, group, max_ms = checked_grid(dt_ms, group, max_ms)
    choice("binning", binning, Binning)
    valid_fraction, seed = (
        number("valid_fraction", valid_fraction, above=0, below=1),
        whole("seed", seed, low=0),
    )
    choice("split_by", split_by, SplitBy)
    sources = locate(EMBEDDED if path is None else path)
    train, test = (read_set(sources[split], dt_ms, group, binning, max_ms) for split in ("train", "test"))
    check_same_classes({"train": train, "test": test}, sources)
    with naming(train.name if path is None else path):
        held_out = _validation(train, valid_fraction, seed, split_by)
    return train.subset(np.flatnonzero(~held_out)), train.subset(np.flatnonzero(held_out)), test


def checked_grid(dt_ms: float, group: int, max_ms: float | None) -> tuple[float, int, float | None]:
    """Return the length of a step, the channels of a unit and the end of a sample.

    Raises:
        ValueError: One is impossible; the message names it.
    """
    step_ms, channels = check_dt(dt_ms), whole("group", group, low=1)
    if CHANNELS % channels:
        raise refusal("group", f"a divisor of {CHANNELS}", group)
    if max_ms is None:
        return step_ms, channels, None
    end_ms = number("max_ms", max_ms, high=MOST_STEPS * step_ms)
    if end_ms < step_ms:
        raise refusal("max_ms", f"at least dt_ms = {step_ms:g}", max_ms)
    return step_ms, channels, end_ms


def check_same_classes(sets: dict[str, SpikeSet], sources: dict[str, Source]) -> None:
    """Refuse splits whose files name other classes than that of the training set.

    Raises:
        DataError: As said above; the message names both files.
    """
    train = sets["train"].classes
    for split, other in sets.items():
        if other.classes != train:
            both = f"{', '.join(train)} and {', '.join(other.classes)}"
            raise DataError(f"{sources['train']} and {sources[split]} must name the same classes, got {both}")


def read_set(source: Source, dt_ms: float, group: int, binning: Binning, max_ms: float | None) -> SpikeSet:
    """Read a file and bring its samples onto the grid, some at a time; a sample lasts to its last spike.

    Raises:
        DataError: The file is damaged or holds an impossible value.
        MemoryError: The spikes do not fit.
    """
    columns = read_shd(source)
    check_memory(_BYTES * columns.time_s.size, f"{source}: {columns.time_s.size:,} spikes")
    end = None if max_ms is None else int(delay_steps(max_ms, dt_ms))
    starts = range(0, len(columns), _AT_A_TIME)
    parts = [columns.part(start, min(start + _AT_A_TIME, len(columns))) for start in starts]
    step, unit, count, length = (
        np.concatenate(column)
        for column in zip(*(_bin(part, dt_ms, group, binning, end) for part in parts), strict=True)
    )
    events = Events(step, unit, np.concatenate([[0], np.cumsum(count)]), CHANNELS // group, dt_ms, length)
    dropped = columns.time_s.size - events.n_events
    return SpikeSet(true_name(source), events, columns.labels, columns.speakers, columns.classes, dropped)


def _bin(
    columns: ShdColumns, dt_ms: float, group: int, binning: Binning, end: int | None
) -> tuple[Int64Array, ...]:
    """Give sorted steps and units, and each sample's spikes and length; steps from `end` on are dropped."""
    step, unit = to_steps(columns, dt_ms, binning), columns.channel.astype(np.int64) // group
    sample = np.repeat(np.arange(len(columns)), np.diff(columns.offsets))
    if end is not None:
        step, unit, sample = (a[step < end] for a in (step, unit, sample))
    order = np.lexsort((unit, step, sample))
    length = np.ones(len(columns), dtype=np.int64)
    np.maximum.at(length, sample, step + 1)
    return step[order], unit[order], np.bincount(sample, minlength=len(columns)), length


def _validation(train: SpikeSet, fraction: float, seed: int, split_by: SplitBy) -> BoolArray:
    """Mark the training samples that validate, [B]."""
    speakers = np.unique(train.speakers)
    if split_by == "speaker" and len(speakers) < 2:
        raise ValueError(f"split_by 'speaker' needs at least 2 training speakers, got {len(speakers)}")
    if split_by == "label" or (split_by == "auto" and len(speakers) < _MANY_SPEAKERS):
        return mark_held_out(train.labels, fraction, seed)
    held_out = np.zeros(len(train), dtype=bool)
    for speaker in np.random.default_rng((seed, 1)).permutation(speakers)[:-1]:
        held_out |= train.speakers == speaker
        if held_out.mean() >= fraction:
            break
    return held_out
