"""Time given spikes against NEST, off the grid and on it: CPU seconds a biological second, one thread, interleaved.

1 000 neurons, 100 synapses each from a fifth that inhibits and the rest, and 2 000 spikes a second given to every
neuron at times of its own; NEST gets the same wiring and the same times. Off the grid (engine="exact", NEST's
precise neurons) it spikes as often, until a last bit that differs has grown to a spike (later than 0.5 s here:
within 3 % over a second). On the grid NEST puts a time between steps at the next step, ours at the last, and a
current's charge falls on the steps otherwise: within a fifth. Ours is everything that `simulate` does, NEST's its
`Run`.

    python examples/benchmarks/offgrid.py --row exp --json out.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.sparse
from simulate import peer

import snn

N, DT = 1000, 0.1
ROWS = {
    "exp": ("exp", 1.5, True),
    "delta": ("delta", 1.5, True),
    "exp, delay 0.1 ms": ("exp", 0.1, True),
    "delta, delay 0.1 ms": ("delta", 0.1, True),
    "exp on the grid": ("exp", 1.5, False),
    "delta on the grid": ("delta", 1.5, False),
}


def task(kind: str, delay_ms: float, precise: bool, ms: float) -> dict:
    """Draw wiring and given spikes; weights are in mV of a jump, or of a current's steady lift."""
    rng, excitatory = np.random.default_rng(0), N * 4 // 5
    drawn = [(rng.integers(0, excitatory, 80), rng.integers(excitatory, N, 20)) for _ in range(N)]
    pre, post = np.concatenate([np.concatenate(pair) for pair in drawn]), np.repeat(np.arange(N), 100)
    unit_weight = 0.5 if kind == "delta" else 5.0
    count = rng.poisson(2.0 * ms, N)
    return {
        "kind": kind,
        "delay_ms": delay_ms,
        "precise": precise,
        "ms": ms,
        "n": N,
        "pre": pre,
        "post": post,
        "weight": np.where(pre < excitatory, unit_weight, -5.0 * unit_weight),
        "unit_weight": unit_weight,
        "time_ms": np.concatenate([np.sort(rng.uniform(1.6, ms, k)) for k in count]),
        "unit": np.repeat(np.arange(N), count),
    }


def ours(given: dict) -> tuple[snn.Network, snn.TimedEvents | snn.Events]:
    """Describe the same in our terms."""
    currents = {"tau_syn_ms": 2.0, "decay_input": True} if given["kind"] == "exp" else {}
    neuron = snn.LIFParams(tau_mem_ms=20.0, v_th=20.0, v_reset=10.0, t_ref_ms=2.0, **currents)
    inner = scipy.sparse.csr_array((given["weight"], (given["pre"], given["post"])), shape=(N, N))
    inner.sum_duplicates()
    net = snn.Network(
        DT,
        [snn.Population("in", N), snn.Population("n", N, neuron)],
        [
            snn.Projection("in", "n", scipy.sparse.eye_array(N, format="csr") * given["unit_weight"], 0.1),
            snn.Projection("n", "n", inner, given["delay_ms"]),
        ],
    )
    shape = {"n_units": N, "dt_ms": DT, "n_steps": round(given["ms"] / DT)}
    if given["precise"]:
        return net, snn.TimedEvents.from_times([given["time_ms"]], [given["unit"]], **shape)
    return net, snn.Events.from_lists([(given["time_ms"] / DT).astype(int)], [given["unit"]], **shape)


def measure(row: str, options: argparse.Namespace, folder: Path) -> dict:
    """Run both in turn; loops are compiled, or loaded, before."""
    given = task(*ROWS[row], 1000.0 * options.seconds)
    path, (net, events) = folder / "task.npz", ours(given)
    np.savez(path, **given)
    engine = "exact" if given["precise"] else "event"
    snn.simulate(net, {"in": events.slice(0, 1)}, engine=engine)
    mine, theirs = [], []
    for _ in range(options.repeat):
        snn.simulate(
            net, {"in": events}, engine=engine
        )  # memory that lay idle while NEST ran is fetched again
        before = time.process_time()
        spikes = snn.simulate(net, {"in": events}, engine=engine).spikes["n"].n_events
        mine.append((time.process_time() - before) / options.seconds)
        found = peer(options.nest_python, "offgrid_nest.py", path)
        theirs.append(found["cpu_s"] / options.seconds)
        near = (0.03 if given["precise"] else 0.2) * spikes
        assert abs(found["spikes"] - spikes) <= near, f"NEST fires {found['spikes']} times, ours {spikes}"
    cpu, peer_cpu = statistics.median(mine), statistics.median(theirs)
    return {
        "row": row,
        "ours_cpu_s": cpu,
        "peer": f"NEST iaf_psc_{given['kind']}{'_ps' if given['precise'] else ''}",
        "peer_version": found["version"],
        "peer_cpu_s": peer_cpu,
        "ratio": peer_cpu / cpu,
        "repeats": options.repeat,
        "load": os.getloadavg()[0],
        "spikes": spikes,
    }


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", choices=list(ROWS), action="append", help="all rows by default")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="biological time")
    parser.add_argument("--nest-python", default=os.environ.get("NEST_PYTHON", sys.executable))
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = [measure(row, options, Path(folder)) for row in options.row or ROWS]
    text = json.dumps(found, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
