"""What is refused: hardware, weights and inputs that make no sense, each with the name of what was given."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from crossbars import W

from snn.hardware import (
    ConverterConfig,
    CrossbarConfig,
    DeviceConfig,
    LogRelaxation,
    MappingConfig,
    TileConfig,
    WireConfig,
    device_preset,
    form_random_array,
    program_crossbar,
)


def bad(message, make):
    return pytest.param(message, make, id=message[:40])


@pytest.mark.parametrize(
    ("message", "make"),
    [
        bad(
            r"weight must be \[out, in\] .* got Tensor of shape \[3\]",
            lambda: program_crossbar(torch.ones(3), CrossbarConfig()),
        ),
        bad(
            r"weight\[0, 0\] must be finite, got nan",
            lambda: program_crossbar(torch.full((2, 2), torch.nan), CrossbarConfig()),
        ),
        bad(
            "a: no cell conducts, so no row has a path to ground",
            lambda: program_crossbar(W, CrossbarConfig(DeviceConfig(open_cells=1.0)), name="a"),
        ),
        bad(
            "no cell conducts",
            lambda: form_random_array(
                3,
                3,
                CrossbarConfig(
                    replace(
                        device_preset("rram_random_40nm"),
                        forming=replace(device_preset("rram_random_40nm").forming, voltage_v=1.0),
                    )
                ),
            ),
        ),
        bad("forming must be given in the device", lambda: form_random_array(3, 3, CrossbarConfig())),
        bad(
            "slice_bits must be None for a random array, got 2",
            lambda: form_random_array(
                3, 3, CrossbarConfig(device_preset("rram_random_40nm"), MappingConfig(slice_bits=2))
            ),
        ),
        bad(
            r"x must be \[T, B, 37\] or \[B, 37\] for the arrays 'crossbar', got Tensor of shape \[5\]",
            lambda: program_crossbar(W, CrossbarConfig()).matmul(torch.ones(5)),
        ),
        bad(
            "time_s must be a finite number >= 0, got -1",
            lambda: program_crossbar(W, CrossbarConfig()).at(-1),
        ),
        bad(
            "scheme must be one of 'one_sided', 'two_sided', 'offset', got 'both'",
            lambda: MappingConfig("both"),
        ),
        bad("percentile must be a finite number > 0 and <= 100, got 0", lambda: MappingConfig(percentile=0)),
        bad("slice_bits must be given where slices > 1, .* got None", lambda: MappingConfig(slices=2)),
        bad(
            "scheme must be 'one_sided' where slice_bits is given, got 'offset'",
            lambda: MappingConfig("offset", slice_bits=2),
        ),
        bad("rows must be a whole number >= 1, got 0", lambda: TileConfig(rows=0)),
        bad(
            "cols must be >= 2, .* two columns side by side, got 1",
            lambda: CrossbarConfig(mapping=MappingConfig("offset"), tile=TileConfig(cols=1)),
        ),
        bad(
            "ir_drop must be one of 'none', 'row_column_mean', 'exact', got 'some'",
            lambda: WireConfig("some"),
        ),
        bad("word_ohm must be a finite number >= 0, got inf", lambda: WireConfig("exact", float("inf"))),
        bad(
            "ir_drop must be 'exact' or 'row_column_mean' where wires have resistance, got 'none'",
            lambda: WireConfig(word_ohm=1.0),
        ),
        bad(
            "ir_drop must be 'exact' where rows are 'floating', got 'row_column_mean'",
            lambda: WireConfig("row_column_mean", 1.0, 1.0, "floating"),
        ),
        bad("adc_bits must be a whole number >= 2, got 1", lambda: ConverterConfig(adc_bits=1)),
        bad("adc_range must be a finite number > 0, got 0", lambda: ConverterConfig(adc_range=0)),
        bad(
            "adc_range must be 'full', 'array' or a finite number > 0, got 'wide'",
            lambda: ConverterConfig(adc_range="wide"),
        ),
        bad("dac_range must be a finite number > 0, got 0", lambda: ConverterConfig(dac_range=0)),
        bad("v_read must be a finite number > 0, got 0", lambda: CrossbarConfig(v_read=0)),
        bad(
            "v_read must be <= 0.5, where the I-V fit of the device ends, got 0.6",
            lambda: CrossbarConfig(device_preset("rram_milo2021"), v_read=0.6),
        ),
        bad(
            "levels must be >= 16, for a digit has slice_bits 4, got 8",
            lambda: CrossbarConfig(DeviceConfig(levels=8), MappingConfig(slices=2, slice_bits=4)),
        ),
    ],
)
def test_refusals(message, make):
    with pytest.raises(ValueError, match=message):
        make()


def test_wires_of_a_process_node():
    wires = WireConfig.of_node(22, rows="gated")
    assert (wires.word_ohm, wires.bit_ohm, wires.rows) == (1.6, pytest.approx(4.8), "gated")
    with pytest.raises(ValueError, match="node_nm must be one of 65, 45, 32, 22, got 28"):
        WireConfig.of_node(28)


CONFIGS = [
    MappingConfig(),
    TileConfig(),
    WireConfig("exact"),
    ConverterConfig(),
    CrossbarConfig(),
    DeviceConfig(),
    LogRelaxation(0.1),
    device_preset("pcm_ibm").drift,
    device_preset("pcm_ibm").read_noise,
    device_preset("rram_wan2022").drift,
    device_preset("rram_milo2021").iv,
    device_preset("rram_random_40nm").forming,
]
NUMBERS = [(c, f.name) for c in CONFIGS for f in fields(c) if "float" in f.type or "int" in f.type]


@pytest.mark.parametrize(
    ("config", "name"), NUMBERS, ids=[f"{type(config).__name__}.{name}" for config, name in NUMBERS]
)
@pytest.mark.parametrize("nan", [math.nan, np.float32("nan")], ids=["float", "numpy"])
def test_no_field_takes_nan(config, name, nan):
    value = getattr(config, name)
    first = value[0] if isinstance(value, tuple) and value else None
    bad = ((nan, *first[1:]), *value[1:]) if isinstance(first, tuple) else (nan, *value[1:]) if first else nan
    bad = (nan,) if value == () else bad
    with pytest.raises(ValueError, match=rf"^{name}(\[\d\])* must be .*, got nan$"):
        replace(config, **{name: bad})
