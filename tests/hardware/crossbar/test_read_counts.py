"""Counts of the readings of programmed arrays: by hand, per mapping, and the power of their currents."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from snn.hardware import (
    AnalogCircuit,
    ConverterConfig,
    CrossbarConfig,
    DeviceConfig,
    MappingConfig,
    ReadCounts,
    TileConfig,
    WireConfig,
    analog_energy,
    count_reads,
    program_crossbar,
    solve_nodes,
)

# by hand: 2 tiles of 2 rows for 3 inputs, 2 outputs in pairs of columns
W = torch.tensor([[1.0, -0.5, 0.25], [0.0, 1.0, -1.0]], dtype=torch.float64)
X = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
CONFIG = CrossbarConfig(DeviceConfig(10.0, 50.0), tile=TileConfig(rows=2))


def near(value):
    return pytest.approx(value, rel=1e-12)


def test_counts_by_hand():
    counts = count_reads(program_crossbar(W, CONFIG, name="a"), X)
    assert isinstance(counts, ReadCounts)
    assert (counts.tiles, counts.cells, counts.drivers, counts.columns) == (4, 12, 6, 4)
    assert (counts.samples, counts.vectors, counts.operations) == (4, 4, 48)
    assert (counts.tile_reads, counts.active_tile_reads) == (16, 2 * (1 + 0 + 2 + 1))
    assert counts.row_drives == 2 * 5
    assert (counts.conversions, counts.active_conversions) == (4 * 4, 2 * 4)
    assert (counts.partial_sums, counts.active_partial_sums) == (4 * 2, 2)
    pair = {0: 50 + 10 + 10 + 10, 1: 10 + 30 + 50 + 10, 2: 20 + 10 + 10 + 50}  # uS of each row
    assert counts.source_uw == near(0.04 * (2 * pair[0] + pair[1] + 2 * pair[2]))


@pytest.mark.parametrize(
    ("mapping", "subtract", "columns"),
    [
        (MappingConfig(), "analog", 2),
        (MappingConfig(), "digital", 4),
        (MappingConfig("offset"), "analog", 2),
        (MappingConfig("offset"), "digital", 3),
        (MappingConfig(slices=3, slice_bits=2), "analog", 6),
        (MappingConfig(slices=3, slice_bits=2), "digital", 12),
    ],
)
def test_conversions_follow_the_mapping(mapping, subtract, columns):
    config = CrossbarConfig(mapping=mapping, converter=ConverterConfig(adc_bits=8, subtract=subtract))
    counts = count_reads(program_crossbar(W, config), X)
    assert counts.conversions == 4 * columns
    shifts = analog_energy(counts, AnalogCircuit()).energy(component="shift-add").nominal
    assert shifts == near(counts.active_conversions * 0.021 if mapping.slices > 1 else 0)


@pytest.mark.parametrize("rows", ["grounded", "gated", "floating"])
def test_currents_with_wires_burn_what_cells_and_wires_dissipate(rows):
    """The power of the sources against I^2 R over every cell and segment."""
    config = CrossbarConfig(
        DeviceConfig(10.0, 50.0), tile=TileConfig(rows=2), wires=WireConfig("exact", 300.0, 200.0, rows)
    )
    crossbar = program_crossbar(W, config)
    g, inputs = crossbar.conductance_us.numpy(), crossbar.layout.inputs_to_rows(X).numpy()
    wanted = 0.0
    for k in range(2):
        filled = crossbar.used[k].any(-1).any(0).numpy()
        for tile in g[k][:, filled]:
            for v in inputs[:, k, filled]:
                on = v != 0
                if rows == "floating" and not on.any():
                    continue  # nothing drives the tile
                seen = tile * on[:, None] if rows == "gated" else tile
                solved = solve_nodes(
                    seen, 0.2 * v[None], 300.0, 200.0, driven=on if rows == "floating" else None
                )
                wanted += float(solved.dissipated_uw[0])
    assert count_reads(crossbar, X).source_uw == pytest.approx(wanted, rel=1e-9)


def test_approximate_wires_burn_nearly_the_same():
    def power(drop):
        wires = WireConfig(drop, 30.0, 20.0)
        return count_reads(program_crossbar(W, dataclasses.replace(CONFIG, wires=wires)), X).source_uw

    assert power("row_column_mean") == pytest.approx(power("exact"), rel=0.02)


def test_an_input_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"x must be \[T, B, 3\] or \[B, 3\] for the arrays"):
        count_reads(program_crossbar(W, CONFIG), torch.ones(4))
