"""Lay out a network flat, as the compiled loops read it."""

from __future__ import annotations

from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from snn.core import poisson
from snn.core.arrays import BoolArray, Float64Array, Int32Array, Int64Array, RealArray, Uint32Array
from snn.core.checks import refusal
from snn.core.network import Network
from snn.core.neurons import HARD_NEXT_STEP, Dynamics, LIFParams
from snn.core.population import Population
from snn.core.synapses import bounds

SLEEP_GROUP = 64
"""Neurons that sleep and wake together."""
UPDATE_GROUP = 2048
"""Neurons updated together otherwise, a multiple of `SLEEP_GROUP`."""
_MARGIN = {"float64": 1e-9, "float32": 1e-3}
"""Distance from threshold, relative, under which a neuron is never left alone."""
_LEAST_LEAK = {"float64": 1e-6, "float32": 1e-3}
"""With less leak per step, rounding errors could pile up to the margin; such neurons stay awake."""


class NeuronArrays(NamedTuple):
    """Hold a network in flat arrays: P populations, U units, A arrival slots, M noise inputs.

    Populations come in the order of a step (`Network.order`), and units are numbered in that
    order, sources included. Receptor r of neuron n of population p has the arrival slot
    `slot[p] + r * size + n`; a population that jumps has one such row, a current that lasts one step.

    Attributes:
        first: First unit of each population, [P + 1].
        source: Whether a population is a source, [P].
        slot: First arrival slot of each population, [P].
        slot_rows: Rows of arrival slots, [P]: receptors, 1 where arrivals jump the membrane, 0 of a source.
        receptors: Number of synaptic currents, [P]; 0: arrivals jump the membrane.
        uniform: Whether all neurons of a population have the same constants, [P].
        plain: Whether besides they have at most two currents, and thresholds that stay, [P].
        lazy: Whether some neuron of a population may be left alone, [P].
        sleep_group: First group of `SLEEP_GROUP` neurons of each population, [P + 1].
        adapts: Whether the thresholds of a population adapt, [P].
        reset: As in `Dynamics`, [P].
        strict: As in `Dynamics`, [P].
        decay_input: As in `Dynamics`, [P].
        decay: As in `Dynamics`, [U].
        input_scale: As in `Dynamics`, [U].
        v_th: As in `Dynamics`, [U].
        v_reset: As in `Dynamics`, [U].
        reset_by: As in `Dynamics`, [U].
        v_rest: As in `Dynamics`, [U].
        refractory: As in `Dynamics`, [U].
        bias: As in `Dynamics`, [U].
        adapt_by: As in `Dynamics`, [U].
        adapt_decay: As in `Dynamics`, [U].
        multiple: As in `Dynamics`, [P].
        syn_biased: Whether something arrives at receptors of a population in every step, [P].
        syn_decay: Factor of each slot per step, [A]; 0 where arrivals jump the membrane.
        syn_bias: What arrives at each slot in every step, [A].
        level: Smallest membrane that fires, without adaptation, [U]: `v_th`, or the number above it.
        sleep_below: Membrane below which a neuron cannot spike without an arrival, [U]; -inf: it always may.
        noise_first: First noise input of each population, [P + 1].
        noise_slot: First arrival slot that each noise input feeds, [M].
        noise_weight: Weight of its spikes, [M].
        noise_least: Spikes that it brings in any case (`poisson.inversion_table`), [M].
        noise_cut: The cuts of all noise inputs.
        noise_cut_first: Start of each noise input in `noise_cut`, [M + 1].
    """

    first: Int64Array
    source: BoolArray
    slot: Int64Array
    slot_rows: Int64Array
    receptors: Int64Array
    uniform: BoolArray
    plain: BoolArray
    lazy: BoolArray
    sleep_group: Int64Array
    adapts: BoolArray
    reset: Int64Array
    strict: BoolArray
    decay_input: BoolArray
    decay: RealArray
    input_scale: RealArray
    v_th: RealArray
    v_reset: RealArray
    reset_by: RealArray
    v_rest: RealArray
    refractory: Int32Array
    bias: RealArray
    adapt_by: RealArray
    adapt_decay: RealArray
    multiple: BoolArray
    syn_biased: BoolArray
    syn_decay: RealArray
    syn_bias: RealArray
    level: RealArray
    sleep_below: RealArray
    noise_first: Int64Array
    noise_slot: Int64Array
    noise_weight: RealArray
    noise_least: Int64Array
    noise_cut: Uint32Array
    noise_cut_first: Int64Array


