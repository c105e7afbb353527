"""Time two checkouts against each other: the commit before over this one, above 1 where this one is faster.

    python examples/benchmarks/before_after.py OTHER_CHECKOUT [--pairs 15] [--rows cuba,bptt] [--cold 3]

Processes of both checkouts run at a time, and are started anew for every third pair: how memory happens to lie in
a process makes some per cent of difference, the same in all its runs. Every row is warmed up in each, then run in
pairs, the order turning with each; CPU seconds of the process, one thread. Printed are the medians, the median of
the ratios of the pairs, and its 95 % interval (percentiles of 10 000 resampled medians). `--cold N` adds the CPU
seconds of a first simulation and of a first training step where nothing is compiled yet, N pairs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Run = Callable[[], object]
HERE = Path(__file__).resolve().parents[2]
PAIRS_IN_A_PROCESS = 3


def networks() -> dict[str, Callable[[], Run]]:
    """Simulations by events."""
    import snn
    from snn.recipes import balanced

    def cuba(dtype: Any) -> Run:
        net = balanced.cuba()
        state = snn.simulate(net, n_steps=0, dtype=dtype).state
        rng = np.random.default_rng(1)
        for population in net.populations:
            state.v[population.name][0] = -60.0 + 10.0 * rng.random(population.size)
        return lambda: snn.simulate(net, n_steps=20_000, state=state, dtype=dtype)

    def brunel() -> Run:
        net = balanced.brunel(n=2500)
        return lambda: snn.simulate(net, n_steps=10_000, dtype="float32")

    def given_spikes() -> Run:
        rng = np.random.default_rng(0)
        spikes = rng.random((1000, 1, 1000)) < 0.5
        events = snn.Raster(spikes.astype(np.int64), snn.TimeGrid(1000, 1.0)).to_events()
        neuron = snn.LIFParams(tau_mem_ms=10.0, v_th=1e9)
        net = snn.Network(
            1.0,
            [snn.Population("in", 1000), snn.Population("out", 10, neuron)],
            [snn.Projection("in", "out", np.eye(1000, 10), 1.0)],
        )
        return lambda: snn.simulate(net, {"in": events})

    def batch() -> Run:
        rng = np.random.default_rng(0)
        spikes = rng.random((100, 64, 140)) < 0.03
        events = snn.Raster(spikes.astype(np.int64), snn.TimeGrid(100, 1.0)).to_events()
        neuron = snn.LIFParams(tau_mem_ms=10.0)
        sizes = [("in", 140, None), ("a", 128, neuron), ("b", 20, neuron)]
        weights = rng.normal(0.0, 0.5, (140, 128)), rng.normal(0.0, 0.5, (128, 20))
        delays = rng.integers(0, 25, (140, 128)), rng.integers(0, 25, (128, 20))
        net = snn.Network(
            1.0,
            [snn.Population(*size) for size in sizes],
            [
                snn.Projection(pre[0], post[0], w, d)
                for pre, post, w, d in zip(sizes, sizes[1:], weights, delays, strict=False)
            ],
        )
        return lambda: snn.simulate(net, {"in": events})

    return {
        "cuba": lambda: cuba("float64"),
        "cuba float32": lambda: cuba("float32"),
        "brunel float32": brunel,
        "given spikes": given_spikes,
        "batch with delays": batch,
    }


def training() -> dict[str, Callable[[], Run]]:
    """Training steps of the checkout's own benchmark, T = 100."""

    def step(**method: Any) -> Run:
        path = Path(os.environ["CHECKOUT"]) / "examples" / "benchmarks" / "training.py"
        spec = importlib.util.spec_from_file_location("training", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        run: Run = module.Bench(100).ours(**method)
        return run

    return {
        "bptt": lambda: step(method="bptt"),
        "sltt": lambda: step(method="sltt"),
        "sltt-k": lambda: step(method="sltt", k=20),
    }


def layers() -> dict[str, Callable[[], Run]]:
    """Layers with delays, forward and backward, 3 % of the inputs active; and a recurrent one."""
    import torch

    import snn

    x = (torch.rand(100, 64, 140, generator=torch.Generator().manual_seed(0)) < 0.03).float()

    def layer(mode: Any) -> Run:
        torch.manual_seed(0)
        made = snn.nn.DelayLinear(140, 256, 24, mode)
        return lambda: made(x)[0].sum().backward()

    def small() -> Run:
        torch.manual_seed(0)
        model = snn.nn.Sequential(snn.nn.Linear(20, 20), snn.nn.LIF(2.0), snn.nn.LeakyReadout(2.0))
        few = (torch.rand(50, 1, 20) < 0.1).float()

        def steps() -> None:
            for _ in range(50):
                model(few)[0].sum().backward()

        return steps

    return {
        "gauss": lambda: layer("gauss"),
        "linear": lambda: layer("linear"),
        "fifty small steps": small,
    }


def crossbars() -> dict[str, Callable[[], Run]]:
    """Wires solved, and a model read on flawed arrays."""
    import torch

    import snn
    from snn import hardware

    def wires() -> Run:
        g = torch.rand(128, 128, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 39 + 1
        return lambda: hardware.effective_conductance(g, 2.0, 2.0)

    def model(device: str) -> Any:
        torch.manual_seed(0)
        net = snn.nn.Sequential(
            snn.nn.Linear(256, 128), snn.nn.LIF(2.0), snn.nn.Linear(128, 10), snn.nn.LeakyReadout(2.0)
        )
        converter = hardware.ConverterConfig(adc_bits=6)
        config = hardware.CrossbarConfig(device=hardware.device_preset(device), converter=converter)
        return net, config

    x = (torch.rand(50, 16, 256, generator=torch.Generator().manual_seed(1)) < 0.1).float()

    def reading() -> Run:
        analog = hardware.to_crossbar(*model("pcm_ibm"), seed=2)
        return torch.no_grad()(lambda: analog(x))

    def writing() -> Run:
        net, config = (
            model("rram_wan2022") if "rram_wan2022" in hardware.device_presets() else model("pcm_ibm")
        )
        return lambda: hardware.to_crossbar(net, config, seed=2)

    def counting() -> Run:
        net, _ = model("pcm_ibm")
        return lambda: hardware.estimate(hardware.count(net, x), "loihi1").to_json()

    return {"wires": wires, "reading": reading, "writing": writing, "counting": counting}


ROWS: dict[str, Callable[[], dict[str, Callable[[], Run]]]] = {
    "simulate": networks,
    "training": training,
    "delays": layers,
    "crossbar": crossbars,
}


def work() -> None:
    """Run in one checkout what the other end of the pipe asks for: a line in, CPU seconds out."""
    import torch

    torch.set_num_threads(1)
    rows: dict[str, Callable[[], Run]] = {}
    for kind in ROWS.values():
        rows |= kind()
    print(json.dumps(list(rows)), flush=True)
    made: dict[str, Run] = {}
    for line in sys.stdin:
        name = line.strip()
        if name not in made:
            made[name] = rows[name]()
            for _ in range(2):
                made[name]()
        before = time.process_time()
        made[name]()
        print(time.process_time() - before, flush=True)


class Checkout:
    """A process that works in one checkout."""

    def __init__(self, root: Path) -> None:
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(root),
            "CHECKOUT": str(root),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, str(Path(__file__).resolve()), "--work"]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=self.environment, **pipes)
        self.rows: list[str] = json.loads(self.read())

    def read(self) -> str:
        """Read a line of what it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process in {self.environment['CHECKOUT']} has ended")
        return line

    def seconds(self, row: str) -> float:
        """Run a row once."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{row}\n")
        self.process.stdin.flush()
        return float(self.read())

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def cold(self, code: str) -> float:
        """CPU seconds of a piece of code in a new process with nothing compiled."""
        timed = f"import time; {code}; print(time.process_time())"
        with tempfile.TemporaryDirectory() as empty:
            environment = {**self.environment, "NUMBA_CACHE_DIR": empty}
            done = subprocess.run(
                [sys.executable, "-c", timed], capture_output=True, text=True, env=environment, check=True
            )
        return float(done.stdout)


