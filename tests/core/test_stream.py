"""A streamed run is the run in one piece, however it is cut, stopped or out of disk."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import snn
from snn.core import (
    Events,
    LIFParams,
    LIParams,
    Network,
    Population,
    Projection,
    Raster,
    Record,
    TimeGrid,
    streaming,
)
from snn.core.files.parts import parts_of
from snn.core.recording import join

KEEP = Record(spikes=["in", "a", "out"], v=["a"])


def network():
    rng = np.random.default_rng(3)
    a = LIFParams(tau_mem_ms=8.0, tau_syn_ms={"e": 2.0, "i": 4.0}, t_ref_ms=2.0, bias=0.05)
    return Network(
        1.0,
        [Population("in", 4), Population("a", 6, a), Population("out", 2, LIParams(decay=0.9))],
        [
            Projection("in", "a", rng.normal(0.6, 0.5, (4, 6)), rng.integers(0, 9, (4, 6)), receptor="e"),
            Projection("a", "a", rng.uniform(-1, 0, (6, 6)), rng.integers(1, 5, (6, 6)), receptor="i"),
            Projection("a", "out", rng.normal(size=(6, 2)), 0.0),
        ],
    )


NET = network()


def inputs():
    rng = np.random.default_rng(5)
    lengths = np.array([40, 0, 23])
    z = rng.poisson(0.4, (40, 3, 4)) * (np.arange(40)[:, None, None] < lengths[:, None])
    return {"in": Raster(z, TimeGrid(40, 1.0), lengths).to_events()}


def assert_same(streamed, whole):
    assert streamed.spikes == whole.spikes
    assert whole.spikes["a"].n_events > 20
    assert streamed.counts == whole.counts
    for name, v in whole.v.items():
        np.testing.assert_array_equal(streamed.v[name], v)
    assert streamed.state.recent == whole.state.recent
    for kind in ("v", "currents", "refractory"):
        for name, array in getattr(whole.state, kind).items():
            np.testing.assert_array_equal(getattr(streamed.state, kind)[name], array)


@settings(max_examples=15, deadline=None)
@given(
    chunks=st.lists(st.integers(1, 50), min_size=1, max_size=3),
    n_steps=st.sampled_from([None, 40, 61]),
    engine=st.sampled_from(["event", "clock"]),
)
def test_any_chunks_are_the_uncut_run(chunks, n_steps, engine, tmp_path_factory):
    """Each further chunk size takes the run up after one chunk of the size before."""
    path = tmp_path_factory.mktemp("runs") / "run"
    whole = snn.simulate(NET, inputs(), n_steps, record=KEEP)

    class Stop(Exception):
        pass

    def stop(done, total):
        raise Stop

    for chunk in chunks[:-1]:
        with pytest.raises(Stop):
            snn.stream(NET, inputs(), path, n_steps, chunk=chunk, record=KEEP, progress=stop, resume=True)
        if parts_of(path)[-1].stop == (n_steps or 40):
            break
    counts = snn.stream(
        NET, inputs(), path, n_steps, chunk=chunks[-1], engine=engine, record=KEEP, resume=True
    )
    assert counts == whole.counts
    assert_same(snn.Recording.load(path), whole)


def test_progress_and_what_lies_in_the_folder(tmp_path):
    seen = []
    path = tmp_path / "deep" / "run"
    snn.stream(NET, inputs(), path, chunk=15, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(15, 40), (30, 40), (40, 40)]
    assert sorted(p.name for p in path.iterdir()) == [
        "part-000000000000-000000000015.h5",
        "part-000000000015-000000000030.h5",
        "part-000000000030-000000000040.h5",
        "state-000000000040.h5",
    ]
    longer = snn.stream(NET, inputs(), path, 70, chunk=15, resume=True)  # a finished run goes on
    assert longer.steps == 40 + 23 + 3 * 30
    assert snn.stream(NET, inputs(), path, 70, resume=True) == longer  # and is left alone when complete


def test_inputs_and_drive_from_functions(tmp_path):
    rng = np.random.default_rng(1)
    events, drive = inputs()["in"], rng.normal(0, 0.3, (40, 3, 6))
    asked = []

    def give(start, stop):
        asked.append((start, stop))
        return {"in": events.slice(start, stop)}

    whole = snn.simulate(NET, {"in": events}, 40, currents={"a": drive}, record=KEEP)
    snn.stream(NET, give, tmp_path / "a", 40, chunk=16, currents=lambda i, j: {"a": drive[i:j]}, record=KEEP)
    assert asked == [(0, 16), (16, 32), (32, 40)]
    assert_same(snn.Recording.load(tmp_path / "a"), whole)
    snn.stream(
        NET, {"in": events.to_raster()}, tmp_path / "b", 40, chunk=7, currents={"a": drive}, record=KEEP
    )
    assert_same(snn.Recording.load(tmp_path / "b"), whole)
    constant = {"a": drive[0, 0]}
    whole = snn.simulate(NET, {"in": events}, currents=constant, record=KEEP)
    snn.stream(NET, {"in": events}, tmp_path / "c", chunk=9, currents=constant, record=KEEP)
    assert_same(snn.Recording.load(tmp_path / "c"), whole)


@pytest.mark.parametrize("where", ["simulate", "os.replace", "progress"])
def test_ctrl_c_keeps_the_chunks_done(where, tmp_path, monkeypatch):
    calls = []

    def interrupt_third(function):
        def wrapped(*arguments, **options):
            calls.append(1)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return function(*arguments, **options)

        return wrapped

    progress = None
    with monkeypatch.context() as patch:
        if where == "simulate":
            patch.setattr(streaming, "simulate", interrupt_third(streaming.simulate))
        elif where == "os.replace":  # the state of the second chunk
            patch.setattr(os, "replace", interrupt_third(os.replace))
        else:
            progress = interrupt_third(lambda done, total: None)
        with pytest.raises(KeyboardInterrupt):
            snn.stream(NET, inputs(), tmp_path, chunk=10, record=KEEP, progress=progress)
    done = {"simulate": 20, "os.replace": 10, "progress": 30}[where]
    part = snn.Recording.load(tmp_path)
    whole = snn.simulate(NET, inputs(), record=KEEP)
    assert part.spikes == {name: events.slice(0, done) for name, events in whole.spikes.items()}
    snn.stream(NET, inputs(), tmp_path, chunk=10, record=KEEP, resume=True)
    assert_same(snn.Recording.load(tmp_path), whole)


@pytest.fixture
def interruptible():
    """Let Ctrl-C interrupt, as in a terminal: a process started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_signal_waits_for_the_chunk_and_a_second_does_not(tmp_path, monkeypatch):
    def press(done, total):
        signal.raise_signal(signal.SIGINT)

    run = streaming.simulate

    def press_twice(*arguments, **options):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return run(*arguments, **options)

    with pytest.raises(KeyboardInterrupt):
        snn.stream(NET, inputs(), tmp_path, chunk=10, progress=press)
    assert parts_of(tmp_path)[-1].stop == 10
    monkeypatch.setattr(streaming, "simulate", press_twice)
    with pytest.raises(KeyboardInterrupt):
        snn.stream(NET, inputs(), tmp_path, chunk=10, resume=True)
    assert parts_of(tmp_path)[-1].stop == 10
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path):
    """The limit on the size of a file stands in for a full disk: a write that the system refuses."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    wide = Network(1.0, [Population("n", 500, LIFParams(tau_mem_ms=9.0, bias=0.2))])
    keep = Record(v=["n"])

    def fill(done, total):
        if done == 20:
            resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limits[1]))

    try:
        with pytest.raises(
            OSError, match=r"File too large; nothing was left there: .*part-000000000020-000000000030.h5"
        ):
            snn.stream(wide, None, tmp_path, 50, chunk=10, record=keep, progress=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.glob(".*"))  # no draft is left behind
    assert snn.Recording.load(tmp_path).v["n"].shape == (20, 1, 500)
    snn.stream(wide, None, tmp_path, 50, chunk=10, record=keep, resume=True)
    rec, whole = snn.Recording.load(tmp_path), snn.simulate(wide, n_steps=50, record=keep)
    np.testing.assert_array_equal(rec.v["n"], whole.v["n"])
    assert rec.counts == whole.counts


def test_memory_stays_flat(tmp_path):
    """Ten times the steps take no more memory, though 40 MB of membranes go to disk."""
    code = """
