"""Count what it takes to read inputs from programmed arrays: exact integers, and the power of the currents."""

from __future__ import annotations

import torch
from torch import Tensor

from snn.hardware.crossbar.converters import dac
from snn.hardware.crossbar.ir_drop import input_conductance
from snn.hardware.crossbar.programmed import ProgrammedArray
from snn.hardware.targets.analog_reads import ReadCounts

__all__ = ["count_reads", "source_power_uw"]


@torch.no_grad()
def count_reads(array: ProgrammedArray, x: Tensor, *, samples: int | None = None) -> ReadCounts:
    """Count one reading of each input vector.

    Args:
        array: The arrays.
        x: [T, B, in] or [B, in], as `Crossbar.matmul` takes it; vectors that no machine would read (behind the end
            of a sample) must not be in it.
        samples: Inferences that x covers; None: B.

    Returns:
        The counts; those of two batches add up.

    Raises:
        ValueError: An input of another shape.
    """
    array.check_input(x)
    layout, config = array.layout, array.config
    row_tiles, col_tiles, _, _ = layout.shape
    rows = layout.inputs_to_rows(dac(x, config.converter)).flatten(0, -3)  # [vectors, row tiles, rows]
    driven = rows != 0
    vectors = len(rows)
    active = driven.any(-1)  # [vectors, row tiles]
    per_vector = _conversions(array)
    read, any_read = int(active.sum()), int(active.any(-1).sum())
    per_row_tile = per_vector // row_tiles
    return ReadCounts(
        name=array.name,
        tiles=row_tiles * col_tiles,
        cells=int(array.used.sum()),
        drivers=layout.in_features * col_tiles,
        columns=per_vector,
        samples=x.shape[-2] if samples is None else samples,
        vectors=vectors,
        operations=2 * layout.in_features * layout.out_features * vectors,
        tile_reads=vectors * row_tiles * col_tiles,
        active_tile_reads=read * col_tiles,
        row_drives=int(driven.sum()) * col_tiles,
        conversions=vectors * per_vector,
        active_conversions=read * per_row_tile,
        digits=int(config.mapping.slices > 1),
        partial_sums=vectors * per_row_tile * (row_tiles - 1),
        active_partial_sums=(read - any_read) * per_row_tile,
        source_uw=float(source_power_uw(array, rows).sum()),
    )


def _conversions(array: ProgrammedArray) -> int:
    """Count the conversions of one input vector, all tiles read."""
    layout, mapping = array.layout, array.config.mapping
    planes, out = layout.column.shape
    if array.config.converter.subtract == "analog":
        columns = out * (1 if layout.reference is not None else mapping.slices)
    else:
        references = 0 if layout.reference is None else int(torch.unique(layout.reference).numel())
        columns = planes * out + references
    return columns * layout.shape[0]


def source_power_uw(array: ProgrammedArray, rows: Tensor) -> Tensor:
    """Give the power out of the row sources for each reading and row tile.

    Exact for linear cells, and for bent ones at full voltage. With "row_column_mean" wires the currents of that
    approximation are taken as if all rows of a tile were equal.

    Args:
        array: The arrays.
        rows: Inputs on rows as shares of the read voltage, [vectors, row tiles, rows].

    Returns:
        [vectors, row tiles], microwatt, summed over column tiles.
    """
    wires, v = array.config.wires, array.config.v_read
    chord, rows = array.chord_us, rows.double()
    if wires.ir_drop != "exact":
        own = (chord if wires.ir_drop == "none" else array.effective_us).sum((1, 3))
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
