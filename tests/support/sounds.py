"""Small wav files, in the layout of Speech Commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.io import wavfile

RATE = 16_000
WORDS = ("down", "up")
LISTS = {"valid": "validation_list.txt", "test": "testing_list.txt"}


def glide(
    first_hz: float, last_hz: float, seconds: float = 0.25, rate: int = RATE, seed: int = 0
) -> np.ndarray:
    """Make a tone that glides from one pitch to another, in noise."""
    t = np.arange(round(seconds * rate)) / rate
    turns = first_hz * t + 0.5 * (last_hz - first_hz) / seconds * t**2
    return 0.5 * np.sin(2 * np.pi * turns) + np.random.default_rng(seed).normal(0, 0.01, t.size)


def falls_and_rises(word: int, number: int) -> np.ndarray:
    """Make a sound of a word: one falls, one rises."""
    ends = (400.0 + 10 * number, 2000.0)
    return glide(*(ends if word else ends[::-1]), seed=number)


def write_wav(path: Path, values: np.ndarray, rate: int = RATE) -> Path:
    """Write 16 bits."""
    wavfile.write(path, rate, np.round(32767 * values).astype(np.int16))
    return path


def write_speech_commands(
    folder: Path,
    counts: tuple[int, int, int] = (3, 1, 2),
    make: Callable[[int, int], np.ndarray] = falls_and_rises,
) -> Path:
    """Write so many sounds of each word for training, validation and test, and the two lists."""
    listed: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    splits = [split for split, count in zip(listed, counts, strict=True) for _ in range(count)]
    for label, word in enumerate(WORDS):
        (folder / word).mkdir(parents=True)
        for i, split in enumerate(splits):
            write_wav(folder / word / f"{i:08x}_nohash_0.wav", make(label, i))
            listed[split].append(f"{word}/{i:08x}_nohash_0.wav")
    (folder / "_background_noise_").mkdir()
    write_wav(folder / "_background_noise_" / "hum.wav", np.zeros(10))
    for split, name in LISTS.items():
        (folder / name).write_text("".join(f"{line}\n" for line in listed[split]))
    return folder
