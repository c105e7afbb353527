"""What a NIR graph says that no network here does is refused, by the name of the node and the field."""

from __future__ import annotations

import numpy as np
import pytest

import snn
from snn.interop.nir import read, write

nir = pytest.importorskip("nir")

from nir_graphs import chain  # noqa: E402


def lif(n=2, **fields):
    values = {"tau": 0.01, "r": 1.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0, **fields}
    return nir.LIF(**{name: np.full(n, value) for name, value in values.items()})


def conv(**options):
    given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": np.zeros(2), **options}
    return nir.Conv2d(given.pop("input_shape", None), given.pop("weight", np.ones((2, 2, 3, 3))), **given)


EYE = np.eye(2)
REFUSED = [
    (chain(lif()), {"dt_ms": None}, "dt_ms must be given, as the file does not say a time step"),
    (chain(lif(), metadata={"dt": 1e-4}), {}, "dt_ms must be that of the file, 0.1, or None, got 1.0"),
    (chain(lif()), {"integrate": "exakt"}, "integrate must be one of 'euler', 'exact', got 'exakt'"),
    (chain(lif(tau=5e-4)), {}, "LIF '0': tau must be >= dt 1 ms with integrate='euler', got '0.5 ms'"),
    (chain(lif(tau=0.0)), {}, "LIF '0': tau must be > 0 s, got 0.0"),
    (chain(lif(tau=np.nan)), {}, r"LIF '0': tau\[0\] must be finite, got nan"),
    (chain(lif(v_reset=1.0)), {}, "LIF '0': v_reset must be below v_threshold 1, got 1.0"),
    (chain(lif(3)), {}, r"what feeds '0' must be of its shape, \[3\], got \[2\]"),
    (chain(lif(1)), {}, r"what feeds '0' must be of its shape, \[1\], got \[2\]"),
    (
        chain(nir.IF(np.ones(2), np.ones(2))),
        {},
        r"IF '0': r must be 1 / dt \(1000\), or read with if_gain='step' \(r in a step\) or 'time' ",
    ),
    (chain(nir.Delay(np.array([1e-3, -1e-3])), lif()), {}, "Delay '0': delay must be >= 0 s, got -0.001"),
    (
        chain(nir.Delay(np.array(1e-3)), lif()),
        {},
        r"Delay '0': delay must be of the shape of its input, \[2\]",
    ),
    (
        chain(nir.Scale(np.ones(3)), lif()),
        {},
        r"Scale '0': scale must be of the shape of its input, \[2\], got \[3\]",
    ),
    (
        chain(nir.Linear(np.ones((2, 3))), lif()),
        {},
        r"Linear '0': weight must be \[out, in\] for an input of \[2\]",
    ),
    (chain(nir.Affine(EYE, np.ones(3)), lif()), {}, "Affine '0': bias must be of 2 values"),
    (
        chain(nir.Linear(np.ones((2, 2, 2))), lif()),
        {},
        r"Linear '0': weight must be of two axes, \[out, in\], got \[2, 2, 2\]",
    ),
    (
        chain(conv(padding="same", stride=2), shape=(2, 5, 5)),
        {},
        "Conv2d '0': stride must be 1 with padding 'same'",
    ),
    (chain(conv(groups=3), shape=(2, 5, 5)), {}, r"Conv2d '0': weight must be for an input of \[2, 5, 5\]"),
    (
        chain(conv(input_shape=(4, 5)), shape=(2, 5, 5)),
        {},
        r"Conv2d '0': input_shape must be that of its input",
    ),
    (
        chain(conv(), shape=(2, 2, 5)),
        {},
        "Conv2d '0': kernel must be no larger than its padded input, 2, got 3",
    ),
    (
        chain(nir.Flatten({"input": np.array([2, 3, 3])}, 1, -1), shape=(2, 3, 3)),
        {},
        "Flatten '0': start_dim and end_dim must be 0 and -1, the whole of",
    ),
]


@pytest.mark.parametrize(("graph", "how", "message"), REFUSED, ids=[row[2][:40] for row in REFUSED])
def test_graphs_that_cannot_be_read(graph, how, message, tmp_path):
    given = {"dt_ms": 1.0, **how}
    with pytest.raises(ValueError, match=f"^{message}"):
        read(graph, **given)


