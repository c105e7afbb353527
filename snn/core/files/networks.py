"""Keep a `Network` in HDF5, exactly as it was described."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse

from snn.core.arrays import PathLike
from snn.core.files.hdf5 import create, open_ours, put
from snn.core.neurons import LIFParams, LIParams, NeuronParams
from snn.core.plasticity import from_plain, to_plain
from snn.core.poisson import PoissonInput

if TYPE_CHECKING:
    from snn.core.network import Network, Population, Projection

FORMAT = "snn.network"
VERSION = 2
"""2 knows noise and adaptation; a reader of 1 would run without them."""

_KINDS: dict[str, type[LIFParams] | type[LIParams]] = {"LIF": LIFParams, "LI": LIParams}


def save(network: Network, path: PathLike) -> None:
    """Write `network` whole or not at all."""
    with create(path, FORMAT, VERSION) as file:
        file.attrs["dt_ms"] = network.dt_ms
        for i, population in enumerate(network.populations):
            _save_population(file.create_group(f"populations/{i:06d}"), population)
        for i, projection in enumerate(network.projections):
            _save_projection(file.create_group(f"projections/{i:06d}"), projection)
        file.attrs["noise"] = json.dumps([given.values() for given in network.noise])


def load(path: PathLike) -> Network:
    """Read what `save` wrote.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not HDF5, another format or version, incomplete, or not a valid network.
    """
    from snn.core.network import Network  # it imports this module for its own save and load

    with open_ours(path, FORMAT, VERSION) as file:
        populations = [_load_population(group) for group in file["populations"].values()]
        projections = [_load_projection(group) for group in file.get("projections", {}).values()]
        noise = [PoissonInput(*values) for values in json.loads(file.attrs["noise"])]
        return Network(float(file.attrs["dt_ms"]), populations, projections, noise)


def _save_population(group: Any, population: Population) -> None:
    group.attrs["name"] = population.name
    group.attrs["size"] = population.size
    if population.neuron is None:
        return
    neuron = group.create_group("neuron")
    neuron.attrs["kind"] = "LIF" if isinstance(population.neuron, LIFParams) else "LI"
    for field in fields(population.neuron):
        _save_value(neuron, field.name, getattr(population.neuron, field.name))


def _load_population(group: Any) -> Population:
    from snn.core.network import Population

    neuron: NeuronParams | None = None
    if "neuron" in group:
        stored = group["neuron"]
        kind = _KINDS[str(stored.attrs["kind"])]
        neuron = kind(**{field.name: _load_value(stored, field.name) for field in fields(kind)})
    return Population(str(group.attrs["name"]), int(group.attrs["size"]), neuron)


def _save_value(group: Any, name: str, value: Any) -> None:
    """Store a field: an array as data set, receptors as a group, the rest as JSON (exact)."""
    if isinstance(value, np.ndarray):
        put(group, name, value)
    elif isinstance(value, dict):
        receptors = group.create_group(name)
        receptors.attrs["names"] = json.dumps(list(value))
        for i, tau in enumerate(value.values()):
            _save_value(receptors, str(i), tau)
    else:
        group.attrs[name] = json.dumps(value)


def _load_value(group: Any, name: str) -> Any:
    if name not in group:
        return json.loads(group.attrs[name])
    if "names" in group[name].attrs:
        names = json.loads(group[name].attrs["names"])
        return {receptor: _load_value(group[name], str(i)) for i, receptor in enumerate(names)}
    return group[name][()]


def _save_projection(group: Any, projection: Projection) -> None:
    for name in ("pre", "post", "name"):
        group.attrs[name] = getattr(projection, name)
    if projection.receptor is not None:
        group.attrs["receptor"] = projection.receptor
    if projection.plasticity is not None:
        group.attrs["plasticity"] = json.dumps(to_plain(projection.plasticity))
    if projection.delay_ms is not None:
        put(group, "delay_ms", projection.delay_ms)
    if isinstance(projection.weight, np.ndarray):
        put(group, "weight", projection.weight)
        return
    csr = group.create_group("weight")
    csr.attrs["shape"] = projection.weight.shape
    for part in ("data", "indices", "indptr"):
        put(csr, part, getattr(projection.weight, part))


def _load_projection(group: Any) -> Projection:
    from snn.core.network import Projection

    stored = group["weight"]
    weight: Any
    if "shape" in stored.attrs:
        parts = tuple(stored[part][()] for part in ("data", "indices", "indptr"))
        weight = scipy.sparse.csr_array(parts, shape=tuple(stored.attrs["shape"]))
    else:
        weight = stored[()]
    return Projection(
        str(group.attrs["pre"]),
        str(group.attrs["post"]),
        weight,
        delay_ms=group["delay_ms"][()] if "delay_ms" in group else None,
        name=str(group.attrs["name"]),
        receptor=str(group.attrs["receptor"]) if "receptor" in group.attrs else None,
        plasticity=from_plain(json.loads(group.attrs["plasticity"])) if "plasticity" in group.attrs else None,
    )
