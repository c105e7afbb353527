"""The WKV recurrence: our compiled pass against a time loop in torch, in one run.

    python examples/benchmarks/wkv.py [--steps 1024] [--threads 2] [--repeat 7] [--json FILE]

Batch 4, width 512, float32. "loop" is the plain recurrence over `k.unbind(0)`, two exponentials a pair and all of
torch's autograd. Times are CPU seconds on one thread, interleaved; ratios are medians of those of a turn. Two
threads are timed by the wall clock, which a busy machine spoils: the load is printed beside.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from snn.kernels import wkv, wkv_reference

BATCH, WIDTH = 4, 512
Work = Callable[[], Tensor]


def prepare(form: Callable[..., tuple[Tensor, object]], steps: int) -> dict[str, Work]:
    """Give the pass forward alone, and both, on the same numbers for the same steps."""
    torch.manual_seed(0)
    w, u = -torch.rand(WIDTH) * 2 - 0.05, torch.randn(WIDTH) * 0.3
    k, v, gradient = (scale * torch.randn(steps, BATCH, WIDTH) for scale in (0.5, 1.0, 1.0))
    given = [x.requires_grad_() for x in (w, u, k, v)]

    def forward() -> Tensor:
        with torch.no_grad():
            return form(*given)[0]

    def both() -> Tensor:
        y = form(*given)[0]
        return torch.cat([g.flatten() for g in torch.autograd.grad(y, given, gradient)])

    return {"forward": forward, "forward + backward": both}


def interleaved(work: dict[str, Work], repeat: int, clock: Callable[[], float]) -> dict[str, list[float]]:
    """Time all in turns; the first turn warms up."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for turn in range(repeat + 1):
        for name, run in work.items():
            start = clock()
            run()
            if turn:
                times[name].append(clock() - start)
    return times


def ratio(a: list[float], b: list[float]) -> float:
    """Give the median of what a takes over what b takes in the same turn."""
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


def with_threads(threads: int, work: Work) -> Work:
    """Run something with so many threads."""

    def run() -> Tensor:
        torch.set_num_threads(threads)
        return work()

    return run


def main() -> None:
    """Time, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    ours, loop = prepare(wkv, options.steps), prepare(wkv_reference, options.steps)
    longer = prepare(wkv, 8 * options.steps)
    work: dict[str, Work] = {}
    for name, run in ours.items():
        work |= {name: run, f"{name}, loop": loop[name], f"{name}, x 8 steps": longer[name]}
    times = interleaved(work, options.repeat, time.process_time)
    result: dict[str, object] = {"load": os.getloadavg()[0]}
    print(f"load {os.getloadavg()[0]:.1f}")
    for name in ours:
        seconds = {key: statistics.median(times[key]) for key in times if key.partition(",")[0] == name}
        threaded = {n: with_threads(n, ours[name]) for n in (1, options.threads)}
        same = torch.equal(threaded[1](), threaded[options.threads]())
        walls = interleaved({str(n): run for n, run in threaded.items()}, options.repeat, time.perf_counter)
        found = {
            "ratio": ratio(times[f"{name}, loop"], times[name]),
            "eight_times_the_steps": ratio(times[f"{name}, x 8 steps"], times[name]),
            "threads": ratio(walls["1"], walls[str(options.threads)]),
        }
        result[name] = {"seconds": seconds, "same_bits": same, **found}
        print(
            f"{name:19s} {1e3 * seconds[name]:6.1f} ms, loop {1e3 * seconds[f'{name}, loop']:6.1f} ms: "
            f"{found['ratio']:.1f}x; 8 times the steps cost {found['eight_times_the_steps']:.2f}x; "
            f"{options.threads} threads {found['threads']:.2f}x, {'the same bits' if same else 'OTHER BITS'}"
        )
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
