"""Keep published numbers of what stands around an array: drivers, converters, adders, pulses, areas."""

from __future__ import annotations

from functools import partial

from snn.hardware.targets.constant import Constant

_ISAAC = (
    "A. Shafiee et al., ISAAC: a convolutional neural network accelerator with in-situ analog arithmetic in "
    "crossbars, ISCA 2016, as itemised in the Accelergy component library"
)
_SCALED = _ISAAC + "; other resolutions scaled from its 8 bits after Saberi et al. 2011"
_NEUROSIM = "DNN+NeuroSim V1.4 (Peng et al.), default of the released code"
_SURVEY = "Accelergy's fit of Murmann's ADC survey at 32 nm, at most 100 MS/s"
_FORMS = "low end: the 4-bit converter of FORMS (Yuan et al., ISCA 2021), same library"

_isaac = partial(Constant, node="32 nm", kind="simulated", source=_ISAAC)
_converter = partial(Constant, node="32 nm", kind="derived", source=_SCALED)


def _adc(
    bits: int, value: float, low: float | None = None, high: float | None = None, ends: str = ""
) -> Constant:
    return _converter(
        f"adc_{bits}bit",
        value,
        "pJ/conversion",
        includes="one conversion, converter alone; no multiplexer, no reference",
        low=low,
        high=high,
        range_source=ends,
    )


ADC = {
    4: _adc(4, 0.79, 0.226, 0.92, f"{_FORMS}; high end: {_SURVEY}"),
    5: _adc(5, 0.99),
    6: _adc(6, 1.20, 1.06, None, f"low end: {_SURVEY}"),
    7: _adc(7, 1.42),
    8: _adc(8, 1.67, None, 1.71, f"high end: {_SURVEY}"),
    9: _adc(9, 1.969),
    10: _adc(10, 2.379, None, 3.3, f"high end: {_SURVEY}"),
}
"""Energy of one conversion, by bits."""

ADC_AREA = {
    bits: _converter(f"adc_{bits}bit_area", um2, "um^2", includes="one converter")
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
)
ROW_DRIVER_AREA = _isaac("row_driver_area", 0.166, "um^2/row", includes="one 1-bit row driver")
SHIFT_ADD = _isaac("shift_add", 0.021, "pJ/op", includes="one 16-bit shift and add behind a converter")
SHIFT_ADD_AREA = _isaac("shift_add_area", 60.0, "um^2", includes="one 16-bit shift-and-add unit")

CELL_AREA = Constant(
    name="cell_area",
    value=48.0,
    unit="F^2/cell",
    node="any",
    kind="derived",
    includes="a 1T1R cell of 4F x 12F, F the feature size; no select lines at the edge",
    source=_NEUROSIM + ": the cell pitch behind its wire lengths",
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
)
CONVERSION_NS_PER_BIT = Constant(
    name="sar_cycle",
    value=1.0,
    unit="ns/bit",
    node="any",
    kind="simulated",
    includes="a successive-approximation conversion of b bits takes b + 1 cycles",
    source=_NEUROSIM,
)
LOGIC_NS = Constant(
    name="logic_delay",
    value=1.0,
    unit="ns",
    node="any",
    kind="derived",
    includes="time to set the rows, and again to add the partial sums, one clock each",
    source="an assumption: a clock of 1 GHz",
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
