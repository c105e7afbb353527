"""Edge files of SONATA: the same synapses again, indices as libsonata has them, files of bmtk's layout."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest
import scipy.sparse
from random_networks import random_network

import snn
from snn.interop import sonata


def synapses(net, projections):
    """The synapses of each projection as the network has them laid out."""
    bare = [snn.Projection(p.pre, p.post, p.weight, p.delay_ms, p.name) for p in projections]
    neurons = [snn.Population(p.name, p.size, p.neuron and snn.LIFParams(decay=0.5)) for p in net.populations]
    made = snn.Network(net.dt_ms, neurons, bare)
    return {p.name: [np.array(part) for part in made.synapses(p.name)] for p in bare}


def same(first, second):
    return first.keys() == second.keys() and all(
        np.array_equal(a, b) for name in first for a, b in zip(first[name], second[name], strict=True)
    )


def drawn(rng):
    """A random network, with a projection of several synapses between two neurons, each with a delay of its own."""
    while True:
        net = random_network(rng, dyadic=False)
        if net.projections:
            break
    one = net.projections[0]
    shape = one.weight.shape
    row, column = rng.integers(0, shape[0], 40), rng.integers(0, shape[1], 40)
    order = np.argsort(row, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=shape[0]))])
    csr = scipy.sparse.csr_array((rng.normal(size=40), column[order], indptr), shape=shape)
    several = snn.Projection(one.pre, one.post, csr, rng.integers(1, 9, 40) * 0.5, "several", one.receptor)
    return snn.Network(net.dt_ms, net.populations, [*net.projections, several])


def test_round_trip(tmp_path):
    path, rng = tmp_path / "edges.h5", np.random.default_rng(3)
    for _ in range(3):
        net = drawn(rng)
        dropped = sonata.write_edges(net, path, lossy=True)
        assert len(dropped) == sum(p.receptor is not None for p in net.projections)
        sizes = {p.name: p.size for p in net.populations}
        ends = {name for p in net.projections for name in (p.pre, p.post)}
        found = sonata.read_edges(path, n_units={name: sizes[name] for name in ends})
        assert same(synapses(net, net.projections), synapses(net, found.projections)) and found.notes == ()
    assert [p.weight.shape for p in sonata.read_edges(path).projections] == [
        p.weight.shape for p in sorted(net.projections, key=lambda p: p.name)
    ], "sizes stand in the indices"


def test_delays_that_a_network_adds(tmp_path):
    neuron = snn.LIFParams(decay=0.5)
    net = snn.Network(
        0.5,
        [snn.Population("in", 2), snn.Population("h", 3, neuron)],
        [snn.Projection("in", "h", np.ones((2, 3))), snn.Projection("h", "h", np.eye(3))],
    )
    sonata.write_edges(net, tmp_path / "e.h5")
    delays = {p.name: set(p.delay_ms.tolist()) for p in sonata.read_edges(tmp_path / "e.h5").projections}
    assert delays == {"in-h": {0.0}, "h-h": {0.5}}


def test_libsonata_finds_the_same_edges(tmp_path):
    libsonata = pytest.importorskip("libsonata", reason="libsonata is not installed")
    path, net = tmp_path / "edges.h5", drawn(np.random.default_rng(5))
    sonata.write_edges(net, path, lossy=True)
    storage = libsonata.EdgeStorage(str(path))
    assert storage.population_names == {p.name for p in net.projections}
    for projection in net.projections:
        edges = storage.open_population(projection.name)
        pre, post = edges.source_nodes(edges.select_all()), edges.target_nodes(edges.select_all())
        assert (edges.source, edges.target) == (projection.pre, projection.post)
        for node, size in enumerate(projection.weight.shape):
            of_end, find = ((pre, edges.efferent_edges), (post, edges.afferent_edges))[node]
            for n in range(size):
                assert np.array_equal(find([n]).flatten(), np.flatnonzero(of_end == n))
        weight = scipy.sparse.coo_array((edges.get_attribute("syn_weight", edges.select_all()), (pre, post)))
        weight.resize(projection.weight.shape)
        dense = (
            projection.weight if isinstance(projection.weight, np.ndarray) else projection.weight.toarray()
        )
        assert np.allclose(weight.toarray(), dense, rtol=0, atol=1e-12)
        if projection.name != "several" and projection.delay_ms.ndim:
            delay = edges.get_attribute("delay", edges.select_all())
            assert np.array_equal(delay, projection.delay_ms[pre, post])


TYPES = """edge_type_id target_query source_query syn_weight delay dynamics_params
100 * "pop_name=='a b'" 0.5 2.0 AMPA.json
101 * * NULL 1.5 NULL
"""


def bmtk(path, edit=lambda group: None):
    """Two groups of edges as bmtk has them: packed, with multiplicity, properties of types in a table."""
    with h5py.File(path, "w") as file:
        group = file.create_group("edges/lgn_to_v1")
        ends = {"source_node_id": ([2, 0, 0, 1], "lgn"), "target_node_id": ([0, 1, 1, 2], "v1")}
        for name, (node, population) in ends.items():
            column = group.create_dataset(name, data=np.array(node, np.uint64), compression="gzip")
            column.attrs["node_population"] = population
        group["edge_type_id"] = np.array([100, 100, 101, 101], np.uint32)
        group["edge_group_id"] = np.array([0, 0, 1, 1], np.uint16)
        group["edge_group_index"] = np.array([0, 1, 1, 0], np.uint32)
        group["0/nsyns"] = np.array([3, 1], np.uint32)
        group["1/syn_weight"] = np.array([-1.0, 4.0])
        group["1/sec_id"] = np.array([7, 8])
        group["indices/source_to_target/node_id_to_range"] = np.zeros((5, 2), np.uint64)
        group["indices/source_to_target/range_to_edge_id"] = np.zeros((3, 2), np.uint64)
        edit(group)
    table = path.with_name("edge_types.csv")
    table.write_text(TYPES)
    return {"path": path, "edge_types": table}


def test_files_of_bmtk(tmp_path):
    found = sonata.read_edges(**bmtk(tmp_path / "edges.h5"))
    assert isinstance(found, sonata.SonataEdges)
    (projection,) = found.projections
    assert (projection.name, projection.pre, projection.post) == ("lgn_to_v1", "lgn", "v1")
    assert projection.weight.toarray().tolist() == [
        [0, 4.5, 0],
        [0, 0, -1],
        [1.5, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
    ]
    assert projection.weight.data.tolist() == [0.5, 4.0, -1.0, 1.5]
    assert projection.delay_ms.tolist() == [2.0, 1.5, 1.5, 2.0]
    assert found.notes == (
        "edges/lgn_to_v1: nsyns multiplies the weight.",
        "edges/lgn_to_v1: dynamics_params of its edge types is not read.",
        "edges/lgn_to_v1/1/sec_id is not read.",
    )
    nodes = {"lgn_to_v1": {"source": "lgn", "target": "v1", "edges": 4}}
    described = sonata.describe(tmp_path / "edges.h5")
    assert described["nodes"] == nodes and described["lost"] == ["edges/lgn_to_v1/1/sec_id"]


def put(name, values):
    def edit(group):
        del group[name]
        group[name] = values

    return edit


def nameless(group):
    del group["source_node_id"].attrs["node_population"]


AT = "edges/lgn_to_v1/"
BAD = [
    (
        None,
        {"edge_types": None},
        AT + "0/syn_weight must be in the file, or in the table given as edge_types",
    ),
    (nameless, {}, f"node_population of {AT}source_node_id must be the name of a population of nodes"),
    (
        put("edge_group_index", [0, 1, 5, 0]),
        {},
        rf"edge_group_index\[2\] must be below 2, the values of {AT}1/syn",
    ),
    (
        put("edge_type_id", [100, 9, 101, 101]),
        {},
        "edge_type_id must be one of 100, 101, as in edge_types, got 9",
    ),
    (put("edge_group_id", [0, 0, 1]), {}, "edge_group_id must be of 4 values"),
    (put("0/nsyns", [3, -1]), {}, r"nsyns of edges/lgn_to_v1\[1\] must be a whole number >= 0, got -1"),
    (put("1/syn_weight", [np.inf, 1.0]), {}, rf"{AT}1/syn_weight\[0\] must be finite, got inf"),
    (None, {"n_units": {"lgn": 2}}, r"source_node_id\[0\] must be a whole number <= 1, got 2"),
    (
        lambda g: g.__delitem__("target_node_id"),
        {},
        f"the file is incomplete: no data set '{AT}target_node_id'",
    ),
]


@pytest.mark.parametrize(("edit", "given", "message"), BAD)
def test_refused(tmp_path, edit, given, message):
    files = bmtk(tmp_path / "edges.h5", edit or (lambda group: None))
    with pytest.raises(ValueError, match=f"^{re.escape(str(tmp_path))}/edges.h5: .*{message}"):
        sonata.read_edges(**(files | given))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TYPES.replace("100 *", "101 *"), "edge_type_id of row 3 must be one that no other row has, got 101"),
        (TYPES.replace("100 *", "x *"), "edge_type_id of row 2 must be a whole number, got 'x'"),
        (TYPES.replace("0.5", "half"), "syn_weight of edge type 100 must be a finite number, got 'half'"),
        (TYPES.replace("101 *", "101"), "row 3 must be of 6 words, as the first, got 5"),
        (TYPES.replace("edge_type_id", "id"), "line 1 must be names of columns, edge_type_id among them"),
        (TYPES.replace('"', "\0"), "must be a table of text|must be of 6 words"),
        (
            TYPES.replace("dynamics_params", "weight_function"),
            "weight_function of edge type 100 of edges/lgn_to_v1 must be NULL: we do not call it, got 'AMPA.json'",
        ),
    ],
)
def test_tables_of_types_refused(tmp_path, table, message):
    files = bmtk(tmp_path / "edges.h5")
    files["edge_types"].write_text(table)
    with pytest.raises(ValueError, match=f"^{re.escape(str(tmp_path))}/edge.*{message}"):
        sonata.read_edges(**files)


def test_what_sonata_cannot_hold_is_refused(tmp_path):
    def projection(**given):
        return snn.Projection("a", "b", np.eye(2), **{"delay_ms": 1.0, **given})

    cases = [
        (
            [projection(receptor="exc")],
            r"receptor of 'a-b' must be None in SONATA, got 'exc'; write with lossy=True",
        ),
        ([projection(plasticity=snn.core.Hebbian(rate=0.1))], "plasticity of 'a-b' must be None in SONATA"),
        ([projection(delay_ms=None)], "delay_ms of 'a-b' must be given, outside of a network, got None"),
        ([projection(), projection()], "edges must be at least one projection, each of its own name"),
        (projection(), "edges must be a Network or a list of projections"),
        ([np.eye(2)], r"edges\[0\] must be a Projection"),
    ]
    for edges, message in cases:
        with pytest.raises(ValueError, match=message):
            sonata.write_edges(edges, tmp_path / "e.h5")
    assert not list(tmp_path.iterdir())
