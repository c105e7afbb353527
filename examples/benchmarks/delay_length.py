"""Long delays: time and memory of a training step of the two-tap layer as the largest delay grows.

    python examples/benchmarks/delay_length.py [--repeat 5] [--json FILE]

140 -> 256, T = 1000, batch 32, one thread, at 1 %, 3 % and 13 % input; forward and backward, CPU milliseconds, taps
interleaved. "peak" is the largest memory of the process in a step beyond what it held before, MB.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import time
from pathlib import Path

import torch

from snn.kernels import delayed_linear

STEPS, BATCH, N_IN, N_OUT = 1000, 32, 140, 256
TAPS = (25, 64, 128, 256, 500)
DENSITIES = (0.01, 0.03, 0.13)


def kilobytes(field: str) -> int:
    """Read a line of the process's own status, kB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def step(x: torch.Tensor, weight: torch.Tensor, delay: torch.Tensor, g: torch.Tensor) -> tuple[float, float]:
    """Run forward and backward: CPU ms, and the peak of memory over what was held, MB."""
    weight.grad = delay.grad = None
    ctypes.CDLL(None).malloc_trim(0)  # what was freed goes back to the system
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts anew
    held, start = kilobytes("VmRSS"), time.process_time()
    delayed_linear(x, weight, delay, int(delay.max()) + 1).backward(g)
    return 1e3 * (time.process_time() - start), (kilobytes("VmHWM") - held) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    weight = torch.randn(N_OUT, N_IN, requires_grad=True)
    delays = {taps: (torch.rand(N_OUT, N_IN) * (taps - 1)).requires_grad_() for taps in TAPS}
    g = torch.randn(STEPS, BATCH, N_OUT)
    result: dict[str, dict[int, dict[str, float]]] = {}
    for density in DENSITIES:
        x = (torch.rand(STEPS, BATCH, N_IN) < density).float()
        seen: dict[int, list[tuple[float, float]]] = {taps: [] for taps in TAPS}
        for turn in range(options.repeat + 1):  # the first turn warms up
            for taps, delay in delays.items():
                taken = step(x, weight, delay, g)
                if turn:
                    seen[taps].append(taken)
        rows = result[f"{density:.0%}"] = {
            taps: {
                "ms": statistics.median(t for t, _ in runs),
                "peak_mb": statistics.median(m for _, m in runs),
            }
            for taps, runs in seen.items()
        }
        print(f"{density:.0%} input")
        for taps, row in rows.items():
            print(
                f"  {taps:>4} taps {row['ms']:8.1f} ms ({row['ms'] / rows[TAPS[0]]['ms']:.2f} x)"
                f"  peak {row['peak_mb']:6.1f} MB"
            )
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