COLD = {
    "first simulation": "import snn; from snn.recipes.balanced import cuba; snn.simulate(cuba(40), n_steps=1)",
    "first training step": (
        "import torch, snn; m = snn.nn.Sequential(snn.nn.DelayLinear(20, 20, 6), snn.nn.LIF(2.0)); "
        "m((torch.rand(10, 4, 20) < 0.1).float())[0].sum().backward()"
    ),
}


def interval(ratios: list[float]) -> tuple[float, float]:
    """95 % interval of the median, by resampling."""
    drawn = np.random.default_rng(0).choice(ratios, (10_000, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    return float(low), float(high)


class Row:
    """The times of one row in both checkouts, pair by pair."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.times: tuple[list[float], list[float]] = ([], [])

    def run(self, before: Callable[[], float], after: Callable[[], float], pairs: int) -> None:
        """Run both in turns, the order turning with each pair."""
        for pair in range(len(self.times[0]), len(self.times[0]) + pairs):
            for which in (0, 1) if pair % 2 == 0 else (1, 0):
                self.times[which].append((before, after)[which]())

    def result(self) -> dict[str, Any]:
        """Print the medians and the ratio, and give them."""
        ratios = [a / b for a, b in zip(*self.times, strict=True)]
        low, high = interval(ratios)
        old, new = (statistics.median(column) for column in self.times)
        ratio = statistics.median(ratios)
        print(
            f"{self.name:<20} {old:8.4f} s {new:8.4f} s   {ratio:.3f} ({low:.3f} to {high:.3f})", flush=True
        )
        return {"row": self.name, "before_s": old, "after_s": new, "ratio": ratio, "low": low, "high": high}


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("other", nargs="?", type=Path, help="root of the checkout before")
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--rows", default="", help="rows to run, with commas; default: all")
    parser.add_argument("--cold", type=int, default=0, help="pairs of cold starts")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work()
        return
    rows: dict[str, Row] = {}
    for done in range(0, options.pairs, PAIRS_IN_A_PROCESS):
        before, after = Checkout(options.other.resolve()), Checkout(HERE)
        for name in options.rows.split(",") if options.rows else after.rows:
            for one in (before, after):
                one.seconds(name)  # warm
            pairs = min(PAIRS_IN_A_PROCESS, options.pairs - done)
            row = rows.setdefault(name, Row(name))
            row.run(lambda n=name, b=before: b.seconds(n), lambda n=name, a=after: a.seconds(n), pairs)  # type: ignore[misc]
        for one in (before, after):
            one.close()
    for name, code in COLD.items() if options.cold else ():
        row = rows.setdefault(name, Row(name))
        row.run(lambda c=code: before.cold(c), lambda c=code: after.cold(c), options.cold)  # type: ignore[misc]
    print(f"{'':<20} {'before':>10} {'after':>10}   ratio (95 % interval)")
    found = [row.result() for row in rows.values()]
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
