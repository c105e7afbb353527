"""Spoken words as spikes, in the layout of the Spiking Heidelberg Digits; by default an embedded synthetic set."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from snn.core import Events, delay_steps
from snn.datasets.errors import DataError
from snn.datasets.folds import draw_by_label
from snn.datasets.formats.locate import Source, locate
from snn.datasets.formats.shd_file import CHANNELS, Words, read_words
from snn.datasets.sets.shd_binning import BINNINGS, Binning, to_steps
from snn.datasets.spike_set import SpikeSet

__all__ = ["EMBEDDED", "SplitBy", "shd", "true_name"]

SplitBy = Literal["auto", "speaker", "label"]
EMBEDDED = Path(__file__).parents[1] / "embedded"
_MANY_SPEAKERS = 8
_AT_A_TIME = 256  # words placed together: bounds the memory of large sets
_NAMES = {
    "shd_": "SHD (Spiking Heidelberg Digits)",
    "fsdd_": "FSDD spikes (real speech)",
    "espeak": "synthetic speech (espeak-ng number words)",
}


def true_name(source: Source) -> str:
    """Say what a file holds: only the official file names are called SHD."""
    for start, name in _NAMES.items():
        if source.name.lower().startswith(start):
            return name
    return f"words of {source.name}"


def shd(
    path: str | Path | None = None,
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
        ValueError: An argument is impossible; the message names it.
    """
    _check_arguments(dt_ms, group, binning, valid_fraction, max_ms, split_by)
    sources = locate(EMBEDDED if path is None else path)
    train, test = (
        _to_set(read_words(sources[split]), true_name(sources[split]), dt_ms, group, binning, max_ms)
        for split in ("train", "test")
    )
    if train.classes != test.classes:
        raise DataError(
            f"{sources['train']} and {sources['test']} name different classes: "
            f"{', '.join(train.classes)} and {', '.join(test.classes)}"
        )
    held_out = _validation(train, valid_fraction, seed, split_by)
    return train.subset(np.flatnonzero(~held_out)), train.subset(np.flatnonzero(held_out)), test


def _check_arguments(
    dt_ms: float, group: int, binning: str, valid_fraction: float, max_ms: float | None, split_by: str
) -> None:
    if not (np.isfinite(dt_ms) and dt_ms > 0):
        raise ValueError(f"dt_ms must be finite and > 0, got {dt_ms!r}")
    if group < 1 or CHANNELS % group:
        raise ValueError(f"group must divide {CHANNELS}, got {group!r}")
    if binning not in BINNINGS:
        raise ValueError(f"binning must be one of {', '.join(BINNINGS)}, got {binning!r}")
    if not 0 < valid_fraction < 1:
        raise ValueError(f"valid_fraction must be in (0, 1), got {valid_fraction!r}")
    if max_ms is not None and not max_ms >= dt_ms:
        raise ValueError(f"max_ms must be at least dt_ms {dt_ms:g} ms, got {max_ms!r}")
    if split_by not in get_args(SplitBy):
        raise ValueError(f"split_by must be one of {', '.join(get_args(SplitBy))}, got {split_by!r}")


def _to_set(
    words: Words, name: str, dt_ms: float, group: int, binning: Binning, max_ms: float | None
) -> SpikeSet:
    """Place words on the grid, some at a time; a word lasts to its last spike."""
    end = None if max_ms is None else int(delay_steps(max_ms, dt_ms))
    starts = range(0, len(words.labels), _AT_A_TIME)
    parts = [words.part(start, min(start + _AT_A_TIME, len(words.labels))) for start in starts]
    step, unit, count, length = (
        np.concatenate(column)
        for column in zip(*(_place(p, dt_ms, group, binning, end) for p in parts), strict=True)
    )
    events = Events(step, unit, np.concatenate([[0], np.cumsum(count)]), CHANNELS // group, dt_ms, length)
    dropped = words.time_s.size - events.n_events
    return SpikeSet(name, events, words.labels, words.speakers, words.classes, dropped)


def _place(
    words: Words, dt_ms: float, group: int, binning: Binning, end: int | None
) -> tuple[NDArray[np.int64], ...]:
    """Give sorted steps and units, and each word's spikes and length; steps from `end` on are dropped."""
    step, unit = to_steps(words, dt_ms, binning), words.channel.astype(np.int64) // group
    sample = np.repeat(np.arange(len(words.labels)), np.diff(words.offsets))
    if end is not None:
        step, unit, sample = (a[step < end] for a in (step, unit, sample))
    order = np.lexsort((unit, step, sample))
    length = np.ones(len(words.labels), dtype=np.int64)
    np.maximum.at(length, sample, step + 1)
    return step[order], unit[order], np.bincount(sample, minlength=len(words.labels)), length


def _validation(train: SpikeSet, fraction: float, seed: int, split_by: SplitBy) -> NDArray[np.bool_]:
    """Mark the training words that validate, [B]."""
    rng = np.random.default_rng((seed, 1))
    voices = np.unique(train.speakers)
    if split_by == "speaker" and len(voices) < 2:
        raise ValueError(f"split_by 'speaker' needs at least 2 training speakers, got {len(voices)}")
    held_out = np.zeros(len(train), dtype=bool)
    if split_by == "speaker" or (split_by == "auto" and len(voices) >= _MANY_SPEAKERS):
        for voice in rng.permutation(voices)[:-1]:
            held_out |= train.speakers == voice
            if held_out.mean() >= fraction:
                break
        return held_out
    held_out = draw_by_label(train.labels, fraction, rng)
    if not held_out.any() or held_out.all():
        raise ValueError(f"valid_fraction {fraction!r} of {len(train)} words leaves a split empty")
    return held_out