def test_a_delay_that_rounds_to_nothing_on_a_cycle():
    nodes = {
        "in": nir.Input(np.array([2])),
        "n": lif(),
        "d": nir.Delay(np.full(2, 1e-4)),
        "out": nir.Output(np.array([2])),
    }
    edges = [("in", "n"), ("n", "d"), ("d", "n"), ("n", "out")]
    graph = nir.NIRGraph(nodes, edges, type_check=False)
    with pytest.raises(
        ValueError, match="^Delay 'd': delay must be at least one step on a cycle, got '0 steps'$"
    ):
        read(graph, 1.0)
    assert read(graph, 0.1).one_step_edges == ()


def test_a_cycle_of_weights_alone():
    nodes = {"in": nir.Input(np.array([2])), "a": nir.Linear(EYE), "b": nir.Linear(EYE), "n": lif()}
    graph = nir.NIRGraph(nodes, [("in", "a"), ("a", "b"), ("b", "a"), ("b", "n")], type_check=False)
    with pytest.raises(
        ValueError, match="the cycle at .* must be with neurons on it, got 'only weighted sums'"
    ):
        read(graph, 1.0)


def test_an_edge_to_nowhere_and_an_edge_twice():
    nodes = {"in": nir.Input(np.array([2])), "n": lif()}
    with pytest.raises(
        ValueError, match=r"^edge \('in', 'm'\) must be between nodes of the graph \(in, n\), got 'm'$"
    ):
        read(nir.NIRGraph(nodes, [("in", "m")], type_check=False), 1.0)
    with pytest.raises(ValueError, match=r"^edges must be each once, got \('in', 'n'\)$"):
        read(nir.NIRGraph(nodes, [("in", "n"), ("in", "n")], type_check=False), 1.0)


