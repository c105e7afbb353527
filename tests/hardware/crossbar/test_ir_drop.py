"""Wires: the effective conductance against badcrossbar, against nodal analysis, and its laws."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import pytest
import torch
from crossbars import close
from hypothesis import given, settings
from hypothesis import strategies as st

from snn.hardware import (
    NodalSolution,
    effective_conductance,
    input_conductance,
    row_column_mean_conductance,
    solve_nodes,
)

MODES = ("grounded", "gated", "floating")


def cells(rows, cols, seed=0, open_share=0.0, low=1.0, high=40.0, batch=()):
    rng = np.random.default_rng(seed)
    g = rng.uniform(low, high, (*batch, rows, cols))
    return torch.tensor(np.where(rng.random(g.shape) < open_share, 0.0, g))


# --- another tool ---


def badcrossbar_currents(g, v, r_word, r_bit):
    with warnings.catch_warnings(record=True):  # it says that it cannot draw without cairo
        tool = pytest.importorskip("badcrossbar", reason="badcrossbar is not installed (extra: peers)")
        logging.getLogger("badcrossbar").setLevel(logging.ERROR)
        with np.errstate(divide="ignore"):
            resistance = 1e6 / g.numpy()
        options = {"node_voltages": False, "all_currents": False}
        solved = tool.compute(v.numpy().T, resistance, None, r_word, r_bit, **options)
    return torch.tensor(1e6 * np.atleast_2d(solved.currents.output))


@pytest.mark.parametrize("open_share", [0.0, 0.4])
@pytest.mark.parametrize("wires", [(2.0, 3.0), (0.0, 0.0), (2.0, 0.0), (0.0, 3.0)], ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (7, 1), (5, 9), (32, 32), (128, 128)], ids=str)
def test_equals_badcrossbar(shape, wires, open_share):
    g = cells(*shape, seed=sum(shape), open_share=open_share)
    v = torch.rand(3, shape[0], generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    peer = badcrossbar_currents(g, v, *wires)
    assert close(v @ effective_conductance(g, *wires), peer)


@pytest.mark.parametrize(
    ("wires", "currents"),
    [
        ((200.0, 300.0), (3.120077305101, 12.87441576285, 4.702514054709, 10.52654885484)),
        ((0.0, 300.0), (3.153848369578, 13.12672348394, 4.840765565073, 10.87599974918)),
        ((200.0, 0.0), (3.164539494756, 13.28268440154, 4.757002366872, 10.73660578123)),
        ((0.0, 0.0), (3.2, 13.55, 4.9, 11.1)),
    ],
    ids=str,
)
def test_equals_what_badcrossbar_printed(wires, currents):
    """Output currents in uA of badcrossbar 1.1.0, two open cells; for where it is not installed."""
    g = torch.tensor([[12.5, 40.0, 0.0, 3.0], [7.0, 1.5, 22.0, 30.0], [0.0, 18.0, 9.0, 25.0]])
    v = torch.tensor([0.2, 0.1, 0.3], dtype=torch.float64)
    assert (v @ effective_conductance(g, *wires)).tolist() == pytest.approx(currents, rel=1e-11)


# --- nodal analysis ---


def pattern(rows, seed):
    active = np.random.default_rng(seed).random(rows) < 0.3
    active[seed % rows] = True
    return torch.tensor(active)


def nodal(g, v, wires, mode, active) -> NodalSolution:
    g = g * active[:, None] if mode == "gated" else g
    driven = active.numpy() if mode == "floating" else None
    return solve_nodes(g.numpy(), v.numpy(), *wires, driven=driven)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (6, 1), (5, 8), (24, 16), (96, 128)], ids=str)
def test_equals_nodal_analysis(shape, mode):
    """Currents, source currents and power; rows without input at 0 V, cut off, or floating (40 % open cells)."""
    wires = (2.0, 3.0)
    g = cells(*shape, seed=3, open_share=0.4)
    g[:, 0] += 1.0  # a floating row needs a cell
    active = pattern(shape[0], 5)
    v = torch.rand(2, shape[0], generator=torch.Generator().manual_seed(2), dtype=torch.float64) * active
    given = {} if mode == "grounded" else {"mode": mode, "active": active}
    solved = nodal(g, v, wires, mode, active)
    geff, y = (f(g, *wires, **given) for f in (effective_conductance, input_conductance))
    assert close(v @ geff, torch.tensor(solved.output_ua), 1e-11)
    sources = torch.tensor(solved.source_ua) * (1 if mode == "grounded" else active)
    assert close(v @ y, sources, 1e-9)
    power = torch.einsum("bi,ij,bj->b", v, y, v)
    assert close(power, torch.tensor(solved.dissipated_uw), 1e-11)


@pytest.mark.parametrize("wires", [(2.0, 0.0), (0.0, 3.0), (0.0, 0.0)], ids=str)
@pytest.mark.parametrize("mode", ["gated", "floating"])
def test_no_resistance_is_the_limit_of_little(mode, wires):
    g, active = cells(7, 5, seed=4, open_share=0.2), pattern(7, 1)
    v = active.to(g.dtype)[None] * 0.2
    little = tuple(max(r, 1e-4) for r in wires)
    solved = nodal(g, v, little, mode, active)
    assert close(
        v @ effective_conductance(g, *wires, mode=mode, active=active), torch.tensor(solved.output_ua), 1e-6
    )
    y = input_conductance(g, *wires, mode=mode, active=active)
    assert float(v @ y @ v.T) == pytest.approx(float(solved.dissipated_uw[0]), rel=1e-6)


def test_kirchhoff_holds_at_every_node():
    g = cells(20, 30, open_share=0.3)
    solved = solve_nodes(g.numpy(), np.random.default_rng(0).random((3, 20)), 2.0, 3.0)
    assert solved.residual_ua < 1e-12 * 1e6 / 2.0  # of what a segment carries at 1 V
    assert np.allclose(solved.source_ua.sum(1), solved.output_ua.sum(1), rtol=1e-9)
    assert solved.word_v.shape == solved.bit_v.shape == (3, 20, 30)


# --- laws ---


ohms = st.floats(0.0, 50.0).map(lambda r: 0.0 if r < 1e-3 else r)
sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))


@settings(max_examples=40, deadline=None)
@given(sizes, st.integers(0, 99), ohms, ohms, st.floats(0.1, 10.0))
def test_laws_of_a_linear_network(shape, seed, word, bit, k):
    g = cells(*shape, seed=seed, open_share=0.3)
    geff, y = effective_conductance(g, word, bit), input_conductance(g, word, bit)
    assert (geff >= 0).all()
    assert close(effective_conductance(k * g, word / k, bit / k), k * geff, 1e-12)
    turned = effective_conductance(g.flip(-1, -2).T, bit, word).T.flip(-1, -2)
    assert close(turned, geff, 1e-12)  # reciprocity
    ideal, full = g.sum(0), geff.sum(0)  # every row at 1 V
    assert (full <= ideal * (1 + 1e-12)).all()  # maximum principle
    assert close(y.sum(1), geff.sum(1), 1e-11)  # every row at 1 V: what goes in comes out
    assert close(y, y.T, 1e-12) and (torch.linalg.eigvalsh(y) >= -1e-9).all()
    every = torch.ones(shape[0], dtype=torch.bool)
    for mode in ("gated", "floating"):  # no inactive row, no difference
        assert close(effective_conductance(g, word, bit, mode=mode, active=every), geff, 1e-12)


def test_a_single_cell_may_gain_from_sneak_paths():
    """Geff <= G does not hold: an open cell still picks up current through its neighbours."""
    g = torch.tensor([[0.0, 40.0], [40.0, 40.0]], dtype=torch.float64)
    assert effective_conductance(g, 1e4, 1e4)[0, 0] > 0


@pytest.mark.parametrize("approximate", [effective_conductance, row_column_mean_conductance])
def test_no_wire_is_a_matrix_product(approximate):
    g = cells(24, 16, open_share=0.2)
    assert torch.equal(approximate(g, 0.0, 0.0), g)
    errors = [float((approximate(g, r, r) - g).abs().max()) for r in (1e-1, 1e-2, 1e-3)]
    assert errors[0] == pytest.approx(10 * errors[1], rel=0.1) and errors[1] == pytest.approx(
        10 * errors[2], rel=0.1
    )


def test_both_ways_agree_to_second_order_in_small_wires():
    """Relative difference of column currents shrinks with r once r is small."""
    g = cells(48, 48)
    v = torch.ones(48, dtype=torch.float64)
    difference = [
        float(
            ((v @ row_column_mean_conductance(g, r, r)) / (v @ effective_conductance(g, r, r)) - 1)
            .abs()
            .max()
        )
        for r in (1.0, 1e-2, 1e-4)
    ]
    assert difference[0] < 0.01 and difference[1] < difference[0] / 50 and difference[2] < difference[1] / 50


@pytest.mark.parametrize(
    ("size", "low", "high", "ohm", "loss", "error"),
    [
        (32, 1, 40, 1.0, (0.0135, 0.0155), (0.0003, 0.0011)),
        (64, 1, 40, 2.93, (0.135, 0.145), (0.004, 0.007)),
        (128, 1, 40, 1.0, (0.175, 0.19), (0.004, 0.006)),
        (128, 1, 40, 2.93, (0.38, 0.40), (0.019, 0.026)),
        (128, 10, 100, 2.93, (0.60, 0.63), (0.06, 0.08)),
    ],
)
def test_approximation_errs_as_known(size, low, high, ohm, loss, error):
    """Mean error of the column currents, all rows on, against the exact loss."""
    g = cells(size, size, low=low, high=high)
    exact, mean = (f(g, ohm, ohm).sum(0) for f in (effective_conductance, row_column_mean_conductance))
    assert loss[0] <= 1 - float(exact.sum() / g.sum()) <= loss[1]
    assert error[0] <= float((mean / exact - 1).abs().mean()) <= error[1]


def test_what_inactive_rows_are_changes_the_current():
    """128 x 128, 2 ohm, 1-40 uS, 10 % of rows driven: grounded loses about 30 %, gated about 20 %."""
    g = cells(128, 128, seed=1)
    active = torch.tensor(np.random.default_rng(0).random(128) < 0.1)
    ideal = g[active].sum()
    lost = {"grounded": 1 - float(effective_conductance(g, 2.0, 2.0)[active].sum() / ideal)}
    for mode in ("gated", "floating"):
        lost[mode] = 1 - float(effective_conductance(g, 2.0, 2.0, mode=mode, active=active).sum() / ideal)
    assert 0.25 < lost["grounded"] < 0.35 and 0.15 < lost["gated"] < 0.25
    assert lost["floating"] < lost["grounded"]


@pytest.mark.parametrize("wires", [(2e3, 3e3), (0.0, 3e3), (2e3, 0.0), (0.0, 0.0)], ids=str)
@pytest.mark.parametrize("mode", MODES)
def test_gradients(mode, wires):
    g = cells(4, 3, batch=(2,)).requires_grad_()
    given = {} if mode == "grounded" else {"mode": mode, "active": torch.tensor([True, False, True, True])}
    for function in (effective_conductance, input_conductance):
        assert torch.autograd.gradcheck(lambda g, f=function: f(g, *wires, **given), (g,))
    assert torch.autograd.gradcheck(lambda g: row_column_mean_conductance(g, *wires), (g,))


@pytest.mark.parametrize("mode", MODES)
def test_batches_are_single_arrays(mode):
    g = cells(6, 4, batch=(2, 3), open_share=0.2)
    active = torch.rand(2, 3, 6, generator=torch.Generator().manual_seed(0)) < 0.5
    given = {} if mode == "grounded" else {"mode": mode, "active": active}
    for function in (effective_conductance, input_conductance):
        whole = function(g, 5.0, 7.0, **given)
        for at in np.ndindex(2, 3):
            one = {} if mode == "grounded" else {"mode": mode, "active": active[at]}
            assert torch.allclose(whole[at], function(g[at], 5.0, 7.0, **one), rtol=1e-12, atol=1e-15)


# --- bad input ---


@pytest.mark.parametrize(
    ("message", "arguments", "options"),
    [
        ("must be .*rows, cols.* at least one of each", (torch.ones(3), 1.0, 1.0), {}),
        ("at least one of each", (torch.ones(3, 0), 1.0, 1.0), {}),
        (r"g_us\[0, 1\] must be finite and >= 0, got -1.0", (torch.tensor([[1.0, -1.0]]), 1.0, 1.0), {}),
        (r"g_us\[0, 0\] must be finite and >= 0, got nan", (torch.full((2, 2), torch.nan), 1.0, 1.0), {}),
        ("r_word_ohm must be a finite number >= 0, got -1.0", (torch.ones(2, 2), -1.0, 1.0), {}),
        ("r_bit_ohm must be a finite number >= 0, got inf", (torch.ones(2, 2), 1.0, float("inf")), {}),
        (
            "mode must be one of 'grounded', 'gated', 'floating', got 'open'",
            (torch.ones(2, 2), 1.0, 1.0),
            {"mode": "open"},
        ),
        (
            r"active must be bool \[..., 2\] for mode 'gated', .* got None",
            (torch.ones(2, 2), 1.0, 1.0),
            {"mode": "gated"},
        ),
        (
            r"active must be bool \[..., 2\] .* got Tensor of shape \[3\] and dtype torch.bool",
            (torch.ones(2, 2), 1.0, 1.0),
            {"mode": "gated", "active": torch.ones(3, dtype=torch.bool)},
        ),
        (
            "active must be None for grounded rows",
            (torch.ones(2, 2), 1.0, 1.0),
            {"active": torch.ones(2, dtype=torch.bool)},
        ),
    ],
)
def test_bad_arrays(message, arguments, options):
    with pytest.raises(ValueError, match=message):
        effective_conductance(*arguments, **options)


def test_bad_nodal_problems():
    g = np.ones((2, 3))
    with pytest.raises(ValueError, match="row 1 has no path to ground: it floats and all its cells are open"):
        solve_nodes([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]], [[1.0, 0.0]], 1.0, 1.0, driven=[True, False])
    with pytest.raises(ValueError, match="r_bit_ohm must be a finite number >= 1e-30, got 0.0"):
        solve_nodes(g, [[1.0, 1.0]], 1.0, 0.0)
    with pytest.raises(ValueError, match="must be .*rows, cols"):
        solve_nodes(g, [[1.0, 1.0, 1.0]], 1.0, 1.0)
    with pytest.raises(ValueError, match=r"g_us\[0, 0\] must be finite and >= 0, got -1.0"):
        solve_nodes(-g, [[1.0, 1.0]], 1.0, 1.0)
