"""One training step of a spiking network with each option of its neurons, against neurons without.

    python examples/benchmarks/neurons.py [--steps 100] [--repeat 7] [--json FILE]

The network, its input and its loss are those of `training.py`. Neurons that fire more or less often make the layer
behind them dearer or cheaper, so the spikes a neuron and step are printed too. Soft resets are compared with a soft
reset without options, hard ones with a hard one. One thread, CPU seconds, interleaved, the order turning; ratios
are medians of those of each turn. Neurons without options, this checkout against another:

    python examples/benchmarks/before_after.py OTHER_CHECKOUT --rows bptt,sltt
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from training import DECAY, Bench, Step

from snn.nn import LIF, Sequential

PLAIN = {
    "tau": 1 / (1 - DECAY), "decay_input": False, "detach_reset": True, "surrogate": "atan", "surrogate_alpha": 2.0,
}  # fmt: skip
SOFT = {"reset": "soft"}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "hard": ("hard", {}),
    "soft": ("soft", SOFT),
    "v_leak": ("hard", {"v_leak": 0.05}),
    "reset_by": ("soft", SOFT | {"reset_by": 1.1}),
    "t_ref": ("hard", {"t_ref": 2}),
    "adaptation": ("hard", {"adapt_by": 0.1, "tau_adapt": 20.0}),
    "multiple": ("soft", SOFT | {"spikes": "multiple"}),
    "tau_syn": ("hard", {"tau_syn": 2.0}),
    "tau_syn and adaptation": ("hard", {"tau_syn": 2.0, "adapt_by": 0.1, "tau_adapt": 20.0}),
}
"""Of each variant the one it is compared with, and what it gives to `LIF`."""


def prepare(steps: int, option: dict[str, Any]) -> tuple[Step, float]:
    """Build the network with these neurons; gives a training step, and the spikes a hidden neuron and step."""
    bench = Bench(steps)
    layers = [LIF(**PLAIN | option) if isinstance(part, LIF) else part for part in bench.model]
    if "tau_syn" in option:  # the same charge of the membrane by a spike, spread over the steps
        for w in bench.weights:
            w.data /= option["tau_syn"]
    bench.model = Sequential(*layers)
    with torch.no_grad():
        rate = float(Sequential(*layers[:2])(bench.x)[0].mean())
    train = bench.ours()

    def step() -> None:
        bench.forget()
        train()

    return step, rate


def main() -> None:
    """Time all variants, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    made = {name: prepare(options.steps, option) for name, (_, option) in VARIANTS.items()}
    times: dict[str, list[float]] = {name: [] for name in made}
    for turn in range(options.repeat + 1):  # the first turn warms up
        for name in list(made)[:: 1 if turn % 2 else -1]:
            start = time.process_time()
            made[name][0]()
            if turn:
                times[name].append(time.process_time() - start)
    result = {}
    for name, (base, _) in VARIANTS.items():
        ratio = statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))
        seconds, rate = statistics.median(times[name]), made[name][1]
        result[name] = {"seconds": seconds, "ratio": ratio, "to": base, "rate": rate}
        print(f"{name:24s} {1e3 * seconds:7.1f} ms  {ratio:5.2f} x {base}  {rate:.3f} spikes a step")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
