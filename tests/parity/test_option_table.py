"""The table of neuron options in the docs is true: each cell is a test run for that option, or a refusal."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from networks import assert_same

import snn
from snn.core import LIFParams, LIParams, Network, Population, Projection, Raster, Record, TimeGrid
from snn.hardware import CrossbarConfig, count, crossbar_network, to_crossbar
from snn.interop import nir
from snn.interop.nest.neurons import nest_neurons
from snn.nn import LIF, LeakyReadout, Linear, RecurrentLIF, Sequential, to_network

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "neuron-options.md").read_text()
COLUMNS = ["event, clock", "exact", "layer", "ledger", "crossbar", "NEST", "NIR"]
STEPS, SAMPLES, INPUTS, SIZE = 40, 2, 4, 5


@dataclass
class Option:
    """An option: what a layer and a network are given for it."""

    layer: dict[str, Any]
    network: dict[str, Any]
    readout: bool = False  # whether a readout has it too
    bias: bool = False  # whether the connection of a layer has the option
    names: list[str | None] = field(default_factory=lambda: [None])  # receptors


TWO = {"exc": 2.0, "inh": 4.0}
ADAPTS = {"adapt_by": 0.2, "tau_adapt": 4.0}
OPTIONS = [
    Option({"tau": 3.0}, {"tau_mem_ms": 9.0}, readout=True),
    Option({"leak": 0.7, "decay_input": False}, {"decay": 0.7}),
    Option({"decay_input": True}, {"decay_input": True}, readout=True),
    Option({"v_th": 0.25}, {"v_th": 0.25}),
    Option({"fires": ">"}, {"fires": ">"}),
    Option({"v_reset": -0.2}, {"v_reset": -0.2}),
    Option({"reset": "soft"}, {"reset": "soft"}),
    Option({"reset": "soft", "reset_by": 0.25}, {"reset": "soft", "reset_by": 0.25}),
    Option({"reset": "hard_next_step"}, {"reset": "hard_next_step"}),
    Option({"v_leak": 0.1}, {"v_rest": 0.1}, readout=True),
    Option({}, {"bias": 0.02}, bias=True),
    Option({"tau_syn": 2.0}, {"tau_syn_ms": 3.0}, readout=True),
    Option({"syn_leak": 0.4}, {"syn_decay": 0.4}, readout=True),
    Option({"tau_syn": TWO}, {"tau_syn_ms": TWO}, readout=True, names=["exc", "inh"]),
    Option({"tau_syn": 2.0}, {"tau_syn_ms": 3.0, "syn_bias": 0.05}, bias=True),
    Option({"t_ref": 2}, {"t_ref_ms": 2.0}),
    Option(ADAPTS, {"adapt_by": 0.2, "tau_adapt_ms": 4.0}),
    Option(ADAPTS, {"adapt_by": 0.2, "adapt_decay": 0.75}),
    Option({"reset": "soft", "spikes": "multiple"}, {"reset": "soft", "spikes": "multiple"}),
]


def table() -> list[list[str]]:
    """Read the rows below the header, cell by cell."""
    lines = [line for line in PAGE.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert rows[0] == ["option", "in a layer", "in a network", *COLUMNS]
    return rows[2:]


ROWS = table()
KEYS = dict(re.findall(r"^- \*\*(\w)\*\* `([^`]+)`", PAGE, re.M))
assert len(ROWS) == len(OPTIONS)


def cells(letter: str) -> pytest.MarkDecorator:
    """Run a test for every option that has the letter in its row."""
    given = [
        pytest.param(option, id=f"{i}-{row[2].replace('`', '')}")
        for i, (row, option) in enumerate(zip(ROWS, OPTIONS, strict=True))
        if letter in row[3:]
    ]
    return pytest.mark.parametrize("option", given)


# --- the table itself ---


@pytest.mark.parametrize("row, option", zip(ROWS, OPTIONS, strict=True), ids=range(len(ROWS)))
def test_a_row_is_of_its_option(row, option):
    for names, given in ((row[1], option.layer), (row[2], option.network)):
        assert set(re.findall(r"`(\w+)`", names)) <= {*given, *(["bias"] if option.bias else [])}
    for column, cell in zip(COLUMNS, row[3:], strict=True):
        assert cell in KEYS or re.fullmatch(r"refused: `\w+`", cell), (row[0], column, cell)


@pytest.mark.parametrize("letter", KEYS)
def test_a_letter_names_a_test(letter):
    file, _, name = KEYS[letter].partition("::")
    found = [
        node.name for node in ast.parse((ROOT / file).read_text()).body if isinstance(node, ast.FunctionDef)
    ]
    assert name in found
    if file == "tests/parity/test_option_table.py":  # it runs for the options that have the letter
        assert [mark.args[1] for mark in globals()[name].pytestmark] == [cells(letter).args[1]]


REFUSED = [
    (column, re.fullmatch(r"refused: `(\w+)`", cell)[1], option)
    for row, option in zip(ROWS, OPTIONS, strict=True)
    for column, cell in zip(COLUMNS, row[3:], strict=True)
    if cell not in KEYS
]


@pytest.mark.parametrize("column, name, option", REFUSED)
def test_a_refusal_is_by_name(column, name, option, tmp_path):
    net = network(option, dt_ms=1.0)
    with pytest.raises(ValueError, match=f"^{name} of 'n' must be "):
        if column == "exact":
            snn.simulate(net, {}, 10, engine="exact")
        elif column == "NIR":
            pytest.importorskip("nir")
            nir.write(nir_network(option), tmp_path / "net.nir")
        else:
            assert column == "NEST"
            nest_neurons(net, net.population("n"), False)


@cells("N")
def test_nest_takes_what_the_table_says(option):
    net = network(option, dt_ms=0.5)
    nest_neurons(net, net.population("n"), False)


def nir_network(option: Option) -> Network:
    """The same, where spikes need v > v_th: NIR knows no other."""
    return network(replace(option, network={**option.network, "fires": ">"}), dt_ms=1.0)


@cells("I")
def test_nir_gives_the_network_back(option, tmp_path):
    pytest.importorskip("nir")
    net = nir_network(option)
    assert nir.write(net, tmp_path / "net.nir") == ()
    again = nir.read(tmp_path / "net.nir", None).network
    for name, size in (("n", 2), ("out", 1)):
        mine, theirs = (each.population(name).neuron.dynamics(size, 1.0) for each in (net, again))
        assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


# --- networks ---


def network(option: Option, dt_ms: float) -> Network:
    """Two inputs to two neurons, which hinder each other, and lead to a readout."""
    leak = {} if "decay" in option.network else {"tau_mem_ms": 9.0}
    given = {"v_th": 0.4, **leak, **option.network}
    neuron = LIFParams(
        **{name: v * dt_ms if name in ("bias", "syn_bias") else v for name, v in given.items()}
    )
    gain = 1.0 if not neuron.decay_input else 1 / (1 - np.exp(-dt_ms / 9.0))  # a spike moves membranes as far
    gain *= 0.5 * dt_ms if neuron.receptors else 1.0
    names = option.names
    feed = [
        Projection(
            "in", "n", gain * np.array([[0.35, 0.1], [0.1, 0.4]]) / (1 + i), 1.0, name=f"f{i}", receptor=r
        )
        for i, r in enumerate(names)
    ]
    back = Projection(
        "n", "n", gain * np.array([[0.0, -0.15], [-0.1, 0.0]]), 2.5, name="b", receptor=names[-1]
    )
    out = Projection("n", "out", np.ones((2, 1)), 2.0)
    populations = [
        Population("in", 2),
        Population("n", 2, neuron),
        Population("out", 1, LIParams(tau_mem_ms=5.0)),
    ]
    return Network(dt_ms, populations, [*feed, back, out])


def events(dt_ms: float, length_ms: float = 60.0) -> snn.Events:
    """Inputs at whole milliseconds."""
    z = np.random.default_rng(3).poisson(0.35, (int(length_ms), 1, 2))
    fine = np.zeros((round(length_ms / dt_ms), 1, 2), dtype=int)
    fine[:: round(1 / dt_ms)] = z
    return Raster(fine, TimeGrid(len(fine), dt_ms)).to_events()


@cells("E")
def test_event_and_clock_are_one(option):
    net, keep = network(option, dt_ms=1.0), Record(spikes=["n"], v=["n", "out"])
    event, clock = (snn.simulate(net, {"in": events(1.0)}, engine=e, record=keep) for e in ("event", "clock"))
    assert_same(event, clock)
    assert event.counts.spikes["n"] > 3
    plain = snn.simulate(network(OPTIONS[0], 1.0), {"in": events(1.0)}, record=keep)
    changed = not np.array_equal(event.v["n"], plain.v["n"])
    assert changed or option in (OPTIONS[0], OPTIONS[4])  # ">" differs from ">=" at the threshold alone


@cells("X")
def test_exact_is_the_limit_of_the_grid(option):
    """What is read off the grid is within some steps of 0.01 ms of what they find."""
    net, keep = network(option, dt_ms=0.01), Record(spikes=["n"])
    exact, grid = (snn.simulate(net, {"in": events(0.01)}, engine=e, record=keep) for e in ("exact", "clock"))
    for unit in (0, 1):
        mine, theirs = exact.spikes["n"], grid.spikes["n"]
        times = mine.time_ms[mine.unit == unit][:8]  # each spike moves those that follow
        assert len(times) > 4
        np.testing.assert_allclose(times, theirs.step[theirs.unit == unit][:8] * 0.01, atol=0.1)


# --- layers ---


def model(option: Option, recurrent: bool) -> Sequential:
    """Neurons with the option, and a readout."""
    torch.manual_seed(1)
    given, parts = {"tau": 3.0, "v_th": 0.4, **option.layer}, len(option.names)
    made = RecurrentLIF(SIZE, 2, receptor=option.names[-1], **given) if recurrent else LIF(**given)
    own = {k: v for k, v in option.layer.items() if option.readout}
    layers = [Linear(INPUTS, parts * SIZE, option.bias), made, Linear(SIZE, parts * 3), LeakyReadout(**own)]
    found = Sequential(*layers).double().eval()
    with torch.no_grad():
        found[0].weight.add_(0.2).mul_(3.0)
    return found


def spikes() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).poisson(0.4, (STEPS, SAMPLES, INPUTS))).double()


def run(net: Network, **options: Any) -> snn.core.Recording:
    given = Raster(spikes().numpy().astype(int), TimeGrid(STEPS, 1.0))
    return snn.simulate(net, {"in": given}, record=Record(spikes=["hid1"], v=["hid1", "out"]), **options)


@cells("L")
def test_the_layer_is_the_engine(option):
    for recurrent in (False, True):
        made = model(option, recurrent)
        rec = run(to_network(made, 1.0))
        with torch.no_grad():
            z, state = Sequential(*made[:2])(spikes())
            y, _ = made(spikes())
        assert np.array_equal(rec.spikes["hid1"].to_raster().z, z.numpy()) and z.sum() > 0
        np.testing.assert_allclose(rec.v["hid1"][-1], state[1].v.numpy(), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(rec.v["out"], y.numpy(), rtol=1e-9, atol=1e-9)


@cells("C")
def test_ledgers_are_equal(option):
    for recurrent in (False, True):
        made = model(option, recurrent)
        net = to_network(made, 1.0)
        for engine in ("event", "clock"):
            assert count(run(net, engine=engine), net) == count(made, spikes())


@cells("A")
def test_ideal_arrays_are_the_model(option):
    for recurrent in (False, True):
        made = model(option, recurrent)
        analog = to_crossbar(made, CrossbarConfig.ideal())
        with torch.no_grad(), analog.observed(lambda *_: None):  # read row by row
            y, _ = analog(spikes())
        torch.testing.assert_close(y, made(spikes())[0], rtol=1e-12, atol=1e-12)
        rec = run(crossbar_network(analog, 1.0))
        np.testing.assert_allclose(rec.v["out"], y.numpy(), rtol=1e-9, atol=1e-9)
