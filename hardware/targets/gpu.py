"""Price a ledger on graphics processors at their data-sheet numbers."""

from __future__ import annotations

from dataclasses import dataclass

from snn.core.checks import number
from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.targets.constant import Constant, Range
from snn.hardware.targets.target import EnergyRow, energy_rows

_AT_PEAK = Range(0.1, 1.0, 1.0)
_UPDATE_OPS = 3  # decay, add, compare


@dataclass(frozen=True, slots=True)
class GpuPeak:
    """Price the network run densely, step by step, on a graphics processor at its data-sheet numbers.

    Attributes:
        name: Identifier in the registry.
        machine: The machine and number format in words.
        op: Price of one operation at full use.
        peak_tops: Operations at full use, 1e12 per second.
        utilisation: Share of the peak that is reached: low, assumed, high; 0 < low, high <= 1.

    Raises:
        ValueError: A utilisation outside (0, 1], or a peak that is not above 0.
    """

    name: str
    machine: str
    op: Constant
    peak_tops: float
    utilisation: Range = _AT_PEAK

    splits_memory = False

    def __post_init__(self) -> None:
        number("utilisation.low", self.utilisation.low, above=0)
        number("utilisation.high", self.utilisation.high, high=1)
        number("peak_tops", self.peak_tops, above=0)

    @property
    def title(self) -> str:
        """One line for people."""
        return f"{self.machine}, dense, at {self.utilisation.nominal:.0%} utilisation (data sheet)"

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Every constant used."""
        return (self.op,)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Every assumption, one sentence each."""
        low, nominal, high = (
            f"{share:.0%}"
            for share in (self.utilisation.low, self.utilisation.nominal, self.utilisation.high)
        )
        return (
            f"Utilisation {nominal} of the peak (range {low} to {high}): a parameter of the target, not a "
            "measurement; small layers at batch 1 reach far less than the peak.",
            "The network runs densely at every step: two operations per synapse, three per neuron update.",
            "Board power over peak rate contains memory and static power, so there is no compute-only "
            "figure; delay memory is not charged, host and transfers are not counted.",
        )

    @property
    def _share(self) -> Range:
        use = self.utilisation
        return Range(1 / use.high, 1 / use.nominal, 1 / use.low)

    def price(self, row: LayerCounts) -> tuple[EnergyRow, ...]:
        """Price one ledger row."""
        op = self._share * self.op.value
        return energy_rows(
            row.name,
            ("dense operation", "compute", 2 * row.dense_macs, op),
            ("neuron update", "neuron", _UPDATE_OPS * row.updates_dense, op),
        )

    def latency_us(self, ledger: Ledger) -> Range:
        """Time over all samples at the peak rate times the utilisation, microseconds."""
        ops = 2 * ledger.total("dense_macs") + _UPDATE_OPS * ledger.total("updates_dense")
        return self._share * (ops / (1e6 * self.peak_tops))


def _gpu(chip: str, number_format: str, node: str, power_w: int, peak_tops: float) -> GpuPeak:
    """Make the target of one chip and number format: board power over peak rate."""
    short = chip.split()[0].lower()
    op = Constant(
        name=f"{short}_{number_format}",
        value=power_w / peak_tops,
        unit="pJ/op",
        node=node,
        kind="derived",
        includes=(
            f"{power_w} W of the board over {peak_tops:g}e12 {number_format} dense operations per second, "
            "all of them used"
        ),
        source=(
            f"NVIDIA {chip} data sheet (peak rate and board power); a multiply-accumulate is two operations"
        ),
        range_source="a quotient of two data-sheet numbers; the range of the price is that of the utilisation",
    )
    return GpuPeak(f"gpu_{op.name}", f"NVIDIA {short.upper()}, {number_format}", op, peak_tops)


GPUS = (
    _gpu("A100", "int8", "7 nm", 300, 624),
    _gpu("A100", "bf16", "7 nm", 400, 312),
    _gpu("A100", "fp32", "7 nm", 400, 19.5),
    _gpu("H100 SXM", "bf16", "4 nm", 700, 989),
)
