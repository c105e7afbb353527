"""Run a network of `simulate.py` in Brian2 (its own environment; nothing of snn is imported).

usage: simulate_brian2.py cython WIRING.npz SECONDS | cpp-build WIRING.npz SECONDS FOLDER | cpp-run FOLDER
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

CPU, CLOCKS_PER_SECOND = "simulation_cpu.txt", 1e6


def build(wiring: str):
    """Make the network of a wiring file."""
    import brian2 as b
    import numpy as np
    from brian2 import Hz, ms, mV

    given = np.load(wiring)
    b.defaultclock.dt = 0.1 * ms
    b.seed(1)
    n = given["v"].size
    if given["network"] == "cuba":
        names = {
            "El": -49 * mV,
            "taum": 20 * ms,
            "taue": 5 * ms,
            "taui": 10 * ms,
            "Vt": -50 * mV,
            "Vr": -60 * mV,
        }
        equations = """dv/dt=(ge+gi-(v-El))/taum : volt (unless refractory)
            dge/dt=-ge/taue : volt
            dgi/dt=-gi/taui : volt"""
        group = b.NeuronGroup(
            n, equations, threshold="v>Vt", reset="v=Vr", refractory=5 * ms, method="exact", namespace=names
        )
        excite = b.Synapses(group, group, on_pre="ge += 1.62*mV")
        inhibit = b.Synapses(group, group, on_pre="gi += -9*mV")
        extra = []
    else:
        names = {"taum": 20 * ms, "theta": 20 * mV, "Vr": 10 * mV}
        group = b.NeuronGroup(
            n,
            "dv/dt=-v/taum : volt (unless refractory)",
            threshold="v>=theta",
            reset="v=Vr",
            refractory=2 * ms,
            method="exact",
            namespace=names,
        )
        excite = b.Synapses(group, group, on_pre="v_post += 0.1*mV", delay=1.5 * ms)
        inhibit = b.Synapses(group, group, on_pre="v_post += -0.5*mV", delay=1.5 * ms)
        extra = [b.PoissonInput(group, "v", N=1000, rate=20 * Hz, weight=0.1 * mV)]
    group.v = given["v"] * mV
    excite.connect(i=given["exc_pre"], j=given["exc_post"])
    inhibit.connect(i=given["inh_pre"], j=given["inh_post"])
    monitor = b.SpikeMonitor(group)
    return b.Network(group, excite, inhibit, *extra, monitor), monitor


def cython(wiring: str, seconds: float) -> dict:
    """Run in Brian2's default mode."""
    import brian2 as b

    b.prefs.codegen.target = "cython"
    start = time.process_time()
    net, monitor = build(wiring)
    net.run(0 * b.ms)
    built, before = time.process_time() - start, time.process_time()
    net.run(seconds * b.second)
    return {"cpu_s": time.process_time() - before, "build_s": built, "spikes": int(monitor.num_spikes)}


def cpp_build(wiring: str, seconds: float, folder: str) -> dict:
    """Generate and compile the standalone program, and run it once for the number of spikes."""
    import brian2 as b

    b.set_device("cpp_standalone", directory=folder, build_on_run=False)
    b.prefs.devices.cpp_standalone.openmp_threads = 0
    b.device.insert_code("before_network_run", "const std::clock_t before_run = std::clock();")
    b.device.insert_code("after_network_run", f'std::ofstream("{CPU}") << std::clock() - before_run;')
    start = time.perf_counter()
    net, monitor = build(wiring)
    net.run(seconds * b.second)
    b.device.build(directory=folder, compile=True, run=True, with_output=False)
    return {"build_s": time.perf_counter() - start, "spikes": int(monitor.num_spikes)}


def cpp_run(folder: str) -> dict:
    """Run the program again; it writes the CPU time of its simulation phase itself."""
    subprocess.run([os.path.join(folder, "main")], cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return {"cpu_s": float(Path(folder, CPU).read_text()) / CLOCKS_PER_SECOND}


if __name__ == "__main__":
    mode, *rest = sys.argv[1:]
    if mode == "cython":
        result = cython(rest[0], float(rest[1]))
    elif mode == "cpp-build":
        result = cpp_build(rest[0], float(rest[1]), rest[2])
    else:
        result = cpp_run(rest[0])
    print("JSON" + json.dumps(result))
