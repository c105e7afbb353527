"""Time ours against Brian2 and NEST on one wiring: CPU seconds of the simulation phase, one thread, interleaved.

The wiring is the same for all; CUBA starts all from the same potentials, Brunel's Poisson input is drawn
by each simulator for itself, with the same rate. The bound is a scatter-add of ones to float32, over
rows of the same network, measured between the runs. Ours compiles once for each machine and number type;
what that takes is measured in processes that find no compiled loops.

    python examples/benchmarks/simulate.py --network brunel --peers brian2,nest --repeat 5 --json out.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numba
import numpy as np

import snn
from snn.recipes import balanced

HERE = Path(__file__).parent


def wiring(net: snn.Network, network: str, folder: Path) -> tuple[str, np.ndarray]:
    """Write the wiring and the first potentials for the peers; neurons are numbered exc, then inh."""
    n, first = sum(p.size for p in net.populations), {"exc": 0, "inh": net.population("exc").size}
    rng = np.random.default_rng(1)
    v = -60.0 + 10.0 * rng.random(n) if network == "cuba" else np.zeros(n)
    arrays = {"network": np.array(network), "v": v}
    for kind in first:
        pre, post = [], []
        for projection in net.projections:
            if projection.pre == kind:
                rows = net.synapses(projection.name)
                pre.append(np.repeat(np.arange(rows.fan_out.size), rows.fan_out) + first[kind])
                post.append(rows.indices.astype(np.int64) + first[projection.post])
        arrays[f"{kind}_pre"] = np.concatenate(pre)
        arrays[f"{kind}_post"] = np.concatenate(post)
    path = folder / f"{network}.npz"
    np.savez(path, **arrays)
    return str(path), v


def compile_s(dtype: str) -> float:
    """Measure the CPU seconds of a first simulation on a machine where none has run."""
    code = (
        "import time; from snn import simulate; from snn.recipes.balanced import cuba; net = cuba(40); "
        "before = time.process_time(); "
        f"simulate(net, n_steps=1, dtype={dtype!r}); print(time.process_time() - before)"
    )
    with tempfile.TemporaryDirectory() as empty:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_CACHE_DIR": empty}
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
        )
    return float(done.stdout)


def start(net: snn.Network, v: np.ndarray, dtype: str) -> snn.SimulationState:
    """Make a state with the potentials `v`; the loops are compiled, or loaded, before anything is timed."""
    snn.simulate(net, n_steps=1, dtype=dtype)
    state = snn.simulate(net, n_steps=0, dtype=dtype).state
    first = 0
    for p in net.populations:
        state.v[p.name][0] = v[first : first + p.size]
        first += p.size
    return state


def ours(net: snn.Network, state: snn.SimulationState, dtype: str, seconds: float) -> dict:
    """Run ours: everything that `simulate` does, recording included."""
    steps, before = round(1000.0 * seconds / net.dt_ms), time.thread_time()
    rec = snn.simulate(net, n_steps=steps, state=state, dtype=dtype)
    cpu = time.thread_time() - before
    events = sum(rec.counts.synaptic_events.values())
    return {"cpu_s": cpu, "spikes": sum(rec.counts.spikes.values()), "events_per_s": events / cpu}


@numba.njit
def _scatter(cells, post, indptr, rows):
    for r in rows:
        for s in range(indptr[r], indptr[r + 1]):
            cells[post[s]] += np.float32(1.0)


def bound(net: snn.Network) -> float:
    """Measure synaptic events per CPU second of a bare scatter-add over whole rows."""
    n, wide = sum(p.size for p in net.populations), []
    first = 0
    for p in net.populations:
        wide += [
            (net.synapses(q.name), first) for q in net.projections if q.pre == "exc" and q.post == p.name
        ]
        first += p.size
    post = [
        np.concatenate([r.indices[r.indptr[i] : r.indptr[i + 1]].astype(np.int64) + at for r, at in wide])
        for i in range(net.population("exc").size)
    ]
    indptr = np.concatenate([[0], np.cumsum([row.size for row in post])])
    flat, cells = np.concatenate(post).astype(np.uint16), np.zeros(n, dtype=np.float32)
    rows = np.random.default_rng(0).integers(0, len(post), 20_000)
    _scatter(cells, flat, indptr, rows[:1])
    before = time.thread_time()
    _scatter(cells, flat, indptr, rows)
    return float((indptr[rows + 1] - indptr[rows]).sum() / (time.thread_time() - before))


def peer(python: str, script: str, *arguments: object) -> dict:
    """Run a peer's script in its interpreter and read what it prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    command = [python, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    lines = [line for line in done.stdout.splitlines() if "JSON" in line]
    if done.returncode or not lines:
        raise RuntimeError(f"{script} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return json.loads(lines[-1].split("JSON", 1)[1])


def measure(options: argparse.Namespace, folder: Path) -> dict:
    """Build everything, then run all in turn `repeat` times."""
    before = time.process_time()
    net = (
        getattr(balanced, options.network)(options.neurons)
        if options.neurons
        else getattr(balanced, options.network)()
    )
    built = time.process_time() - before
    path, v = wiring(net, options.network, folder)
    runs: dict[str, list[dict]] = {}
    states = {dtype: start(net, v, dtype) for dtype in ("float32", "float64")}
    compiled, build_s = {f"ours {dtype}": compile_s(dtype) for dtype in states}, {"ours": built}
    spikes, jobs = {}, {f"ours {d}": (lambda d=d: ours(net, states[d], d, options.seconds)) for d in states}
    if "brian2" in options.peers:
        brian, cpp = options.brian_python, str(folder / "cpp")
        made = peer(brian, "simulate_brian2.py", "cpp-build", path, options.seconds, cpp)
        build_s["brian2 cpp"], spikes["brian2 cpp"] = made["build_s"], made["spikes"]
        jobs["brian2 cpp"] = lambda: peer(brian, "simulate_brian2.py", "cpp-run", cpp)
        jobs["brian2 cython"] = lambda: peer(brian, "simulate_brian2.py", "cython", path, options.seconds)
    if "nest" in options.peers:
        jobs["nest"] = lambda: peer(options.nest_python, "simulate_nest.py", path, options.seconds)
    bounds = []
    for _ in range(options.repeat):
        bounds.append(bound(net))
        for name, job in jobs.items():
            runs.setdefault(name, []).append(job())
            print(name, runs[name][-1], flush=True)
    return summary(options, runs, spikes, build_s, compiled, statistics.median(bounds))


def summary(options, runs, spikes, build_s, compiled, scatter) -> dict:
    """Put medians and ratios together; a ratio is the peer's CPU time over ours in float32."""
    median = {name: statistics.median(one["cpu_s"] for one in found) for name, found in runs.items()}
    build_s |= {n: found[0]["build_s"] for n, found in runs.items() if "build_s" in found[0]}
    spikes |= {n: found[0]["spikes"] for n, found in runs.items() if "spikes" in found[0]}
    rate = {n: statistics.median(r["events_per_s"] for r in runs[n]) for n in runs if n.startswith("ours")}
    return {
        "network": options.network,
        "seconds": options.seconds,
        "cpu_s": median,
        "range_s": {n: [min(r["cpu_s"] for r in f), max(r["cpu_s"] for r in f)] for n, f in runs.items()},
        "ratio": {n: median[n] / median["ours float32"] for n in median},
        "ratio_float64": {n: median[n] / median["ours float64"] for n in median},
        "spikes": spikes,
        "events_per_s": rate,
        "scatter_bound_per_s": scatter,
        "share_of_bound": {n: value / scatter for n, value in rate.items()},
        "build_s": build_s,
        "compile_s": compiled,
    }


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=["cuba", "brunel"], default="cuba")
    parser.add_argument("--neurons", type=int, default=None, help="another size than the published one")
    parser.add_argument("--peers", default="", help="brian2,nest")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="biological time")
    parser.add_argument("--brian-python", default=os.environ.get("BRIAN_PYTHON", sys.executable))
    parser.add_argument("--nest-python", default=os.environ.get("NEST_PYTHON", sys.executable))
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(options, Path(folder))
    text = json.dumps(result, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
