"""Cost a network on hardware: an integer ledger and price lists with sources."""

if __name__ == "hardware":
    raise ImportError("this folder is a part of snn: write `import snn.hardware`")

from snn.hardware.constants import Constant, sram_access_pj
from snn.hardware.count import count
from snn.hardware.estimate import EnergyReport, estimate
from snn.hardware.ledger import LayerCounts, Ledger
from snn.hardware.page import Headline, Section, write_page
from snn.hardware.targets import (
    EnergyRow,
    Horowitz45,
    Loihi1,
    Target,
    find_target,
    register_target,
    targets,
)

__all__ = [
    "Constant",
    "EnergyReport",
    "EnergyRow",
    "Headline",
    "Horowitz45",
    "LayerCounts",
    "Ledger",
    "Loihi1",
    "Section",
    "Target",
    "count",
    "estimate",
    "find_target",
    "register_target",
    "sram_access_pj",
    "targets",
    "write_page",
]
