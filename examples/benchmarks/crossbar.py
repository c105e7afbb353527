"""Wires solved once against wires solved per input: Geff of tiles and a macro, 100 vectors beside badcrossbar.

    python examples/benchmarks/crossbar.py [--repeat 5] [--json FILE]

CPU seconds of the process, one thread, interleaved, medians. Cells 1 to 40 uS, 2 ohm per segment. badcrossbar
(pip install --no-deps badcrossbar pathvalidate) solves for all vectors at once and returns output currents alone.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from snn.hardware import effective_conductance, input_conductance, row_column_mean_conductance

OHM, VECTORS = 2.0, 100


def cells(*shape: int) -> torch.Tensor:
    """Conductances of 1 to 40 uS."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 39 + 1


def seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def peer(g: torch.Tensor, volts: torch.Tensor) -> Callable[[], np.ndarray] | None:
    """Give badcrossbar's solution of the same problem, None where it is not installed."""
    try:
        with warnings.catch_warnings(record=True):  # it says that it cannot draw without cairo
            import badcrossbar
    except ModuleNotFoundError:
        return None
    logging.disable(logging.INFO)
    options = {"r_i": OHM, "node_voltages": False, "all_currents": False}
    return lambda: 1e6 * badcrossbar.compute(volts.numpy().T, 1e6 / g.numpy(), **options).currents.output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    tile = cells(128, 128)
    volts = torch.rand(VECTORS, 128, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    geff = effective_conductance(tile, OHM, OHM)
    active = torch.arange(128) % 10 == 0
    runs: dict[str, Callable[[], object]] = {
        "Geff 64 x 64": lambda: effective_conductance(cells(64, 64), OHM, OHM),
        "Geff 128 x 128": lambda: effective_conductance(tile, OHM, OHM),
        "Geff 256 x 256": lambda: effective_conductance(cells(256, 256), OHM, OHM),
        "Geff 512 x 512 as 16 tiles": lambda: effective_conductance(cells(16, 128, 128), OHM, OHM),
        "Geff 128 x 128, 10 % of rows gated on": lambda: effective_conductance(
            tile, OHM, OHM, mode="gated", active=active
        ),
        "row and column means 128 x 128": lambda: row_column_mean_conductance(tile, OHM, OHM),
        "Geff and source power 128 x 128": lambda: input_conductance(tile, OHM, OHM),
        f"{VECTORS} vectors x Geff, a thousand times": lambda: [volts @ geff for _ in range(1000)],
    }
    reference = peer(tile, volts)
    if reference is not None:
        error = np.abs(np.asarray(reference()) - (volts @ geff).numpy()).max() / float((volts @ geff).max())
        print(f"largest difference to badcrossbar: {error:.1e} of the peak current")
        runs[f"badcrossbar 128 x 128, {VECTORS} vectors"] = reference
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(options.repeat):
        for name, run in runs.items():
            times[name].append(seconds(run))
    found = {name: statistics.median(column) for name, column in times.items()}
    for name, value in found.items():
        print(f"{name:<40} {value:.4f} s")
    if reference is not None:
        slow = found[f"badcrossbar 128 x 128, {VECTORS} vectors"]
        fast = found[f"{VECTORS} vectors x Geff, a thousand times"] / 1000
        once = found["Geff 128 x 128"]
        print(f"per vector, wires solved: {slow / fast:.0f} times below badcrossbar's")
        print(f"{VECTORS} vectors with the solution: {slow / (once + fast):.1f} times below")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
