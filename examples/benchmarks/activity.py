"""Time against events: a feed-forward net over three decades of activity, and delays of one kind and another.

python examples/benchmarks/activity.py --json out.json --figure out.png
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np

import snn
from snn.core.connect import fixed_in_degree
from snn.plot.style import COLOURS, figure

STEPS = 400


def feed_forward(delay_ms: object = None, degree: int = 100, size: int = 10_000) -> snn.Network:
    """Build one layer of neurons behind a source."""
    weight = fixed_in_degree(size, size, degree, 0.02, seed=1)
    neuron = snn.LIFParams(tau_mem_ms=20.0)
    delay = delay_ms(weight.data.size) if callable(delay_ms) else delay_ms
    return snn.Network(
        1.0,
        [snn.Population("in", size), snn.Population("out", size, neuron)],
        [snn.Projection("in", "out", weight, delay)],
    )


def inputs(active: float, size: int = 10_000) -> snn.Events:
    """Draw which inputs spike, independently in each step; the last tenth of the steps is silent."""
    rng = np.random.default_rng(2)
    step = np.repeat(np.arange(STEPS), rng.binomial(size, active, STEPS))
    unit = np.concatenate(
        [np.sort(rng.choice(size, n, replace=False)) for n in np.bincount(step, minlength=STEPS)]
    )
    return snn.Events.from_lists([step], [unit], n_units=size, dt_ms=1.0, n_steps=STEPS)


def cpu(
    net: snn.Network, events: snn.Events, engine: str, repeat: int, **options: object
) -> tuple[float, int]:
    """Median CPU seconds of a run, and its synaptic events."""
    found, counts = [], None
    snn.simulate(net, {"in": events.slice(0, 1)}, engine=engine, **options)
    for _ in range(repeat):
        before = time.thread_time()
        counts = snn.simulate(net, {"in": events}, engine=engine, **options).counts
        found.append(time.thread_time() - before)
    return statistics.median(found), sum(counts.synaptic_events.values())


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--figure", type=Path, default=None)
    options = parser.parse_args()
    net, rows = feed_forward(), []
    for active in (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1):
        seconds, events = cpu(net, inputs(active), "event", options.repeat)
        rows.append({"active": active, "events": events, "event_s": seconds})
        print(rows[-1], flush=True)
    clock, _ = cpu(net, inputs(1e-3), "clock", 3)
    event = next(row["event_s"] for row in rows if row["active"] == 1e-3)
    rng, busy = np.random.default_rng(3), inputs(0.03)
    delays = {
        str(d): cpu(feed_forward(float(d)), busy, "event", options.repeat, n_steps=1500)[0]
        for d in (1, 10, 100, 1000)
    }
    mixed = {
        f"1..{d}": cpu(
            feed_forward(lambda n, d=d: rng.integers(1, d + 1, n)),
            busy,
            "event",
            options.repeat,
            n_steps=1500,
        )[0]
        for d in (10, 100, 1000)
    }
    result = {
        "activity": rows,
        "clock_s_at_0.1%": clock,
        "clock_over_event_at_0.1%": clock / event,
        "one_delay_s": delays,
        "delay_per_synapse_s": mixed,
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.figure:
        draw(rows, clock, options.figure)


def draw(rows: list[dict], clock: float, path: Path) -> None:
    """Draw time against events."""
    made, axes = figure(width=4.5, height=3.2)
    ax = axes[0, 0]
    ax.loglog(
        [r["events"] for r in rows], [r["event_s"] for r in rows], "o-", color=COLOURS[0], label="event"
    )
    ax.axhline(clock, linestyle="--", color="0.5", label="clock at 0.1 % active")
    ax.set(xlabel="synaptic events", ylabel="CPU seconds")
    ax.legend(frameon=False)
    made.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
