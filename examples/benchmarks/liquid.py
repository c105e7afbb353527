"""Liquids: `Reservoir.run` against a plain torch loop and `simulate`; both engines; a large one against Brunel's.

    python examples/benchmarks/liquid.py --nmnist FOLDER_OR_ZIP [--repeat 5] [--rows ROW ...] [--json FILE]

"small" is the paper's liquid (256 inputs, 200 neurons) on 1 000 N-MNIST samples in 50 steps; its counts are
compared too. The torch loop is given its dense input ready made ("torch, dense"), or makes it ("torch").
"engines" times both engines on liquids that differ in size, in-degree and delays, with the choice that `run` makes.
"large" has 20 000 neurons, in-degree 100 and delays by distance; its synaptic events per CPU second are compared
with those of Brunel's network. One thread, CPU seconds, interleaved, the first turn warms up, medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import snn
from snn.datasets import FrameBinning
from snn.datasets.encode.reshape import centre_crop
from snn.datasets.sets.nmnist import load_nmnist
from snn.liquid import Reservoir, wiring
from snn.liquid.run_cost import faster_engine
from snn.recipes.balanced import brunel


def timed(rows: dict[str, Callable[[], Any]], repeat: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Give the median CPU seconds of each row, and what it gave."""
    times: dict[str, list[float]] = {name: [] for name in rows}
    given = {}
    for turn in range(repeat + 1):
        for name in list(rows)[:: 1 if turn % 2 else -1]:
            start = time.process_time()
            given[name] = rows[name]()
            if turn:
                times[name].append(time.process_time() - start)
    return {name: statistics.median(found) for name, found in times.items()}, given


def small(nmnist: str, repeat: int) -> dict[str, Any]:
    """The paper's liquid on 1 000 samples."""
    recordings = load_nmnist(nmnist, FrameBinning(50, None, "time"))[0].read()
    events = centre_crop(recordings.events, recordings.shape).select(np.arange(min(1000, len(recordings))))
    w_in = wiring.dense_gaussian(256, 200, sd=0.07 * 6.61, seed=1)
    w_rec = wiring.dense_gaussian(200, 200, sd=0.07 * 6.67, seed=2)
    neuron = snn.LIFParams(decay=0.9, v_th=5.0, reset="hard_next_step", fires=">")
    reservoir = Reservoir(w_in, w_rec, neuron)
    own, back = (torch.tensor(w, dtype=torch.float32) for w in (w_in, w_rec))

    def dense() -> torch.Tensor:
        return torch.tensor(events.to_raster().z, dtype=torch.float32)

    def loop(x: torch.Tensor) -> np.ndarray:
        v = z = count = torch.zeros(x.shape[1], 200)
        for x_t in x:
            v = v * 0.9 * (1 - z) + x_t @ own + z @ back
            z = (v > 5.0).float()
            count = count + z
        return count.numpy()

    ready = dense()
    seconds, given = timed(
        {
            "run": lambda: reservoir.run(events),
            "torch, dense": lambda: loop(ready),
            "torch": lambda: loop(dense()),
            "simulate": lambda: snn.simulate(reservoir.network(events.dt_ms), {"in": events}),
        },
        repeat,
    )
    spikes = given["simulate"].spikes["liquid"].spike_counts()[:, 0]
    return {
        "seconds": seconds,
        "run / torch, dense": seconds["run"] / seconds["torch, dense"],
        "run / torch": seconds["run"] / seconds["torch"],
        "run / simulate": seconds["run"] / seconds["simulate"],
        "counts that differ from simulate": int((given["run"] != spikes).sum()),
        "counts that differ from torch": int((given["run"] != given["torch"]).sum()),
    }


def engines(repeat: int) -> list[dict[str, Any]]:
    """Both engines, and the one that `run` takes."""
    rng, found = np.random.default_rng(0), []
    for size, degree in ((200, 200), (500, 500), (500, 50), (1000, 100), (2000, 100), (2000, 1000)):
        samples, steps = max(2, 20_000 // size), 100
        lists = [[rng.integers(0, most, 500) for _ in range(samples)] for most in (steps, 70)]
        events = snn.Events.from_lists(*lists, n_units=70, dt_ms=4.0, n_steps=steps)
        tau_ms = np.exp(rng.uniform(np.log(10), np.log(100), size))
        gain = np.sqrt(1 - np.exp(-8.0 / tau_ms))
        w_rec = wiring.fixed_in_degree(size, size, degree, sd=2 / np.sqrt(degree), seed=1).toarray() * gain
        for per in ("sender", "synapse"):
            delays = rng.integers(1, 27, (size, 1 if per == "sender" else size))
            reservoir = Reservoir(
                rng.normal(size=(70, size)) * gain, w_rec, snn.LIFParams(tau_mem_ms=tau_ms), delays
            )
            runs = {one: partial(reservoir.run, events, engine=one) for one in ("layers", "event")}
            seconds, given = timed(runs, repeat)
            found.append(
                {
                    "neurons": size,
                    "in-degree": degree,
                    "delay per": per,
                    "seconds": seconds,
                    "layers / event": seconds["layers"] / seconds["event"],
                    "chosen": faster_engine(reservoir, events),
                    "counts that differ": int((given["layers"] != given["event"]).sum()),
                }
            )
            print(found[-1], flush=True)
    return found


def large(repeat: int) -> dict[str, Any]:
    """Synaptic events per CPU second of 20 000 neurons on a grid, and of Brunel's network."""
    size, degree, steps = 20_000, 100, 200
    at = wiring.grid_places((40, 50, 10))
    w_rec = wiring.fixed_in_degree(size, size, degree, sd=0.12, loops=False, seed=1)
    delays = wiring.delays_by_distance(w_rec, at, at, speed=2.0, dt_ms=1.0)
    w_in = wiring.fixed_in_degree(200, size, 10, sd=0.4, seed=2)
    net = Reservoir(w_in, w_rec, snn.LIFParams(tau_mem_ms=20.0), delays).network(1.0)
    rng = np.random.default_rng(0)
    step, unit = np.nonzero(rng.random((steps, 200)) < 0.05)
    events = snn.Events.from_lists([step], [unit], n_units=200, dt_ms=1.0, n_steps=steps)
    reference = brunel()
    rows = {
        "liquid": lambda: snn.simulate(net, {"in": events}).counts,
        "Brunel": lambda: snn.simulate(reference, n_steps=1000, seed=1).counts,
    }
    seconds, counts = timed(rows, repeat)
    per_s = {name: sum(counts[name].synaptic_events.values()) / seconds[name] for name in rows}
    rate = counts["liquid"].spikes["liquid"] / size / steps
    return {
        "synaptic events per s": per_s,
        "ratio": per_s["liquid"] / per_s["Brunel"],
        "rate": rate,
        "seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--nmnist", required=True)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--rows", nargs="*", default=["small", "engines", "large"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    work = {
        "small": lambda: small(options.nmnist, options.repeat),
        "engines": lambda: engines(options.repeat),
        "large": lambda: large(options.repeat),
    }
    result = {}
    for name in options.rows:
        result[name] = work[name]()
        print(name, json.dumps(result[name], indent=2), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
