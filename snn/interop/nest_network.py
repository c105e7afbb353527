"""Build in NEST's kernel what `snn.interop.nest` says a network becomes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np

from snn.core import Events, LIFParams, Network, PoissonInput, Population, Projection, SimulationState
from snn.core.arrays import Float64Array, Int64Array
from snn.core.grid.request import RunRequest
from snn.core.neurons import NeuronParams
from snn.core.timed_events import times_of

EARLY = 2
"""Steps that NEST's clock is ahead of ours."""

_KNOWN = {
    *("tau_mem_ms", "decay", "input_scale", "decay_input", "v_rest", "bias", "tau_syn_ms"),
    *("v_th", "v_reset", "t_ref_ms", "reset", "fires"),
}


@dataclass(slots=True)
class Build:
    """Hold what was made in NEST's kernel."""

    nodes: dict[str, Any]
    """Neurons of each population, a NEST `NodeCollection`."""
    drive: dict[str, Float64Array]
    """Constant current of each population from our step 0 on, [N]."""
    threshold: dict[str, Float64Array]
    """Its threshold from then on, [N]; before, nothing spikes."""
    v: dict[str, Float64Array]
    """Its membranes at the start of that step, [N]."""
    spikes: dict[str, Any]
    """Spike recorder of each population whose spikes are kept."""
    membranes: dict[str, Any]
    """Multimeter of each population whose membranes are kept."""
    late: int = 0
    """Steps to run on until the multimeters have given their last values: NEST's longest delay."""

    def run(self, nest: Any, steps: int, dt: float) -> None:
        """Run `steps` of ours; drive, threshold and membrane start with them."""
        nest.Simulate(EARLY * dt)
        for name, nodes in self.nodes.items():
            given = {"I_e": self.drive[name], "V_th": self.threshold[name], "V_m": self.v[name]}
            nodes.set({key: values.tolist() for key, values in given.items()})
        nest.Simulate((steps + self.late) * dt)


@dataclass(frozen=True, slots=True)
class _Cell:
    """Hold how the neurons of a population answer in NEST, per neuron, [N]."""

    model: str
    tau: Float64Array
    gain: Float64Array
    """Current in NEST per unit of drive."""
    bias: Float64Array
    """Drive of our neurons, [N]."""
    v_th: Float64Array
    scale: Float64Array
    """Jump of the membrane per unit of weight, or currents [R, N]."""
    tau_syn: Float64Array
    """Synaptic time constants, [R, N], ms."""
    params: dict[str, Any]
    """What else NEST is told, per neuron."""


def build(
    nest: Any, net: Network, task: RunRequest, b: int, precise: bool, state: SimulationState | None
) -> Build:
    """Make populations, inputs of sample `b`, synapses and recorders; membranes start from `state`.

    Raises:
        ValueError: NEST cannot run a part as it is; the message names it.
    """
    made = Build({}, {}, {}, {}, {}, {})
    cells = {p.name: _cell(p, net.dt_ms, precise) for p in net.populations if p.neuron is not None}
    order = {name: _receptor_order(net, name, cell, precise) for name, cell in cells.items()}
    ids: dict[str, Int64Array] = {}
    for population in net.populations:
        name = population.name
        if population.neuron is None:
            ids[name] = _generators(nest, population, task.events.get(name), b, net.dt_ms, precise)
            continue
        cell = cells[name]
        made.nodes[name] = _neurons(nest, population, cell, order[name])
        made.drive[name] = (cell.bias + (task.drive[name][0, 0] if name in task.drive else 0.0)) * cell.gain
        made.threshold[name] = cell.v_th
        made.v[name] = cell.params["V_m"] if state is None else state.v[name][b].astype(np.float64)
        ids[name] = np.array(made.nodes[name].tolist(), dtype=np.int64)
    for projection in net.projections:
        if projection.plasticity is not None:
            raise ValueError(f"NEST is told no plasticity; {projection.name!r} has {projection.plasticity}")
        cell = cells[projection.post]
        _connect(nest, net, projection, cell, order[projection.post], ids, precise)
    for noise in net.noise:
        _add_noise(nest, net, noise, cells[noise.post], order[noise.post], made.nodes[noise.post], precise)
    for name in task.spikes:
        if name in made.nodes:
            made.spikes[name] = nest.Create("spike_recorder", params={"time_in_steps": True})
            nest.Connect(made.nodes[name], made.spikes[name], syn_spec={"delay": net.dt_ms})
    for name in task.v:
        given = {"record_from": ["V_m"], "interval": net.dt_ms, "time_in_steps": True}
        made.membranes[name] = nest.Create("multimeter", params=given)
        nest.Connect(made.membranes[name], made.nodes[name], syn_spec={"delay": net.dt_ms})
    if task.v:
        made.late = round(nest.max_delay / net.dt_ms)
    return made


