"""Converters: by hand, their error, their range, and the bits that lose nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from crossbars import W, X, close, plain
from hypothesis import given, settings
from hypothesis import strategies as st

from snn.hardware import (
    ConverterConfig,
    CrossbarConfig,
    DeviceConfig,
    TileConfig,
    lossless_adc_bits,
    program_crossbar,
)


def test_conversion_by_hand():
    """Currents 0, 1, 2, 3 cells on; 3 bits signed: codes -3..3 of full scale 3 cells."""
    w = torch.eye(1).expand(1, 4)
    x = torch.tril(torch.ones(4, 4))
    converter = ConverterConfig(adc_bits=3, adc_range=3.0)
    y = program_crossbar(w, CrossbarConfig(converter=converter)).matmul(x)
    assert torch.allclose(y[:, 0], torch.tensor([1.0, 2.0, 3.0, 3.0]))  # the fourth is cut off
    coarse = replace(converter, adc_bits=2)
    y = program_crossbar(w, CrossbarConfig(converter=coarse)).matmul(x)
    assert torch.allclose(y[:, 0], torch.tensor([0.0, 3.0, 3.0, 3.0]))  # 1/3 down, 2/3 up
    found = program_crossbar(w, CrossbarConfig(converter=coarse)).diagnose(x)
    assert found.adc_saturation == 0.25


def test_error_of_a_conversion_is_at_most_half_a_step():
    w, x = W.double(), X.double()
    for bits in (4, 6, 8):
        for subtract, codes in (("analog", 2 ** (bits - 1) - 1), ("digital", 2**bits - 1)):
            converter = ConverterConfig(adc_bits=bits, adc_range="full", subtract=subtract)
            y = program_crossbar(w, CrossbarConfig(converter=converter)).matmul(x)
            step = 37 * float(w.abs().max()) / codes
            columns = 1 if subtract == "analog" else 2
            assert float((y - plain(x, w)).abs().max()) <= columns * step / 2 * (1 + 1e-9)
            assert float((y / step - (y / step).round()).abs().max()) < 1e-6


def test_partial_sums_are_converted_before_they_are_added():
    """Each of four tiles rounds away what one tile would count."""
    w, x = torch.full((1, 8), 1.0), torch.ones(1, 8)
    converter = ConverterConfig(adc_bits=2, adc_range=8.0)  # codes -1, 0, 1 of 8 cells: half is 4
    assert program_crossbar(w, CrossbarConfig(converter=converter)).matmul(x).item() == pytest.approx(8.0)
    tiled = CrossbarConfig(converter=converter, tile=TileConfig(rows=2))
    assert program_crossbar(w, tiled).matmul(x).item() == 0.0


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(1, 3), st.integers(1, 4), st.integers(0, 99))
def test_lossless_conversions_lose_nothing(rows, input_bits, cell_bits, seed):
    bits = lossless_adc_bits(rows, input_bits, cell_bits)
    rule = math.log2(rows) + input_bits + cell_bits - (1 if 1 in (input_bits, cell_bits) else 0)
    assert bits <= math.floor(rule) + 1  # the published rule, log2 R + v + w (less one), is never below
    inputs, levels = 2**input_bits - 1, 2**cell_bits - 1
    rng = torch.Generator().manual_seed(seed)
    w = torch.randint(-levels, levels + 1, (3, rows), generator=rng).double()
    w[0] = levels  # the largest sum occurs, and the scale is known
    x = torch.randint(0, inputs + 1, (4, rows), generator=rng).double()
    x[0] = inputs
    converter = ConverterConfig(
        dac_bits=input_bits,
        dac_range=float(inputs),
        adc_bits=bits,
        adc_range=(2**bits - 1) / levels / inputs,
        subtract="digital",
    )
    config = CrossbarConfig(DeviceConfig(levels=levels + 1), converter=converter)
    assert torch.allclose(program_crossbar(w, config).matmul(x), plain(x, w), rtol=0, atol=1e-6)


def test_calibration_fits_the_currents():
    w, x = W.double(), X.double()
    config = CrossbarConfig(tile=TileConfig(16), converter=ConverterConfig(adc_bits=6, adc_range="full"))
    full = program_crossbar(w, config)
    fitted = full.calibrate(x, 100.0)
    assert fitted.diagnose(x).adc_saturation == 0 and fitted.full_scale_us.shape == (3,)
    assert full.full_scale_us is None and fitted.diagnose(x).snr_db > full.diagnose(x).snr_db + 6
    cut = full.calibrate(x, 90.0).diagnose(x)
    assert 0.05 < cut.adc_saturation < 0.15
    with pytest.raises(ValueError, match="percentile must be a finite number > 0 and <= 100, got 0"):
        full.calibrate(x, 0)


def test_a_range_without_conversion_changes_nothing():
    wide = CrossbarConfig(DeviceConfig(read_noise=0.1), converter=ConverterConfig(dac_range=3.0))
    narrow = CrossbarConfig(DeviceConfig(read_noise=0.1))
    assert torch.equal(program_crossbar(W, wide).matmul(X), program_crossbar(W, narrow).matmul(X))
    tiled = CrossbarConfig(converter=ConverterConfig(dac_range=3.0, adc_bits=40), tile=TileConfig(16))
    assert close(program_crossbar(W.double(), tiled).matmul(X.double()), plain(X, W).double(), 1e-6)


def test_inputs_are_converted():
    w = torch.eye(3)
    x = torch.tensor([[0.0, 0.3, 0.9], [1.0, 2.0, 5.0]])
    two = ConverterConfig(dac_bits=2)
    wanted = torch.tensor([[0.0, 1 / 3, 1.0], [1.0, 1.0, 1.0]])
    crossbar = program_crossbar(w, CrossbarConfig(converter=two))
    assert torch.allclose(crossbar.matmul(x), wanted)
    assert crossbar.diagnose(x).dac_saturation == pytest.approx(2 / 5)
    wide = replace(two, dac_range=6.0)
    assert torch.allclose(
        program_crossbar(w, CrossbarConfig(converter=wide)).matmul(x), torch.tensor([[0.0, 0, 0], [0, 2, 4]])
    )
    with pytest.raises(
        ValueError, match="x must be >= 0 where the converters have no signed_input=True, got -1"
    ):
        crossbar.matmul(-torch.ones(1, 3))
    signed = replace(two, dac_bits=3, signed_input=True)
    y = program_crossbar(w, CrossbarConfig(converter=signed)).matmul(torch.tensor([[-1.0, -0.4, 0.2]]))
    assert torch.allclose(y, torch.tensor([[-1.0, -1 / 3, 1 / 3]]))


def test_lossless_bits_by_hand():
    """128 rows: 128 levels and zero need 8 bits; cells of 2 bits 9; inputs of 8 bits 17."""
    assert [lossless_adc_bits(*n) for n in ((1,), (128,), (128, 1, 2), (128, 8, 2))] == [1, 8, 9, 17]
    with pytest.raises(ValueError, match="rows must be a whole number >= 1, got 0"):
        lossless_adc_bits(0)
