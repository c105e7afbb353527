"""Run a network of `simulate.py` in NEST, one thread.

usage: simulate_nest.py WIRING.npz SECONDS
"""

from __future__ import annotations

import json
import sys
import time

import nest
import numpy as np


def run(wiring: str, seconds: float) -> dict:
    """Build from the wiring file, simulate, and count."""
    given = np.load(wiring)
    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.local_num_threads = 1
    nest.resolution = 0.1
    start, n = time.process_time(), given["v"].size
    if given["network"] == "cuba":
        params = {"tau_m": 20.0, "tau_syn_ex": 5.0, "tau_syn_in": 10.0, "C_m": 200.0, "E_L": -49.0}
        params |= {"V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0}
        cells = nest.Create("iaf_psc_exp", n, params=params)
        weights, delay = {"exc": 16.2, "inh": -90.0}, 0.1
    else:
        params = {"tau_m": 20.0, "C_m": 1.0, "E_L": 0.0, "V_th": 20.0, "V_reset": 10.0, "t_ref": 2.0}
        cells = nest.Create("iaf_psc_delta", n, params=params)
        weights, delay = {"exc": 0.1, "inh": -0.5}, 1.5
        noise = nest.Create("poisson_generator", params={"rate": 20_000.0})
        nest.Connect(noise, cells, syn_spec={"weight": 0.1, "delay": delay})
    cells.V_m = given["v"].tolist()
    for kind, weight in weights.items():
        pre, post = given[f"{kind}_pre"] + 1, given[f"{kind}_post"] + 1
        synapse = {"weight": np.full(pre.size, weight), "delay": np.full(pre.size, delay)}
        nest.Connect(pre, post, "one_to_one", {"synapse_model": "static_synapse", **synapse})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Prepare()
    built, before = time.process_time() - start, time.process_time()
    nest.Run(1000.0 * seconds)
    return {"cpu_s": time.process_time() - before, "build_s": built, "spikes": int(recorder.n_events)}


if __name__ == "__main__":
    print("JSON" + json.dumps(run(sys.argv[1], float(sys.argv[2]))))
