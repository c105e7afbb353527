"""Make the embedded set: `python -m snn.datasets.embed FOLDER`, FOLDER holding espeak-ng words in SHD's layout."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys

import h5py
import numpy as np

from snn.core.arrays import Int64Array
from snn.core.files.whole import write_whole
from snn.datasets.formats.locate import locate
from snn.datasets.formats.shd_file import ShdColumns, read_shd
from snn.datasets.known_folders import EMBEDDED

__all__ = ["choose", "main"]

_PER_CLASS = {"train": 24, "test": 6}


def choose(columns: ShdColumns, per_class: int) -> Int64Array:
    """Choose words: as many of each class, spread evenly over the speakers; the same ones every time."""
    rng = np.random.default_rng(20)
    chosen: list[int] = []
    for label in range(len(columns.classes)):
        own = rng.permutation(np.flatnonzero(columns.labels == label))
        before = np.zeros(len(own), dtype=np.int64)  # words of the same speaker that come before
        for speaker in np.unique(columns.speakers[own]):
            same = columns.speakers[own] == speaker
            before[same] = np.arange(same.sum())
        chosen += own[np.argsort(before, kind="stable")[:per_class]].tolist()
    return np.sort(np.array(chosen))


def _pack(columns: ShdColumns, chosen: Int64Array) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", track_order=False) as file:
        rows = [slice(*columns.offsets[b : b + 2]) for b in chosen]
        spikes = {"times": columns.time_s.astype(np.float16), "units": columns.channel.astype(np.uint16)}
        for name, values in spikes.items():
            ragged = file.create_dataset(f"spikes/{name}", (len(rows),), h5py.vlen_dtype(values.dtype))
            for i, row in enumerate(rows):
                ragged[i] = values[row]
        file["labels"] = columns.labels[chosen].astype(np.uint16)
        file["extra/speaker"] = columns.speakers[chosen].astype(np.uint16)
        file["extra/keys"] = np.array([name.encode("utf-8") for name in columns.classes])
    return gzip.compress(buffer.getvalue(), 9, mtime=0)


def main(folder: str) -> None:
    """Write the two files and their checksums into the package."""
    sums = {}
    for split, source in locate(folder).items():
        columns = read_shd(source)
        data = _pack(columns, choose(columns, _PER_CLASS[split]))
        name = f"espeak_words_{split}.h5.gz"
        write_whole(EMBEDDED / name, data)
        sums[name] = hashlib.sha256(data).hexdigest()
    text = json.dumps(sums, indent=2, sort_keys=True) + "\n"
    write_whole(EMBEDDED / "checksums.json", text.encode("utf-8"))


if __name__ == "__main__":
    main(sys.argv[1])
