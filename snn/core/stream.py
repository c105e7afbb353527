"""Run long: in chunks, each kept on disk when it is done, so that memory stays flat and nothing is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from snn.core.arrays import PathLike
from snn.core.events import Events, Raster
from snn.core.files import recordings
from snn.core.network import Network
from snn.core.record import Counts, Record
from snn.core.simulate import Dtype, Engine, simulate
from snn.core.state import SimulationState

Inputs = Mapping[str, Events | Raster]
Drive = Mapping[str, Any]
Steps = tuple[int, int]


def stream(
    net: Network,
    inputs: Inputs | Callable[[int, int], Inputs] | None,
    path: PathLike,
    n_steps: int | None = None,
    *,
    chunk: int = 1000,
    engine: Engine = "event",
    currents: Drive | Callable[[int, int], Drive] | None = None,
    record: Record | None = None,
    seed: int = 0,
    dtype: Dtype = "float64",
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
    resume: bool = False,
) -> Counts:
    """Run `net` for long, and keep what it records in a folder while it runs.

    The result is that of one `simulate`, bit for bit; `Recording.load(path)` reads it. A run that stops early
    (Ctrl-C, a full disk, a lost machine) keeps all chunks done, and `resume=True` goes on; with a larger
    `n_steps` also from a finished run. The first Ctrl-C waits for the end of its chunk.

    Args:
        net: The network.
        inputs: Spikes of its sources, or a function (start, stop) for those of a chunk, counted from `start`.
        path: Folder of the recording.
        n_steps: Steps to run in all, as in `simulate`; required where `inputs` is a function.
        chunk: Steps that are run, and then written, at a time, >= 1.
        engine: `"event"` or `"clock"`.
        currents: Drive as in `simulate`, or such a function.
        record: What to keep, as in `simulate`.
        seed: As in `simulate`.
        dtype: As in `simulate`.
        threads: As in `simulate`.
        progress: Called after each chunk with the steps done and the steps in all.
        resume: Go on with the recording at `path`, if there is one.

    Returns:
        What happened in the whole run, chunks of earlier calls included.

    Raises:
        FileExistsError: `path` holds a recording, without `resume`.
        ValueError: An argument is not as said, or `resume` finds another network, seed or record.
        OSError: A chunk could not be written; those before it are kept.
    """
    _check(engine, chunk)
    given, folder = _Given(inputs or {}, currents or {}, n_steps), Path(path)
    counts, state, done = _take_up(net, folder, record or Record(), seed, resume, given.total)
    fixed: Any = {"engine": engine, "record": record, "seed": seed, "dtype": dtype, "threads": threads}
    with _interrupt_between_chunks() as check_interrupt:
        while done < given.total or counts is None:
            piece, drive, steps = given.cut(done, stop := min(done + chunk, given.total))
            rec = simulate(net, piece, steps, currents=drive, state=state, **fixed)
            recordings.save_part(folder, done, stop, rec, seed, engine)
            counts = rec.counts if counts is None else counts + rec.counts
            state, done = rec.state, stop
            if progress is not None:
                progress(done, given.total)
            check_interrupt()
    return counts


@contextmanager
def _interrupt_between_chunks() -> Iterator[Callable[[], None]]:
    """Keep the first Ctrl-C until it is asked for; the second is raised at once.

    Raised anywhere, it could be lost: Python prints and drops what a callback of its garbage collector
    raises. A handler of the caller's own is left alone, and so is a thread that gets no signals.
    """
    pressed: list[int] = []

    def note(number: int, _frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    usual = signal.default_int_handler
    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is usual
    if mine:
        signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        if mine:
            signal.signal(signal.SIGINT, usual)


class _Given:
    """Cut what the whole run is given into chunks."""

    def __init__(self, inputs: Any, currents: Any, n_steps: int | None) -> None:
        if not callable(inputs):
            inputs = {k: v.to_events() if isinstance(v, Raster) else v for k, v in inputs.items()}
        if not callable(currents):
            currents = {name: np.asarray(values) for name, values in currents.items()}
        self._inputs, self._currents = inputs, currents
        self._longest = n_steps is None
        self.total = self._length(n_steps)
        for name, values in () if callable(currents) else currents.items():
            if values.ndim > 1 and len(values) != self.total:
                raise ValueError(
                    f"currents[{name!r}] must have T = {self.total} steps as the run, got {len(values)}"
                )

    def _length(self, n_steps: int | None) -> int:
        lasts = 0
        if not callable(self._inputs):
            lasts = max((int(e.n_steps.max(initial=0)) for e in self._inputs.values()), default=0)
        if n_steps is None:
            if callable(self._inputs) or not self._inputs:
                raise ValueError("n_steps is needed when no inputs say how long to run")
            return lasts
        if isinstance(n_steps, bool) or int(n_steps) != n_steps or n_steps < 0:
            raise ValueError(f"n_steps must be an integer >= 0, got {n_steps!r}")
        if n_steps < lasts:
            raise ValueError(f"n_steps is {n_steps}, but the inputs last {lasts} steps")
        return int(n_steps)

    def cut(self, start: int, stop: int) -> tuple[Inputs, Drive, int | None]:
        """Return inputs, drive and number of steps of [start, stop); None: each sample as its inputs."""
        if callable(self._inputs):
            inputs = self._inputs(start, stop)
        else:
            inputs = {name: events.slice(start, stop) for name, events in self._inputs.items()}
        if callable(self._currents):
            drive = self._currents(start, stop)
        else:
            drive = {k: v[start:stop] if v.ndim > 1 else v for k, v in self._currents.items()}
        return inputs, drive, None if self._longest else stop - start


def _check(engine: str, chunk: int) -> None:
    if engine == "exact":
        raise ValueError("engine='exact' cannot stream: its times have no file; use 'event' or 'clock'")
    if isinstance(chunk, bool) or int(chunk) != chunk or chunk < 1:
        raise ValueError(f"chunk must be an integer >= 1, got {chunk!r}")


def _take_up(
    net: Network, folder: Path, record: Record, seed: int, resume: bool, total: int
) -> tuple[Counts | None, SimulationState | None, int]:
    """Find what is done: its counts, where it stands, and its number of steps; make the folder."""
    parts = recordings.parts_of(folder)
    if not parts:
        folder.mkdir(parents=True, exist_ok=True)
        return None, None, 0
    if not resume:
        raise FileExistsError(f"{folder} holds a recording of {parts[-1].stop} steps; resume=True goes on")
    if parts[-1].stop > total:
        raise ValueError(f"n_steps is {total}, but {folder} holds {parts[-1].stop} steps already")
    neurons = [p.name for p in net.populations if p.neuron is not None]
    wanted = {
        "fingerprint": net.fingerprint,
        "seed": seed,
        "spikes": set(neurons if record.spikes is None else record.spikes),
        "v": set(record.v),
    }
    counts: Counts | None = None
    for part in parts:
        about = recordings.read_about(part)
        for field, value in wanted.items():
            if about[field] != value:
                raise ValueError(f"{part.path} has {field} {about[field]!r}, this run has {value!r}")
        counts = about["counts"] if counts is None else counts + about["counts"]
    state = SimulationState.load(recordings.state_path(folder, parts[-1].stop))
    return counts, state, parts[-1].stop