_built: WeakKeyDictionary[Network, dict[str, NeuronArrays]] = WeakKeyDictionary()


def neuron_arrays_of(network: Network, dtype: str = "float64") -> NeuronArrays:
    """Return the populations of `network` in flat form, built at its first use.

    Raises:
        ValueError: A constant does not fit `dtype`.
    """
    by_dtype = _built.setdefault(network, {})
    if dtype not in by_dtype:
        by_dtype[dtype] = _build(network, dtype)
    return by_dtype[dtype]


def slot_of(network: Network, slot: Int64Array, post: str, receptor: str | None) -> int:
    """First arrival slot of a receptor of the population `post`; `slot` is that of `NeuronArrays`."""
    population = network.population(post)
    row = population.receptors.index(receptor) if population.receptors else 0
    return int(slot[network.place[post]]) + row * population.size


def _build(network: Network, dtype: str) -> NeuronArrays:
    real = np.dtype(dtype).type
    populations = [network.population(name) for name in network.order]
    dynamics = [_dynamics(population, network.dt_ms) for population in populations]
    sizes = [population.size for population in populations]
    receptors = [len(population.receptors) for population in populations]
    source = [population.neuron is None for population in populations]
    slot_rows = [0 if s else max(1, r) for s, r in zip(source, receptors, strict=True)]
    slot = bounds([n * r for n, r in zip(sizes, slot_rows, strict=True)])[:-1].copy()
    noisy = {given.post for given in network.noise}
    sleep = [
        np.full(p.size, -np.inf) if p.name in noisy else _sleep_below(d, dtype)
        for p, d in zip(populations, dynamics, strict=True)
    ]

    def per_unit(name: str) -> Any:
        for p, d in zip(populations, dynamics, strict=True):
            _check_fits(f"{name} of {p.name!r}", getattr(d, name), real)
        return np.concatenate([getattr(d, name) for d in dynamics]).astype(real)

    uniform = np.array([_is_uniform(d) for d in dynamics])
    v_th, strict = per_unit("v_th"), np.array([d.strict for d in dynamics])
    above = np.nextafter(v_th, real(np.inf))
    return NeuronArrays(
        first=network.first_unit,
        source=np.array(source),
        slot=slot,
        slot_rows=np.array(slot_rows, dtype=np.int64),
        receptors=np.array(receptors, dtype=np.int64),
        uniform=uniform,
        plain=uniform & np.array([_is_plain(d) for d in dynamics]),
        lazy=np.array([not s and bool((b > -np.inf).any()) for s, b in zip(source, sleep, strict=True)]),
        sleep_group=bounds([-(-n // SLEEP_GROUP) for n in sizes]),
        adapts=np.array([bool(d.adapt_by.any()) for d in dynamics]),
        reset=np.array([d.reset for d in dynamics], dtype=np.int64),
        strict=strict,
        decay_input=np.array([d.decay_input for d in dynamics]),
        decay=per_unit("decay"),
        input_scale=per_unit("input_scale"),
        v_th=v_th,
        v_reset=per_unit("v_reset"),
        reset_by=per_unit("reset_by"),
        v_rest=per_unit("v_rest"),
        refractory=np.concatenate([d.refractory for d in dynamics]).astype(np.int32),
        bias=per_unit("bias"),
        adapt_by=per_unit("adapt_by"),
        adapt_decay=per_unit("adapt_decay"),
        multiple=np.array([d.multiple for d in dynamics]),
        syn_biased=np.array([bool(d.syn_bias.any()) for d in dynamics]),
        syn_decay=_per_slot("syn_decay", dynamics, source).astype(real),
        syn_bias=_per_slot("syn_bias", dynamics, source).astype(real),
        level=np.where(np.repeat(strict, sizes), above, v_th),
        sleep_below=np.concatenate(sleep).astype(real),
        **_noise(network, slot, real),
    )


def _check_fits(name: str, values: Float64Array, real: Any) -> None:
    """Refuse constants that the type of the run cannot hold, and thresholds that it takes for 0."""
    with np.errstate(over="ignore"):
        cast = values.astype(real)
    bad = np.isinf(cast) & ~np.isinf(values)
    if name.startswith(("v_th", "reset_by")):
        bad |= (cast == 0.0) & (values != 0.0)
    if bad.any():
        raise refusal(name, f"within the range of {np.dtype(real).name!r}", values[bad][0])


def _per_slot(name: str, dynamics: list[Dynamics], source: list[bool]) -> Float64Array:
    """Join a value per receptor, slot by slot; 0 where arrivals jump the membrane."""
    parts = [
        getattr(d, name).ravel() if len(d.syn_decay) else np.zeros(0 if s else d.decay.size)
        for d, s in zip(dynamics, source, strict=True)
    ]
    return np.concatenate(parts)


def _is_uniform(d: Dynamics) -> bool:
    arrays = [part for part in d if isinstance(part, np.ndarray)]
    return all(bool((part == part[..., :1]).all()) for part in arrays if part.size)


def _is_plain(d: Dynamics) -> bool:
    changes = d.adapt_by.any() or d.syn_bias.any()
    return d.syn_decay.shape[0] <= 2 and d.reset != HARD_NEXT_STEP and not changes


def _noise(network: Network, slot: Int64Array, real: Any) -> dict[str, Any]:
    """Compute the fields of `NeuronArrays` from `noise_first` on."""
    given = sorted(network.noise, key=lambda one: network.place[one.post])
    posts = np.array([network.place[one.post] for one in given], dtype=np.int64)
    drawn = [poisson.inversion_table(one.mean(network.dt_ms)) for one in given]
    slots = [slot_of(network, slot, one.post, one.receptor) for one in given]
    return {
        "noise_first": bounds(np.bincount(posts, minlength=len(network.place))),
        "noise_slot": np.array(slots, dtype=np.int64),
        "noise_weight": np.array([one.weight for one in given], dtype=real),
        "noise_least": np.array([least for least, _ in drawn], dtype=np.int64),
        "noise_cut": np.concatenate([np.zeros(0, dtype=np.uint32), *(cut for _, cut in drawn)]),
        "noise_cut_first": bounds([cut.size for _, cut in drawn]),
    }


def _dynamics(population: Population, dt_ms: float) -> Dynamics:
    """Constants of a population; those of a source are never read, but keep the numbering."""
    neuron = LIFParams(decay=0.0) if population.neuron is None else population.neuron
    return neuron.dynamics(population.size, dt_ms)


def _sleep_below(d: Dynamics, dtype: str) -> Float64Array:
    """Find the membrane from which each neuron, left to its bias, stays under its threshold.

    With a factor f in [0, 1) the membrane moves straight towards a steady value, so both must be
    under the threshold by a margin; without leak it must not rise. Currents may rise, so neurons
    with receptors are never left alone.
    """
    if d.syn_decay.shape[0]:
        return np.full(d.decay.size, -np.inf)
    factor = 1.0 - d.input_scale if d.decay_input else d.decay
    never = np.isinf(d.v_th)
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # infinite or NaN: below no level, and so never left alone
        leak = np.maximum(1.0 - d.decay, _LEAST_LEAK[dtype])
        gain = d.bias if d.decay_input else d.bias * d.input_scale / leak
        steady = d.v_rest + gain
        size = np.abs(np.where(never, 0.0, d.v_th)) + np.abs(d.v_rest) + np.abs(gain)
        level = d.v_th - _MARGIN[dtype] * size
    leaks = (factor >= 0.0) & (factor <= 1.0 - _LEAST_LEAK[dtype]) & (steady < level)
    # Without leak, v_rest + (v - v_rest) may round upwards, step after step, unless v_rest is 0.
    falls = (factor == 1.0) & (d.bias * d.input_scale <= 0.0) & (d.decay_input | (d.v_rest == 0.0))
    return np.where(leaks | falls | never, level, -np.inf)
