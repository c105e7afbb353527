"""Damage one file of a sample, load it, and judge what happened."""

from __future__ import annotations

import json
import resource
import shutil
import tempfile
import warnings
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from contents import difference
from loaders import LOADERS, contents
from mutations import damage

Outcome = Literal["clean", "unnamed", "same", "differs", "structural", "foreign", "memory", "hang", "crash"]

OUTCOMES: dict[Outcome, str] = {
    "clean": "refused by an error of ours that names the file",
    "unnamed": "refused, but the error does not name the file",
    "same": "read: the damage changed nothing that the file holds",
    "differs": "read: other values in the same places, which a format without a digest cannot tell",
    "structural": "read although something is missing, of another shape or of another kind",
    "foreign": "an error that is not ours: of another library, or of a fault in the code",
    "memory": "more than 1 GB of memory",
    "hang": "no answer within the limit of time",
    "crash": "the process died",
}
FAULTS: tuple[Outcome, ...] = ("unnamed", "structural", "foreign", "memory", "hang", "crash")


class Samples:
    """Hold the sample of one loader, and what it holds when it is whole."""

    def __init__(self, name: str, folder: Path) -> None:
        self.loader, self._name = LOADERS[name], name
        self._origin = folder / "origin"
        self._origin.mkdir()
        self._read = self.loader.write(self._origin).relative_to(self._origin)
        self._copy = folder / "copy"
        self._files = sorted(f.relative_to(self._origin) for f in self._origin.rglob("*") if f.is_file())
        self._whole = contents(self.loader, self._fresh() / self._read)

    def _fresh(self) -> Path:
        shutil.rmtree(self._copy, ignore_errors=True)
        shutil.copytree(self._origin, self._copy)
        return self._copy

    def run(self, case: int, seed: int) -> tuple[Outcome, str]:
        """Run a case: its number and the seed say which file is damaged and how."""
        rng = np.random.default_rng((seed, zlib.crc32(self._name.encode()), case))
        folder = self._fresh()
        file = folder / self._files[int(rng.integers(len(self._files)))]
        edited = self.loader.edit is not None and rng.random() < 0.4
        if self.loader.edit is not None and edited:
            self.loader.edit(file, rng)
        else:
            file.write_bytes(damage(file.read_bytes(), rng))
        try:
            found = contents(self.loader, folder / self._read)
        except Exception as error:  # judged by its kind: an interrupt is none of ours to judge
            return judge(error, folder), f"{type(error).__name__}: {error}"
        kind = difference(self._whole, found)
        if kind == "differs" and self.loader.digest and not edited:
            kind = "structural"
        return kind, str(file.relative_to(folder))


def judge(error: Exception, folder: Path) -> Outcome:
    """Tell an error of ours, which names the file, from others."""
    if not is_ours(error):
        return "foreign"
    return "clean" if str(folder) in str(error) else "unnamed"


def is_ours(error: Exception) -> bool:
    """Tell whether it is one of the kinds of error that this package raises, and not another library's own."""
    ours = isinstance(error, ValueError | OSError | MemoryError) and not isinstance(
        error, json.JSONDecodeError | UnicodeError
    )
    return ours and type(error).__module__.partition(".")[0] in ("builtins", "snn")


def serve(pipe: Any, name: str) -> None:
    """Run the cases that come through a pipe, in a process of its own, until None comes."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        samples = Samples(name, Path(folder))
        pipe.send("ready")
        while (case := pipe.recv()) is not None:
            before = peak_bytes()
            outcome, text = samples.run(*case)
            grown = peak_bytes() - before
            pipe.send(("memory", f"{grown / 1e9:.1f} GB; {text}") if grown > 1e9 else (outcome, text))


def peak_bytes() -> int:
    """Give the largest memory that this process has had, bytes (Linux counts KiB)."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
