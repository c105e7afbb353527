"""Balanced networks: Vogels & Abbott's CUBA, and the four regimes of Brunel's network; rasters and rates.

    python examples/02_balanced_network.py [--out FOLDER] [--size 12500] [--ms 600]

Each column of the picture is a network: spikes of 60 neurons, and the rate of all of them, per 1 ms. Printed are
the mean rate, the irregularity of single neurons (coefficient of variation of their intervals: 1 for a Poisson
process, 0 for a clock) and the frequency at which the whole population swings, with its share of the variance:

SR       synchronous regular: excitation wins, all fire together, paced by delay and refractory time
SI fast  synchronous irregular: strong inhibition comes after the delay; single neurons join a fast rhythm at times
AI       asynchronous irregular: balance; neurons fire irregularly, no rhythm leads
SI slow  synchronous irregular: the input hardly reaches the threshold; a slow rhythm of rare spikes
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np

import snn
from snn.plot.style import COLOURS, figure
from snn.recipes.balanced import brunel, cuba

REGIMES = {"SR": (3.0, 2.0), "SI fast": (6.0, 4.0), "AI": (5.0, 2.0), "SI slow": (4.5, 0.9)}  # g, eta


def out_of_step(net: snn.Network, low: float, high: float, seed: int = 0) -> snn.SimulationState:
    """The state in which every membrane starts somewhere between `low` and `high`."""
    state, rng = snn.simulate(net, n_steps=0).state, np.random.default_rng(seed)
    return dataclasses.replace(
        state, v={name: rng.uniform(low, high, v.shape) for name, v in state.v.items()}
    )


def activity(rec: snn.Recording, skip_ms: float = 100.0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Spikes of the population per ms, and the spike times (ms) of each neuron, after the start."""
    times, units, first = [], [], 0
    for events in rec.spikes.values():
        times.append(events.step * events.dt_ms)
        units.append(events.unit + first)
        first += events.n_units
    time_ms, unit = np.concatenate(times), np.concatenate(units)
    last = float(events.n_steps[0] * events.dt_ms)
    late = time_ms >= min(skip_ms, last / 2)
    order = np.lexsort((time_ms[late], unit[late]))
    per_unit = np.split(time_ms[late][order], np.cumsum(np.bincount(unit[late], minlength=first))[:-1])
    return np.histogram(time_ms[late], np.arange(min(skip_ms, last / 2), last + 0.5))[0], per_unit


def measures(per_ms: np.ndarray, per_unit: list[np.ndarray]) -> tuple[float, float, float, float]:
    """Mean rate (Hz), mean CV of the intervals, strongest frequency (Hz) and its share of the variance."""
    rate = 1000.0 * per_ms.sum() / (len(per_unit) * per_ms.size)
    intervals = [np.diff(times) for times in per_unit if times.size > 4]
    cv = float(np.mean([i.std() / i.mean() for i in intervals])) if intervals else np.nan
    power = np.abs(np.fft.rfft(per_ms - per_ms.mean())) ** 2
    power[: max(1, round(0.005 * per_ms.size))] = 0.0  # below 5 Hz there are too few periods to tell
    peak = int(power.argmax())
    share = power[max(0, peak - 2) : peak + 3].sum() / max(power.sum(), 1e-12)
    return rate, cv, 1000.0 * peak / per_ms.size, float(share)


def main() -> None:
    """Run all five networks, print a line for each, and draw them side by side."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("examples/results"))
    parser.add_argument("--size", type=int, default=12_500, help="neurons of Brunel's network")
    parser.add_argument("--ms", type=float, default=600.0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    jump = 0.1 * 12_500 / options.size  # fewer synapses, each as much stronger
    nets = {"CUBA": cuba()} if options.size >= 4000 else {"CUBA": cuba(1000, 0.08)}
    nets |= {
        f"{k} (g {g:g}, eta {eta:g})": brunel(options.size, g, eta, jump) for k, (g, eta) in REGIMES.items()
    }
    made, axes = figure(2, len(nets), width=3.2 * len(nets), height=4.6, sharex="col")
    print(f"{'network':<26}{'Hz':>7}{'CV':>7}{'peak Hz':>9}{'share':>7}{'synaptic events':>17}{'CPU s':>7}")
    for column, (name, net) in enumerate(nets.items()):
        state = out_of_step(net, -60.0, -50.0) if name == "CUBA" else None
        began = time.process_time()
        rec = snn.simulate(net, n_steps=round(options.ms / net.dt_ms), state=state)
        seconds = time.process_time() - began
        per_ms, per_unit = activity(rec)
        rate, cv, peak, share = measures(per_ms, per_unit)
        events = sum(rec.counts.synaptic_events.values())
        print(f"{name:<26}{rate:>7.1f}{cv:>7.2f}{peak:>9.0f}{share:>7.0%}{events:>17,}{seconds:>7.2f}")
        shown = slice(0, 200)
        start = options.ms - per_ms.size
        neurons = np.linspace(0, len(per_unit) - 1, 60).astype(int)
        for row, unit in enumerate(neurons):
            times = per_unit[unit][per_unit[unit] < start + shown.stop]
            inhibits = unit >= len(per_unit) * 0.8
            axes[0, column].plot(times, np.full(times.size, row), "|", ms=3, color=COLOURS[int(inhibits)])
        rates = 1000.0 * per_ms[shown] / len(per_unit)
        axes[1, column].fill_between(start + np.arange(rates.size), rates, step="post", color="0.55", lw=0)
        axes[0, column].set_title(f"{name}\n{rate:.1f} Hz, CV {cv:.2f}", fontsize=9)
        axes[1, column].set(xlabel="time (ms)", ylim=(0, None))
    axes[0, 0].set_ylabel("60 neurons (orange inhibit)")
    axes[1, 0].set_ylabel("rate (Hz)")
    made.savefig(options.out / "balanced.png", dpi=110)
    print(f"written: {options.out / 'balanced.png'}")


if __name__ == "__main__":
    main()
