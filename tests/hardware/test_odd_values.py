"""Odd values in every field of the settings of hardware: taken as what, or refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from odd_fields import choice, flag, number, only, optional, sweep, whole

import snn.hardware as hardware

SHARE = number(0, 1)
CRYSTAL = dict.fromkeys(("voltage_v", "mean_v", "g_mean_us"), number())
ROW = only("empty list", "array [1]", "fractions", "empty array", "-100 array", "range", "torch float32 [2]",
           "torch int32 [2]")  # fmt: skip
FILLED = only("array [1]", "torch float32 [2]", "torch int32 [2]")
PAIRS = only("fractions", "-100 array", "torch float32 [2]", "torch int32 [2]")
RISING = only("-100 array", "fractions", "torch float32 [2]", "torch int32 [2]")
RULES: dict[str, dict[str, Any]] = {
    "ConverterConfig": {
        "dac_bits": optional(whole(1)),
        "dac_range": number(above=0),
        "adc_bits": optional(whole(2)),
        "adc_range": number(above=0),
        "subtract": choice(),
        "signed_input": flag(),
    },
    "CrossbarConfig": {
        **dict.fromkeys(("device", "mapping", "tile", "wires", "converter"), only()),
        "v_read": number(above=0),
        "compensate_drift": flag(),
    },
    "CubicIV": {
        "n2": ROW,
        "n3": ROW,
        "fitted_us": only("fractions", "torch float32 [2]", "torch int32 [2]"),
        "v_max": number(above=0),
    },
    "DeviceConfig": {
        "g_min_us": number(0, below=100, named="g_m"),
        "g_max_us": number(above=0),
        "levels": optional(whole(2, 2**53)),
        **dict.fromkeys(("step_us", "d2d", "c2c", "read_noise"), number(0)),
        "sigma_us": ROW,
        "reference_us": optional(number(above=0)),
        **dict.fromkeys(("stuck_low", "stuck_high", "open_cells"), SHARE),
        "t0_s": number(above=0),
        **dict.fromkeys(("drift", "iv", "forming"), only("None")),
    },
    "FlickerNoise": {
        "scale": number(0),
        "exponent": number(),
        "limit": number(0),
        "t_read_s": number(above=0),
    },
    "Forming": {
        **CRYSTAL,
        "sigma_v": number(above=0),
        "g_sigma_us": number(above=0),
        "g_low_us": number(0, below=50, named="g_"),
        "g_high_us": number(above=1),
    },
    "LogRelaxation": {"mean_us": number(), "sigma_us_per_ln": number(0), "sigma_us": number(0)},
    "MappingConfig": {
        "scheme": choice(),
        "scale": choice(),
        "percentile": number(above=0, high=100),
        "slices": whole(1),
        "slice_bits": optional(whole(1)),
        "pairs": choice(),
    },
    "PowerLawDrift": {
        **dict.fromkeys(("nu_mean", "nu_sigma"), PAIRS),
        **dict.fromkeys(("nu_mean_range", "nu_sigma_range"), RISING),
    },
    "SigmaTable": {
        "times_s": only("array [1]"),
        "sigma_us": only(),
    },
    "TileConfig": {"rows": optional(whole(1)), "cols": optional(whole(1))},
    "WireConfig": {"ir_drop": choice(), "word_ohm": number(0), "bit_ohm": number(0), "rows": choice()},
    "AnalogCircuit": {
        "adc_bits": whole(4, 10),
        "gated": flag(),
        "columns_per_adc": whole(1),
        "feature_nm": number(above=0),
        "leakage_uw_per_tile": number(0),
        "pulses": only(),
    },
    "DenseNetwork": {"number": choice(), "schedule": choice()},
    "RramCrossbar": {
        "rows": whole(1),
        "cols": whole(2),
        "v_read": number(above=0),
        "circuit": only(),
        "pair": only(),
        "name": only("'no'", "'3'", "numpy text"),
    },
    "Loihi1": {"neurons_per_core": whole(1)},
    "LoihiBoard": {"neurons_per_core": whole(1)},
    "TrueNorth": {"core_size": whole(1), "step_ms": number(above=0)},
    "ConvShape": dict.fromkeys(("in_channels", "out_channels", "out_size"), whole(1)),
}
NEEDED: dict[str, dict[str, Any]] = {
    "CubicIV": {"n2": (), "n3": (), "fitted_us": (1.0, 2.0), "v_max": 1.0},
    "FlickerNoise": {"scale": 0.1, "exponent": 1.0, "limit": 0.2, "t_read_s": 1.0},
    "Forming": {
        **dict.fromkeys(("voltage_v", "mean_v", "sigma_v", "g_mean_us", "g_sigma_us"), 1.0),
        "g_low_us": 1.0,
        "g_high_us": 50.0,
    },
    "LogRelaxation": {"mean_us": 0.1},
    "PowerLawDrift": {"nu_mean": (0.0, 0.1), "nu_mean_range": (0.0, 0.1)},
    "SigmaTable": {"times_s": (1.0,), "sigma_us": ((0.1,),)},
    "DenseNetwork": {"number": "int8"},
    "ConvShape": {"in_channels": 1, "out_channels": 1, "out_size": 1},
}
BESIDE = {
    ("MappingConfig", "slices"): {"slice_bits": 2},
    **{("WireConfig", name): {"ir_drop": "exact"} for name in ("word_ohm", "bit_ohm")},
}


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, rules in RULES.items() for field in rules]
)
def test_odd_values_are_read_right_or_refused_by_name(name, field):
    kind, beside = getattr(hardware, name), {**NEEDED.get(name, {}), **BESIDE.get((name, field), {})}
    assert not sweep(lambda **given: kind(**{**beside, **given}), field, RULES[name][field])
