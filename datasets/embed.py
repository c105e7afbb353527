"""Make the embedded set: `python -m snn.datasets.embed FOLDER`, FOLDER holding espeak-ng words in SHD's layout."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from snn.datasets.formats.locate import locate
from snn.datasets.formats.shd_file import Words, read_words
from snn.datasets.sets.shd import EMBEDDED

__all__ = ["choose", "main"]

_PER_CLASS = {"train": 24, "test": 6}


def choose(words: Words, per_class: int) -> NDArray[np.int64]:
    """Choose words: as many of each class, spread evenly over the speakers; the same ones every time."""
    rng = np.random.default_rng(20)
    chosen: list[int] = []
    for label in range(len(words.classes)):
        own = rng.permutation(np.flatnonzero(words.labels == label))
        turn = np.zeros(len(own), dtype=np.int64)  # how many of its speaker come before
        for speaker in np.unique(words.speakers[own]):
            mine = words.speakers[own] == speaker
            turn[mine] = np.arange(mine.sum())
        chosen += own[np.argsort(turn, kind="stable")[:per_class]].tolist()
    return np.sort(np.array(chosen))


def _pack(words: Words, chosen: NDArray[np.int64]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=False) as file:
        rows = [slice(*words.offsets[b : b + 2]) for b in chosen]
        columns = (("times", words.time_s.astype(np.float16)), ("units", words.channel.astype(np.uint16)))
        for name, values in columns:
            ragged = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(values.dtype))
            for i, row in enumerate(rows):
                ragged[i] = values[row]
        file["labels"] = words.labels[chosen].astype(np.uint16)
        file["extra/speaker"] = words.speakers[chosen].astype(np.uint16)
        file["extra/keys"] = np.array([name.encode("utf-8") for name in words.classes])
    return gzip.compress(buffer.getvalue(), 9, mtime=0)


def main(folder: str) -> None:
    """Write the two files and their checksums into the package."""
    sums = {}
    for split, source in locate(folder).items():
        words = read_words(source)
        data = _pack(words, choose(words, _PER_CLASS[split]))
        name = f"espeak_words_{split}.h5.gz"
        (EMBEDDED / name).write_bytes(data)
        sums[name] = hashlib.sha256(data).hexdigest()
    text = json.dumps(sums, indent=2, sort_keys=True) + "\n"
    (Path(EMBEDDED) / "checksums.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