def _cell(population: Population, dt: float, precise: bool) -> _Cell:
    neuron = population.neuron
    assert neuron is not None
    _check(population.name, neuron)
    d = neuron.dynamics(population.size, dt)
    if not ((d.decay > 0.0) & (d.decay < 1.0)).all():
        raise ValueError(
            f"NEST needs a membrane that leaks, and not all at once; {population.name!r} has {neuron}"
        )
    tau = -dt / np.log(d.decay) if neuron.tau_mem_ms is None else np.full(population.size, neuron.tau_mem_ms)
    tau_syn = -dt / np.log(d.syn_decay)
    gain = d.input_scale / (1.0 - d.decay)
    jumps = not len(tau_syn)
    if np.isclose(tau_syn, tau, rtol=1e-9).any():
        raise ValueError(f"NEST needs tau_syn_ms other than tau_mem_ms; {population.name!r} has equal ones")
    if jumps:
        scale = d.input_scale
    elif precise:
        scale = np.tile(gain, (len(tau_syn), 1))
    else:
        step = tau_syn / (tau - tau_syn) * (d.decay - d.syn_decay)  # P21: answer to a unit current
        scale = d.input_scale / step
    t_ref = np.asarray(d.refractory * dt, dtype=np.float64)
    if precise:
        _check_precise(population, t_ref)
    v_th = np.nextafter(d.v_th, np.inf) if d.strict else d.v_th  # NEST fires at >=
    params: dict[str, Any] = {
        "C_m": tau,
        "tau_m": tau,
        "E_L": d.v_rest,
        "V_m": d.v_rest,
        "V_th": np.full(population.size, np.inf),
        "V_reset": d.v_reset if isinstance(neuron, LIFParams) else d.v_rest,
        "t_ref": t_ref,
    }
    return _Cell(_model(tau_syn, precise), tau, gain, d.bias, v_th, scale, tau_syn, params)


def _model(tau_syn: Float64Array, precise: bool) -> str:
    """Choose NEST's neuron; of those off the grid, the one that misses nothing wants one time constant."""
    if not len(tau_syn):
        return "iaf_psc_delta_ps" if precise else "iaf_psc_delta"
    if not precise:
        return "iaf_psc_exp_multisynapse"
    return "iaf_psc_exp_ps_lossless" if (tau_syn == tau_syn[0]).all() else "iaf_psc_exp_ps"


def _check(name: str, neuron: NeuronParams) -> None:
    for field in fields(neuron):
        value, default = getattr(neuron, field.name), cast(Any, field.default)
        odd = field.name not in _KNOWN or field.name == "reset"
        if odd and not np.array_equal(value, default):
            raise ValueError(f"NEST knows only {field.name}={field.default!r}; {name!r} has {value!r}")


def _check_precise(population: Population, t_ref: Float64Array) -> None:
    name, neuron = population.name, population.neuron
    given = getattr(neuron, "t_ref_ms", None)
    if given is not None and not np.allclose(given, t_ref, rtol=1e-9):
        raise ValueError(f"NEST needs t_ref_ms in whole steps; {name!r} has {given!r}")
    if given is not None and (t_ref <= 0.0).any():
        raise ValueError(
            f"NEST's precise neurons need a t_ref_ms of at least one step; {name!r} has {given!r}"
        )
    if len(population.receptors) > 2:
        raise ValueError(f"NEST's precise neurons have two currents; {name!r} has {population.receptors}")


def _receptor_order(net: Network, name: str, cell: _Cell, precise: bool) -> list[int]:
    """Place of each receptor in NEST: its port, or off the grid 0 for excitation and 1 for inhibition.

    There NEST sorts by the sign of the weight, so a receptor needs weights of one sign.
    """
    receptors = net.population(name).receptors
    if not precise or len(receptors) < 2:
        return list(range(len(receptors)))
    signs: list[set[float]] = [set(), set()]
    for projection in net.projections:
        if projection.post == name:
            signs[receptors.index(projection.receptor)] |= set(np.sign(net.synapses(projection.name).weight))
    for places in ([0, 1], [1, 0]):
        if all(signs[r] <= {1.0 - 2.0 * place} for r, place in enumerate(places)):
            return places
    raise ValueError(
        f"NEST's precise neurons have one current for weights above 0 and one for those below; the receptors of "
        f"{name!r} mix them"
    )


