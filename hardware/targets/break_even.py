"""Keep the published activities below which a spiking network is said to need less energy than a dense one."""

from __future__ import annotations

from dataclasses import dataclass

from snn.core.checks import number
from snn.hardware.targets.constant import require_text


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Record a published activity below which a spiking network is said to win.

    Attributes:
        name: Short label.
        low: Lower end, in spikes per synapse per inference.
        high: Upper end (equal to `low` for a single line).
        source: The publication.
        note: What the line assumes.

    Raises:
        ValueError: Not 0 < low <= high, or no source.
    """

    name: str
    low: float
    high: float
    source: str
    note: str

    def __post_init__(self) -> None:
        number(f"{self.name}.low", self.low, above=0)
        number(f"{self.name}.high", self.high, low=self.low)
        require_text(f"{self.name}.source", self.source)


BREAK_EVENS = (
    BreakEven(
        "Dampfhoffer et al. 2023",
        0.15,
        1.38,
        "M. Dampfhoffer et al., Are SNNs really more energy-efficient than ANNs?, "
        "IEEE Trans. Emerging Topics in Computational Intelligence 7(3), 2023",
        "the range over their network and hardware cases, memory counted",
    ),
    BreakEven(
        "Davidson & Furber 2021",
        1.72,
        1.72,
        "S. Davidson and S. Furber, Comparison of artificial and spiking neural networks on "
        "digital hardware, Frontiers in Neuroscience 15, 2021; read in a third-party review",
        "one spike per synapse against one 8-bit MAC, about",
    ),
)
