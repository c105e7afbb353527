"""Run long: in chunks, each kept on disk when it is done, so that memory stays flat and nothing is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from snn.core.arrays import PathLike
from snn.core.checks import finite, refusal, shown, whole
from snn.core.counts import Counts
from snn.core.events import Events, Raster
from snn.core.files.hdf5 import naming
from snn.core.files.parts import parts_of, state_path
from snn.core.files.whole import remove_drafts
from snn.core.network import Network
from snn.core.random import check_seed
from snn.core.recording import Record, read_summary, save_part
from snn.core.simulation import Dtype, Engine, check_kinds, simulate
from snn.core.state import SimulationState
from snn.core.units import MOST_STEPS_AT_ONCE

MOST_NUMBERED = 10**12
"""Steps that the names of files can number."""

Inputs = Mapping[str, Events | Raster]
Drive = Mapping[str, Any]


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
    chunk, seed = _checked_chunk(chunk, engine), check_seed(seed)
    check_kinds(net, record)
    given, folder = _RunInputs(inputs, currents, n_steps), Path(path)
    counts, state, done = _where_it_stands(net, folder, record or Record(), seed, resume, given.total)
    run = partial(simulate, net, engine=engine, record=record, seed=seed, dtype=dtype, threads=threads)
    with _interrupt_between_chunks() as check_interrupt:
        while done < given.total or state is None:
            stop = min(done + chunk, given.total)
            rec = run(**given.cut(done, stop), state=state)
            save_part(folder, done, stop, rec, seed, engine)
            counts, state, done = counts + rec.counts, rec.state, stop
            if progress is not None:
                progress(done, given.total)
            check_interrupt()
    return counts


@contextmanager
def _interrupt_between_chunks() -> Iterator[Callable[[], None]]:
    """Hold back the first Ctrl-C until the yielded function is called; raise the second at once.

    A KeyboardInterrupt raised at any moment could be lost: Python prints and drops what is raised inside a
    callback of its garbage collector. If the caller has a handler of its own, or this is not the main thread,
    which alone gets signals, nothing is changed.
    """
    pressed: list[int] = []

    def remember(number: int, _frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    usual = signal.default_int_handler
    in_main = threading.current_thread() is threading.main_thread()
    replace = in_main and signal.getsignal(signal.SIGINT) is usual
    if replace:
        signal.signal(signal.SIGINT, remember)
    try:
        yield check
    finally:
        if replace:
            signal.signal(signal.SIGINT, usual)


class _RunInputs:
    """Hold the inputs and the drive of the whole run, and cut them into chunks."""

    def __init__(self, inputs: Any, currents: Any, n_steps: int | None) -> None:
        inputs, currents = {} if inputs is None else inputs, {} if currents is None else currents
        for name, given in (("inputs", inputs), ("currents", currents)):
            if not callable(given) and not isinstance(given, Mapping):
                rule = "given by the names of populations, or a function (start, stop)"
                raise TypeError(f"{name} must be {rule}, got {shown(given)}")
        if not callable(inputs):
            inputs = {k: v.to_events() if isinstance(v, Raster) else v for k, v in inputs.items()}
            for name, events in inputs.items():
                if not isinstance(events, Events):
                    raise TypeError(f"inputs[{name!r}] must be Events or Raster, got {type(events).__name__}")
        if not callable(currents):
            currents = {name: finite(f"currents[{name!r}]", values) for name, values in currents.items()}
        self._inputs, self._currents = inputs, currents
        self._as_inputs = n_steps is None
        self.total = self._length(n_steps)
        for name, values in () if callable(currents) else currents.items():
            if values.ndim > 1 and len(values) != self.total:
                raise refusal(f"currents[{name!r}]", f"of T = {self.total} steps, as the run", values)

    def _length(self, n_steps: int | None) -> int:
        longest = 0
        if not callable(self._inputs):
            longest = max((int(e.n_steps.max(initial=0)) for e in self._inputs.values()), default=0)
        if n_steps is None:
            if callable(self._inputs) or not self._inputs:
                raise refusal("n_steps", "given where no inputs say how long to run", None)
            n_steps = longest
        n_steps = whole("n_steps", n_steps, low=0)
        if n_steps < longest:
            raise refusal("n_steps", f">= {longest} (steps of the inputs)", n_steps)
        if n_steps >= MOST_NUMBERED:
            raise refusal("n_steps", f"below {MOST_NUMBERED:,}, which the names of files can number", n_steps)
        return n_steps

    def cut(self, start: int, stop: int) -> dict[str, Any]:
        """Return `inputs`, `currents` and `n_steps` of [start, stop); no `n_steps`: each sample as its inputs."""
        if callable(self._inputs):
            inputs = self._inputs(start, stop)
        else:
            inputs = {name: events.slice(start, stop) for name, events in self._inputs.items()}
        if callable(self._currents):
            drive = self._currents(start, stop)
        else:
            drive = {k: v[start:stop] if v.ndim > 1 else v for k, v in self._currents.items()}
        return {"inputs": inputs, "currents": drive, "n_steps": None if self._as_inputs else stop - start}


def _checked_chunk(chunk: int, engine: str) -> int:
    if engine == "exact":
        raise refusal("engine", "'event' or 'clock' to stream (times off the grid have no file)", engine)
    return min(whole("chunk", chunk, low=1), MOST_STEPS_AT_ONCE)


def _where_it_stands(
    net: Network, folder: Path, record: Record, seed: int, resume: bool, total: int
) -> tuple[Counts, SimulationState | None, int]:
    """Find the counts, the state and the number of steps of what is done; make the folder where nothing is."""
    parts = parts_of(folder)
    remove_drafts(folder)  # of a run into it that was killed
    if not parts:
        folder.mkdir(parents=True, exist_ok=True)
        return Counts(), None, 0
    done = parts[-1].stop
    if not resume:
        raise FileExistsError(f"{folder} holds a recording of {done} steps; resume=True goes on")
    if done > total:
        raise refusal("n_steps", f">= {done}, which {folder} holds already", total)
    neurons = [p.name for p in net.populations if p.neuron is not None]
    of_run = {
        "fingerprint": net.fingerprint,
        "seed": seed,
        "spikes": set(neurons if record.spikes is None else record.spikes),
        "v": set(record.v),
    }
    counts = Counts()
    for part in parts:
        summary = read_summary(part)
        for field, value in of_run.items():
            found = getattr(summary, field)
            if found != value:
                raise ValueError(f"{part.path}: {field} must be {value!r} as in this run, got {found!r}")
        counts = counts + summary.counts
    state = SimulationState.load(state_path(folder, done))
    with naming(state_path(folder, done)):
        state.check(net)
        if state.steps.shape != (counts.samples,) or state.steps.sum() != counts.steps:
            rule = f"{counts.steps} in all of {counts.samples} samples, as in the parts"
            raise refusal("steps", rule, state.steps.tolist())
    return counts, state, done