def test_files_that_are_no_nir(tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.nir", 1.0)
    (tmp_path / "text.nir").write_text("nir")
    with pytest.raises(ValueError, match="is not a whole HDF5 file"):
        read(tmp_path / "text.nir", 1.0)
    nir.write(tmp_path / "cut.nir", chain(lif()))
    whole = (tmp_path / "cut.nir").read_bytes()
    (tmp_path / "cut.nir").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut.nir"):
        read(tmp_path / "cut.nir", 1.0)


def test_a_field_of_a_newer_version_is_left_out_and_named(tmp_path):
    import h5py

    path = tmp_path / "newer.nir"
    nir.write(path, chain(lif()))
    with h5py.File(path, "r+") as file:
        file["node/nodes/0/t_ref"] = np.ones(2)
    result = read(path, 1.0)
    assert result.notes == ("LIF '0' has a field 't_ref' that is not understood and left out.",)
    assert result.network.order == ("in", "0")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/0/type"]
        file["node/nodes/0/type"] = "Izhikevich"
    with pytest.raises(
        ValueError, match=r"newer\.nir: type of node '0' must be one of Affine, .*, got 'Izhikevich'$"
    ):
        read(path, 1.0)


def rewritten(path, **fields):
    """Put other values in the place of data sets of a file."""
    import h5py

    with h5py.File(path, "r+") as file:
        for name, value in fields.items():
            if name in file:
                del file[name]
            file[name] = value


ODD = [
    ({"node/nodes/0/type": 3}, "type of node '0' must be a name, got"),
    ({"node/nodes/in/shape": np.array([2.5])}, "Input 'in': shape must be a whole number >= 1, got 2.5"),
    ({"node/edges": np.zeros((0, 2))}, "edges must be pairs of names, one at least"),
    ({"node/edges": [["in", "0", "out"]]}, "node/edges must be pairs of names, got"),
    ({"node/edges": [["in", "0"], ["0", "in"]]}, r"edge \('0', 'in'\) must be to another node than an Input"),
    ({"node/metadata/dt": "one"}, "dt of the file's metadata must be"),
    ({"node/metadata/dt": np.array([1e-3, 2e-3])}, "dt of the file's metadata must be"),
    ({"node/metadata/populations": "{"}, "populations of the file's metadata"),
    ({"node/metadata/populations": "[[1]]"}, "populations of the file's metadata must be a list of names"),
    ({"node/nodes/0/metadata/decay": "x"}, "LIF '0': decay of its metadata must be"),
    ({"node/nodes/0/tau": np.ones(2) + 1j}, "LIF '0': tau must be real numbers"),
]


@pytest.mark.parametrize(("fields", "message"), ODD, ids=[row[1][:40] for row in ODD])
def test_odd_files_are_refused_by_file_and_field(fields, message, tmp_path):
    nir.write(tmp_path / "odd.nir", chain(lif()))
    rewritten(tmp_path / "odd.nir", **fields)
    with pytest.raises(ValueError, match=rf"^{tmp_path}/odd\.nir: {message}"):
        read(tmp_path / "odd.nir", 1.0)


def test_what_is_odd_and_read_stands_in_the_notes(tmp_path):
    path = tmp_path / "odd.nir"
    nir.write(path, chain(lif(v_leak=2.0)))
    more = {"node/author": "me", "node/edges": [["in", "0"], ["0", "out"], ["out", "1"]]}
    rewritten(path, **more, version="9.0")
    import h5py

    with h5py.File(path, "r+") as file:
        file.copy("node/nodes/0", "node/nodes/1")
    assert set(read(path, 1.0).notes) == {
        "The graph has a field 'author' that is not understood and left out.",
        "Output 'out' feeds another node, to which it passes on what it gets.",
        "'0' rests at its threshold or above it: it may spike without input.",
        "'1' rests at its threshold or above it: it may spike without input.",
    }


def net(neuron, weight=EYE, **options):
    populations = [snn.Population("in", 2), snn.Population("n", 2, neuron)]
    return snn.Network(1.0, populations, [snn.Projection("in", "n", weight, **options)])


def hard(**options):
    return snn.LIFParams(**{"tau_mem_ms": 10.0, "fires": ">", **options})


NOT_WRITTEN = [
    (
        net(hard(reset="soft")),
        r"reset of 'n' must be 'hard' in NIR, got 'soft'; write with lossy=True to drop it",
    ),
    (net(hard(reset="hard_next_step")), "reset of 'n' must be 'hard' in NIR, got 'hard_next_step'"),
    (net(hard(fires=">=")), "fires of 'n' must be '>' in NIR, got '>='"),
    (net(hard(t_ref_ms=2.0)), "t_ref_ms of 'n' must be 0 in NIR, got 2.0"),
    (net(hard(adapt_by=0.1, tau_adapt_ms=5.0)), "adapt_by of 'n' must be 0 in NIR, got 0.1"),
    (
        net(hard(), plasticity=snn.STDP(1.0, 1.0, 5.0, 5.0, 0.0, 2.0)),
        "plasticity of 'in-n' must be None in NIR",
    ),
    (net(hard(tau_syn_ms=5.0, bias=1.0)), "bias of 'n' must be 0 beside a synaptic current"),
    (net(hard(reset="soft", reset_by=0.5)), "reset_by of 'n' must be the threshold, got 0.5"),
    (
        net(hard(), delay_ms=np.array([[1.0, 2.0], [3.0, 5.0]]), weight=np.ones((2, 2))),
        "delay_ms of 'in-n' must be a sum of one per sender and one per receiver",
    ),
]


@pytest.mark.parametrize(("network", "message"), NOT_WRITTEN, ids=[row[1][:30] for row in NOT_WRITTEN])
def test_networks_that_cannot_be_written(network, message, tmp_path):
    with pytest.raises(ValueError, match=f"^{message}"):
        write(network, tmp_path / "net.nir")
    assert not (tmp_path / "net.nir").exists()


@pytest.mark.parametrize(
    "neuron", [hard(reset="soft"), hard(reset="hard_next_step"), hard(fires=">=", v_th=0.3)]
)
def test_what_is_dropped_for_others_is_kept_for_us(neuron, tmp_path):
    given = net(neuron)
    lost = write(given, tmp_path / "net.nir", lossy=True)
    assert len(lost) == 1
    again = read(tmp_path / "net.nir", None).network.population("n").neuron
    assert (again.reset, again.fires) == (neuron.reset, neuron.fires)
    assert again.v_th == np.float32(neuron.v_th)


def test_a_model_needs_a_step(tmp_path):
    model = snn.nn.Sequential(snn.nn.Linear(2, 3), snn.nn.LIF(tau=5.0, fires=">"))
    with pytest.raises(
        ValueError, match="^dt_ms must be given for a model, which counts in steps, got None$"
    ):
        write(model, tmp_path / "net.nir")
    write(model, tmp_path / "net.nir", dt_ms=0.1)
    first = snn.nn.to_network(model, 0.1)
    assert read(tmp_path / "net.nir", None).network.fingerprint == first.fingerprint
