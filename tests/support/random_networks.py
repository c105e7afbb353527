"""Networks and inputs drawn at random, with every option of the description, small enough for plain Python."""

from __future__ import annotations

import numpy as np

from snn.core import LIFParams, LIParams, Network, PoissonInput, Population, Projection, Raster, TimeGrid
from snn.core.grid.options import EventOptions
from snn.core.layout.projection_arrays import Forms

DT = 0.5


def random_neuron(rng, size, dyadic, spiking):
    def per_neuron(values):
        return values[0] if rng.random() < 0.5 else values

    def pick(*options):
        return options[rng.integers(len(options))]

    options = {"decay_input": bool(rng.integers(2)), "v_rest": per_neuron(rng.integers(-2, 2, size) / 4)}
    if dyadic:
        options["decay"] = pick(0.0, 0.5, 0.75, 1.0)
    else:
        options["tau_mem_ms"] = per_neuron(rng.uniform(0.3, 20, size))
    options["bias"] = pick(0.0, 0.125, -0.5, per_neuron(rng.integers(-1, 5, size) / 8))
    options["tau_syn_ms"] = pick(None, None, 2.0, {"exc": 3.0, "inh": per_neuron(rng.uniform(1, 9, size))})
    if not spiking:
        return LIParams(**options)
    reset = pick("hard", "soft", "hard_next_step")
    if reset != "hard_next_step" and rng.random() < 0.4:
        options["adapt_by"] = pick(0.25, per_neuron(rng.integers(1, 4, size) / 8))
        options["tau_adapt_ms"] = pick(2.0, per_neuron(rng.uniform(0.5, 9, size)))
    if reset == "soft" and rng.random() < 0.5:
        options["reset_by"] = 0.75
    return LIFParams(
        **options,
        v_th=per_neuron(rng.integers(2, 5, size) / 4),
        v_reset=-0.25 if rng.random() < 0.5 else 0.0,
        reset=reset,
        fires=pick(">=", ">"),
        t_ref_ms=pick(0.0, 0.5, per_neuron(rng.integers(0, 5, size) * DT)),
    )


def random_network(rng, dyadic, noisy=False):
    populations = [Population(f"in{i}", int(rng.integers(1, 6))) for i in range(rng.integers(1, 3))]
    kinds = [True] * int(rng.integers(1, 4)) + [False] * int(rng.integers(0, 2))
    for i, spiking in enumerate(kinds):
        size = int(rng.integers(1, 6))
        populations.append(Population(f"p{i}", size, random_neuron(rng, size, dyadic, spiking)))
    projections = []
    for n in range(rng.integers(1, 8)):
        pre = int(rng.integers(len(populations)))
        post = int(rng.integers(len(populations)))
        if isinstance(populations[pre].neuron, LIParams) or populations[post].neuron is None:
            continue
        shape = (populations[pre].size, populations[post].size)
        weight = rng.integers(-4, 9, shape) / 4 if dyadic else rng.normal(0.3, 0.8, shape)
        if rng.random() < 0.4:  # one weight for all: arrivals are counted
            weight = np.full(shape, weight[0, 0])
        weight = weight * (rng.random(shape) < 0.7)
        delay = rng.integers(0 if pre < post else 1, 5, shape if rng.random() < 0.7 else ()) * DT
        receptors = populations[post].receptors
        receptor = receptors[rng.integers(len(receptors))] if receptors else None
        projections.append(
            Projection(populations[pre].name, populations[post].name, weight, delay, f"c{n}", receptor)
        )
    noise = []
    for p in populations:
        if noisy and p.neuron is not None and rng.random() < 0.5:
            receptor = p.receptors[rng.integers(len(p.receptors))] if p.receptors else None
            weight = 0.25 if dyadic else rng.normal()
            noise.append(PoissonInput(p.name, rng.choice([20.0, 300.0, 20_000.0]), weight, receptor))
    order = rng.permutation(len(populations))
    return Network(DT, [populations[i] for i in order], projections, noise)


def random_run(rng, net):
    samples, steps = int(rng.integers(1, 4)), int(rng.integers(0, 25))
    lengths = rng.integers(0, steps + 1, samples)
    inputs, currents, record = {}, {}, []
    for p in net.populations:
        if p.neuron is None:
            z = rng.poisson(rng.choice([0.05, 0.4]), (steps, samples, p.size))
            z *= np.arange(steps)[:, None, None] < lengths[:, None]
            inputs[p.name] = Raster(z, TimeGrid(steps, DT), lengths)
        elif rng.random() < 0.3:
            shape = [(p.size,), (lengths.max(), p.size), (lengths.max(), samples, p.size)][rng.integers(3)]
            currents[p.name] = rng.integers(-2, 3, shape) / 8
        if p.neuron is not None and rng.random() < 0.4:
            record.append(p.name)
    return inputs, currents, record, lengths


OPTIONS = [
    EventOptions(),
    EventOptions(lazy=True, sparse=np.inf, forms=Forms(np.inf, np.inf, room=9)),
    EventOptions(lazy=True, sparse=0.0, forms=Forms(0.0, 0.0, room=9)),
    EventOptions(lazy=False, sparse=np.inf, forms=Forms(0.0, 0.0, room=9, full=False)),
    EventOptions(lazy=False, sparse=0.0, forms=Forms(np.inf, np.inf, room=9)),
]
"""The event loop as it chooses; groups that are awake or all; one by one or swept; rings or log; bits or not."""
