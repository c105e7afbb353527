"""Google's Speech Commands: one-second sounds of 35 words, as mel spectrograms over time."""

from __future__ import annotations

from snn.core.arrays import PathLike
from snn.core.checks import instance
from snn.datasets.encode.mel import MelFrontEnd
from snn.datasets.formats.speech_commands import speech_commands
from snn.datasets.known_folders import need
from snn.datasets.sound_set import SoundSet

__all__ = ["gsc"]

_OFFICIAL = (84_843, 9_981, 11_005)
"""Files for training, validation and test in version 2."""


def gsc(
    path: PathLike | None = None, *, front_end: MelFrontEnd | None = None
) -> tuple[SoundSet, SoundSet, SoundSet]:
    """Find Speech Commands for training, validation and test, by its own lists; every file is read and checked.

    Args:
        path: The unpacked folder, with <word>/*.wav, validation_list.txt and testing_list.txt; None looks in
            $SNN_DATA and ~/.cache/snn.
        front_end: Turns sounds into bands of frequencies; None is `MelFrontEnd()`.

    Returns:
        Training, validation and test set; a batch is power in mel bands [T, B, mels], dB.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged, too short or of too low a rate, or a list names what is not there.
        ValueError: An argument is impossible; the message names it.
    """
    heard_by = MelFrontEnd() if front_end is None else instance("front_end", front_end, MelFrontEnd)
    splits = speech_commands(need("gsc") if path is None else path)
    sizes = tuple(len(files) for files in splits.values())
    name = "Speech Commands v2"
    if sizes != _OFFICIAL:
        name += f" sample ({' + '.join(map(str, sizes))} of {' + '.join(map(str, _OFFICIAL))} sounds)"
    train, valid, test = (SoundSet(name, files, heard_by) for files in splits.values())
    for part in (train, valid, test):
        part.check()
    return train, valid, test
