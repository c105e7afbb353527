"""Reading and writing a NIR file of ten million synapses: CPU seconds, beside the `nir` package in the same run.

    python examples/benchmarks/nir_file.py [--repeat 5] [--json FILE]

A dense layer, 3162 x 3162 float32, and a convolution of 32 into 64 channels over 24 x 24 places. "read" gives a
network, "layers" a model, "write" a file, "convert" is `snn convert`: NIR into a network file. CPU time counts the
process in which foreign HDF5 is read. Medians, interleaved, one thread. `nir.read` gives its graph alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np

from snn.cli import main as command
from snn.interop.nir import layers, read, write

DT_MS = 1.0


def lif(*shape: int) -> nir.LIF:
    return nir.LIF(*(np.full(shape, value) for value in (0.01, 1.0, 0.0, 1.0, 0.0)))


def dense(n: int = 3162) -> nir.NIRGraph:
    """All to all."""
    weight = np.random.default_rng(0).normal(size=(n, n)).astype(np.float32)
    nodes = {"in": nir.Input(np.array([n])), "fc": nir.Linear(weight), "lif": lif(n)}
    return joined(nodes, np.array([n]))


def convolution() -> nir.NIRGraph:
    """Ten million synapses of 18 432 weights."""
    weight = np.random.default_rng(0).normal(size=(64, 32, 3, 3)).astype(np.float32)
    conv = nir.Conv2d((24, 24), weight, 1, 1, 1, 1, np.zeros(64, np.float32))
    nodes = {"in": nir.Input(np.array([32, 24, 24])), "conv": conv, "lif": lif(64, 24, 24)}
    return joined(nodes, np.array([64, 24, 24]))


def joined(nodes: dict[str, nir.NIRNode], shape: np.ndarray) -> nir.NIRGraph:
    nodes = {**nodes, "out": nir.Output(shape)}
    return nir.NIRGraph(nodes, list(pairwise(nodes)), type_check=False)


def seconds(run: Callable[[], object]) -> float:
    """CPU seconds, with those of processes that ended meanwhile."""
    before = sum(os.times()[:4])
    run()
    return sum(os.times()[:4]) - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for build in (dense, convolution):
            path, again, h5 = (Path(folder, name) for name in ("net.nir", "again.nir", "net.h5"))
            nir.write(path, build())
            net = read(path, DT_MS).network
            runs: dict[str, Callable[[], object]] = {
                "read": lambda path=path: read(path, DT_MS),
                "layers": lambda path=path: layers(path, DT_MS),
                "nir.read": lambda path=path: nir.read(path, type_check=False),
                "convert": lambda path=path, h5=h5: command(["convert", str(path), str(h5), "--dt-ms", "1"]),
            }
            if build is dense:  # a convolution is unrolled into synapses, which NIR could not hold again
                runs["write"] = lambda net=net, again=again: write(net, again)
                graph = build()
                runs["nir.write"] = lambda graph=graph, again=again: nir.write(again, graph)
            times = [{name: seconds(run) for name, run in runs.items()} for _ in range(options.repeat)]
            found[build.__name__] = {name: statistics.median(row[name] for row in times) for name in runs} | {
                "synapses": int(net.synapses(net.projections[0].name).weight.size)
            }
    for name, row in found.items():
        print(name, ", ".join(f"{key} {value:.2f} s" for key, value in row.items() if key != "synapses"))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