def _neurons(nest: Any, population: Population, cell: _Cell, order: list[int]) -> Any:
    """Create the neurons of a population."""
    given = {key: np.asarray(value, dtype=np.float64).tolist() for key, value in cell.params.items()}
    if not len(cell.tau_syn):
        return nest.Create(cell.model, population.size, params=given)
    if cell.model != "iaf_psc_exp_multisynapse":
        both = [0, 0] if len(order) == 1 else np.argsort(order).tolist()
        given |= {"tau_syn_ex": cell.tau_syn[both[0]].tolist(), "tau_syn_in": cell.tau_syn[both[1]].tolist()}
        return nest.Create(cell.model, population.size, params=given)
    model = f"{cell.model}_{population.name}"
    first = {"tau_syn": cell.tau_syn[:, 0].tolist(), "tau_m": float(cell.tau[0])}
    nest.CopyModel(cell.model, model, first)  # a list given to Create would be one number per neuron
    same = bool((cell.tau_syn == cell.tau_syn[:, :1]).all())
    if same:
        return nest.Create(model, population.size, params=given)
    nodes = nest.Create(model, population.size)
    rows = [{key: values[n] for key, values in given.items()} for n in range(population.size)]
    for n, row in enumerate(rows):
        row["tau_syn"] = cell.tau_syn[:, n].tolist()
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
    cell: _Cell,
    order: list[int],
    ids: dict[str, Int64Array],
    precise: bool,
) -> None:
    rows = net.synapses(projection.name)
    pre = np.repeat(np.arange(rows.fan_out.size), rows.fan_out)
    post, delay = rows.indices.astype(np.int64), rows.delay_steps.astype(np.int64)
    currents = len(cell.tau_syn) > 0
    r = net.population(projection.post).receptors.index(projection.receptor) if currents else 0
    weight = rows.weight * (cell.scale[r] if currents else cell.scale)[post]
    ahead = 0 if precise or not currents else 1
    least = 1 + ahead
    if net.population(projection.pre).neuron is None:
        delay, least = delay + EARLY - (1 if precise else 0), 0
    _check_delays(net, projection, rows.delay_steps, least, precise)
    kept = ids[projection.pre][pre] > 0
    if not kept.any():
        return
    syn = {"weight": weight[kept], "delay": (delay[kept] - ahead) * net.dt_ms}
    if currents and not precise:
        syn["receptor_type"] = np.full(int(kept.sum()), order[r] + 1)
    senders, receivers = ids[projection.pre][pre[kept]], ids[projection.post][post[kept]]
    nest.Connect(senders, receivers, "one_to_one", {"synapse_model": "static_synapse", **syn})


def _add_noise(
    nest: Any, net: Network, given: PoissonInput, cell: _Cell, order: list[int], nodes: Any, precise: bool
) -> None:
    """Connect a generator, which sends every neuron a train of its own: equal in law, not spike for spike."""
    kind = "poisson_generator_ps" if precise else "poisson_generator"
    generator = nest.Create(kind, params={"rate": given.rate_hz})
    currents = len(cell.tau_syn) > 0
    r = net.population(given.post).receptors.index(given.receptor) if currents else 0
    scale = cell.scale[r] if currents else cell.scale
    syn = {"weight": (given.weight * scale)[:, None].tolist(), "delay": net.dt_ms}
    if currents and not precise:
        syn["receptor_type"] = order[r] + 1
    nest.Connect(generator, nodes, "all_to_all", {"synapse_model": "static_synapse", **syn})


def _check_delays(net: Network, projection: Projection, steps: Int64Array, least: int, precise: bool) -> None:
    if steps.size and steps.min() < least:
        raise ValueError(
            f"NEST needs a delay of at least {least} steps of {net.dt_ms} ms from neurons to {projection.post!r}; "
            f"{projection.name!r} has {int(steps.min())}"
        )
    if precise and projection.delay_ms is not None:
        given = projection.delay_ms if projection.delay_ms.ndim == 1 else np.ravel(projection.delay_ms)
        if projection.delay_ms.shape == projection.weight.shape and isinstance(projection.weight, np.ndarray):
            given = projection.delay_ms[projection.weight != 0.0]
        off = np.abs(given / net.dt_ms - np.rint(given / net.dt_ms)) > 1e-9
        if off.any():
            raise ValueError(
                f"NEST needs delays in whole steps of {net.dt_ms} ms; {projection.name!r} has {given[off][0]!r} ms"
            )
