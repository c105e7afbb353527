"""Price the readings of crossbar arrays: currents, drivers, conversions, sums; programming apart from them.

Per tile and time step: E = t_read sum_i V_i I_i + n_driven E_row + n_conv (E_adc(b) + E_shift) + n_add E_add, with
the currents out of the sources as the wires make them. A gated tile is read only if one of its rows is driven.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from snn.core.checks import choice, flag, number, refusal, shown, whole
from snn.hardware.targets import analog_constants as a
from snn.hardware.targets import horowitz as c
from snn.hardware.targets.constant import Constant, Range, sum_ranges
from snn.hardware.targets.target import Category, EnergyRow, energy_rows

__all__ = ["AnalogCircuit", "AnalogEnergy", "ReadCounts", "analog_energy"]


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """Count what the readings of one layer's arrays took; adds up over batches.

    "active" counts are those of a machine that skips a tile none of whose rows is driven; the others of one that
    reads every tile at every step.

    Attributes:
        name: Name of the arrays.
        tiles: Arrays of cells.
        cells: Cells in them.
        drivers: Rows of all tiles.
        columns: Conversions of one reading of every tile: columns, or pairs of them where these are subtracted
            before.
        samples: Inferences covered.
        vectors: Input vectors read (time steps times positions), over all samples.
        operations: Two per weight and vector: what a dense product would take.
        tile_reads: Tiles times vectors.
        active_tile_reads: Those with a driven row.
        row_drives: Driven rows over all tile reads.
        conversions: Column conversions.
        active_conversions: Those of active tile reads.
        digits: Shift-adds per conversion: 1 where weights have several digits, else 0.
        partial_sums: Additions of the tiles of one output.
        active_partial_sums: Those of active tile reads, at most.
        source_uw: Power out of the row sources, summed over tile reads, microwatt.

    Raises:
        ValueError: A negative count.
    """

    name: str
    tiles: int
    cells: int
    drivers: int
    columns: int
    samples: int = 0
    vectors: int = 0
    operations: int = 0
    tile_reads: int = 0
    active_tile_reads: int = 0
    row_drives: int = 0
    conversions: int = 0
    active_conversions: int = 0
    digits: int = 0
    partial_sums: int = 0
    active_partial_sums: int = 0
    source_uw: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self)[1:]:
            number(f"{self.name}.{field.name}", getattr(self, field.name), low=0)

    def __add__(self, other: ReadCounts) -> ReadCounts:
        for field in _SHAPE:
            if getattr(self, field) != getattr(other, field):
                raise ValueError(
                    f"cannot add counts of {other.name!r} to {self.name!r}: {field} is "
                    f"{getattr(other, field)!r}, expected {getattr(self, field)!r}"
                )
        shape = {field: getattr(self, field) for field in _SHAPE}
        return ReadCounts(**shape, **{name: getattr(self, name) + getattr(other, name) for name in _ADDED})

    def to_dict(self) -> dict[str, Any]:
        """Give the counts as plain JSON values."""
        return asdict(self)


_SHAPE = ("name", "tiles", "cells", "drivers", "columns", "digits")
_ADDED = tuple(f.name for f in fields(ReadCounts) if f.name not in _SHAPE)


@dataclass(frozen=True, slots=True)
class AnalogCircuit:
    """Say what stands around the arrays.

    Attributes:
        adc_bits: Bits of a conversion, 4 to 10.
        gated: Whether a tile without a driven row is skipped; False: every tile is read at every step.
        columns_per_adc: Columns that share a converter, one after the other: the same conversions, more time.
        feature_nm: Feature size for the area of cells, nanometres; converters and adders are those of 32 nm.
        leakage_uw_per_tile: Static power of a tile, microwatt; no figure is published for such tiles, and 0 leaves
            it out.
        pulses: Write pulses per cell: `WRITE_VERIFY`; one for random arrays.
        converter: Price of a conversion of your own, in pJ/conversion; None: the published one of `adc_bits`, which
            spans two orders of magnitude.

    Raises:
        ValueError: A resolution without a published price, a converter priced in another unit, or a value out of
            range.
    """

    adc_bits: int = 8
    gated: bool = True
    columns_per_adc: int = 8
    feature_nm: float = 32.0
    leakage_uw_per_tile: float = 0.0
    pulses: Constant = a.WRITE_VERIFY
    converter: Constant | None = None

    def __post_init__(self) -> None:
        checked = {
            "adc_bits": whole("adc_bits", self.adc_bits, low=min(a.ADC), high=max(a.ADC)),
            "gated": flag("gated", self.gated),
            "columns_per_adc": whole("columns_per_adc", self.columns_per_adc, low=1),
            "feature_nm": number("feature_nm", self.feature_nm, above=0),
            "leakage_uw_per_tile": number("leakage_uw_per_tile", self.leakage_uw_per_tile, low=0),
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        for name, given in (("pulses", self.pulses), ("converter", self.converter)):
            if not isinstance(given, Constant) and not (name == "converter" and given is None):
                raise TypeError(
                    f"{name} must be a Constant, with its unit and its source, got {shown(given)}"
                )
        if self.converter is not None:
            choice("converter.unit", self.converter.unit, (a.ADC[self.adc_bits].unit,))

    @property
    def conversion(self) -> Constant:
        """Price of one conversion."""
        return a.ADC[self.adc_bits] if self.converter is None else self.converter

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        energy = (a.READ_PULSE, a.ROW_DRIVER, self.conversion, a.SHIFT_ADD, c.INT32_ADD)
        other = (a.SET_PULSE, self.pulses, a.CONVERSION_NS_PER_BIT, a.LOGIC_NS)
        return (*energy, *other, a.CELL_AREA, a.ROW_DRIVER_AREA, a.ADC_AREA[self.adc_bits], a.SHIFT_ADD_AREA)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        which = (
            "A tile none of whose rows is driven is skipped: no read, no conversion."
            if self.gated
            else "Every tile is read and converted at every step, input or not: static energy."
        )
        static = (
            f"Each tile leaks {self.leakage_uw_per_tile:g} uW for the time of the inference: your figure."
            if self.leakage_uw_per_tile
            else "Leakage is left out: no figure is published for such tiles."
        )
        return (
            which,
            "The energy of a read is that of its currents out of the row sources, wires included, for the length "
            "of the read pulse.",
            f"Each conversion has {self.adc_bits} bits; {self.columns_per_adc} columns share a converter, which "
            "costs time and no energy.",
            self.conversion_text,
            "Partial sums of tiles are added as 32-bit integers; digits of a weight cost one shift-add each.",
            "A write is counted apart: cells times pulses times the energy of a pulse; checks between pulses are "
            "not.",
            f"Area is cells of {self.feature_nm:g} nm, row drivers, converters and shift-adds of 32 nm, without "
            "wiring between tiles, buffers and control.",
            static,
            "Not counted: control, reference voltages, buffers and the network between tiles.",
        )

    @property
    def conversion_text(self) -> str:
        """Say where the price of a conversion stands, which is most of what arrays cost."""
        price = self.conversion
        if self.converter is not None:
            return f"A conversion costs {price.value:g} pJ ({price.low:g} to {price.high:g}): a price of your own."
        return (
            f"A conversion costs {price.value:g} pJ; published models of {self.adc_bits} bits span {price.low:.2g} "
            f"to {price.high:g} pJ over nodes and column loads: give the price of your converter as `converter`."
        )

    def step_ns(self) -> Range:
        """Time of one reading: rows, pulse, the columns of a converter in turn, sums; nanoseconds."""
        convert = a.CONVERSION_NS_PER_BIT.range * (self.columns_per_adc * (self.adc_bits + 1))
        return 2 * a.LOGIC_NS.range + a.READ_PULSE.range + convert


@dataclass(frozen=True, slots=True)
class AnalogEnergy:
    """Hold the energy of readings, with what it stands on.

    Attributes:
        rows: Energy per layer and component, over everything counted; they sum to the total.
        programming: Energy of one write of all cells, pJ; not in the total.
        latency_us: Time of all readings, layers one after the other, microseconds.
        area_mm2: Area of all tiles, square millimetres.
        operations: Two per weight and vector, dense.
        samples: Inferences covered.
        constants: Every constant used.
        assumptions: Every assumption made.
    """

    rows: tuple[EnergyRow, ...]
    programming: Range
    latency_us: Range
    area_mm2: float
    operations: int
    samples: int
    constants: tuple[Constant, ...]
    assumptions: tuple[str, ...]

    def energy(self, *, layer: str | None = None, component: str | None = None) -> Range:
        """Sum the energy of the rows that match, with the ends of their prices, pJ."""
        return sum_ranges(
            row.range
            for row in self.rows
            if layer in (None, row.layer) and component in (None, row.component)
        )

    @property
    def total_pj(self) -> float:
        """Energy of everything counted but programming, pJ."""
        return self.energy().nominal

    @property
    def tops_per_w(self) -> float:
        """Dense operations per picojoule, which is 1e12 per second and watt; 0 where nothing was spent."""
        return self.operations / self.total_pj if self.total_pj else 0.0

    def amortised_pj(self, inferences: int) -> float:
        """Energy of one inference with its share of one write, pJ.

        Raises:
            ValueError: `inferences` is below 1.
        """
        whole("inferences", inferences, low=1)
        return self.total_pj / max(1, self.samples) + self.programming.nominal / inferences


def analog_energy(counts: ReadCounts | Iterable[ReadCounts], circuit: AnalogCircuit) -> AnalogEnergy:
    """Price readings.

    Args:
        counts: What was read, from `count_reads`, one entry per layer.
        circuit: What stands around the arrays.

    Returns:
        The energy; additive over layers and over counts that are added.

    Raises:
        ValueError: Two layers of one name.
    """
    layers = (counts,) if isinstance(counts, ReadCounts) else tuple(counts)
    names = [layer.name for layer in layers]
    if len(set(names)) < len(names):
        twice = [name for name in names if names.count(name) > 1]
        raise refusal("counts", "of layers with different names", twice)
    cells = sum(layer.cells for layer in layers)
    step = circuit.step_ns()
    return AnalogEnergy(
        rows=tuple(line for layer in layers for line in _rows(layer, circuit, step)),
        programming=a.SET_PULSE.range * cells * circuit.pulses.range,
        latency_us=sum_ranges(step * (1e-3 * layer.vectors) for layer in layers),
        area_mm2=sum(_area_um2(layer, circuit) for layer in layers) * 1e-6,
        operations=sum(layer.operations for layer in layers),
        samples=max((layer.samples for layer in layers), default=0),
        constants=circuit.constants,
        assumptions=circuit.assumptions,
    )


def _rows(layer: ReadCounts, circuit: AnalogCircuit, step: Range) -> tuple[EnergyRow, ...]:
    conversions = layer.active_conversions if circuit.gated else layer.conversions
    sums = layer.active_partial_sums if circuit.gated else layer.partial_sums
    category: Category = "compute" if circuit.gated else "static"
    mean_uw = layer.source_uw / layer.row_drives if layer.row_drives else 0.0
    leak = step * (1e-3 * circuit.leakage_uw_per_tile * layer.tiles)  # uW ns = 1e-3 pJ
    return energy_rows(
        layer.name,
        ("array read", "compute", layer.row_drives, a.READ_PULSE.range * (1e-3 * mean_uw)),
        ("row drivers", "compute", layer.row_drives, a.ROW_DRIVER.range),
        ("converters", category, conversions, circuit.conversion.range),
        ("shift-add", category, conversions * layer.digits, a.SHIFT_ADD.range),
        ("partial sums", category, sums, c.INT32_ADD.range),
        ("leakage", "static", layer.vectors, leak),
    )


def _area_um2(layer: ReadCounts, circuit: AnalogCircuit) -> float:
    cells = layer.cells * a.CELL_AREA.value * (circuit.feature_nm * 1e-3) ** 2
    converters = -(-layer.columns // circuit.columns_per_adc)
    behind = a.ADC_AREA[circuit.adc_bits].value + a.SHIFT_ADD_AREA.value
    return cells + layer.drivers * a.ROW_DRIVER_AREA.value + converters * behind
