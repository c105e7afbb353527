"""A run's folder: who may write into it, its config with versions, its timing."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.core.files.json_file import fields_of, parse_json, read_json, typed
from snn.core.files.whole import existing_file, remove_drafts, write_whole

__all__ = [
    "Clock",
    "check",
    "hold",
    "init_checksum",
    "read_config",
    "read_lines",
    "read_metrics",
    "write_config",
]

_FIELDS = ("config", "init", "init_sha256", "versions", "machine")

_PACKAGES = ("snn", "torch", "numpy", "numba", "scipy", "spikingjelly")


@contextmanager
def hold(out: PathLike) -> Iterator[Path]:
    """Make a folder and keep it for one run: no other can hold it meanwhile, in this process or another.

    Files that a killed run left half written, in it or a folder in it, are removed.

    What is locked is `out`/.lock, by `flock`: the system frees it when the process ends, however it ends, so that a
    file left by a process that was killed is in nobody's way.

    Raises:
        ValueError: Another run holds it.
        OSError: It cannot be made.
    """
    path = Path(out)
    path.mkdir(parents=True, exist_ok=True)
    file = path / ".lock"
    lock = _lock(file)
    try:
        for folder in (path, *(part for part in path.iterdir() if part.is_dir())):
            remove_drafts(folder)  # of a run in this folder that was killed
        yield path
    finally:
        file.unlink(missing_ok=True)
        lock.close()


def _lock(file: Path) -> IO[bytes]:
    """Make and lock a file, which stays locked until it is closed."""
    while True:
        lock = file.open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ValueError(
                f"{file.parent} must be a folder that no run is writing into, got one that is in use; "
                "wait for that run, or --out chooses another folder"
            ) from None
        with suppress(FileNotFoundError):
            if file.stat().st_ino == os.fstat(lock.fileno()).st_ino:
                return lock
        lock.close()  # the run before removed the file between our opening and locking it


def check(
    out: PathLike, config: dict[str, Any], resume: bool, init: PathLike | None = None
) -> PathLike | None:
    """Refuse a folder that holds another run; writes nothing.

    Args:
        out: The folder.
        config: The settings.
        resume: Whether to go on with the run in it.
        init: The file whose weights the run begins with, as given now.

    Returns:
        The file whose weights the run begins with: that of the run in the folder, if there is one.

    Raises:
        ValueError: It holds a run already and `resume` is false, or one with other settings or from other weights.
    """
    path = Path(out)
    file = path / "config.json"
    if not file.exists():
        return init
    if not resume:
        raise ValueError(f"{path} holds a run already: --resume continues it, --out chooses another folder")
    values = read_config(file)
    old = _flat(values["config"])
    settings = _flat(json.loads(json.dumps(config)))
    for key in old.keys() | settings.keys():
        if old.get(key) != settings.get(key) and not _is_longer(key, old.get(key), settings.get(key)):
            raise ValueError(
                f"cannot resume {path}: {key} was {old.get(key)!r}, now {settings.get(key)!r}; "
                "resume with the same settings or choose another folder"
            )
    began: str | None = values.get("init")
    if init is not None and (began is None or Path(began).resolve() != Path(init).resolve()):
        raise refusal("init", f"{began!r} to resume {path}, as the run in it began", str(init))
    return began


def init_checksum(out: PathLike) -> str | None:
    """Give the sha256 of the file whose weights the run in a folder began with; None: of none, or there is no run.

    Raises:
        ValueError: config.json is damaged.
    """
    file = Path(out) / "config.json"
    found: str | None = read_config(file)["init_sha256"] if file.exists() else None
    return found


def read_config(file: Path) -> dict[str, Any]:
    """Read what `write_config` wrote: its arguments, `versions` and `machine`, by name.

    Raises:
        ValueError: It is damaged; the message names the file and the field.
    """
    values = fields_of(str(file), read_json(file, constants=True), _FIELDS)
    for name in ("config", "versions"):
        typed(f"{file}: {name}", values[name], dict, "a group of settings")
    for name in ("init", "init_sha256"):
        if values[name] is not None:
            typed(f"{file}: {name}", values[name], str, "text or null")
    return values


def _is_longer(key: str, old: Any, new: Any) -> bool:
    """Tell whether a setting makes a run go on for longer, as it may."""
    return key == "epochs" and type(old) is int and type(new) is int and new > old


def _flat(config: dict[str, Any]) -> dict[str, Any]:
    """Put nested settings on one level, so that one that differs is named by itself."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        found |= _flat(value) if isinstance(value, dict) else {key: value}
    return found


def write_config(
    path: Path, config: dict[str, Any], init: PathLike | None = None, init_sha256: str | None = None
) -> None:
    """Write config.json: settings, versions, machine, and the file whose weights the run began with, if any.

    Args:
        path: The folder.
        config: The settings.
        init: That file.
        init_sha256: Its checksum (`snn.train.tensor_files`), which tells its content.

    Raises:
        OSError: It cannot be written.
    """
    values = {
        "config": config,
        "init": None if init is None else str(init),
        "init_sha256": init_sha256,
        "versions": {name: version(name) for name in _PACKAGES} | {"python": platform.python_version()},
        "machine": platform.machine(),
    }
    write_whole(path / "config.json", (json.dumps(values, indent=2) + "\n").encode("utf-8"))


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Read the epochs of metrics.jsonl (not the summary that a finished run has as its last line).

    Raises:
        FileNotFoundError: There is none.
        ValueError: A line is damaged; the message names it.
    """
    file = existing_file(path / "metrics.jsonl")
    return [line for line in read_lines(file) if "epoch" in line]


def read_lines(file: Path) -> list[dict[str, Any]]:
    """Read a file of JSON groups, one a line.

    Raises:
        ValueError: A line is damaged; the message names it.
    """
    lines = file.read_bytes().splitlines()
    named = [(f"{file}, line {i}", line) for i, line in enumerate(lines, 1)]
    return [typed(what, parse_json(line, what, constants=True), dict, "a group") for what, line in named]


class Clock:
    """Write timing.jsonl: what each epoch took. Apart from the metrics, which are the same on every machine."""

    def __init__(self, path: Path, resume: bool) -> None:
        """Start now; a fresh run begins a new file with its first epoch."""
        self._file = path / "timing.jsonl"
        self._lines = read_lines(self._file) if resume and self._file.exists() else []
        self._start = self._trained = time.perf_counter(), time.process_time()

    def mark(self) -> None:
        """Note that a batch is done: the last one ends the training part of the epoch."""
        self._trained = time.perf_counter(), time.process_time()

    def lap(self, epoch: int) -> None:
        """Write the time since the last lap, its training part, and the process's peak memory so far."""
        now = time.perf_counter(), time.process_time()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        line = {
            "epoch": epoch,
            "wall_s": round(now[0] - self._start[0], 3),
            "cpu_s": round(now[1] - self._start[1], 3),
            "train_wall_s": round(self._trained[0] - self._start[0], 3),
            "train_cpu_s": round(self._trained[1] - self._start[1], 3),
            "peak_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1),
        }
        self._start = now
        self._lines.append(line)
        write_whole(self._file, "".join(json.dumps(one) + "\n" for one in self._lines).encode("utf-8"))
