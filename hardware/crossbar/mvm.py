"""Read programmed arrays: inputs to voltages, currents of every tile to numbers, numbers to sums."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from snn.core.checks import number
from snn.hardware.crossbar.converters import adc, dac
from snn.hardware.crossbar.ir_drop import effective_conductance, row_column_mean_conductance
from snn.hardware.crossbar.programmed import ProgrammedArray
from snn.hardware.crossbar.programming import read_normals

__all__ = [
    "calibrated_full_scale",
    "converter_inputs",
    "full_scale",
    "matmul",
    "multiply_tiles",
    "tile_currents",
]


def matmul(array: ProgrammedArray, x: Tensor, step: int, sample: int) -> Tensor:
    """Do what `Crossbar.matmul` says."""
    array.check_input(x)
    converter = array.config.converter
    share = dac(x, converter)
    if _is_one_product(array, share):
        driven = x if converter.dac_bits is None else share * converter.dac_range
        y = torch.nn.functional.linear(driven, array.weight().to(x.dtype))
        return y if array.is_deterministic else y + _output_noise(array, driven, y, step, sample)
    columns = tile_currents(array, share)
    if not array.is_deterministic:
        columns = columns + _column_noise(array, share, columns, step, sample)
    numbers = converter_inputs(array, columns)
    if converter.adc_bits is not None:
        numbers = adc(numbers, full_scale(array).to(x.dtype)[:, None], converter)
    return _sum_tiles(array, numbers) * (converter.dac_range * array.gain)


def _is_one_product(array: ProgrammedArray, share: Tensor) -> bool:
    """Whether nothing stands between the cells and the output but sums."""
    config = array.config
    if config.converter.adc_bits is not None or config.wires.by_pattern:
        return False
    if not array.is_deterministic and array.layout.reference is not None:
        return False  # outputs of one reference column share its noise
    return config.device.iv is None or bool((share * share == share).all())


def tile_currents(array: ProgrammedArray, share: Tensor) -> Tensor:
    """Give the current of every column of every tile, without noise.

    Args:
        array: The arrays.
        share: Inputs as shares of the read voltage, [..., in].

    Returns:
        [..., row tiles, column tiles x cols], microampere per volt of the read voltage.
    """
    rows = array.layout.inputs_to_rows(share)
    if array.config.wires.by_pattern:
        columns = _currents_by_pattern(array, rows)
    else:
        columns = multiply_tiles(rows, array.effective_us.to(share.dtype))
    iv, v = array.config.device.iv, array.config.v_read
    if iv is None or bool((rows * rows == rows).all()):
        return columns  # at 0 or the full voltage the chord conductance is exact
    n2, n3 = (term.to(share.dtype) for term in iv.terms(array.conductance_us))
    return columns + v * multiply_tiles(rows**2 - rows, n2) + v**2 * multiply_tiles(rows**3 - rows, n3)


def multiply_tiles(rows: Tensor, tiles: Tensor) -> Tensor:
    """Multiply rows [..., row tiles, rows] by tiles: [..., row tiles, column tiles x cols]."""
    wide = tiles.transpose(1, 2).flatten(2)
    return torch.stack([rows[..., k, :] @ wide[k] for k in range(len(wide))], -2)


def _currents_by_pattern(array: ProgrammedArray, rows: Tensor) -> Tensor:
    """Solve every tile once for each pattern of driven rows that occurs."""
    wires, chord = array.config.wires, array.chord_us
    flat = rows.reshape(-1, *rows.shape[-2:])
    found = []
    for k in range(len(chord)):
        patterns, which = torch.unique(flat[:, k] != 0, dim=0, return_inverse=True)
        total = flat.new_zeros(len(flat), chord.shape[1] * chord.shape[3])
        for p, active in enumerate(patterns):
            if not bool(active.any()):
                continue
            if wires.ir_drop == "exact":
                tiles = effective_conductance(
                    chord[k], wires.word_ohm, wires.bit_ohm, mode=wires.rows, active=active
                )
            else:
                tiles = row_column_mean_conductance(chord[k] * active[:, None], wires.word_ohm, wires.bit_ohm)
            at = (which == p).nonzero()[:, 0]
            wide = tiles.to(flat.dtype).transpose(0, 1).flatten(1)
            total = total.index_add(0, at, flat[at, k] @ wide)
        found.append(total)
    return torch.stack(found, 1).reshape(*rows.shape[:-1], -1)


def converter_inputs(array: ProgrammedArray, columns: Tensor) -> Tensor:
    """Give what is converted: columns as they are, or differences of pairs and references, [..., row tiles, n]."""
    if array.config.converter.subtract == "digital":
        return columns
    planes = array.layout.columns_to_planes(columns)
    if array.layout.reference is None:
        planes = planes[..., 0::2, :] - planes[..., 1::2, :]
    return planes.flatten(-2)


def _sum_tiles(array: ProgrammedArray, numbers: Tensor) -> Tensor:
    """Add the numbers of all tiles and digits, each at its place: [..., out]."""
    layout, per_us = array.layout, array.encoded.weight_per_us.to(numbers.dtype)
    whole = numbers.sum(-2)
    if array.config.converter.subtract == "digital":
        return (layout.columns_to_planes(whole) * per_us).sum(-2)
    per_us = per_us[0::2] if layout.reference is None else per_us
    return (whole.reshape(*whole.shape[:-1], *per_us.shape) * per_us).sum(-2)


def full_scale(array: ProgrammedArray) -> Tensor:
    """Give the full scale of the conversions of each row tile, [row tiles], microsiemens at full voltage."""
    converter, device = array.config.converter, array.config.device
    row_tiles, _, rows, _ = array.layout.shape
    span = device.g_max_us - device.g_min_us
    if array.full_scale_us is not None:
        return array.full_scale_us
    if converter.adc_range == "array":
        seen = converter_inputs(array, array.effective_us.detach().permute(2, 0, 1, 3).flatten(-2))
        if converter.signed_input:
            return seen.abs().sum(0).amax(-1)
        return torch.maximum(seen.clamp(min=0).sum(0), (-seen).clamp(min=0).sum(0)).amax(-1)
    if converter.adc_range == "full":
        largest = rows * (device.g_max_us if converter.subtract == "digital" else span)
    else:
        largest = float(converter.adc_range) * span
    return torch.full((row_tiles,), largest, dtype=torch.float64)


def calibrated_full_scale(array: ProgrammedArray, x: Tensor, percentile: float) -> Tensor:
    """Find the full scale of each row tile from the currents of x, [row tiles]."""
    percentile = number("percentile", percentile, above=0.0, high=100.0)
    array.check_input(x)
    with torch.no_grad():
        seen = converter_inputs(array, tile_currents(array, dac(x, array.config.converter))).abs()
        tiles = seen.flatten(0, -3).transpose(0, 1).flatten(1).double().cpu().numpy()
    return torch.from_numpy(np.percentile(tiles, percentile, axis=1))


def _column_noise(array: ProgrammedArray, share: Tensor, columns: Tensor, step: int, sample: int) -> Tensor:
    """Draw the read noise of every column: independent cells add in power."""
    rows = array.layout.inputs_to_rows(share.detach())
    power = multiply_tiles(rows**2, array.cell_variance.to(share.dtype))
    z = _normals(array, share, columns.shape[-2:].numel(), step, sample)
    return power.sqrt() * z.reshape(columns.shape)


def _output_noise(array: ProgrammedArray, driven: Tensor, y: Tensor, step: int, sample: int) -> Tensor:
    """Draw the read noise of every output of a pair mapping, the sum over its columns in one."""
    power = driven.detach() ** 2 @ array.output_variance.to(y.dtype)
    z = _normals(array, driven, array.out_features, step, sample)
    return power.sqrt() * z.reshape(y.shape)


def _normals(array: ProgrammedArray, share: Tensor, count: int, step: int, sample: int) -> Tensor:
    """Draw `count` standard normals per step and sample, keyed by both."""
    steps, batch = (share.shape[0], share.shape[1]) if share.dim() == 3 else (1, share.shape[0])
    who, name = np.arange(sample, sample + batch), f"{array.name}/read"
    drawn = torch.empty(steps, batch, count, dtype=share.dtype)
    for t in range(steps):  # one step at a time: hashes take ten times the memory of what they give
        drawn[t] = read_normals(array.seed, name, step + t, who, count)
    return drawn.to(share.device)
