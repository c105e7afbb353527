"""Say how weights lie on arrays: mapping, tiles, wires, converters. Plain values, checked when made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from snn.core.checks import choice, flag, instance, keep, number, refusal, shown, whole
from snn.hardware.crossbar.device import DeviceConfig
from snn.hardware.crossbar.ir_drop import RowMode
from snn.hardware.targets.analog_constants import WIRE

__all__ = [
    "AdcRange",
    "ConverterConfig",
    "CrossbarConfig",
    "IrDrop",
    "MappingConfig",
    "Pairs",
    "Scheme",
    "TileConfig",
    "WireConfig",
    "check_config",
]

Scheme = Literal["one_sided", "two_sided", "offset"]
Scale = Literal["tensor", "column"]
Pairs = Literal["separate", "interleaved"]
IrDrop = Literal["none", "row_column_mean", "exact"]
"""How the loss of wires is found; see `WireConfig`."""
AdcRange = Literal["full", "array"]
Subtract = Literal["analog", "digital"]


@dataclass(frozen=True, slots=True)
class MappingConfig:
    """Say how a signed weight becomes conductances.

    Attributes:
        scheme: "one_sided": a pair, G+ = Gmin + s max(W, 0) and G- = Gmin + s max(-W, 0); "two_sided": a pair
            around the middle, G+- = (Gmax + Gmin) / 2 +- s W / 2; "offset": one cell around the middle, read
            against a reference column in the same tile, G = (Gmax + Gmin) / 2 + s W / 2.
        scale: One s = (Gmax - Gmin) / max |W| for the whole "tensor", or for each output ("column").
        percentile: Share of |W|, in percent, that the range must hold; larger weights are clipped. In (0, 100].
        slices: Pairs of cells per weight; more than one cuts the weight into digits.
        slice_bits: Bits of a digit: the weight is a signed whole number of slices x slice_bits bits, its digits
            are read apart and added with shifts. Needed with more than one slice, and "one_sided".
        pairs: G+ and G- in "separate" arrays, or side by side ("interleaved") on one word line.

    Raises:
        ValueError: An unknown choice, or a value out of range.
    """

    scheme: Scheme = "one_sided"
    scale: Scale = "tensor"
    percentile: float = 100.0
    slices: int = 1
    slice_bits: int | None = None
    pairs: Pairs = "separate"

    def __post_init__(self) -> None:
        choice("scheme", self.scheme, Scheme)
        choice("scale", self.scale, Scale)
        choice("pairs", self.pairs, Pairs)
        keep(self, number, "percentile", above=0.0, high=100.0)
        keep(self, whole, "slices", low=1)
        keep(self, whole, "slice_bits", low=1, optional=True)
        if self.slice_bits is not None and self.scheme != "one_sided":
            raise refusal("scheme", "'one_sided' where slice_bits is given", self.scheme)
        if self.slice_bits is None and self.slices > 1:
            raise refusal("slice_bits", "given where slices > 1, for it says how wide a digit is", None)

    @property
    def planes(self) -> int:
        """Cells per weight."""
        return 1 if self.scheme == "offset" else 2 * self.slices


@dataclass(frozen=True, slots=True)
class TileConfig:
    """Cut a matrix into arrays of at most `rows` x `cols` cells.

    Tiles are filled to their edge; the last ones hold the rest, next to sources and grounds. With interleaved pairs
    a tile holds cols / 2 outputs, with a reference column cols - 1.

    Attributes:
        rows: Word lines of a tile; None: as many as there are inputs.
        cols: Bit lines of a tile; None: as many as are needed.

    Raises:
        ValueError: A size that is not a whole number >= 1.
    """

    rows: int | None = None
    cols: int | None = None

    def __post_init__(self) -> None:
        keep(self, whole, "rows", "cols", low=1, optional=True)


@dataclass(frozen=True, slots=True)
class WireConfig:
    """Say what the wires of a tile cost.

    Attributes:
        ir_drop: "none": ideal wires; "exact": `effective_conductance`; "row_column_mean":
            `row_column_mean_conductance`, its approximation by the mean loss of each row and of each column.
        word_ohm: Resistance of a word line segment, ohm, >= 0.
        bit_ohm: Resistance of a bit line segment, ohm, >= 0.
        rows: What a row without input is: "grounded" (0 V), "gated" (cut off by its transistors) or "floating".
            With ideal wires all three read the same. With wires the latter two depend on the pattern of input,
            and each pattern is solved; "row_column_mean" has no floating rows.

    Raises:
        ValueError: An unknown choice, a resistance out of range, or resistances that `ir_drop` does not use.
    """

    ir_drop: IrDrop = "none"
    word_ohm: float = 0.0
    bit_ohm: float = 0.0
    rows: RowMode = "grounded"

    def __post_init__(self) -> None:
        choice("ir_drop", self.ir_drop, IrDrop)
        choice("rows", self.rows, RowMode)
        keep(self, number, "word_ohm", "bit_ohm", low=0.0)
        if self.ir_drop == "none" and (self.word_ohm or self.bit_ohm):
            raise refusal("ir_drop", "'exact' or 'row_column_mean' where wires have resistance", self.ir_drop)
        if self.ir_drop == "row_column_mean" and self.rows == "floating":
            raise refusal("ir_drop", "'exact' where rows are 'floating'", self.ir_drop)

    @classmethod
    def of_node(cls, node_nm: int, *, ir_drop: IrDrop = "exact", rows: RowMode = "grounded") -> WireConfig:
        """Give the wires of 1T1R cells of a process node: 4F along a word line, 12F along a bit line.

        Raises:
            ValueError: A node without a known resistance.
        """
        short = WIRE[choice("node_nm", node_nm, tuple(WIRE))].value
        return cls(ir_drop, short, 3 * short, rows)

    @property
    def by_pattern(self) -> bool:
        """Whether the array differs from one input pattern to the next."""
        return self.ir_drop != "none" and self.rows != "grounded" and (self.word_ohm or self.bit_ohm) > 0


@dataclass(frozen=True, slots=True)
class ConverterConfig:
    """Say how inputs become voltages and column currents become numbers.

    Attributes:
        dac_bits: Bits of an input; None: any voltage. One bit drives a row or does not.
        dac_range: Input that drives a row at the full read voltage, > 0; larger inputs are cut off where there is
            a DAC. 1.0 is one spike.
        adc_bits: Bits of a conversion; None: currents are read as they are.
        adc_range: Full scale of a conversion: "full", every row of the tile at full voltage and conductance;
            "array", the largest current that the written tile can give; or a number, that many cells at the full
            range. `Crossbar.calibrate` sets it from data.
        subtract: Pairs and references are subtracted before the conversion ("analog", one signed conversion) or
            behind it ("digital", two unsigned ones).
        signed_input: Whether inputs may be negative.

    Raises:
        ValueError: An unknown choice, or a value out of range.
    """

    dac_bits: int | None = None
    dac_range: float = 1.0
    adc_bits: int | None = None
    adc_range: AdcRange | float = "array"
    subtract: Subtract = "analog"
    signed_input: bool = False

    def __post_init__(self) -> None:
        choice("subtract", self.subtract, Subtract)
        keep(self, flag, "signed_input")
        keep(self, number, "dac_range", above=0.0)
        keep(self, whole, "dac_bits", low=2 if self.signed_input else 1, optional=True)
        keep(self, whole, "adc_bits", low=2 if self.signed_current else 1, optional=True)
        if not isinstance(self.adc_range, str):
            keep(self, number, "adc_range", above=0.0)
        elif self.adc_range not in get_args(AdcRange):
            raise refusal("adc_range", "'full', 'array' or a finite number > 0", self.adc_range)

    @property
    def signed_current(self) -> bool:
        """Whether a conversion may be of a negative current."""
        return self.signed_input or self.subtract == "analog"


@dataclass(frozen=True, slots=True)
class CrossbarConfig:
    """Describe crossbar hardware in full. The default is ideal: the plain product, bit for bit.

    Attributes:
        device: The cells.
        mapping: How weights become conductances.
        tile: Size of the arrays.
        wires: Resistance of the wires, and what idle rows are.
        converter: Input and output conversion.
        v_read: Voltage of a full input, volt, > 0.
        compensate_drift: Whether outputs are divided by `Crossbar.compensation`.

    Raises:
        ValueError: Parts that do not fit each other: a digit needs more levels than the device has, a read voltage
            beyond the fit of its I-V curve, a tile too narrow for a pair.
    """

    device: DeviceConfig = field(default_factory=DeviceConfig)
    mapping: MappingConfig = field(default_factory=MappingConfig)
    tile: TileConfig = field(default_factory=TileConfig)
    wires: WireConfig = field(default_factory=WireConfig)
    converter: ConverterConfig = field(default_factory=ConverterConfig)
    v_read: float = 0.2
    compensate_drift: bool = False

    def __post_init__(self) -> None:
        for name, kind in _PARTS.items():
            keep(self, instance, name, kind=kind)
        keep(self, number, "v_read", above=0.0)
        keep(self, flag, "compensate_drift")
        iv, levels, bits = self.device.iv, self.device.levels, self.mapping.slice_bits
        if iv is not None and self.v_read > iv.v_max:
            raise refusal("v_read", f"<= {iv.v_max:g}, where the I-V fit of the device ends", self.v_read)
        if bits is not None and levels is not None and levels < 2**bits:
            raise refusal("levels", f">= {2**bits}, for a digit has slice_bits {bits}", levels)
        narrow = self.mapping.scheme == "offset" or self._side_by_side
        if narrow and self.tile.cols is not None and self.tile.cols < 2:
            raise refusal("cols", ">= 2, for this mapping lays two columns side by side", self.tile.cols)

    @property
    def _side_by_side(self) -> bool:
        return self.mapping.pairs == "interleaved" and self.mapping.scheme != "offset"

    @classmethod
    def ideal(cls) -> CrossbarConfig:
        """Give hardware without any flaw."""
        return cls()


_PARTS: dict[str, type] = {
    "device": DeviceConfig,
    "mapping": MappingConfig,
    "tile": TileConfig,
    "wires": WireConfig,
    "converter": ConverterConfig,
}


def check_config(config: Any) -> None:
    """Refuse what does not describe hardware.

    Raises:
        TypeError: It is no `CrossbarConfig`.
    """
    if not isinstance(config, CrossbarConfig):
        raise TypeError(f"config must be a CrossbarConfig, got {shown(config)}")
