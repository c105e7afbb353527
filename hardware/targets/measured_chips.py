"""Keep what chips with analog arrays were measured to do per joule: bounds of good sense for estimates."""

from __future__ import annotations

from dataclasses import dataclass

from snn.core.checks import number
from snn.hardware.targets.constant import require_text

__all__ = ["MEASURED_CHIPS", "MeasuredChip"]


@dataclass(frozen=True, slots=True)
class MeasuredChip:
    """Record the measured efficiency of a chip.

    Attributes:
        name: The chip.
        tops_per_w: Operations of its dense products per picojoule, 1e12 per second and watt; a
            multiply-accumulate is two.
        node: Process technology.
        how: At which precision, in which mode.
        source: The publication.

    Raises:
        ValueError: An efficiency that is not above 0, or a text that is blank.
    """

    name: str
    tops_per_w: float
    node: str
    how: str
    source: str

    def __post_init__(self) -> None:
        for field in ("name", "node", "how", "source"):
            require_text(f"{self.name}.{field}", getattr(self, field))
        number(f"{self.name}.tops_per_w", self.tops_per_w, above=0)


_CORE = (
    "R. Khaddam-Aljameh et al., HERMES-Core: a 1.59-TOPS/mm2 PCM on 14-nm CMOS in-memory compute core, IEEE JSSC "
    "57(4), 2022"
)
_HERMES = (
    "M. Le Gallo et al., A 64-core mixed-signal in-memory compute chip based on phase-change memory, Nature "
    "Electronics 6, 2023"
)
_NEURRAM = "W. Wan et al., A compute-in-memory chip based on resistive random-access memory, Nature 608, 2022"

MEASURED_CHIPS = (
    MeasuredChip("HERMES core", 10.5, "14 nm", "phase change, one core, 8-bit input and output", _CORE),
    MeasuredChip("HERMES, 64 cores", 9.76, "14 nm", "phase change, 8-bit input and output, 1 phase", _HERMES),
    MeasuredChip(
        "HERMES, 64 cores", 2.48, "14 nm", "phase change, 8-bit input and output, 4 phases", _HERMES
    ),
    MeasuredChip("NeuRRAM", 43.1, "130 nm", "RRAM 256 x 256, 1-bit input, 3-bit output", _NEURRAM),
    MeasuredChip("NeuRRAM", 8.3, "130 nm", "RRAM 256 x 256, 6-bit input, 8-bit output", _NEURRAM),
)
