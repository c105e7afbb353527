"""Network descriptions: rows of synapses, the order of a step, lossless files, every refusal."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from damage import edit

from snn.core import LIFParams, LIParams, Network, Population, Projection, Synapses
from snn.core.synapses import build

LIF = LIFParams(tau_mem_ms=10.0)


def chain(*projections, neuron=LIF):
    return Network(
        1.0, [Population("in", 2), Population("a", 3, neuron), Population("b", 2, neuron)], projections
    )


def test_rows_are_sorted_and_zeros_are_no_synapse():
    net = chain(Projection("in", "a", [[1.0, 0.0, 3.0], [4.0, 5.0, 6.0]], [[2.0, 0.0, 1.0], [1.0, 1.0, 0.0]]))
    rows = net.synapses("in-a")
    assert isinstance(rows, Synapses)
    assert rows.indptr.tolist() == [0, 2, 5]
    assert rows.indices.tolist() == [2, 0, 2, 0, 1]
    assert rows.weight.tolist() == [3, 1, 6, 4, 5]
    assert rows.delay_steps.tolist() == [1, 2, 0, 1, 1]
    assert rows.fan_out.tolist() == net.projection("in-a").fan_out.tolist() == [2, 3]
    assert rows.fan_out_delayed.tolist() == [2, 2]
    assert rows.has_undelayed
    assert rows.min_delay == 0
    with pytest.raises(ValueError, match="read-only"):
        rows.weight[0] = 1.0


def test_csr_keeps_parallel_synapses_with_their_own_delays():
    weight = scipy.sparse.csr_array(([1.0, 2.0, 0.0], [1, 1, 2], [0, 2, 3]), shape=(2, 3))
    rows = chain(Projection("in", "a", weight, [5.0, 3.0, 1.0])).synapses("in-a")
    assert rows.indices.tolist() == [1, 1]
    assert rows.delay_steps.tolist() == [3, 5]
    assert rows.weight.tolist() == [2, 1]
    dense = np.arange(6.0).reshape(2, 3)
    of_dense = chain(Projection("in", "a", weight, dense)).synapses("in-a")
    assert of_dense.delay_steps.tolist() == [1, 1]


def test_default_delay_is_one_step_only_in_a_loop():
    ones = np.ones
    net = chain(
        Projection("in", "a", ones((2, 3))),
        Projection("a", "b", ones((3, 2))),
        Projection("b", "a", ones((2, 3))),
        Projection("b", "b", ones((2, 2))),
    )
    found = {p.name: net.synapses(p.name).delay_steps.tolist() for p in net.projections}
    assert {name: set(steps) for name, steps in found.items()} == {
        "in-a": {0},
        "a-b": {1},
        "b-a": {1},
        "b-b": {1},
    }


def test_order_follows_undelayed_spikes():
    net = Network(
        1.0,
        [Population("c", 1, LIF), Population("b", 1, LIF), Population("in", 1)],
        [Projection("b", "c", [[1.0]]), Projection("in", "b", [[1.0]])],
    )
    assert net.order == ("in", "b", "c")


def test_undelayed_loops_are_refused():
    with pytest.raises(ValueError, match=r"delay 0 on a loop of populations: .*a.*b"):
        chain(
            Projection("a", "b", np.ones((3, 2)), 0.0),
            Projection("b", "a", np.ones((2, 3)), 0.4),  # rounds to 0 steps
        )
    with pytest.raises(ValueError, match="delay 0 on a loop of populations: a -> a"):
        chain(Projection("a", "a", np.ones((3, 3)), 0.0))


W = np.ones((2, 3))
BAD = [
    ([Projection("x", "a", W)], "projection 'x-a': pre must be one of 'in', 'a', 'b', got 'x'"),
    ([Projection("in", "a", W.T)], r"weight must be of shape \[2, 3\], got ndarray of shape \[3, 2\]"),
    ([Projection("a", "in", W.T)], "post must be a population of neurons .* got 'in'"),
    (
        [Projection("in", "a", W), Projection("in", "a", W)],
        "projection names must be unique, got 'in-a' 2 times; give each its own name",
    ),
    ([Projection("in", "a", W, receptor="exc")], "receptor must be one of None, as 'a' has them, got 'exc'"),
]


@pytest.mark.parametrize(("projections", "message"), BAD)
def test_bad_networks_are_named(projections, message):
    with pytest.raises(ValueError, match=message):
        chain(*projections)


def test_receptors_and_readouts():
    two = LIFParams(tau_mem_ms=1.0, tau_syn_ms={"exc": 1.0, "inh": 2.0})
    chain(Projection("in", "a", W, receptor="inh"), neuron=two)
    with pytest.raises(ValueError, match=r"receptor must be one of 'exc', 'inh', .* got None"):
        chain(Projection("in", "a", W), neuron=two)
    with pytest.raises(ValueError, match="pre must be a population that spikes .* got 'a'"):
        chain(Projection("a", "b", W.T), neuron=LIParams(decay=0.5))


def test_bad_parts_are_named():
    for make, message in [
        (lambda: Population("", 1), "name of a population must be a non-empty string"),
        (lambda: Population("a/b", 1), "without '/'"),
        (lambda: Population("a", 0), "population 'a': size must be a whole number >= 1, got 0"),
        (lambda: Population("a", 1, "LIF"), "population 'a': neuron must be LIFParams, LIParams or None"),
        (lambda: Population("a", 2, LIFParams(decay=[0.1] * 3)), "population 'a' of 2: decay must be one"),
        (
            lambda: Projection("a", "b", [1.0]),
            r"projection 'a-b': weight must be of shape \[pre, post\], got ndarray of shape \[1\]",
        ),
        (
            lambda: Projection("a", "b", [[np.nan]]),
            r"projection 'a-b': weight\[0, 0\] must be finite, got nan$",
        ),
        (
            lambda: Projection("a", "b", [[-np.inf]]),
            r"projection 'a-b': weight\[0, 0\] must be finite, got -inf$",
        ),
        (
            lambda: Projection("a", "b", scipy.sparse.csr_array([[1.0, np.nan]])),
            r"projection 'a-b': weight.data\[1\] must be finite, got nan$",
        ),
        (
            lambda: Projection("a", "b", W, np.inf),
            "projection 'a-b': delay_ms must be finite and >= 0 ms, got inf$",
        ),
        (
            lambda: Projection("a", "b", scipy.sparse.coo_array(W)),
            "weight must be dense or CSR, got 'coo of shape",
        ),
        (lambda: Projection("a", "b", W, [1.0]), r"delay_ms must be one number or of shape \[2, 3\], got"),
        (
            lambda: Projection("a", "b", W, -1.0),
            "projection 'a-b': delay_ms must be finite and >= 0 ms, got -1.0$",
        ),
        (lambda: Network(1.0, []), "populations must be at least one"),
        (lambda: Network(0.0, [Population("a", 1)]), "dt_ms must be a finite number > 0"),
        (lambda: Network(1.0, [Population("a", 1)] * 2), "population names must be unique, got 'a' 2 times"),
        (lambda: chain().population("x"), "population must be one of 'in', 'a', 'b', got 'x'"),
        (lambda: chain().projection("x"), "projection must be one of the network, which has none, got 'x'"),
        (lambda: chain().synapses("x"), "projection must be one of the network, which has none, got 'x'"),
    ]:
        with pytest.raises(ValueError, match=message):
            make()


def rich():
    rng = np.random.default_rng(0)
    a = LIFParams(
        tau_mem_ms=rng.uniform(1, 2, 3), tau_syn_ms={"z": 0.1 + 0.2, "e": [1.0, 2.0, 3.0]}, fires=">"
    )
    return Network(
        0.1,
        [Population("in", 2), Population("a", 3, a), Population("out", 1, LIParams(decay=1 / 3))],
        [
            Projection("in", "a", rng.normal(size=(2, 3)), rng.uniform(0, 3, (2, 3)), receptor="e"),
            Projection("a", "a", scipy.sparse.csr_array(np.eye(3) / 7), [1.0, 2.0, 3.0], "loop", "z"),
            Projection("a", "out", rng.normal(size=(3, 1))),
        ],
    )


def test_save_and_load_are_lossless(tmp_path):
    net = rich()
    net.save(tmp_path / "net.h5")
    loaded = Network.load(tmp_path / "net.h5")
    assert loaded.dt_ms == net.dt_ms
    assert loaded.populations == net.populations
    assert loaded.fingerprint == net.fingerprint
    assert repr(loaded) == repr(net)
    for mine, theirs in zip(net.projections, loaded.projections, strict=True):
        assert (mine.pre, mine.post, mine.name, mine.receptor) == (
            theirs.pre,
            theirs.post,
            theirs.name,
            theirs.receptor,
        )
        assert repr(mine) == repr(theirs)
        assert (mine.delay_ms is None) == (theirs.delay_ms is None)
        for a, b in zip(net.synapses(mine.name), loaded.synapses(mine.name), strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype


def test_fingerprint_tells_networks_apart():
    base = chain(Projection("in", "a", W)).fingerprint
    assert base == chain(Projection("in", "a", W.copy(), 0.0)).fingerprint
    assert base != chain(Projection("in", "a", W * 2)).fingerprint
    assert base != chain(Projection("in", "a", W, 1.0)).fingerprint
    assert base != chain(Projection("in", "a", W), neuron=LIFParams(tau_mem_ms=11.0)).fingerprint


def test_broken_files_are_refused(tmp_path):
    path = tmp_path / "net.h5"
    rich().save(path)
    edit(path, lambda file: file.__delitem__("arrays/projections.0.weight"))
    with pytest.raises(ValueError, match="incomplete"):
        Network.load(path)
    with pytest.raises(FileNotFoundError):
        Network.load(tmp_path / "none.h5")


def test_rounded_delays_are_reported():
    """Half to even, and said how far; what is only a decimal in binary is not."""
    a = LIFParams(decay=0.5)
    net = Network(
        0.1,
        [Population("in", 2), Population("a", 3, a)],
        [
            Projection("in", "a", W, 0.3, "exact"),
            Projection("in", "a", W, 0.25, "half"),
            Projection("in", "a", np.eye(2, 3), np.array([[0.7, 0.77, 0.0], [0.0, 0.98, 9.99]]), "dense"),
            Projection("in", "a", scipy.sparse.csr_array(np.eye(2, 3)), [1.0, 1.13], "csr"),
            Projection("in", "a", W, name="default"),
        ],
    )
    assert net.rounded_delays == pytest.approx({"half": 0.05, "dense": 0.02, "csr": 0.03})
    assert net.synapses("half").delay_steps.tolist() == [2] * 6
    assert "half (delays rounded by up to 0.05 ms)" in repr(net) and "exact," in repr(net)


@pytest.mark.parametrize("hole", [False, True])
def test_an_array_has_the_synapses_of_its_matrix(hole):
    """Also one without a zero, whose entries are not looked for."""
    weight, delay = np.arange(1.0, 13.0).reshape(3, 4), np.arange(12).reshape(3, 4) % 5
    weight[1, 2] *= not hole
    array, matrix = (build(w, delay) for w in (weight, scipy.sparse.csr_array(weight)))
    for one, other in zip(array, matrix, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype and not one.flags.writeable
    assert array.weight.base is not weight
