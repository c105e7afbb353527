"""Make in NEST's kernel what `snn.interop.nest` says a network becomes, run it, and read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from snn.core import Events, Network, PoissonInput, Population, Projection, SimulationState
from snn.core.arrays import Float64Array, Int64Array
from snn.core.checks import refusal
from snn.core.grid.request import RunRequest
from snn.core.timed_events import times_of
from snn.interop.nest.neurons import NestNeurons, nest_neurons

LEAD_STEPS = 2
"""Steps that NEST's clock is ahead of ours."""


@dataclass(slots=True)
class NestNetwork:
    """Hold what was made in NEST's kernel for one sample.

    Attributes:
        nodes: Neurons of each population, a NEST `NodeCollection`.
        drive: Constant current of each population from our step 0 on, [N].
        threshold: Its threshold from then on, [N]; before, nothing spikes.
        v: Its membranes at the start of that step, [N].
        recorders: Spike recorder of each population whose spikes are kept.
        multimeters: Multimeter of each population whose membranes are kept.
        drain_steps: Steps to run on until the multimeters have given their last values: NEST's longest delay.
    """

    nodes: dict[str, Any]
    drive: dict[str, Float64Array]
    threshold: dict[str, Float64Array]
    v: dict[str, Float64Array]
    recorders: dict[str, Any]
    multimeters: dict[str, Any]
    drain_steps: int = 0

    def run(self, nest: Any, steps: int, dt: float) -> None:
        """Run `steps` of ours; drive, threshold and membrane start with them."""
        nest.Simulate(LEAD_STEPS * dt)
        for name, nodes in self.nodes.items():
            given = {"I_e": self.drive[name], "V_th": self.threshold[name], "V_m": self.v[name]}
            nodes.set({key: values.tolist() for key, values in given.items()})
        nest.Simulate((steps + self.drain_steps) * dt)

    def read_spikes(
        self, name: str, steps: int, dt: float, precise: bool
    ) -> tuple[Float64Array | Int64Array, Int64Array]:
        """Return when each spike of a population was, in our steps, or ms if `precise`; and its unit."""
        rows = self.recorders[name].events
        unit = np.asarray(rows["senders"], dtype=np.int64) - self.nodes[name][0].global_id
        stamp = np.asarray(rows["times"], dtype=np.int64)
        if precise:
            time = (stamp - LEAD_STEPS) * dt - np.asarray(rows["offsets"])
            kept = (time >= 0.0) & (time < steps * dt * (1.0 - 4e-9))
            return time[kept], unit[kept]
        step = stamp - 1 - LEAD_STEPS
        kept = (step >= 0) & (step < steps)
        return step[kept], unit[kept]

    def read_membranes(self, name: str, steps: int) -> Float64Array:
        """Return the membrane of each neuron at the end of each of our steps, [T, N]."""
        rows = self.multimeters[name].events
        unit = np.asarray(rows["senders"], dtype=np.int64) - self.nodes[name][0].global_id
        step = np.asarray(rows["times"], dtype=np.int64) - 1 - LEAD_STEPS
        v = np.full((steps, len(self.nodes[name])), np.nan)
        kept = (step >= 0) & (step < steps)
        v[step[kept], unit[kept]] = np.asarray(rows["V_m"])[kept]
        return v


def build(
    nest: Any, net: Network, request: RunRequest, b: int, precise: bool, state: SimulationState | None
) -> NestNetwork:
    """Make populations, inputs of sample `b`, synapses and recorders; membranes start from `state`.

    Raises:
        ValueError: NEST cannot run a part as it is; the message names it.
    """
    made = NestNetwork({}, {}, {}, {}, {}, {})
    neurons = {p.name: nest_neurons(net, p, precise) for p in net.populations if p.neuron is not None}
    ids: dict[str, Int64Array] = {}
    for population in net.populations:
        name = population.name
        if population.neuron is None:
            ids[name] = _generators(nest, population, request.events.get(name), b, net.dt_ms, precise)
            continue
        ours = neurons[name]
        made.nodes[name] = _create(nest, population, ours)
        drive = request.drive[name][0, 0] if name in request.drive else 0.0
        made.drive[name] = (ours.bias + drive) * ours.drive_scale
        made.threshold[name] = ours.v_th
        made.v[name] = ours.params["V_m"] if state is None else state.v[name][b].astype(np.float64)
        ids[name] = np.array(made.nodes[name].tolist(), dtype=np.int64)
    for projection in net.projections:
        _connect(nest, net, projection, neurons[projection.post], ids, precise)
    for noise in net.noise:
        _add_noise(nest, net, noise, neurons[noise.post], made.nodes[noise.post], precise)
    for name in request.spikes:
        if name in made.nodes:
            made.recorders[name] = nest.Create("spike_recorder", params={"time_in_steps": True})
            nest.Connect(made.nodes[name], made.recorders[name], syn_spec={"delay": net.dt_ms})
    for name in request.v:
        given = {"record_from": ["V_m"], "interval": net.dt_ms, "time_in_steps": True}
        made.multimeters[name] = nest.Create("multimeter", params=given)
        nest.Connect(made.multimeters[name], made.nodes[name], syn_spec={"delay": net.dt_ms})
    if request.v:
        made.drain_steps = round(nest.max_delay / net.dt_ms)
    return made


