"""Hold published numbers of what stands around an array: drivers, converters, adders, pulses, areas."""

from __future__ import annotations

from snn.hardware.targets.constants import Constant, Kind

_ISAAC = (
    "A. Shafiee et al., ISAAC: a convolutional neural network accelerator with in-situ analog arithmetic in "
    "crossbars, ISCA 2016, as itemised in the Accelergy component library"
)
_SCALED = _ISAAC + "; other resolutions scaled from its 8 bits after Saberi et al. 2011"
_NEUROSIM = "DNN+NeuroSim V1.4 (Peng et al.), default of the released code"
_SURVEY = "Accelergy's fit of Murmann's ADC survey at 32 nm, at most 100 MS/s"
_FORMS = "low end: the 4-bit converter of FORMS (Yuan et al., ISCA 2021), same library"


def _isaac(name: str, value: float, unit: str, includes: str, kind: Kind = "simulated") -> Constant:
    return Constant(name, value, unit, "32 nm", kind, includes, _ISAAC)


def _adc(bits: int, value: float, low: float | None, high: float | None, ends: str) -> Constant:
    includes = "one conversion, converter alone; no multiplexer, no reference"
    name = f"adc_{bits}bit"
    return Constant(
        name, value, "pJ/conversion", "32 nm", "derived", includes, _SCALED, None, low, high, ends
    )


ADC = {
    4: _adc(4, 0.79, 0.226, 0.92, f"{_FORMS}; high end: {_SURVEY}"),
    5: _adc(5, 0.99, None, None, ""),
    6: _adc(6, 1.20, 1.06, None, f"low end: {_SURVEY}"),
    7: _adc(7, 1.42, None, None, ""),
    8: _adc(8, 1.67, None, 1.71, f"high end: {_SURVEY}"),
    9: _adc(9, 1.969, None, None, ""),
    10: _adc(10, 2.379, None, 3.3, f"high end: {_SURVEY}"),
}
ADC_UM2 = {4: 361.04, 5: 476.91, 6: 626.91, 7: 845.18, 8: 1200.0, 9: 1827.9, 10: 3002.0}
"""Area of one converter, square micrometres, 32 nm; source as `ADC`."""

ROW_DRIVER = _isaac(
    "row_driver", 0.41667, "pJ/drive", "one row driven for one read by a 1-bit converter, 4 mW over 1024 rows"
)
SHIFT_ADD = _isaac("shift_add", 0.021, "pJ/op", "one 16-bit shift and add behind a converter")
ROW_DRIVER_UM2 = _isaac("row_driver_area", 0.166, "um^2/row", "one 1-bit row driver")
SHIFT_ADD_UM2 = _isaac("shift_add_area", 60.0, "um^2", "one 16-bit shift-and-add unit")
CELL_F2 = Constant(
    "cell_area",
    48.0,
    "F^2/cell",
    "any",
    "derived",
    "a 1T1R cell of 4F x 12F, F the feature size; no select lines at the edge",
    _NEUROSIM + ": the cell pitch behind its wire lengths",
)
READ_PULSE = Constant(
    "read_pulse",
    10.0,
    "ns/read",
    "any",
    "simulated",
    "time for which rows are driven in one read",
    _NEUROSIM,
    None,
    10.0,
    100.0,
    "high end: the array cycle of ISAAC (ISCA 2016)",
)
SET_PULSE = Constant(
    "set_pulse",
    0.6,
    "pJ/pulse",
    "unspecified",
    "simulated",
    "one SET or RESET of one cell, 2 V for 10 ns; no charge pump",
    "NVSim's RRAM cell file",
    None,
    0.6,
    20.0,
    "high end: V I t of a forming-class pulse, 2 V x 100 uA x 100 ns",
)
WRITE_VERIFY = Constant(
    "write_verify_pulses",
    7.0,
    "pulses/cell",
    "unspecified",
    "derived",
    "mean pulses until an analog level is reached; reads in between not counted",
    "an assumption: iterative writing of analog levels takes about 5 to 10 pulses; the middle",
    None,
    5.0,
    10.0,
    "the same assumption",
)
CONVERSION_NS_PER_BIT = Constant(
    "sar_cycle",
    1.0,
    "ns/bit",
    "any",
    "simulated",
    "a successive-approximation conversion of b bits takes b + 1 cycles",
    _NEUROSIM,
)
ONE_PULSE = Constant(
    "forming_pulse",
    1.0,
    "pulses/cell",
    "any",
    "derived",
    "one forming pulse per cell, nothing verified",
    "definition of a random array",
)
LOGIC_NS = Constant(
    "logic_delay",
    1.0,
    "ns",
    "any",
    "derived",
    "time to set the rows, and again to add the partial sums, one clock each",
    "an assumption: a clock of 1 GHz",
)
MEAN_PAIR = Constant(
    "mean_pair_conductance",
    10.0,
    "uS/weight",
    "130 nm",
    "derived",
    "sum of both cells of a pair, one-sided, averaged over nonzero weights",
    "g_max 40 uS (Wan et al., Nature 608, 2022) with weights of a quarter of the largest on average: an assumption",
    None,
    2.0,
    40.0,
    "one twentieth of g_max to g_max: every weight the largest",
)


def _wire(node_nm: int, ohm: float) -> Constant:
    return Constant(
        f"wire_{node_nm}nm",
        ohm,
        "ohm/4F",
        f"{node_nm} nm",
        "derived",
        "copper over four feature sizes, the short pitch of a 1T1R cell; the long one is three times as long",
        _NEUROSIM + ": its resistivity table, without barrier correction (20 % more with it)",
        None,
        ohm,
        round(1.2 * ohm, 3),
        "high end: with the barrier correction",
    )


WIRE = {node: _wire(node, ohm) for node, ohm in ((65, 0.5), (45, 0.7), (32, 1.0), (22, 1.6))}
"""Resistance of a wire over the short pitch of a cell, by node in nanometres."""
