"""Count what it takes to read inputs from programmed arrays: exact integers, and the power of the currents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from snn.hardware.crossbar.converters import dac
from snn.hardware.crossbar.ir_drop import input_conductance
from snn.hardware.crossbar.mvm import check_input
from snn.hardware.targets.analog_reads import ReadCounts

if TYPE_CHECKING:
    from snn.hardware.crossbar.array import Crossbar

__all__ = ["count_reads", "source_power_uw"]


@torch.no_grad()
def count_reads(crossbar: Crossbar, x: Tensor, *, samples: int | None = None) -> ReadCounts:
    """Count one reading of each input vector.

    Args:
        crossbar: The arrays.
        x: [T, B, in] or [B, in], as `Crossbar.matmul` takes it; vectors that no machine would read (behind the end
            of a sample) must not be in it.
        samples: Inferences that x covers; None: B.

    Returns:
        The counts; those of two batches add up.

    Raises:
        ValueError: An input of another shape.
    """
    check_input(crossbar, x)
    layout, config = crossbar.layout, crossbar.config
    row_tiles, col_tiles, _, _ = layout.shape
    rows = layout.rows_of(dac(x, config.converter)).flatten(0, -3)  # [vectors, row tiles, rows]
    driven = rows != 0
    vectors = len(rows)
    active = driven.any(-1)  # [vectors, row tiles]
    per_row_tile = _conversions(crossbar)
    read, any_read = int(active.sum()), int(active.any(-1).sum())
    outputs = per_row_tile // row_tiles
    return ReadCounts(
        name=crossbar.name,
        tiles=row_tiles * col_tiles,
        cells=int(crossbar.used.sum()),
        drivers=layout.in_features * col_tiles,
        columns=per_row_tile,
        samples=x.shape[-2] if samples is None else samples,
        vectors=vectors,
        operations=2 * layout.in_features * layout.out_features * vectors,
        tile_reads=vectors * row_tiles * col_tiles,
        active_tile_reads=read * col_tiles,
        row_drives=int(driven.sum()) * col_tiles,
        conversions=vectors * per_row_tile,
        active_conversions=read * outputs,
        digits=int(config.mapping.slices > 1),
        partial_sums=vectors * outputs * (row_tiles - 1),
        active_partial_sums=(read - any_read) * outputs,
        source_uw=float(source_power_uw(crossbar, rows).sum()),
    )


def _conversions(crossbar: Crossbar) -> int:
    """Conversions of one reading of every tile."""
    layout, mapping = crossbar.layout, crossbar.config.mapping
    planes, out = layout.column.shape
    if crossbar.config.converter.subtract == "analog":
        columns = out * (1 if layout.reference is not None else mapping.slices)
    else:
        references = 0 if layout.reference is None else int(torch.unique(layout.reference).numel())
        columns = planes * out + references
    return columns * layout.shape[0]


def source_power_uw(crossbar: Crossbar, rows: Tensor) -> Tensor:
    """Give the power out of the row sources for each reading and row tile.

    Exact for linear cells, and for bent ones at full voltage. With "row_column_mean" wires the currents of that
    approximation are taken as if all rows of a tile were equal.

    Args:
        crossbar: The arrays.
        rows: Inputs on rows as shares of the read voltage, [vectors, row tiles, rows].

    Returns:
        [vectors, row tiles], microwatt, summed over column tiles.
    """
    wires, v = crossbar.config.wires, crossbar.config.v_read
    chord, rows = crossbar.chord_us, rows.double()
    if wires.ir_drop != "exact":
        own = (chord if wires.ir_drop == "none" else crossbar.effective_us).sum((1, 3))
        return v**2 * (rows**2 * own).sum(-1)
    power = rows.new_zeros(rows.shape[:2])
    for k in range(len(chord)):
        if not wires.by_pattern:
            seen = input_conductance(chord[k], wires.word_ohm, wires.bit_ohm).sum(0)
            power[:, k] = ((rows[:, k] @ seen) * rows[:, k]).sum(-1)
            continue
        patterns, which = torch.unique(rows[:, k] != 0, dim=0, return_inverse=True)
        for p, active in enumerate(patterns):
            seen = input_conductance(chord[k], wires.word_ohm, wires.bit_ohm, mode=wires.rows, active=active)
            at = which == p
            power[at, k] = ((rows[at, k] @ seen.sum(0)) * rows[at, k]).sum(-1)
    return v**2 * power
