"""Solve a crossbar node by node: the independent check of `effective_conductance`, with every voltage.

Kirchhoff's current law at each of the 2 x rows x cols nodes, as one sparse system. Slow next to the ladder of
`ir_drop`, and needed only where node voltages or branch currents are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array, csc_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from snn.core.arrays import BoolArray, Float64Array, Int64Array
from snn.core.checks import as_array, finite, number, refusal

__all__ = ["NodalSolution", "solve_nodes"]


@dataclass(frozen=True, eq=False)
class NodalSolution:
    """Hold the state of an array for one or more inputs.

    Attributes:
        output_ua: Current into the ground of each column, [B, cols], microampere.
        source_ua: Current out of the source of each row, [B, rows], microampere; 0 where a row has none.
        word_v: Row side of each cell, [B, rows, cols], volt.
        bit_v: Column side of each cell, [B, rows, cols], volt.
        dissipated_uw: Power in cells and wires, sum of I^2 R over all of them, [B], microwatt.
        residual_ua: Largest violation of Kirchhoff's current law over all nodes, microampere.
    """

    output_ua: Float64Array
    source_ua: Float64Array
    word_v: Float64Array
    bit_v: Float64Array
    dissipated_uw: Float64Array
    residual_ua: float


LEAST_OHM = 1e-30
"""Smallest resistance of a segment that has a finite conductance in every unit."""


def solve_nodes(
    g_us: ArrayLike,
    v: ArrayLike,
    r_word_ohm: float,
    r_bit_ohm: float,
    driven: ArrayLike | None = None,
) -> NodalSolution:
    """Find every node voltage of an array whose rows are driven at `v`.

    Args:
        g_us: Cells [rows, cols], microsiemens, finite and >= 0; row 0 is farthest from the grounds.
        v: Row voltages [B, rows], volt.
        r_word_ohm: Resistance of a row segment, ohm, >= 1e-30.
        r_bit_ohm: Resistance of a column segment, ohm, >= 1e-30.
        driven: bool [rows], the rows that have a source; the others float. None: all.

    Returns:
        Currents and voltages.

    Raises:
        ValueError: A value out of range or shape, or nodes without a path to any ground or source, whose voltage
            nothing determines.
    """
    g, volts = finite("g_us", g_us, low=0.0), np.atleast_2d(finite("v", v))
    if g.ndim != 2 or volts.shape[1] != g.shape[0]:
        raise ValueError(f"g_us must be [rows, cols] and v [B, rows], got {g.shape} and {volts.shape}")
    r_word_ohm = number("r_word_ohm", r_word_ohm, low=LEAST_OHM)
    r_bit_ohm = number("r_bit_ohm", r_bit_ohm, low=LEAST_OHM)
    rows, cols = g.shape
    live = np.ones(rows, dtype=bool) if driven is None else as_array("driven", driven)
    if live.shape != (rows,) or live.dtype != np.bool_:
        raise refusal("driven", f"truth values [{rows}], one per row", live)
    a, b, conductance = _branches(g, 1e6 / r_word_ohm, 1e6 / r_bit_ohm, live)
    nodes = 2 * rows * cols
    fixed = np.concatenate([volts, np.zeros((len(volts), 1))], 1)  # sources, then ground
    _check_grounded(a, b, (rows, cols))
    matrix = _laplacian(a, b, conductance, nodes)
    outer = (a < nodes) & (b >= nodes)
    push = np.zeros((nodes, len(volts)))
    np.add.at(push, a[outer], conductance[outer, None] * fixed.T[b[outer] - nodes])
    free = splu(matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(push)
    everywhere = np.concatenate([free, fixed.T])
    current = conductance[:, None] * (everywhere[a] - everywhere[b])
    balance = np.zeros((nodes + rows + 1, len(volts)))
    np.add.at(balance, a, current)
    np.add.at(balance, b, -current)
    word, bit = (free[part].T.reshape(-1, rows, cols) for part in np.split(np.arange(nodes), 2))
    return NodalSolution(
        output_ua=1e6 / r_bit_ohm * bit[:, -1],
        source_ua=balance[nodes : nodes + rows].T,
        word_v=word,
        bit_v=bit,
        dissipated_uw=(current**2 / conductance[:, None]).sum(0),
        residual_ua=float(np.abs(balance[:nodes]).max()),
    )


def _branches(
    g: Float64Array, gw: float, gb: float, live: BoolArray
) -> tuple[Int64Array, Int64Array, Float64Array]:
    """List branches (node, node, conductance): nodes are row sides, column sides, sources, ground."""
    rows, cols = g.shape
    word = np.arange(rows * cols).reshape(rows, cols)
    bit = word + rows * cols
    source, ground = 2 * rows * cols + np.arange(rows), 2 * rows * cols + rows
    closed = g > 0
    a = (word[:, :-1], word[live, 0], bit[:-1], bit[-1], word[closed])
    b = (word[:, 1:], source[live], bit[1:], np.full(cols, ground), bit[closed])
    wires = np.repeat([gw, gw, gb, gb], [part.size for part in a[:4]])
    first, second = (np.concatenate([part.ravel() for part in ends]) for ends in (a, b))
    return first, second, np.concatenate([wires, g[closed]])


def _laplacian(a: Int64Array, b: Int64Array, c: Float64Array, nodes: int) -> csc_array:
    """Assemble the conductance matrix of the free nodes."""
    both = (a < nodes) & (b < nodes)
    at = np.concatenate([a[a < nodes], b[b < nodes], a[both], b[both]])
    to = np.concatenate([a[a < nodes], b[b < nodes], b[both], a[both]])
    value = np.concatenate([c[a < nodes], c[b < nodes], -c[both], -c[both]])
    return coo_array((value, (at, to)), (nodes, nodes)).tocsc()


def _check_grounded(a: Int64Array, b: Int64Array, shape: tuple[int, int]) -> None:
    rows, cols = shape
    nodes = 2 * rows * cols
    graph = coo_array((np.ones(len(a)), (a, b)), (nodes + rows + 1, nodes + rows + 1))
    label = connected_components(graph, directed=False)[1]
    lost = np.flatnonzero(~np.isin(label[:nodes], label[nodes:]))
    if len(lost):
        row = int(lost[0] % (rows * cols)) // cols
        raise ValueError(
            f"row {row} has no path to ground: it floats and all its cells are open; nothing sets its voltage"
        )
