"""`snn convert` and `snn info`: NIR, networks and models, exactly or refused with exit code 2."""

from __future__ import annotations

import json

import numpy as np
import pytest

import snn
from snn.cli import main

nir = pytest.importorskip("nir")

from nir_graphs import chain  # noqa: E402


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A network, a model and a NIR file in the folder of work."""
    monkeypatch.chdir(tmp_path)
    model = snn.nn.Sequential(snn.nn.Linear(2, 3), snn.nn.LIF(tau=5.0, fires=">"))
    snn.train.save(model, "model.safetensors")
    snn.nn.to_network(model, 0.5).save("network.h5")
    values = (0.01, 1.0, 0.0, 1.0, 0.0)
    lif = nir.LIF(*(np.full(2, value) for value in values))
    nir.write("other.nir", chain(nir.Affine(np.eye(2), np.ones(2)), lif))
    return tmp_path


def run(line):
    return main(line.split())


def test_every_way_gives_the_same_network(files, capsys):
    first = snn.Network.load("network.h5").fingerprint
    for line in (
        "convert network.h5 a.nir",
        "convert a.nir a.h5",
        "convert model.safetensors b.h5 --dt-ms 0.5",
        "convert model.safetensors b.nir --dt-ms 0.5",
        "convert b.nir c.h5 --dt-ms 0.5",
        "convert a.nir c.safetensors",
        "convert c.safetensors d.h5 --dt-ms 0.5",
    ):
        assert run(line) == 0, capsys.readouterr().err
        assert f"written: {line.split()[2]}" in capsys.readouterr().out
    for name in ("a.h5", "b.h5", "c.h5"):
        assert snn.Network.load(name).fingerprint == first
    again = snn.Network.load("d.h5")
    np.testing.assert_array_equal(again.projections[0].weight, snn.Network.load("a.h5").projections[0].weight)


def test_a_file_of_another_tool(files, capsys):
    assert run("convert other.nir net.h5 --dt-ms 1 --integrate exact") == 0
    neuron = snn.Network.load("net.h5").population("1").neuron
    assert neuron.decay == pytest.approx(np.exp(-0.1), rel=1e-15)
    capsys.readouterr()
    late = snn.Network(
        1.0,
        [snn.Population("in", 1), snn.Population("n", 1, snn.LIFParams(decay=0.5, t_ref_ms=2.0))],
        [snn.Projection("in", "n", np.ones((1, 1)))],
    )
    late.save("held.h5")
    assert run("convert held.h5 held.nir") == 2
    assert "fires of 'n' must be '>' in NIR, got '>='; write with lossy=True" in capsys.readouterr().err
    assert not (files / "held.nir").exists()
    assert run("convert held.h5 held.nir --lossy") == 0
    assert "dropped: t_ref_ms of 'n' must be 0 in NIR, got 2.0" in capsys.readouterr().out


REFUSED = [
    ("convert other.nir net.h5", "dt_ms must be given, as the file does not say a time step"),
    ("convert other.nir net.h5 --dt-ms 1 --shape 2", "--shape must be left out, as IN is no model, got"),
    ("convert network.h5 net.nir --integrate exact", "--integrate must be left out, as IN is no NIR"),
    ("convert network.h5 net.nir --dt-ms 1", "dt_ms must be that of the network, 0.5, or None, got 1.0"),
    ("convert model.safetensors net.h5", "--dt-ms must be given, as model.safetensors does not say"),
    ("convert network.h5 m.safetensors", "IN and OUT must be one of NIR to network, NIR to model, network"),
    ("convert network.txt net.nir", "IN must be a file .nir, .h5, .hdf5, .safetensors, got 'network.txt'"),
    ("convert none.nir net.h5 --dt-ms 1", "no file at none.nir"),
    ("convert network.h5 nowhere/net.nir", "OUT cannot be written to"),
    ("convert network.h5", "OUT"),
    ("info none.h5", "no file at none.h5"),
    ("info text.txt", "text.txt is not a whole HDF5 file"),
    ("info network.h5 --as nir", "network.h5: file must be NIR, with version and node, got"),
    ("info network.h5 --as csv", "as must be one of"),
    ("info .", "no recording at ."),
    ("info other.nir --dt-ms 0", "dt_ms must be a finite number > 0, got 0.0"),
]


@pytest.mark.parametrize(("line", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refusals_are_one_line_and_exit_with_2(line, message, files, capsys):
    (files / "text.txt").write_text("no data")
    assert run(line) == 2
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1 and not said.out


def info(name, capsys, *more):
    assert main(["info", str(name), "--json", *more]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["kind", "version", "nodes", "lost"]
    return found


def test_info_of_our_files(files, capsys):
    found = info("network.h5", capsys)
    assert (found["kind"], found["version"], found["lost"]) == ("network", 4, [])
    assert found["nodes"] == {
        "in": "2 inputs",
        "out": "3 neurons, LIFParams",
        "in-out": "in -> out, 6 synapses, no delay",
    }
    model = info("model.safetensors", capsys)
    assert model["kind"] == "model" and list(model["nodes"].values()) == ["Linear", "LIF", "[3, 2]"]
    events = snn.Events.from_lists([[0, 2]], [[1, 0]], n_units=2, dt_ms=0.5, n_steps=3)
    events.save("events.h5")
    assert info("events.h5", capsys)["nodes"]["events"].startswith("Events(1 samples, 2 events, n_units=2")
    net = snn.Network.load("network.h5")
    snn.stream(net, {"in": events}, "run", 3, record=snn.Record(v=["out"]))
    recording = info("run", capsys)
    assert recording["kind"] == "recording" and recording["nodes"]["v of out"] == "[3, 1, 3]"
    state = next((files / "run").glob("state*"))
    assert info(state, capsys)["nodes"]["state"] == f"1 samples of the network {net.fingerprint}"


def test_info_of_a_run(tmp_path, capsys):
    from snn.recipes.folder import write_config

    write_config(tmp_path, {"data": None, "train": {"epochs": 3}})
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1}\n{"test_accuracy": 0.5}\n')
    found = info(tmp_path, capsys)
    assert (found["kind"], found["version"]) == ("run", snn.__version__)
    assert found["nodes"]["train"] == '{"epochs": 3}' and found["nodes"]["result: test_accuracy"] == "0.5"


def test_info_of_recordings(tmp_path, capsys):
    from samples import small_shd

    from snn.interop import nwb, sonata

    small_shd(tmp_path)
    found = info(tmp_path / "train.h5", capsys)
    assert found["kind"] == "events in the layout of SHD" and "samples of" in found["nodes"]["labels"]
    events = {"cells": snn.Events.from_lists([[0, 2]], [[1, 0]], n_units=2, dt_ms=0.5, n_steps=3)}
    sonata.write_spikes(events, tmp_path / "spikes.h5")
    nwb.write(events, tmp_path / "units.nwb")
    for name, kind in (("spikes.h5", "sonata"), ("units.nwb", "nwb")):
        found = info(tmp_path / name, capsys)
        assert found == info(tmp_path / name, capsys, "--as", kind)
        assert found["kind"].lower().startswith(kind) and "cells" in found["nodes"]
        assert main(["info", str(tmp_path / name)]) == 0 and "cells" in capsys.readouterr().out


def test_info_of_nir(files, capsys):
    found = info("other.nir", capsys)
    assert (found["kind"], found["version"], found["lost"]) == ("nir", nir.version, [])
    assert found["nodes"] == {"0": "Affine [2, 2]", "1": "LIF [2]", "in": "Input [2]", "out": "Output [1]"}
    assert info("other.nir", capsys, "--dt-ms", "20")["lost"] == [
        "LIF '1': tau must be >= dt 20 ms with integrate='euler', got '10 ms'."
    ]
    import h5py

    with h5py.File("other.nir", "r+") as file:
        file["node/nodes/1/t_ref"] = np.ones(2)
        del file["node/nodes/0/type"]
        file["node/nodes/0/type"] = "Izhikevich"
    lost = info("other.nir", capsys, "--as", "nir")["lost"]
    assert len(lost) == 1 and lost[0].startswith("type of node '0' must be one of Affine")
    assert run("info other.nir") == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"other.nir: nir, version {nir.version}" and "  in   Input [2]" in printed
    assert printed[-1] == f"lost: {lost[0]}"
