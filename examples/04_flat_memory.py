"""Memory and time of a training step over the number of time steps: BPTT, BPTT with recomputation, SLTT, SLTT-K.

    python examples/04_flat_memory.py [--out FOLDER] [--steps 50 100 200 400 800]

BPTT keeps every step until the end, so its memory grows with time. SLTT takes gradients inside each step, so its
memory does not; on a net that forgets quickly little is lost (tests/laws/test_sltt.py has the numbers). Each
measurement is a process of its own, after a first step that loads the kernels: the median CPU time of five steps of
training; and, where freed memory goes back to the system at once, the peak of memory over what is held before them,
the input among it. (Linux with glibc tells these.)
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

SIZES, BATCH = (700, 256, 256, 20), 128
METHODS = {
    "BPTT": {},
    "BPTT, recomputed in 25s": {"chunk": 25, "recompute": True},
    "SLTT": {"method": "sltt"},
    "SLTT-K, K = T/5": {"method": "sltt", "k": None},
    "SLTT, one step at a time": {"method": "sltt", "chunk": 1},
}


def memory_mb(which: str) -> float:
    """What the process holds now ("VmRSS") or held at most since `forget_peak` ("VmHWM"), MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) / 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def measure(name: str, steps: int, repeat: int = 5) -> dict[str, float]:
    """CPU seconds of a step of training, and growth of peak memory, MB."""
    import torch

    from snn.nn import LIF, BatchNorm, Linear, Sequential
    from snn.train import TrainConfig, backward

    torch.set_num_threads(1)
    torch.manual_seed(0)
    neuron = {"decay_input": False, "reset": "soft", "surrogate": "triangle"}
    layers = []
    for n_in, n_out in pairwise(SIZES):
        layers += [Linear(n_in, n_out), BatchNorm(n_out, over="step"), LIF(1.1, **neuron)]
    model = Sequential(*layers).train()
    config = METHODS[name] | ({"k": max(1, steps // 5)} if "k" in METHODS[name] else {})

    def step(x: torch.Tensor) -> float:
        model.zero_grad(set_to_none=True)
        start = time.process_time()
        lengths, label = torch.full((x.shape[1],), len(x)), torch.arange(x.shape[1]) % SIZES[-1]
        backward(model, x, lengths, label, TrainConfig(loss="step_cross_entropy", **config))
        return time.process_time() - start

    x = (torch.rand(steps, BATCH, SIZES[0]) < 0.03).float()
    step(x)
    forget_peak()
    before = memory_mb("VmRSS")
    times = [step(x) for _ in range(repeat)]
    return {"seconds": statistics.median(times), "mb": memory_mb("VmHWM") - before}


def child(name: str, steps: int, **environment: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--only", name, str(steps)]
    printed = subprocess.check_output(command, text=True, env=os.environ | environment)
    return json.loads(printed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/flat_memory"))
    parser.add_argument("--steps", type=int, nargs="+", default=[50, 100, 200, 400, 800])
    parser.add_argument("--methods", choices=METHODS, nargs="+", default=list(METHODS))
    parser.add_argument("--only", nargs=2, metavar=("METHOD", "T"), help="one measurement, as JSON")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only[0], int(options.only[1]))))
        return
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for name in options.methods:
        found = []
        for steps in options.steps:
            mb = child(name, steps, MALLOC_MMAP_THRESHOLD_=str(1 << 16))["mb"]
            seconds = child(name, steps)["seconds"]
            print(f"{name:25s} T {steps:4d}: peak memory +{mb:6.1f} MB, {1e3 * seconds:7.1f} ms")
            found.append((mb, seconds))
        print(f"{'':25s} peak memory x {found[-1][0] / found[0][0]:.2f} over this range")
        for axes, values in zip((left, right), zip(*found, strict=True), strict=True):
            axes.plot(options.steps, values, "o-", label=name)
    left.set(xlabel="time steps T", ylabel="growth of peak memory, MB", ylim=0)
    right.set(xlabel="time steps T", ylabel="forward and backward, CPU s", ylim=0)
    left.legend(frameon=False)
    figure.suptitle("A step of training, 700-256-256-20, batch 128")
    options.out.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.out / "flat_memory.png", dpi=150)
    print(f"figure: {options.out / 'flat_memory.png'}")


if __name__ == "__main__":
    main()
