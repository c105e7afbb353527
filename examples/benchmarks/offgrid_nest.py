"""Run the network of `offgrid.py` in NEST, in precise neurons or those of the grid, one thread.

usage: offgrid_nest.py WIRING.npz
"""

from __future__ import annotations

import json
import sys
import time

import nest
import numpy as np


def run(path: str) -> dict:
    """Build from the wiring file, simulate, and count."""
    given = np.load(path)
    nest.set_verbosity("M_ERROR")
    nest.ResetKernel()
    nest.local_num_threads = 1
    nest.resolution = 0.1
    params = {"tau_m": 20.0, "C_m": 20.0, "E_L": 0.0, "V_m": 0.0, "V_th": 20.0, "V_reset": 10.0, "t_ref": 2.0}
    currents = {"tau_syn_ex": 2.0, "tau_syn_in": 2.0} if given["kind"] == "exp" else {}
    n = int(given["n"])
    precise = bool(given["precise"])
    cells = nest.Create(f"iaf_psc_{given['kind']}{'_ps' if precise else ''}", n, params=params | currents)
    trains = np.split(given["time_ms"], np.cumsum(np.bincount(given["unit"], minlength=n))[:-1])
    inputs = nest.Create(
        "spike_generator",
        n,
        params=[
            {"spike_times": t, "precise_times" if precise else "allow_offgrid_times": True} for t in trains
        ],
    )
    nest.Connect(inputs, cells, "one_to_one", {"weight": float(given["unit_weight"]), "delay": 0.1})
    pre, post, weight = given["pre"] + 1, given["post"] + 1, given["weight"]
    synapse = {"weight": weight, "delay": np.full(pre.size, float(given["delay_ms"]))}
    nest.Connect(pre, post, "one_to_one", {"synapse_model": "static_synapse", **synapse})
    recorder = nest.Create("spike_recorder")
    nest.Connect(cells, recorder)
    nest.Prepare()
    before = time.process_time()
    nest.Run(float(given["ms"]))
    cpu = time.process_time() - before
    return {"cpu_s": cpu, "spikes": int(recorder.n_events), "version": nest.__version__}


if __name__ == "__main__":
    print("JSON" + json.dumps(run(sys.argv[1])))
