"""One step per call, with state, of a net for spoken words: sessions against a plain torch step, in one run.

    python examples/benchmarks/session.py [--row engine|model|pace] [--repeat 7] [--json FILE]

Networks are inputs-256-256-20, leaky integrate-and-fire with a leaky readout, float32, batch 1, 3 % of the inputs
active; each row is there for 140 inputs and for 700 (SHD's own). Rows: "engine" is `snn.Session`, "model" is
`snn.nn.Session`, and "pace" are the slow steps of 10^5 of `snn.Session`, in thread CPU time: their 99th percentile
over their median stands as `ratio`. The peer is the same step in plain torch, a product and three element-wise
operations a layer, without a graph. Times are CPU seconds a step, interleaved, medians; the ratio is the peer's
over ours. Before anything is measured, the readouts are compared with those of torch.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import snn

HIDDEN, STEPS, LEAK = (256, 256, 20), 100, float(np.float32(0.9))
GAINS = (9.0, 4.0, 1.0)
"""Factors of the drawn weights, by layer: one unit in twenty spikes in a step."""
ROWS = ("engine", "model", "pace")


def weights_of(inputs: int) -> list[torch.Tensor]:
    """Draw the weights, [in, out]."""
    torch.manual_seed(0)
    sizes = (inputs, *HIDDEN)
    gains = zip(itertools.pairwise(sizes), GAINS, strict=True)
    return [torch.empty(a, b).uniform_(-1, 1) * g / a**0.5 for (a, b), g in gains]


class Plain:
    """The step in plain torch."""

    def __init__(self, weights: list[torch.Tensor]) -> None:
        self.weights = weights
        self.v = [torch.zeros(1, w.shape[1]) for w in weights]

    def __call__(self, z: torch.Tensor) -> torch.Tensor:
        """Give the readout, [1, 20]."""
        for k, weight in enumerate(self.weights[:-1]):
            h = self.v[k] * LEAK + z @ weight
            z = (h >= 1.0).float()
            self.v[k] = h * (1.0 - z)
        self.v[-1] = self.v[-1] * LEAK + z @ self.weights[-1]
        return self.v[-1]


def network(weights: list[torch.Tensor]) -> snn.Network:
    names = ("in", "a", "b", "out")
    neurons = (None, *(snn.LIFParams(decay=LEAK),) * 2, snn.LIParams(decay=LEAK))
    sizes = (len(weights[0]), *HIDDEN)
    populations = [snn.Population(*p) for p in zip(names, sizes, neurons, strict=True)]
    ends = zip(itertools.pairwise(names), weights, strict=True)
    return snn.Network(1.0, populations, [snn.Projection(*pair, w.double().numpy()) for pair, w in ends])


def model(weights: list[torch.Tensor]) -> snn.nn.Sequential:
    layers: list[Any] = []
    for weight in weights:
        linear = snn.nn.Linear(*weight.shape)
        linear.weight.data.copy_(weight.t())
        layers += [linear, snn.nn.LIF(decay_input=False, leak=LEAK)]
    made = snn.nn.Sequential(*layers[:-1], snn.nn.LeakyReadout(1 / (1 - LEAK)))
    made.eval()
    return made


def engine_step(weights: list[torch.Tensor]) -> Callable[[Any], Any]:
    session = snn.Session(network(weights), dtype="float32", record=snn.Record(v=["out"]))

    def step(z: Any) -> Any:
        session.step(z)
        return session.v["out"]

    return step


def inputs_of(inputs: int) -> torch.Tensor:
    return (torch.rand(STEPS, 1, inputs, generator=torch.Generator().manual_seed(1)) < 0.03).float()


def compare(weights: list[torch.Tensor], step: Callable[[Any], Any], z: Any, x: torch.Tensor) -> None:
    """Refuse to measure what does not compute the same; a sum at the threshold may round to the other side."""
    plain = Plain(weights)
    apart = [
        float((plain(x_t) - torch.as_tensor(step(z_t))).abs().max()) for x_t, z_t in zip(x, z, strict=True)
    ]
    assert statistics.median(apart) < 1e-4, f"readouts differ by {statistics.median(apart)}"


def seconds(step: Callable[[Any], Any], z: Any) -> float:
    """Give the CPU seconds of a step, on average over all of z."""
    start = time.process_time()
    for z_t in z:
        step(z_t)
    return (time.process_time() - start) / len(z)


def against_torch(row: str, inputs: int, repeat: int) -> dict[str, Any]:
    weights, x = weights_of(inputs), inputs_of(inputs)
    if row == "engine":
        step, z = engine_step(weights), list((x > 0).numpy())
    else:
        step, z = snn.nn.Session(model(weights)).step, list(x.numpy())
    plain, steps = Plain(weights), list(x)
    compare(weights, step, z, x)
    times: list[tuple[float, float]] = []
    with torch.no_grad():
        seconds(plain, steps)
        for _ in range(repeat):
            times.append((seconds(step, z * 10), seconds(plain, steps * 10)))
    ours, peer = (statistics.median(column) for column in zip(*times, strict=True))
    return {"ours_cpu_s": ours, "peer": "a plain torch step", "peer_cpu_s": peer, "ratio": peer / ours}


def pace(inputs: int, repeat: int) -> dict[str, Any]:
    """Time single steps, 10^5 of them, in thread CPU time."""
    step, z = engine_step(weights_of(inputs)), itertools.cycle(list((inputs_of(inputs) > 0).numpy()))
    medians, slow = [], []
    for _ in range(repeat):
        taken = np.empty(100_000)
        for i in range(len(taken)):
            z_t = next(z)
            start = time.thread_time_ns()
            step(z_t)
            taken[i] = time.thread_time_ns() - start
        medians.append(float(np.median(taken)) * 1e-9)
        slow.append(float(np.percentile(taken, 99)) * 1e-9)
    median, p99 = statistics.median(medians), statistics.median(slow)
    return {
        "ours_cpu_s": median,
        "peer": "99th percentile of 10^5 steps",
        "peer_cpu_s": p99,
        "ratio": p99 / median,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--row", choices=ROWS, help="one row; none: all")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for row in ROWS if options.row is None else (options.row,):
        for inputs in (140, 700):
            if row == "pace":
                measured = pace(inputs, options.repeat)
            else:
                measured = against_torch(row, inputs, options.repeat)
            measured |= {
                "peer_version": torch.__version__,
                "repeats": options.repeat,
                "load": os.getloadavg()[0],
            }
            found.append({"row": f"{row} {inputs}", **measured})
            ours, peer, ratio = (measured[name] for name in ("ours_cpu_s", "peer_cpu_s", "ratio"))
            print(
                f"{row} {inputs}: {ours * 1e6:.2f} us, {measured['peer']} {peer * 1e6:.2f} us, ratio {ratio:.2f}"
            )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
