"""Keep Horowitz's energies of operators and memories at 45 nm."""

from __future__ import annotations

from functools import partial

from snn.hardware.targets.constant import ALONE, Constant

_horowitz = partial(
    Constant,
    node="45 nm",
    kind="simulated",
    source=(
        "M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, "
        "pp. 10-14; read in a reprint"
    ),
    voltage_v=0.9,
)
_operator = partial(_horowitz, unit="pJ/op")
_memory = partial(_horowitz, unit="pJ/64-bit access")

_ALONE = "the operator alone: no operand fetch, no control, no leakage"
_ALADDIN = "high end: Accelergy's Aladdin library, 40 nm, the same operator"

_WIDE = "high end: the int32 adder of the same table, as wide as the sum that it adds to"
_SQUARE = (
    "high end: Aladdin's 32-bit multiplier (12.68 pJ, 40 nm), its energy taken as the square of the width"
)

FP32_ADD = _operator("fp32_add", 0.9, includes=_ALONE, range_source=ALONE)
FP32_MULT = _operator("fp32_mult", 3.7, includes=_ALONE, range_source=ALONE)
FP32_MAC = _operator(
    "fp32_mac", 4.6, includes="one fp32_mult and one fp32_add; " + _ALONE, range_source=ALONE
)
INT32_ADD = _operator("int32_add", 0.1, includes=_ALONE, high=0.21, range_source=_ALADDIN)
INT32_MULT = _operator("int32_mult", 3.1, includes=_ALONE, high=12.68, range_source=_ALADDIN)
INT8_ADD = _operator("int8_add", 0.03, includes=_ALONE, high=0.1, range_source=_WIDE)
INT8_MULT = _operator("int8_mult", 0.2, includes=_ALONE, high=12.68 / 16, range_source=_SQUARE)
INT8_MAC = _operator(
    "int8_mac",
    0.23,
    includes="one int8_mult and one int8_add; " + _ALONE,
    high=12.68 / 16 + 0.1,
    range_source="the ends of int8_mult and int8_add",
)

_ACCESS = "one 64-bit access, read or write; no leakage"
_PER_WORD = "high end: the same prices charged per 32-bit word (Lemaire et al. 2022 and SpikingJelly)"
_DRAM_ENDS = "both ends are Horowitz's"

SRAM_8K = _memory("sram_8KiB", 10.0, includes=_ACCESS, high=20.0, range_source=_PER_WORD)
SRAM_32K = _memory("sram_32KiB", 20.0, includes=_ACCESS, high=40.0, range_source=_PER_WORD)
SRAM_1M = _memory("sram_1MiB", 100.0, includes=_ACCESS, high=200.0, range_source=_PER_WORD)
DRAM = _memory("dram", 1300.0, includes=_ACCESS + ", no refresh", high=2600.0, range_source=_DRAM_ENDS)
SRAM = (SRAM_8K, SRAM_32K, SRAM_1M)