def _create(nest: Any, population: Population, ours: NestNeurons) -> Any:
    """Create the neurons of a population."""
    given = {key: np.asarray(value, dtype=np.float64).tolist() for key, value in ours.params.items()}
    if not ours.has_currents:
        return nest.Create(ours.model, population.size, params=given)
    if not ours.has_ports:
        both = [0, 0] if len(ours.ports) == 1 else np.argsort(ours.ports).tolist()
        given |= {"tau_syn_ex": ours.tau_syn[both[0]].tolist(), "tau_syn_in": ours.tau_syn[both[1]].tolist()}
        return nest.Create(ours.model, population.size, params=given)
    model = f"{ours.model}_{population.name}"
    first = {"tau_syn": ours.tau_syn[:, 0].tolist(), "tau_m": float(ours.params["tau_m"][0])}
    nest.CopyModel(ours.model, model, first)  # a list given to Create would be one number per neuron
    if (ours.tau_syn == ours.tau_syn[:, :1]).all():
        return nest.Create(model, population.size, params=given)
    nodes = nest.Create(model, population.size)
    rows = [{key: values[n] for key, values in given.items()} for n in range(population.size)]
    for n, row in enumerate(rows):
        row["tau_syn"] = ours.tau_syn[:, n].tolist()
    nodes.set(rows)
    return nodes


def _generators(
    nest: Any, population: Population, events: Events | None, b: int, dt: float, precise: bool
) -> Int64Array:
    """Create a generator for each unit that spikes; return the node of every unit, [N], 0 without one."""
    ids = np.zeros(population.size, dtype=np.int64)
    if events is None:
        return ids
    rows = slice(events.offsets[b], events.offsets[b + 1])
    times, units = times_of(events)[rows] + dt, events.unit[rows]
    spiking = np.unique(units)
    if not spiking.size:
        return ids
    given = []
    for unit in spiking:
        at, count = np.unique(times[units == unit], return_counts=True)
        given.append({"spike_times": at, "spike_multiplicities": count, "precise_times": precise})
    nodes = nest.Create("spike_generator", spiking.size)
    nodes.set(given)
    ids[spiking] = nodes.tolist()
    return ids


def _connect(
    nest: Any,
    net: Network,
    projection: Projection,
    ours: NestNeurons,
    ids: dict[str, Int64Array],
    precise: bool,
) -> None:
    """Make the synapses of a projection onto the neurons `ours`."""
    if projection.plasticity is not None:
        raise refusal(f"plasticity of {projection.name!r}", "None for NEST", projection.plasticity)
    synapses = net.synapses(projection.name)
    pre = np.repeat(np.arange(synapses.fan_out.size), synapses.fan_out)
    post, delay = synapses.indices.astype(np.int64), synapses.delay_steps.astype(np.int64)
    scale, port = _onto(net, projection, ours)
    ahead = 1 if ours.has_currents and not precise else 0
    least = 1 + ahead
    if net.population(projection.pre).neuron is None:  # its generators send ahead of time
        delay, least = delay + LEAD_STEPS - (1 if precise else 0), 0
    _check_delays(net, projection, least, precise)
    kept = ids[projection.pre][pre] > 0
    if not kept.any():
        return
    weight = synapses.weight * scale[post]
    syn = {"weight": weight[kept], "delay": (delay[kept] - ahead) * net.dt_ms}
    if ours.has_ports:
        syn["receptor_type"] = np.full(int(kept.sum()), port)
    senders, receivers = ids[projection.pre][pre[kept]], ids[projection.post][post[kept]]
    nest.Connect(senders, receivers, "one_to_one", {"synapse_model": "static_synapse", **syn})


def _add_noise(
    nest: Any, net: Network, noise: PoissonInput, ours: NestNeurons, nodes: Any, precise: bool
) -> None:
    """Connect a generator, which sends every neuron a train of its own: equal in law, not spike for spike."""
    kind = "poisson_generator_ps" if precise else "poisson_generator"
    generator = nest.Create(kind, params={"rate": noise.rate_hz})
    scale, port = _onto(net, noise, ours)
    syn = {"weight": (noise.weight * scale)[:, None].tolist(), "delay": net.dt_ms}
    if ours.has_ports:
        syn["receptor_type"] = port
    nest.Connect(generator, nodes, "all_to_all", {"synapse_model": "static_synapse", **syn})


def _onto(net: Network, given: Projection | PoissonInput, ours: NestNeurons) -> tuple[Float64Array, int]:
    """Scale of the weights, [N], and NEST's number of the receptor that is fed."""
    if not ours.has_currents:
        return ours.weight_scale, 0
    r = net.population(given.post).receptors.index(given.receptor)
    return ours.weight_scale[r], ours.ports[r] + 1


def _check_delays(net: Network, projection: Projection, least: int, precise: bool) -> None:
    name, steps, dt = f"delay_ms of {projection.name!r}", net.synapses(projection.name).delay_steps, net.dt_ms
    if steps.size and steps.min() < least:
        rule = f"at least {least} steps of {dt} ms for NEST, from neurons to {projection.post!r}"
        raise refusal(name, rule, float(steps.min() * dt))
    if precise and projection.delay_ms is not None:
        given = np.ravel(projection.delay_ms)
        if projection.delay_ms.shape == projection.weight.shape and isinstance(projection.weight, np.ndarray):
            given = projection.delay_ms[projection.weight != 0.0]
        off = np.abs(given / dt - np.rint(given / dt)) > 1e-9
        if off.any():
            raise refusal(name, f"whole steps of {dt} ms with precise=True", given[off][0])
