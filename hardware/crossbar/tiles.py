"""Lay the cells of a weight onto tiles, and find every output's columns again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snn.hardware.crossbar.config import CrossbarConfig

__all__ = ["TileLayout", "cut_into_tiles"]


@dataclass(frozen=True, eq=False)
class TileLayout:
    """Say where each cell lies: tiles [row tiles, column tiles, rows, cols].

    Unused rows lie on top and unused columns at the right, far from grounds and sources, where they change nothing.
    Arrays of one weight (planes) stand side by side as further column tiles.

    Attributes:
        shape: (row tiles, column tiles, rows, cols).
        row: Place of each input among all rows, [in].
        column: Place of each output of each plane among all columns, [planes, out].
        reference: Place of the reference column that each output is read against, [planes, out]; None: pairs.
    """

    shape: tuple[int, int, int, int]
    row: Tensor
    column: Tensor
    reference: Tensor | None

    @property
    def in_features(self) -> int:
        """Inputs."""
        return len(self.row)

    @property
    def out_features(self) -> int:
        """Outputs."""
        return self.column.shape[1]

    def planes_to_tiles(self, planes: Tensor, reference: float) -> Tensor:
        """Put cells [planes, in, out] at their places; reference cells take the value given, unused places 0."""
        row_tiles, col_tiles, rows, cols = self.shape
        flat = planes.new_zeros(len(self.row), col_tiles * cols)
        flat = flat.index_copy(1, self.column.flatten(), planes.transpose(0, 1).flatten(1))
        if self.reference is not None:
            flat = flat.index_fill(1, self.reference.flatten(), reference)
        whole = planes.new_zeros(row_tiles * rows, col_tiles * cols).index_copy(0, self.row, flat)
        return whole.reshape(row_tiles, rows, col_tiles, cols).transpose(1, 2).contiguous()

    def tiles_to_planes(self, tiles: Tensor) -> Tensor:
        """Read cells [row tiles, column tiles, rows, cols] as planes [planes, in, out], less the reference column.

        Planes of pairs are given as they are, for their signs stand in `EncodedWeight.weight_per_us`.
        """
        row_tiles, col_tiles, rows, cols = self.shape
        flat = tiles.transpose(1, 2).reshape(row_tiles * rows, col_tiles * cols)[self.row]
        return self.columns_to_planes(flat).transpose(0, 1)

    def columns_to_planes(self, columns: Tensor) -> Tensor:
        """Find the columns of each plane, less the reference: [..., all columns] to [..., planes, out]."""
        found = columns[..., self.column.flatten()]
        if self.reference is not None:
            found = found - columns[..., self.reference.flatten()]
        return found.reshape(*columns.shape[:-1], *self.column.shape)

    def inputs_to_rows(self, x: Tensor) -> Tensor:
        """Put inputs [..., in] on their rows: [..., row tiles, rows]."""
        row_tiles, _, rows, _ = self.shape
        if row_tiles * rows != len(self.row):
            x = x.new_zeros(*x.shape[:-1], row_tiles * rows).index_copy(-1, self.row, x)
        return x.reshape(*x.shape[:-1], row_tiles, rows)

    def used(self) -> Tensor:
        """Mark places that hold a cell: bool, the shape of the tiles."""
        planes = torch.ones(len(self.column), len(self.row), self.out_features, device=self.row.device)
        return self.planes_to_tiles(planes, 1.0) > 0


def cut_into_tiles(
    in_features: int, out_features: int, config: CrossbarConfig, device: torch.device | None = None
) -> TileLayout:
    """Give every cell of a weight [out, in] its place on tiles.

    Args:
        in_features: Inputs, one row each.
        out_features: Outputs, one column per plane each.
        config: Mapping and size of tiles.
        device: Where the weight lies; None: the processor.

    Returns:
        The layout.
    """
    rows = min(in_features, config.tile.rows or in_features)
    row_tiles = -(-in_features // rows)
    number = torch.arange(in_features)
    in_last = in_features - (row_tiles - 1) * rows  # inputs of the last tile, which lie at its bottom
    row = number + (number >= (row_tiles - 1) * rows) * (rows - in_last)

    planes, offset = config.mapping.planes, config.mapping.scheme == "offset"
    side_by_side = config.mapping.pairs == "interleaved" and not offset
    width = 2 if side_by_side else 1  # columns of an output within an array
    cols = config.tile.cols or width * out_features + offset
    cols = min(cols, width * out_features + offset)
    per_tile = (cols - offset) // width  # outputs in a tile
    tiles = -(-out_features // per_tile)
    out = torch.arange(out_features)
    place = (out // per_tile) * cols + (out % per_tile) * width  # within an array
    array = torch.arange(planes) // width
    column = (array * tiles * cols + (torch.arange(planes) % width))[:, None] + place
    reference = None
    if offset:  # the reference column stands right of the last output of its tile
        held = torch.minimum(out_features - (out // per_tile) * per_tile, torch.tensor(per_tile))
        reference = ((out // per_tile) * cols + held)[None].to(device)
    shape = (row_tiles, (planes // width) * tiles, rows, cols)
    return TileLayout(shape, row.to(device), column.to(device), reference)
