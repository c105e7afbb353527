"""Keep published numbers of what stands around an array: drivers, converters, adders, pulses, areas."""

from __future__ import annotations

import math
from functools import partial

from snn.hardware.targets.constant import ALONE, Constant

_ISAAC = (
    "A. Shafiee et al., ISAAC: a convolutional neural network accelerator with in-situ analog arithmetic in "
    "crossbars, ISCA 2016, as itemised in the Accelergy component library"
)
_SCALED = _ISAAC + "; other resolutions scaled from its 8 bits after Saberi et al. 2011"
_NEUROSIM = "DNN+NeuroSim V1.4 (Peng et al.), default of the released code"
_RANGE = (
    "low end: NeuroSim's fit of a SAR converter, 32 nm, behind a column of 100 kohm (DNN+NeuroSim V1.4); high end: "
    "Accelergy's fit of Murmann's ADC survey, 130 nm, at most 100 MS/s"
)
_isaac = partial(Constant, node="32 nm", kind="simulated", source=_ISAAC)
_converter = partial(Constant, node="32 nm", kind="derived", source=_SCALED)


def _sar_pj(bits: int) -> float:
    """Price a conversion as NeuroSim does: ((a b + c) uW + k exp(d log10 R) W) (b + 1) ns, 32 nm, R = 100 kohm."""
    power_uw = 1.1294 * bits + 8.8998 + 1e6 * 0.079449 * math.exp(-2.297 * 5)
    return 1e-3 * power_uw * (bits + 1)


def _adc(bits: int, value: float, survey: float, between: bool = False) -> Constant:
    middle = " (geometric mean of its neighbours, which the fit was evaluated at)" if between else ""
    return _converter(
        f"adc_{bits}bit",
        value,
        "pJ/conversion",
        includes="one conversion, converter alone; no multiplexer, no reference",
        low=_sar_pj(bits),
        high=survey,
        range_source=_RANGE + middle,
    )


ADC = {
    4: _adc(4, 0.79, 12.9),
    5: _adc(5, 0.99, 13.8, between=True),
    6: _adc(6, 1.20, 14.8),
    7: _adc(7, 1.42, 18.8, between=True),
    8: _adc(8, 1.67, 23.9),
    9: _adc(9, 1.969, 33.2, between=True),
    10: _adc(10, 2.379, 46.0),
}
"""Energy of one conversion, by bits."""

ADC_AREA = {
    bits: _converter(f"adc_{bits}bit_area", um2, "um^2", includes="one converter", range_source=ALONE)
    for bits, um2 in {
        4: 361.04, 5: 476.91, 6: 626.91, 7: 845.18, 8: 1200.0, 9: 1827.9, 10: 3002.0,
    }.items()
}  # fmt: skip
"""Area of one converter, by bits."""

ROW_DRIVER = _isaac(
    "row_driver",
    0.41667,
    "pJ/drive",
    includes="one row driven for one read by a 1-bit converter, 4 mW over 1024 rows",
    low=0.0375,
    range_source="low end: the digital-to-time converter of TIMELY (Li et al., ISCA 2020), 65 nm, same library",
)
ROW_DRIVER_AREA = _isaac(
    "row_driver_area", 0.166, "um^2/row", includes="one 1-bit row driver", range_source=ALONE
)
SHIFT_ADD = _isaac(
    "shift_add",
    0.021,
    "pJ/op",
    includes="one 16-bit shift and add behind a converter",
    high=0.1,
    range_source="high end: the shift-add of Wan et al. 2022 per step, 130 nm, same library",
)
SHIFT_ADD_AREA = _isaac(
    "shift_add_area", 60.0, "um^2", includes="one 16-bit shift-and-add unit", range_source=ALONE
)

CELL_AREA = Constant(
    name="cell_area",
    value=48.0,
    unit="F^2/cell",
    node="any",
    kind="derived",
    includes="a 1T1R cell of 4F x 12F, F the feature size; no select lines at the edge",
    source=_NEUROSIM + ": the cell pitch behind its wire lengths",
    range_source=ALONE,
)
READ_PULSE = Constant(
    name="read_pulse",
    value=10.0,
    unit="ns/read",
    node="any",
    kind="simulated",
    includes="time for which rows are driven in one read",
    source=_NEUROSIM,
    low=10.0,
    high=100.0,
    range_source="high end: the array cycle of ISAAC (ISCA 2016)",
)
SET_PULSE = Constant(
    name="set_pulse",
    value=0.6,
    unit="pJ/pulse",
    node="unspecified",
    kind="simulated",
    includes="one SET or RESET of one cell, 2 V for 10 ns; no charge pump",
    source="NVSim's RRAM cell file",
    low=0.6,
    high=20.0,
    range_source="high end: V I t of a forming-class pulse, 2 V x 100 uA x 100 ns",
)
WRITE_VERIFY = Constant(
    name="write_verify_pulses",
    value=7.0,
    unit="pulses/cell",
    node="unspecified",
    kind="derived",
    includes="mean pulses until an analog level is reached; reads in between not counted",
    source="an assumption: iterative writing of analog levels takes about 5 to 10 pulses; the middle",
    low=5.0,
    high=10.0,
    range_source="the same assumption",
)
ONE_PULSE = Constant(
    name="forming_pulse",
    value=1.0,
    unit="pulses/cell",
    node="any",
    kind="derived",
    includes="one forming pulse per cell, nothing verified",
    source="definition of a random array",
    range_source="a definition has no range",
)
CONVERSION_NS_PER_BIT = Constant(
    name="sar_cycle",
    value=1.0,
    unit="ns/bit",
    node="any",
    kind="simulated",
    includes="a successive-approximation conversion of b bits takes b + 1 cycles",
    source=_NEUROSIM,
    low=0.093,
    high=1.11,
    range_source="8 bits: low end the 1.2 GS/s of ISAAC's converter, high end the 100 MS/s of the survey fit",
)
LOGIC_NS = Constant(
    name="logic_delay",
    value=1.0,
    unit="ns",
    node="any",
    kind="derived",
    includes="time to set the rows, and again to add the partial sums, one clock each",
    source="an assumption: a clock of 1 GHz",
    low=0.83,
    high=10.0,
    range_source="low end: the 1.2 GHz of ISAAC; high end: 100 MHz, an assumption",
)
MEAN_PAIR = Constant(
    name="mean_pair_conductance",
    value=10.0,
    unit="uS/weight",
    node="130 nm",
    kind="derived",
    includes="sum of both cells of a pair, one-sided, averaged over nonzero weights",
    source=(
        "g_max 40 uS (Wan et al., Nature 608, 2022) with weights of a quarter of the largest on average: "
        "an assumption"
    ),
    low=2.0,
    high=40.0,
    range_source="one twentieth of g_max to g_max: every weight the largest",
)


def _wire(node_nm: int, ohm: float) -> Constant:
    return Constant(
        name=f"wire_{node_nm}nm",
        value=ohm,
        unit="ohm/4F",
        node=f"{node_nm} nm",
        kind="derived",
        includes=(
            "copper over four feature sizes, the short pitch of a 1T1R cell; the long one is three times as long"
        ),
        source=_NEUROSIM + ": its resistivity table, without barrier correction (20 % more with it)",
        low=ohm,
        high=round(1.2 * ohm, 3),
        range_source="high end: with the barrier correction",
    )


WIRE = {node: _wire(node, ohm) for node, ohm in ((65, 0.5), (45, 0.7), (32, 1.0), (22, 1.6))}
"""Resistance of a wire over the short pitch of a cell, by node in nanometres."""
