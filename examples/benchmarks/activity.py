"""Time against events: a feed-forward net over three decades of activity, and delays of one kind and another.

python examples/benchmarks/activity.py --json out.json --figure out.png
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

import snn
from snn.core.connectivity import fixed_in_degree
from snn.plot.style import COLOURS, figure

STEPS = 400
ACTIVE = (1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1)
DELAYS = (1, 10, 100, 1000)


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


class Job(NamedTuple):
    """One run to be timed."""

    net: snn.Network
    events: snn.Events
    engine: str = "event"
    n_steps: int | None = None

    def run(self) -> tuple[float, int]:
        """CPU seconds, and synaptic events."""
        before = time.thread_time()
        rec = snn.simulate(self.net, {"in": self.events}, engine=self.engine, n_steps=self.n_steps)
        return time.thread_time() - before, sum(rec.counts.synaptic_events.values())


def medians(jobs: dict[object, Job], repeat: int) -> dict[object, tuple[float, int]]:
    """Run all in turn `repeat` times, after one step each to build and compile; median seconds, and events."""
    for job in jobs.values():
        snn.simulate(job.net, {"in": job.events.slice(0, 1)}, engine=job.engine)
    runs = [{name: job.run() for name, job in jobs.items()} for _ in range(repeat)]
    return {name: (statistics.median(run[name][0] for run in runs), runs[0][name][1]) for name in jobs}


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--figure", type=Path, default=None)
    options = parser.parse_args()
    net, rng = feed_forward(), np.random.default_rng(3)
    given = {active: inputs(active) for active in ACTIVE}
    event = medians({active: Job(net, events) for active, events in given.items()}, options.repeat)
    clock = medians({active: Job(net, given[active], "clock") for active in ACTIVE[1::2]}, 3)
    busy = inputs(0.03)
    delays: dict[object, Job] = {}
    for d in DELAYS:
        delays["one", d] = Job(feed_forward(float(d)), busy, n_steps=1500)
    for d in DELAYS[1:]:
        net = feed_forward(lambda n, d=d: rng.integers(1, d + 1, n))
        delays["per synapse", d] = Job(net, busy, n_steps=1500)
    delayed = medians(delays, options.repeat)
    result = {
        "event": [{"active": a, "events": n, "cpu_s": s} for a, (s, n) in event.items()],
        "clock": [{"active": a, "events": n, "cpu_s": s} for a, (s, n) in clock.items()],
        "clock_over_event": {a: clock[a][0] / event[a][0] for a in clock},
        "one_delay_s": {d: delayed["one", d][0] for d in DELAYS},
        "delay_per_synapse_s": {d: delayed["per synapse", d][0] for d in DELAYS[1:]},
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if options.figure:
        draw(result, options.figure)


def draw(result: dict, path: Path) -> None:
    """Draw time against events, and against delays."""
    made, axes = figure(1, 2, width=8.0, height=3.2)
    ax, by_delay = axes[0]
    for name, colour in (("clock", COLOURS[1]), ("event", COLOURS[0])):
        events = [row["events"] for row in result[name]]
        ax.loglog(
            events, [row["cpu_s"] for row in result[name]], "o-", color=colour, label=name, markersize=4
        )
    last = result["event"][-1]
    line = [row["events"] * last["cpu_s"] / last["events"] for row in result["event"][2:]]
    ax.loglog(events[2:], line, ":", color="0.5", label="in proportion to events")
    ax.set(xlabel="synaptic events", ylabel="CPU seconds", title="10 000 to 10 000 neurons, 400 steps")
    for name, key in (
        ("one delay", "one_delay_s"),
        ("each synapse its own, from 1 up", "delay_per_synapse_s"),
    ):
        steps, seconds = list(result[key]), [1e3 * s for s in result[key].values()]
        by_delay.semilogx(steps, seconds, "o-", color=COLOURS[len(by_delay.lines)], label=name, markersize=4)
    by_delay.set(xlabel="delay, steps", ylabel="CPU ms", ylim=0, title="3 % of the inputs active")
    for each in (ax, by_delay):
        each.title.set_size(9)
        each.legend(frameon=False, fontsize=8)
    made.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
