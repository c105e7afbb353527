"""Read and write edge files of SONATA as projections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

from snn.core import Network, Projection, memory
from snn.core.arrays import Float64Array, Int64Array, PathLike
from snn.core.checks import finite, flag, instance, refusal, wholes
from snn.core.files.foreign import ForeignFile, read_foreign
from snn.core.files.hdf5 import naming
from snn.core.population import check_name
from snn.core.synapses import bounds, entries
from snn.interop.sonata.edge_types import EdgeTypes, read_edge_types
from snn.interop.sonata.file import MOST_NODES, check_group, column, create_sonata, populations, whole_column
from snn.interop.spike_times import units_in

__all__ = ["COLUMNS", "SonataEdges", "read_edges", "write_edges"]

_ENDS = ("source_node_id", "target_node_id")
_PLACES = ("edge_group_id", "edge_group_index", "edge_type_id")
_VALUES = ("delay", "syn_weight", "nsyns")
_INDICES = {"source_node_id": "source_to_target", "target_node_id": "target_to_source"}
_RANGES = ("node_id_to_ranges", "node_id_to_range")
"""What the specification and libsonata call them, and what bmtk does."""
COLUMNS = (
    *(f"edges/*/{name}" for name in (*_ENDS, *_PLACES)),
    *(f"edges/*/*/{name}" for name in _VALUES),
    *(f"edges/*/indices/{way}/{name}" for way in _INDICES.values() for name in _RANGES),
)


class SonataEdges(NamedTuple):
    """Hold the edges of a file.

    Attributes:
        projections: One for each population of edges, of its name; weights CSR [source, target], a delay each, ms.
        notes: Sentences on what the file leaves out, and what of it is not read.
    """

    projections: tuple[Projection, ...]
    notes: tuple[str, ...]


def write_edges(
    edges: Network | Iterable[Projection], path: PathLike, *, lossy: bool = False
) -> tuple[str, ...]:
    """Write projections, each as a population of edges with a `delay` in ms and a `syn_weight`, and both indices.

    Weights stand as they are, in what a spike adds in a step (`Projection`): SONATA leaves their unit to the model.

    Args:
        edges: A network, whose projections without a delay have 0 or one step of it, or projections with delays.
        path: File to write.
        lossy: Whether what SONATA cannot hold is dropped, rather than refused: receptors, plasticity, and the
            layers that a projection was written from.

    Returns:
        What was dropped: what each of these must be for SONATA to hold it, and what it is.

    Raises:
        ValueError: SONATA cannot hold a projection; the message names the field.
        OSError: The file cannot be written.
    """
    net = edges if isinstance(edges, Network) else None
    given = _projections(edges if net is None else net.projections)
    lost = [line for projection in given for line in _lost(projection)]
    if lost and not flag("lossy", lossy):
        raise ValueError(f"{lost[0]}; write with lossy=True to drop it ({len(lost)} of such)")
    columns = [(projection, *entries(projection.weight)) for projection in given]
    delays = [_delays(projection, net, pre, post, place) for projection, pre, post, _, place in columns]
    with create_sonata(path) as file:
        for (projection, pre, post, weight, _), delay in zip(columns, delays, strict=True):
            group = file.create_group(f"edges/{check_group('name of a projection', projection.name)}")
            ends = zip(
                _ENDS, (projection.pre, projection.post), (pre, post), projection.weight.shape, strict=True
            )
            for name, population, node, size in ends:
                group.create_dataset(name, data=node.astype(np.uint64)).attrs["node_population"] = population
                _write_index(group.create_group(f"indices/{_INDICES[name]}"), node, size)
            group["edge_type_id"] = np.zeros(pre.size, dtype=np.int64)
            group["edge_group_id"] = np.zeros(pre.size, dtype=np.uint64)
            group["edge_group_index"] = np.arange(pre.size, dtype=np.uint64)
            group["0/delay"], group["0/syn_weight"] = delay, weight
    return tuple(lost)


def _projections(edges: Any) -> tuple[Projection, ...]:
    """List projections with names of their own."""
    if isinstance(edges, Projection) or not isinstance(edges, Iterable):
        raise refusal("edges", "a Network or a list of projections", edges)
    given = tuple(instance(f"edges[{i}]", one, Projection) for i, one in enumerate(edges))
    names = [projection.name for projection in given]
    if not given or len(set(names)) < len(names):
        raise refusal("edges", "at least one projection, each of its own name", names)
    return given


def _lost(projection: Projection) -> list[str]:
    """Say what of a projection SONATA cannot hold."""
    fields = {"receptor": None, "plasticity": None, "layers": ()}
    return [
        str(refusal(f"{field} of {projection.name!r}", f"{none} in SONATA", getattr(projection, field)))
        for field, none in fields.items()
        if getattr(projection, field) != none
    ]


def _delays(
    projection: Projection, net: Network | None, pre: Int64Array, post: Int64Array, place: Int64Array
) -> Float64Array:
    """Give the delay of each synapse, ms."""
    delay = projection.delay_ms
    if delay is None:
        if net is None:
            raise refusal(f"delay_ms of {projection.name!r}", "given, outside of a network", None)
        return np.full(pre.size, net.synapses(projection.name).min_delay * net.dt_ms)
    if delay.ndim == 0:
        return np.full(pre.size, float(delay))
    return delay[pre, post] if delay.ndim == 2 else delay[place]


def _write_index(group: Any, node: Int64Array, size: int) -> None:
    """Write where the edges of each node stand, as ranges of edges that follow each other."""
    order = np.argsort(node, kind="stable")
    begins = np.ones(node.size, dtype=bool)
    begins[1:] = (np.diff(order) != 1) | (np.diff(node[order]) != 0)
    first = np.flatnonzero(begins)
    last = np.append(first[1:], node.size) - 1
    of_node = bounds(np.bincount(node[order[first]], minlength=size))
    ranges = np.stack([of_node[:-1], of_node[1:]], axis=1).astype(np.uint64)
    group["range_to_edge_id"] = np.stack([order[first], order[last] + 1], axis=1).astype(np.uint64)
    group[_RANGES[0]] = ranges
    group[_RANGES[1]] = group[_RANGES[0]]  # a second name of the same data set


def read_edges(
    path: PathLike, *, edge_types: PathLike | None = None, n_units: int | Mapping[str, int] | None = None
) -> SonataEdges:
    """Read an edge file of any writer.

    An edge has the `delay` and the `syn_weight` of its group in the file, else those of its type; `nsyns` synapses
    in one edge multiply its weight. What else a file says of its edges (places on dendrites, parameters of
    synapses) is left out and named in `notes`.

    Args:
        path: The file.
        edge_types: The table of edge types beside it (bmtk's `*_edge_types.csv`), for what the file leaves out.
        n_units: Nodes of each population, or of each by name. None is what the indices of the file cover, and at
            least the largest node of an edge, plus one.

    Raises:
        FileNotFoundError: A file is not there.
        ValueError: It is no edge file, damaged, holds an impossible value, or leaves out delays or weights, or has
            weights by a function; the message names the file and the place.
    """
    file = read_foreign(path, COLUMNS, outline=True)
    types = None if edge_types is None else read_edge_types(edge_types)
    with naming(path):
        names = populations(file, "edges")
        ends = {name: [_end(file, f"edges/{name}/{end}") for end in _ENDS] for name in names}
        sizes: dict[str, int] = {}
        for end in (end for pair in ends.values() for end in pair):
            sizes[end.population] = max(end.size, sizes.get(end.population, 0))
        sizes |= units_in(n_units, sizes)
        notes: list[str] = []
        made = [_projection(file, name, ends[name], sizes, types, notes) for name in names]
        return SonataEdges(tuple(made), (*notes, *_unread(file)))


class _End(NamedTuple):
    """One end of the edges: node of each, [E], their population, and how many nodes it has at least."""

    node: Int64Array
    population: str
    size: int


def _end(file: ForeignFile, place: str) -> _End:
    """Read one end of the edges.

    Raises:
        ValueError: It is not there, or names no population.
    """
    node = whole_column(file, place, MOST_NODES - 1)
    population = file.inner[place].get("node_population")
    if not isinstance(population, str):
        raise refusal(f"node_population of {place}", "the name of a population of nodes", population)
    check_name(f"node_population of {place}", population)
    group, _, end = place.rpartition("/")
    size = int(node.max(initial=0)) + 1
    for name in (f"{group}/indices/{_INDICES[end]}/{ranges}" for ranges in _RANGES):
        if name in file.columns:
            size = max(size, len(np.atleast_1d(file.columns[name].values)))
    return _End(node, population, size)


def _projection(
    file: ForeignFile,
    name: str,
    ends: list[_End],
    sizes: Mapping[str, int],
    types: EdgeTypes | None,
    notes: list[str],
) -> Projection:
    """Make the projection of one population of edges."""
    place, (source, target) = f"edges/{name}", ends
    shape = sizes[source.population], sizes[target.population]
    for column_name, end, size in zip(_ENDS, ends, shape, strict=True):
        wholes(f"{place}/{column_name}", end.node, high=size - 1)
    values = _Values(file, place, source.node.size, types)
    weight, delay = values.of("syn_weight"), values.of("delay")
    count = wholes(f"nsyns of {place}", values.of("nsyns", 1.0), low=0)
    if (count != 1).any():
        notes.append(f"{place}: nsyns multiplies the weight.")
        weight = weight * count
    if types is not None:
        types.check_functions(place, values.kind)
        notes += [f"{place}: {key} of its edge types is not read." for key in types.unread]
    silent = int((weight == 0.0).sum())
    if silent:
        notes.append(f"{place}: {silent} edges of weight 0, which are no synapses.")
    memory.check(24 * sum(shape), f"{place}: {shape[0]:,} and {shape[1]:,} nodes")
    order = np.argsort(source.node, kind="stable")
    indptr = bounds(np.bincount(source.node, minlength=shape[0]))
    csr = scipy.sparse.csr_array((weight[order], target.node[order], indptr), shape=shape)
    return Projection(source.population, target.population, csr, delay[order], name=name)


class _Values:
    """Find what edges have of their own, in their groups, or of their types."""

    def __init__(self, file: ForeignFile, place: str, edges: int, types: EdgeTypes | None) -> None:
        self._file, self._place, self._types = file, place, types
        group, self._row, self.kind = (self._whole(name, edges) for name in _PLACES)
        groups, sizes = np.unique(group, return_counts=True)
        cuts = np.split(np.argsort(group, kind="stable"), np.cumsum(sizes)[:-1])
        self._edges = dict(zip(groups.tolist(), cuts, strict=True)) if edges else {}

    def of(self, name: str, missing: float | None = None) -> Float64Array:
        """Give a value of each edge, [E], float64.

        Raises:
            ValueError: An edge has none and `missing` is None, or one that is not finite.
        """
        found = np.full(self._row.size, np.nan)
        for group, here in self._edges.items():
            where = f"{self._place}/{group}/{name}"
            if where in self._file.columns or where in self._file.texts:
                own = finite(where, column(self._file, where))
                found[here] = own[self._rows(where, here, own)]
            elif self._types is not None:
                found[here] = self._types.values(name, self.kind[here])
            if missing is None and np.isnan(found[here]).any():
                raise refusal(where, "in the file, or in the table given as edge_types", None)
        return found if missing is None else np.where(np.isnan(found), missing, found)

    def _rows(self, where: str, here: Int64Array, own: Float64Array) -> Int64Array:
        rows = self._row[here]
        if rows.max(initial=-1) >= own.size:
            rule = f"below {own.size}, the values of {where}"
            raise refusal(f"{self._place}/edge_group_index[{here[rows.argmax()]}]", rule, rows.max())
        return rows

    def _whole(self, name: str, edges: int) -> Int64Array:
        """Read a column; a type may be -1, none."""
        place = f"{self._place}/{name}"
        if name != "edge_type_id":
            return whole_column(self._file, place, 2**62, edges)
        return wholes(place, column(self._file, place, edges))


def _unread(file: ForeignFile) -> list[str]:
    """Name the data sets of groups that are not read."""
    return [
        f"{name} is not read."
        for name in file.names
        if name not in file.columns and name.split("/")[2:3] != ["indices"]
    ]
