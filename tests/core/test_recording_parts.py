"""A recording on disk whose parts are not whole, or not of one run, is refused, and the part is named."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse

from snn.core import (
    Events,
    LIFParams,
    Network,
    Population,
    Projection,
    Record,
    Recording,
    SimulationState,
    stream,
)
from snn.core.files.tree import read_tree, write_tree
from snn.core.recording import FORMAT, VERSION

NET = Network(
    1.0,
    [Population("in", 2), Population("a", 3, LIFParams(decay=0.8, bias=0.3))],
    [Projection("in", "a", np.full((2, 3), 0.5), 2.0)],
)
IN = Events.from_lists([[0, 1, 5], [2, 3]], [[0, 1, 1], [0, 1]], n_units=2, dt_ms=1.0, n_steps=[8, 6])
KEEP = Record(spikes=["in", "a"], v=["a"])


def remove(name):
    return lambda parts: parts.pop(name)


def edit(column, change):
    def on(parts):
        parts["a"] = {**parts["a"], column: change(parts["a"][column])}

    return on


def put(name, value):
    return lambda parts: parts.__setitem__(name, value)


CHANGES = [
    ("spikes", remove("a"), "spikes must be of"), ("v", remove("a"), "v must be of"),
    ("v", put("b", np.zeros((4, 2, 3))), "v must be of"), ("counts", remove("macs"), "field 'macs' is missing"),
    ("counts", put("samples", 5), "counts"), ("counts", put("steps", 99), "in all, as counted"),
    ("counts", put("continued", False), "counts must be"),
    ("counts", put("spikes", {"in": 0, "a": 0}), "as counted"),
    ("spikes", edit("n_units", lambda n: n + 1), r"spikes\['a'\].n_units"),
    ("spikes", edit("dt_ms", lambda n: 0.5), r"spikes\['a'\].dt_ms"),
    ("spikes", edit("n_steps", lambda n: n + 1), r"spikes\['a'\]"),
    ("v", put("a", np.zeros((4, 1, 3))), r"v\['a'\]"), ("v", put("a", np.zeros((3, 2, 3))), r"v\['a'\]"),
    ("v", put("a", np.zeros((4, 2))), r"v\['a'\]"), ("v", put("a", np.full((4, 2, 3), np.nan)), r"v\['a'\]"),
    ("v", put("a", np.zeros((4, 2, 3), dtype=np.float32)), r"v\['a'\]"),
    ("fingerprint", "0" * 32, "fingerprint must be"), ("fingerprint", 3, "fingerprint must be text"),
    ("seed", 4, "seed must be 3"), ("seed", 0.5, "seed must be a whole number"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "change", "message"), CHANGES)
def test_a_part_that_does_not_fit_is_named(tmp_path, field, change, message):
    stream(NET, {"in": IN}, tmp_path, chunk=4, record=KEEP, seed=3)
    whole = Recording.load(tmp_path)
    assert whole.counts.steps == 14 and whole.v["a"].shape == (8, 2, 3)
    path = tmp_path / "part-000000000004-000000000008.h5"
    tree = read_tree(path, FORMAT, VERSION, dict)
    if callable(change):
        change(tree[field])
    else:
        tree[field] = change
    write_tree(path, FORMAT, VERSION, tree)
    with pytest.raises(ValueError, match=f"^{path}: .*{message}"):
        Recording.load(tmp_path)


@pytest.mark.parametrize("change", [{"seed": 9}, {"steps": np.array([8, 7])}, {"steps": np.array([8, 6, 1])},
                                    {"fingerprint": "0"}])  # fmt: skip
def test_a_state_of_another_run_is_refused(tmp_path, change):
    stream(NET, {"in": IN}, tmp_path, chunk=4, record=KEEP, seed=3)
    path = tmp_path / "state-000000000008.h5"
    values = SimulationState.load(path).to_dict()
    write_tree(path, "snn.state", 3, values | change)
    for call in (
        lambda: Recording.load(tmp_path),
        lambda: stream(NET, {"in": IN}, tmp_path, chunk=4, record=KEEP, seed=3, resume=True),
    ):
        if "seed" not in change or call.__code__.co_names[0] == "Recording":
            with pytest.raises(ValueError, match=str(path)):
                call()


CSR = {"shape": [2, 3], "data": np.ones(2), "indices": np.array([0, 2]), "indptr": np.array([0, 1, 2])}


@pytest.mark.parametrize(
    ("part", "value"),
    [
        *(("indices", np.array(v)) for v in ([0, 3], [0, -1], [0.5, 1.0], [0], [[0, 1]], [True, False])),
        *(("indptr", np.array(v)) for v in ([0, 1], [0, 2, 1], [1, 1, 2], [0, 1, 3], [0.0, 0.5, 2.0])),
        *(("shape", v) for v in ([3], [2, 0], [2.5, 3], [2, 2**40], None, "no", [2, 3, 1])),
        *(("data", np.array(v)) for v in ([1j, 1.0], ["1", "2"], [1.0], [[1.0, 1.0]], [np.nan, 1.0])),
        ("data", None),
        ("indices", None),
    ],
)
def test_sparse_weights_that_do_not_fit_are_named(part, value):
    values = Projection("in", "a", scipy.sparse.csr_array(np.eye(2, 3))).to_dict()
    assert Projection.from_dict(values | {"weight": CSR}).weight.nnz == 2
    with pytest.raises(ValueError, match="projection 'in-a': weight"):
        Projection.from_dict(values | {"weight": CSR | {part: value}})


@pytest.mark.parametrize(
    "delay", [np.zeros(3), np.zeros((1, 3)), np.zeros((2, 1)), np.full((2, 3), np.nan), [True], "1"]
)
def test_delays_that_would_broadcast_are_refused(delay):
    with pytest.raises(ValueError, match="projection 'in-a': delay_ms"):
        Projection("in", "a", np.ones((2, 3)), delay)
