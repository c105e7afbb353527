"""A network of 100 000 neurons and 10^8 synapses: seconds to build and to run, memory at its peak.

    python examples/benchmarks/scale.py [--neurons 100000] [--epsilon 0.01] [--ms 100]

Brunel's network (`snn.recipes.balanced.brunel`), one weight and one delay for each kind of synapse, float32.
Seconds are of the CPU, one thread; memory is the largest resident set of the process.
"""

from __future__ import annotations

import argparse
import resource
import time

import snn
from snn.recipes.balanced import brunel


def peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--neurons", type=int, default=100_000)
    parser.add_argument(
        "--epsilon", type=float, default=0.01, help="share of the neurons that send to a neuron"
    )
    parser.add_argument("--ms", type=float, default=100.0, help="biological time to run")
    options = parser.parse_args()
    snn.simulate(brunel(100), n_steps=10, dtype="float32")  # loads the loops
    start = time.process_time()
    net = brunel(options.neurons, epsilon=options.epsilon)
    built = time.process_time() - start
    synapses = sum(net.synapses(p.name).indices.size for p in net.projections)
    print(
        f"built: {options.neurons} neurons, {synapses} synapses, {built:.1f} s, peak {peak_gb():.1f} GB",
        flush=True,
    )
    steps = round(options.ms / net.dt_ms)
    for run in ("first run, laying out included", "again"):
        start = time.process_time()
        rec = snn.simulate(net, n_steps=steps, dtype="float32")
        seconds = time.process_time() - start
        events = sum(rec.counts.synaptic_events.values())
        rate = 1000 * sum(rec.counts.spikes.values()) / options.neurons / options.ms
        print(
            f"{run}: {options.ms:g} ms at {rate:.1f} Hz, {seconds:.1f} s, {events / 1e6:.0f} M synaptic events"
        )
    print(f"peak {peak_gb():.1f} GB, {2**30 * peak_gb() / synapses:.0f} bytes a synapse")


if __name__ == "__main__":
    main()