import resource, sys, snn
net = snn.Network(1.0, [snn.Population("n", 500, snn.LIFParams(tau_mem_ms=9.0, bias=0.2))])
peaks = []
for steps in (1000, 10_000):
    snn.stream(net, None, f"{sys.argv[1]}/{steps}", steps, chunk=250, record=snn.Record(v=["n"]))
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print((peaks[1] - peaks[0]) / 1024)
"""
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 8  # MB


def test_what_cannot_go_on_is_refused(tmp_path):
    snn.stream(NET, inputs(), tmp_path, 30 + 10, chunk=20, record=KEEP)
    go = {"record": KEEP, "resume": True}
    for call, kind, message in [
        (
            lambda: snn.stream(NET, inputs(), tmp_path),
            FileExistsError,
            "holds a recording of 40 steps; resume",
        ),
        (
            lambda: snn.stream(NET, inputs(), tmp_path, 60, resume=True),
            ValueError,
            "spikes must be .* as in this run, got ",
        ),
        (
            lambda: snn.stream(NET, inputs(), tmp_path, 60, seed=1, **go),
            ValueError,
            "seed must be 1 as in this run, got 0",
        ),
        (
            lambda: snn.stream(NET, None, tmp_path, 30, **go),
            ValueError,
            "n_steps must be >= 40, which .* holds already, got 30",
        ),
        (
            lambda: snn.stream(NET, inputs(), tmp_path, 30, **go),
            ValueError,
            "n_steps must be >= 40 .*, got 30",
        ),
        (
            lambda: snn.stream(NET, None, tmp_path, **go),
            ValueError,
            "n_steps must be given where no inputs say",
        ),
        (
            lambda: snn.stream(NET, None, tmp_path, -1, **go),
            ValueError,
            "n_steps must be a whole number >= 0, got -1",
        ),
        (
            lambda: snn.stream(NET, None, tmp_path, 60, chunk=0, **go),
            ValueError,
            "chunk must be a whole number >= 1, got 0",
        ),
        (
            lambda: snn.stream(NET, None, tmp_path, 60, engine="exact"),
            ValueError,
            "engine must be 'event' or 'clock' to stream",
        ),
        (
            lambda: snn.stream(NET, None, tmp_path, 60, currents={"a": np.ones((3, 6))}, **go),
            ValueError,
            r"currents\['a'\] must be of T = 60 steps, as the run, got ndarray of shape .3, 6.",
        ),
    ]:
        with pytest.raises(kind, match=message):
            call()
    other = Network(1.0, [Population("in", 4), Population("a", 6, LIFParams(decay=0.5))])
    with pytest.raises(ValueError, match="fingerprint must be"):
        snn.stream(other, inputs(), tmp_path, 60, record=KEEP, resume=True)
    (tmp_path / "part-000000000000-000000000020.h5").unlink()
    with pytest.raises(ValueError, match="the part with steps 0 to 19 is missing"):
        snn.Recording.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="no recording at"):
        snn.Recording.load(tmp_path / "none")


def test_events_are_joined_as_they_were_cut():
    events = inputs()["in"]
    pieces = [events.slice(0, 7), events.slice(7, 7), events.slice(7, 30), events.slice(30)]
    assert join(pieces) == events
    assert join([Events.from_lists([], [], n_units=1, dt_ms=1.0, n_steps=3)]).n_events == 0
