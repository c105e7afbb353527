"""Reading native event files: ours against tonic (N-MNIST) and expelliarmus (EVT 3.0, EVT 2.0), in one run.

    python examples/benchmarks/event_files.py --nmnist ZIP_OR_FOLDER --raw FILE [FILE ...] [--json FILE]

The readers take turns; a figure is the median of CPU seconds, one thread, after one reading that is not counted.
Ours check every event. Times of EVT 3.0 differ where expelliarmus adds 4 096 us: docs/event-files.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from expelliarmus import Wizard
from tonic.datasets import NMNIST
from tonic.io import read_mnist_file

from snn.datasets import CameraEvents, read_events
from snn.datasets.formats.atis_bin import read_nmnist_bin
from snn.datasets.formats.locate import Source

DIGITS = 100


def digits(path: Path, folder: Path) -> list[Path]:
    """Give some recordings of N-MNIST as files on disk, of a folder or a zip."""
    if path.is_file():
        with zipfile.ZipFile(path) as packed:
            names = [name for name in sorted(packed.namelist()) if name.endswith(".bin")][:DIGITS]
            packed.extractall(folder, names)
        path = folder
    return sorted(path.rglob("*.bin"))[:DIGITS]


def by_expelliarmus(file: Path) -> np.ndarray:
    with file.open("rb") as opened:
        wizard = Wizard(encoding="evt3" if b"evt 3.0" in opened.read(1000) else "evt2")
    wizard.set_file(str(file))
    return wizard.read()


def equal(ours: CameraEvents, theirs: np.ndarray) -> dict[str, bool]:
    return {
        name: bool(np.array_equal(column, theirs[name])) for name, column in zip("txyp", ours, strict=True)
    }


def timed(readers: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Let readers take turns: median CPU milliseconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for turn in range(repeat + 1):
        for name, read in readers.items():
            start = time.process_time()
            read()
            if turn:
                seconds[name].append(time.process_time() - start)
    return {name: 1000 * statistics.median(own) for name, own in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nmnist", type=Path, required=True)
    parser.add_argument("--raw", type=Path, nargs="+", required=True)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        files = digits(options.nmnist, Path(folder))
        same = all(
            all(equal(read_nmnist_bin(Source(file)), read_mnist_file(file, NMNIST.dtype)).values())
            for file in files
        )
        readers = {
            "ours": lambda: [read_nmnist_bin(Source(file)) for file in files],
            "tonic": lambda: [read_mnist_file(file, NMNIST.dtype) for file in files],
        }
        found[f"{len(files)} recordings of N-MNIST"] = {**timed(readers, options.repeat), "equal": same}
    for raw in options.raw:
        readers = {
            "ours": lambda raw=raw: read_events(raw),
            "expelliarmus": lambda raw=raw: by_expelliarmus(raw),
        }
        found[raw.name] = {
            **timed(readers, options.repeat),
            "equal": equal(read_events(raw), by_expelliarmus(raw)),
        }
    for name, row in found.items():
        own, other = (key for key in row if key != "equal")
        print(f"{name:<28} ours {row[own]:7.2f} ms  {other} {row[other]:7.2f} ms  ratio {row[own] / row[other]:.2f}"
              f"  equal: {row['equal']}")  # fmt: skip
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
