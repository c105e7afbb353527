"""Price a ledger on resistive crossbars, from integers alone: no array is simulated, bounds stand for patterns."""

from __future__ import annotations

from dataclasses import dataclass, field

from snn.core.checks import number, whole
from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets import analog_constants as a
from snn.hardware.targets import horowitz as c
from snn.hardware.targets.analog_reads import AnalogCircuit
from snn.hardware.targets.constant import Constant, Range
from snn.hardware.targets.digital import HOROWITZ_INT8
from snn.hardware.targets.target import Category, EnergyRow, energy_rows

__all__ = ["RRAM_CROSSBAR", "RRAM_CROSSBAR_ALWAYS_ON", "RramCrossbar"]

_DIGITAL = ("membrane read + write", "delay line write", "delay line read", "neuron update", "event queue")


@dataclass(frozen=True, slots=True)
class RramCrossbar:
    """Price differential pairs of resistive cells in tiles, digital neurons behind them.

    For programmed arrays, count with `count_reads` and price with `analog_energy`: currents are then exact.

    Attributes:
        name: Identifier in the registry.
        circuit: Converters, gating, pulses.
        rows: Rows of a tile.
        cols: Columns of a tile; a pair takes two.
        v_read: Voltage of a driven row, volt.
        pair: Mean conductance of a nonzero weight's pair.

    Raises:
        ValueError: A tile without a pair, or a read voltage that is not above 0.
    """

    name: str = "rram_crossbar"
    circuit: AnalogCircuit = field(default_factory=AnalogCircuit)
    rows: int = 128
    cols: int = 128
    v_read: float = 0.2
    pair: Constant = a.MEAN_PAIR

    splits_memory = False

    def __post_init__(self) -> None:
        whole("rows", self.rows, low=1)
        whole("cols", self.cols, low=2)
        number("v_read", self.v_read, above=0)

    @property
    def title(self) -> str:
        """One line for people."""
        when = "spike-gated" if self.circuit.gated else "always on"
        return f"RRAM crossbars {self.rows} x {self.cols}, {when}, {self.circuit.adc_bits}-bit converters"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        circuit = (a.READ_PULSE, a.ROW_DRIVER, a.ADC[self.circuit.adc_bits])
        timing = (a.CONVERSION_NS_PER_BIT, a.LOGIC_NS)
        return tuple(dict.fromkeys((*circuit, self.pair, *timing, *HOROWITZ_INT8.constants)))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        gated = (
            "A tile none of whose rows is driven is skipped; which rows fire together is not in the counts, so "
            "every active input is taken to fire alone in its tile until all tiles are read: an upper bound."
        )
        always = "Every tile is read and converted at every step, input or not: static energy."
        return (
            f"A layer is one matrix of fan-in x outputs (convolutions unrolled, one reading per position) in tiles "
            f"of {self.rows} x {self.cols}, a pair of columns per output, subtracted before one conversion.",
            gated if self.circuit.gated else always,
            f"A nonzero weight of a driven row burns V^2 G t at {self.v_read:g} V through a pair of mean "
            "conductance; wires and the shape of the weights are not in it.",
            "Each active input drives its row in every column tile once, whatever its value.",
            "Partial sums of tiles are added in the digital part, as the 32-bit neuron adds are priced.",
            "Neurons, membranes, delay lines and the event queue are digital, 45 nm, as in horowitz45_int8; "
            "nodes of 32 to 130 nm are mixed, so read the parts apart.",
            "The weight memory is the array, so there is no compute-only figure to compare with digital cores.",
            "Latency is one reading per step and position, layers one after the other, digital work in its shade.",
            "Not counted: programming, leakage, control, buffers and the network between tiles.",
        )

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        digital = tuple(line for line in HOROWITZ_INT8.price(row) if line.component in _DIGITAL)
        if row.pre is None or not row.dense_synapses:
            return digital
        outputs, row_tiles, col_tiles = self._tiles(row)
        # An active input counts once per nonzero weight of its row: this many driven rows stand behind each.
        rows_each = (row.dense_weights or 0) / max(1, row.stored_weights or 0) / outputs
        cell = a.READ_PULSE.range * (1e-3 * self.v_read**2)
        adc, add = a.ADC[self.circuit.adc_bits].range, c.INT32_ADD.range
        when_all_are_read = row.steps * row.n_post * row_tiles
        when_each_row_is_read_alone = row.active_inputs * rows_each * outputs
        if self.circuit.gated and when_each_row_is_read_alone < when_all_are_read:
            conversions = (row.active_inputs, adc * (rows_each * outputs))
            sums = (row.active_inputs, add * (rows_each * outputs if row_tiles > 1 else 0.0))
        else:
            conversions = (when_all_are_read, adc)
            sums = (when_all_are_read - row.steps * row.n_post, add)
        category: Category = "compute" if self.circuit.gated else "static"
        arrays = energy_rows(
            row.name,
            ("array read", "compute", row.active_inputs, cell * self.pair.range),
            ("row drivers", "compute", row.active_inputs, a.ROW_DRIVER.range * (rows_each * col_tiles)),
            ("converters", category, *conversions),
            ("partial sums", category, *sums),
        )
        return arrays + digital

    def latency_us(self, ledger: Ledger) -> Range:
        """Time over all samples, microseconds."""
        step = self.circuit.step_ns()
        readings = sum(row.steps * row.n_post / self._tiles(row)[0] for row in ledger if row.dense_synapses)
        return step * (1e-3 * readings)

    def _tiles(self, row: LayerCounts) -> tuple[float, int, int]:
        """Give outputs of the unrolled matrix, and its row and column tiles."""
        fan_in = row.padded_synapses / row.n_post  # rows of the unrolled matrix, those on padding included
        outputs = max(1.0, (row.dense_weights or 0) / fan_in)
        return outputs, -(-int(fan_in + 0.5) // self.rows) or 1, -(-int(2 * outputs + 0.5) // self.cols)


RRAM_CROSSBAR = RramCrossbar()
RRAM_CROSSBAR_ALWAYS_ON = RramCrossbar("rram_crossbar_always_on", AnalogCircuit(gated=False))
