"""Hash what this checkout computes, or compare two checkouts bit for bit.

    python examples/benchmarks/golden_runs.py [--fast] [--json FILE]         hashes of this checkout
    python examples/benchmarks/golden_runs.py --against ANOTHER_CHECKOUT     and whether the other has the same

Three kinds of runs: `snn demo` (trained weights, the network made of them, its energy report, the spikes of both
engines), CUBA and Brunel's network (spikes, membranes, counts; both engines, both number types, plastic synapses),
and a model on crossbars (weights, outputs, energy report). `--fast` trains the demo for two epochs. Set
OMP_NUM_THREADS=1: sums over another number of threads may have other bits. One to three minutes for a checkout.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def digest(*parts: Any) -> str:
    """Hash arrays, texts and numbers."""
    whole = hashlib.sha256()
    for part in parts:
        if isinstance(part, str | int | float):
            whole.update(repr(part).encode())
        else:
            array = np.ascontiguousarray(part)
            whole.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    return whole.hexdigest()[:32]


def of_run(rec: Any) -> str:
    """Hash spikes, membranes, counts and the potentials of the state."""
    parts: list[Any] = []
    for name, events in sorted(rec.spikes.items()):
        parts += [name, events.step, events.unit, events.offsets]
    for kept in (rec.v, rec.state.v, rec.state.weights):
        for name, array in sorted(kept.items()):
            parts += [name, array]
    counts = rec.counts
    for name in (
        "spikes",
        "synaptic_events",
        "updates_touched",
        "delay_reads",
        "delay_writes",
        "noise_events",
    ):
        parts.append(json.dumps(getattr(counts, name), sort_keys=True))
    return digest(*parts)


def demo(epochs: int) -> dict[str, str]:
    """Run `snn demo`, and its network on the embedded words."""
    import safetensors.numpy

    import snn
    from snn.recipes import demo

    with tempfile.TemporaryDirectory() as folder:
        made = demo.run(folder, config=demo.demo_config(epochs=epochs))
        tensors = safetensors.numpy.load_file(Path(folder) / "model.safetensors")
        energy = json.loads((Path(folder) / "energy.json").read_text())
    test = made.trained.sets[2]
    inputs = {"in": test.events.pad(made.trained.model.tail_steps)}
    found = {
        "demo/weights": digest(*(part for name in sorted(tensors) for part in (name, tensors[name]))),
        "demo/network": made.network.fingerprint,
        "demo/energy": digest(json.dumps(energy, sort_keys=True)),
        "demo/accuracy": str(made.trained.test.accuracy),
    }
    for engine in ("event", "clock"):
        found[f"demo/{engine}"] = of_run(snn.simulate(made.network, inputs, engine=engine))
    return found


def cuba() -> dict[str, str]:
    """Run CUBA from drawn potentials, and a smaller one whose excitatory synapses learn."""
    import snn
    from snn.recipes import balanced

    found = {}
    for dtype in ("float64", "float32"):
        net = balanced.cuba()
        state = snn.simulate(net, n_steps=0, dtype=dtype).state
        rng = np.random.default_rng(1)
        for population in net.populations:
            state.v[population.name][0] = -60.0 + 10.0 * rng.random(population.size)
        record = snn.Record(v=["inh"])
        found[f"cuba/event/{dtype}"] = of_run(
            snn.simulate(net, n_steps=2000, state=state, dtype=dtype, record=record)
        )
        found[f"cuba/clock/{dtype}"] = of_run(
            snn.simulate(net, n_steps=100, state=state, dtype=dtype, record=record, engine="clock")
        )
    net = balanced.brunel(n=1000)
    found["brunel/event"] = of_run(snn.simulate(net, n_steps=2000, seed=3))
    rule = snn.STDP(a_plus=0.01, a_minus=0.012)
    plastic = [
        snn.Projection(p.pre, p.post, p.weight, p.delay_ms, p.name, plasticity=rule)
        for p in net.projections[:1]
    ]
    taught = snn.Network(net.dt_ms, net.populations, [*plastic, *net.projections[1:]], net.noise)
    found["brunel/plastic"] = of_run(snn.simulate(taught, n_steps=1000, seed=3))
    return found


def crossbars() -> dict[str, str]:
    """Put a small trained-like model with delays on flawed crossbars."""
    import torch

    import snn
    from snn import hardware

    torch.manual_seed(0)
    model = snn.nn.Sequential(
        snn.nn.DelayLinear(40, 32, 6, "linear"),
        snn.nn.LIF(2.0),
        snn.nn.Linear(32, 10),
        snn.nn.LeakyReadout(2.0),
    )
    config = hardware.CrossbarConfig(
        device=hardware.device_preset("pcm_ibm"),
        tile=hardware.TileConfig(32, 32),
        wires=hardware.WireConfig("exact", 1.0, 1.0),
        converter=hardware.ConverterConfig(adc_bits=6),
    )
    x = (torch.rand(30, 8, 40, generator=torch.Generator().manual_seed(1)) < 0.1).float()
    analog = hardware.to_crossbar(model, config, seed=2, time_s=3600.0)
    with torch.no_grad():
        y, _ = analog(x)
    weights = [array.weight().detach().numpy() for layer in analog.layers.values() for array in layer.arrays]
    if hasattr(analog, "energy"):  # as it was before diagnosis, energy and export became functions
        energy = analog.energy(x)
    else:
        energy = hardware.crossbar_energy(analog, x)
    report = json.dumps(json.loads(energy.to_json()), sort_keys=True)
    return {
        "crossbar/weights": digest(*weights),
        "crossbar/output": digest(y.numpy()),
        "crossbar/energy": digest(report),
    }


def main() -> int:
    """Print the hashes as JSON; the exit code is 1 where another checkout has others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="train the demo for two epochs only")
    parser.add_argument("--json", type=Path, help="write the hashes there")
    parser.add_argument("--against", type=Path, help="root of another checkout")
    options = parser.parse_args()
    found = {**crossbars(), **cuba(), **demo(2 if options.fast else 30)}
    print(json.dumps(found, indent=2))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    if options.against is None:
        return 0
    with tempfile.TemporaryDirectory() as folder:
        there, fast = Path(folder) / "there.json", ["--fast"] * options.fast
        environment = {**os.environ, "PYTHONPATH": str(options.against.resolve())}
        command = [sys.executable, str(Path(__file__).resolve()), "--json", str(there), *fast]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        other = json.loads(there.read_text())
    differ = sorted(name for name in found.keys() | other.keys() if found.get(name) != other.get(name))
    print(f"{len(found) - len(differ)} of {len(found)} equal" + "".join(f"\n  differs: {n}" for n in differ))
    return int(bool(differ))


if __name__ == "__main__":
    raise SystemExit(main())
