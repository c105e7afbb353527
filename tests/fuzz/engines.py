"""Run random networks by both engines: the results must be equal to the last bit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from cases import Outcome
from networks import assert_same, simulate_with
from random_networks import OPTIONS, random_network, random_run

import snn
from snn.core import Record


def run_networks(cases: Iterable[int], seed: int) -> Iterator[tuple[int, Outcome, str]]:
    """Run networks by number: each is "same", or "structural" where an engine did something else or failed."""
    for case in cases:
        try:
            run_network(case, seed)
        except Exception as error:  # whatever it is, it is a fault
            yield case, "structural", f"{type(error).__name__}: {error}"
        else:
            yield case, "same", ""


def run_network(case: int, seed: int) -> None:
    """Run one network.

    Raises:
        AssertionError: The engines differ.
    """
    rng = np.random.default_rng((seed, case))
    net = random_network(rng, dyadic=bool(rng.integers(2)), noisy=True)
    inputs, currents, record, _ = random_run(rng, net)
    keep = Record(spikes=[p.name for p in net.populations], v=record)
    given = {
        "currents": currents,
        "record": keep,
        "dtype": rng.choice(["float64", "float32"]).item(),
        "seed": case,
    }
    event = simulate_with(OPTIONS[int(rng.integers(len(OPTIONS)))], net, inputs, **given)
    assert_same(event, snn.simulate(net, inputs, engine="clock", **given))
