"""Turn cells and wires of a crossbar into one matrix: what each column reads per volt on each row.

The array is a ladder. Rows (word lines) are driven at their left end, before column 0, and end open; columns
(bit lines) begin open at row 0 and end in a virtual ground below the last row. A wire segment of `r_word_ohm` lies
before each cell of a row, one of `r_bit_ohm` behind each cell of a column. Cells are linear, so the output currents
are a matrix product of the row voltages, I = V Geff, and Geff is built once per programmed array.

A row with its columns held at voltages b is a current source s V and a conductance matrix S between its columns
(`_row_blocks`, from ladder sums that never subtract). Going down the array, what all rows so far do to the columns
is again a source N and a conductance matrix P: behind one segment, and with the next row added,

    P -> P (1 + r P)^-1 + S        N -> (1 + r P)^-1 N + s        Geff = (1 + r P)^-1 N at the end,

the formula of a series resistor and a parallel conductance, in matrices. Exact, and r = 0 is no special case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from snn.core.checks import choice, finite, instance, number, refusal

__all__ = [
    "RowMode",
    "check_array",
    "effective_conductance",
    "input_conductance",
    "row_column_mean_conductance",
]

RowMode = Literal["grounded", "gated", "floating"]
"""What a row without input is: at 0 V, cut off from its cells by their transistors, or connected to nothing."""

_US_OHM = 1e-6  # microsiemens times ohm


def effective_conductance(
    g_us: Tensor,
    r_word_ohm: float,
    r_bit_ohm: float,
    *,
    mode: RowMode = "grounded",
    active: Tensor | None = None,
) -> Tensor:
    """Give the conductance from each row's source to each column's ground, wires included.

    Exact (no iteration), differentiable, batched over leading axes. Cost is rows x columns^3 per array, with the
    roles exchanged where that is cheaper; in gated mode only active rows count where one pattern serves all arrays.

    Args:
        g_us: Cells [..., rows, cols], microsiemens, finite and >= 0; 0 is an open cell. Row 0 is farthest from
            the grounds, column 0 nearest the sources.
        r_word_ohm: Resistance of a row segment, ohm, >= 0.
        r_bit_ohm: Resistance of a column segment, ohm, >= 0.
        mode: What inactive rows are. "grounded": held at 0 V, so that one matrix serves every input; "gated": their
            cells are cut off; "floating": their sources are cut off, their cells stay.
        active: bool [..., rows], the rows that are driven; needed by "gated" and "floating", refused otherwise.

    Returns:
        float64 [..., rows, cols], microsiemens; inactive rows are zero.

    Raises:
        ValueError: A value out of range (the message says what and where), or `active` missing, superfluous or of
            another shape.
    """
    return _solve(g_us, r_word_ohm, r_bit_ohm, mode, active, power=False)[0]


def input_conductance(
    g_us: Tensor,
    r_word_ohm: float,
    r_bit_ohm: float,
    *,
    mode: RowMode = "grounded",
    active: Tensor | None = None,
) -> Tensor:
    """Give the conductance matrix Y that the row sources see: the array draws I = Y V and burns V' Y V.

    Args and errors are those of `effective_conductance`.

    Returns:
        float64 [..., rows, rows], microsiemens, symmetric; rows and columns of inactive rows are zero.
    """
    return _solve(g_us, r_word_ohm, r_bit_ohm, mode, active, power=True)[1]


def row_column_mean_conductance(g_us: Tensor, r_word_ohm: float, r_bit_ohm: float) -> Tensor:
    """Approximate `effective_conductance` by the mean loss of each row and of each column.

    Geff ~ a_i G_ij b_j. Every column is taken to be the same mean column, whose cell i is the mean of row i: what
    its wire leaves of the current of row i is a_i. Every row is taken to be the mean row, whose cell j is the mean
    of column j: what its wire leaves for column j is b_j. Cost rows x cols. Within 1 % for small drops, several per
    cent where a third of the current is lost; exact in the limit of no drop.

    Args and errors are those of `effective_conductance`, grounded rows.

    Returns:
        float64 [..., rows, cols], microsiemens.
    """
    g, rw, rb = check_array(g_us, r_word_ohm, r_bit_ohm)
    rows = _share_arriving(g.mean(-1), rb)
    cols = _share_arriving(g.mean(-2).flip(-1), rw).flip(-1)
    return g * rows[..., :, None] * cols[..., None, :]


def _share_arriving(mean: Tensor, r: float) -> Tensor:
    """Share of a source's current that arrives, for a line whose cell k lies len - k segments from its end.

    (1 + r sum_{k<i} (i - k) mean_k) / (1 + r sum_k (len - k) mean_k) for each i.
    """
    before = mean.cumsum(-1).cumsum(-1) * r  # entry i: r sum_{k<=i} (i + 1 - k) mean_k
    first = torch.zeros_like(before[..., :1])
    return (1 + torch.cat([first, before[..., :-1]], -1)) / (1 + before[..., -1:])


def check_array(g_us: Tensor, r_word_ohm: float, r_bit_ohm: float) -> tuple[Tensor, float, float]:
    """Give cells in microsiemens (float64) and segments in 1 / microsiemens.

    Raises:
        ValueError: No rows or columns, a cell that is negative or not finite, or a segment that is; an infinite
            segment leaves no path to ground.
    """
    g = instance("g_us", g_us, Tensor).to(torch.float64)
    if g.dim() < 2 or 0 in g.shape[-2:]:
        raise refusal("g_us", "[..., rows, cols] with at least one of each", g)
    if not bool(
        (torch.isfinite(g) & (g >= 0)).all()
    ):  # gated rows are solved pattern by pattern: checked fast
        finite("g_us", g.detach().cpu().numpy(), low=0.0)
    word, bit = number("r_word_ohm", r_word_ohm, low=0.0), number("r_bit_ohm", r_bit_ohm, low=0.0)
    return g, word * _US_OHM, bit * _US_OHM


def _solve(
    g_us: Tensor, r_word_ohm: float, r_bit_ohm: float, mode: RowMode, active: Tensor | None, power: bool
) -> tuple[Tensor, Tensor]:
    g, rw, rb = check_array(g_us, r_word_ohm, r_bit_ohm)
    if choice("mode", mode, RowMode) == "grounded":
        if active is not None:
            raise refusal("active", "None for grounded rows, where one matrix serves every input", active)
        return _solve_driven(g, rw, rb, power)
    if active is None or active.dtype != torch.bool or active.dim() < 1 or active.shape[-1] != g.shape[-2]:
        raise refusal(
            "active", f"bool [..., {g.shape[-2]}] for mode {mode!r}, the rows that are driven", active
        )
    if mode == "floating":
        return _solve_ladder(g, rw, rb, power, driven=active)
    if active.dim() > 1:
        return _solve_driven(g * active[..., None], rw, rb, power)
    return _solve_active_rows(g, rw, rb, active, power)


def _solve_driven(g: Tensor, rw: float, rb: float, power: bool) -> tuple[Tensor, Tensor]:
    """Solve with every row driven, by the cheapest of the exact ways."""
    rows, cols = g.shape[-2:]
    if not power:
        if rw == 0 or rb == 0:
            return _solve_one_wire(g, rw, rb), g
        if cols > rows:  # reciprocity: exchange sources and grounds
            turned = g.flip(-1, -2).transpose(-1, -2)
            return _solve_ladder(turned, rb, rw, power=False)[0].transpose(-1, -2).flip(-1, -2), g
    return _solve_ladder(g, rw, rb, power)


def _solve_active_rows(g: Tensor, rw: float, rb: float, active: Tensor, power: bool) -> tuple[Tensor, Tensor]:
    """Solve the active rows alone: a row cut off leaves nothing but one more segment in each column."""
    at = active.nonzero()[:, 0]
    rows = g.shape[-2]
    geff, y = torch.zeros_like(g), g.new_zeros(*g.shape[:-2], rows, rows) if power else g
    if not len(at):
        return geff, y
    segments = torch.diff(at, append=at.new_tensor([rows])).tolist()
    found, seen = _solve_ladder(g[..., at, :], rw, rb, power, segments=segments)
    geff = geff.index_copy(-2, at, found)
    if power:
        y = y.index_copy(-2, at, g.new_zeros(*g.shape[:-2], len(at), rows).index_copy(-1, at, seen))
    return geff, y


def _solve_one_wire(g: Tensor, rw: float, rb: float) -> Tensor:
    """Solve an array without resistance in its columns or its rows: every row, or column, is a ladder alone."""
    if rb == 0:
        return g * _node_voltages(g, rw)
    return g * _node_voltages(g.flip(-2).transpose(-1, -2), rb).transpose(-1, -2).flip(-2)


def _conductance_seen(g: Tensor, r: float, first: Tensor | None = None) -> Tensor:
    """Conductance to ground seen at each node towards node 0, its own cell included; `first` joins at node 0."""
    nodes = list(g.unbind(-1))
    seen = [nodes[0] if first is None else nodes[0] + first]
    for node in nodes[1:]:
        seen.append(node + seen[-1] / (1 + r * seen[-1]))
    return torch.stack(seen, -1)


def _node_voltages(g: Tensor, r: float) -> Tensor:
    """Node voltages [..., cols] of lines driven at 1 V at their left end, cells grounded."""
    onwards = _conductance_seen(g.flip(-1), r).flip(-1)
    return torch.exp(-torch.cumsum(torch.log1p(r * onwards), -1))


class _RowBlocks(NamedTuple):
    """Hold what each row does to the columns once its own nodes are eliminated.

    Attributes:
        matrix: Gives S of a row, the conductances that it makes between columns, [..., cols, cols].
        source: s of every row, the current into each column per volt of the source, [..., rows, cols].
        own: Conductance that each source sees with all columns at 0 V, [..., rows].
    """

    matrix: Callable[[int], Tensor]
    source: Tensor
    own: Tensor


def _row_blocks(g: Tensor, rw: float, driven: Tensor | None) -> _RowBlocks:
    """Eliminate the row nodes: S = D - D T^-1 D and s = D T^-1 e0 / rw, without a subtraction that cancels."""
    live = torch.ones_like(g[..., 0]) if driven is None else driven.to(g.dtype).expand(g.shape[:-1])
    volts = _node_voltages(g, rw)
    source = g * volts if driven is None else g * volts * live[..., None]
    own = source.sum(-1)
    if rw == 0:  # driven: no coupling; floating: all cells of a row meet in one node
        meet = _divide(g, g.sum(-1, keepdim=True)) * (1 - live)[..., None]

        def row(i: int) -> Tensor:
            gi = g[..., i, :]
            return torch.diag_embed(gi) - gi[..., :, None] * meet[..., i, None, :]

        return _RowBlocks(row, source, own)
    left = _conductance_seen(g, rw, live / rw)
    right = _conductance_seen(g.flip(-1), rw).flip(-1)
    rest = left + right - g  # what each node sees in all
    inverse = _divide(torch.ones_like(rest), rest)
    decay = torch.cumsum(torch.log1p(rw * left), -1)
    path = torch.cat([torch.zeros_like(decay[..., :1]), decay[..., :-1]], -1)
    upper = torch.ones(g.shape[-1], g.shape[-1], dtype=torch.bool, device=g.device).triu()

    def matrix(i: int) -> Tensor:
        gi, inv, along = g[..., i, :], inverse[..., i, :], path[..., i, :]
        pair = torch.where(upper, inv[..., None, :], inv[..., :, None])
        through = torch.exp(-(along[..., :, None] - along[..., None, :]).abs()) * pair
        return torch.diag_embed(gi) - gi[..., :, None] * through * gi[..., None, :]

    return _RowBlocks(matrix, source, own)


def _divide(a: Tensor, b: Tensor) -> Tensor:
    """Divide, 0 where b is 0: nodes that no cell and no source touches."""
    nothing = b == 0
    return torch.where(nothing, 0.0, a / torch.where(nothing, 1.0, b))


def _solve_ladder(
    g: Tensor,
    rw: float,
    rb: float,
    power: bool,
    driven: Tensor | None = None,
    segments: list[int] | None = None,
) -> tuple[Tensor, Tensor]:
    """Go down the rows; `segments` counts the column segments below each row, one each if None."""
    if driven is not None:
        g = g * g.new_ones(*driven.shape, 1)  # an array for each pattern
    count, cols = g.shape[-2:]
    rows = _row_blocks(g, rw, driven)
    one = torch.eye(cols, dtype=g.dtype, device=g.device)
    columns = g.new_zeros(*g.shape[:-2], cols, cols)
    sources = g.new_zeros(*g.shape[:-2], cols, 0)
    y = g.new_zeros(*g.shape[:-2], 0, 0)
    for i in range(count):
        columns = columns + rows.matrix(i)
        sources = torch.cat([sources, rows.source[..., i, :, None]], -1)
        r = rb * (1 if segments is None else segments[i])
        last = i == count - 1
        wanted = sources if last else torch.cat([columns, sources], -1)
        solved = torch.linalg.solve(one + r * columns, wanted)
        behind = solved if last else solved[..., cols:]
        if power:
            y = torch.nn.functional.pad(y, (0, 1, 0, 1))
            y = y + torch.diag_embed(torch.nn.functional.pad(rows.own[..., i, None], (i, 0)))
            y = y - r * sources.transpose(-1, -2) @ behind
        sources = behind
        columns = columns if last else solved[..., :cols]
    return sources.transpose(-1, -2), y
