"""The angle that the event circuit reaches: 5 dimensions of 50, both engines, and what each of its parts is for.

    python examples/benchmarks/event_circuit.py [--patterns 1500] [--seeds 10] [--json FILE]

Each seed draws a subspace, Gaussian vectors in it with noise of 0.02 around it, and the weights of the start. One
long sample runs through `snn.stream`, chunk by chunk, by events and by the clock. Printed are the largest principal
angle to the subspace, the step after which it stays below 5 degrees, and the counts, equal on both engines.
The rows below leave out parts of the circuit: lateral learning, or all inhibition between neurons, which is Oja's
rule alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import subspace_angles

import snn
from snn.continual import SubspaceCircuit, signed_events

LEARNED = "in-sub"
CHUNK = 2000


def toy(seed: int, patterns: int) -> tuple[np.ndarray, snn.Events]:
    """A random basis [50, 5], and spikes of vectors in its span."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.standard_normal((50, 5)))
    x = rng.standard_normal((patterns, 5)) @ basis.T + 0.02 * rng.standard_normal((patterns, 50))
    return basis, signed_events(x, seed=seed)


def largest_angle(circuit: SubspaceCircuit, weights: Any, basis: np.ndarray) -> float:
    """Degrees."""
    return float(np.degrees(subspace_angles(circuit.subspace(weights[0]).T, basis)).max())


def without_inhibition(net: snn.Network) -> snn.Network:
    """The neurons by themselves."""
    kept = [p for p in net.projections if p.pre == "in"]
    return snn.Network(net.dt_ms, net.populations, kept)


def learn(
    circuit: SubspaceCircuit, net: snn.Network, seed: int, patterns: int, engine: Any
) -> dict[str, Any]:
    """Run one long sample, and look at the weights after every chunk."""
    basis, events = toy(seed, patterns)
    steps, angles, seconds = 20 * patterns, [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        for stop in range(CHUNK, steps + 1, CHUNK):
            start = time.process_time()
            counts = snn.stream(
                net,
                lambda begin, end: {"in": events.slice(begin, end)},
                folder,
                stop,
                chunk=CHUNK,
                engine=engine,
                resume=True,
            )
            seconds += time.process_time() - start
            weights = snn.Recording.load(folder).weights
            angles.append(largest_angle(circuit, weights[LEARNED], basis))
    late = [i for i, angle in enumerate(angles) if angle >= 5.0]
    settled = CHUNK * (late[-1] + 2 if late else 1)
    return {
        "angle_deg": angles[-1],
        "steps": steps,
        "below_5_from": settled if settled <= steps else None,
        "spikes": counts.spikes,
        "synaptic_events": counts.synaptic_events,
        "counts": counts,
        "weights": weights,
        "cpu_s": seconds,
    }


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two runs counted and learned the same, bit for bit."""
    learned = all(np.array_equal(a["weights"][name], w) for name, w in b["weights"].items())
    return learned and a["counts"] == b["counts"]


def main() -> None:
    """Run all, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--patterns", type=int, default=1500, help="vectors, of 20 steps each")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: dict[str, list[dict[str, Any]]] = {"circuit": [], "no lateral learning": [], "no inhibition": []}
    equal = True
    for seed in range(options.seeds):
        circuit = SubspaceCircuit(50, 5, seed=seed)
        still = replace(circuit, lateral_rate=0.0)
        nets = circuit.network(), still.network(), without_inhibition(still.network())
        for name, net in zip(rows, nets, strict=True):
            rows[name].append(learn(circuit, net, seed, options.patterns, "event"))
        equal &= same(rows["circuit"][-1], learn(circuit, nets[0], seed, options.patterns, "clock"))
    result: dict[str, Any] = {"same_on_both_engines": equal}
    for name, runs in rows.items():
        angles = sorted(run["angle_deg"] for run in runs)
        settled = [run["below_5_from"] for run in runs if run["below_5_from"]]
        print(
            f"{name:<20} angle {statistics.median(angles):5.2f} deg ({angles[0]:.2f} to {angles[-1]:.2f}) after "
            f"{runs[0]['steps']} steps; below 5 for good in {len(settled)} of {len(runs)}"
            + (f", from step {min(settled)} to {max(settled)}" if settled else "")
            + f"; {statistics.median(run['cpu_s'] for run in runs):.2f} CPU s"
        )
        plain = ("angle_deg", "steps", "below_5_from", "spikes", "synaptic_events", "cpu_s")
        result[name] = [{key: run[key] for key in plain} for run in runs]
    first = rows["circuit"][0]
    print(f"seed 0: spikes {first['spikes']}, synaptic events {first['synaptic_events']}")
    print(f"counts and weights equal on both engines, all seeds: {equal}")
    if options.json:
        options.json.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
