"""Cost a network on hardware: an integer ledger and price lists with sources."""

if __name__ == "hardware":
    raise ImportError("this folder is a part of snn: write `import snn.hardware`")

from snn.hardware.baseline import Baseline, ann_baselines
from snn.hardware.constants import BreakEven, Constant, sram_access_pj
from snn.hardware.count import count
from snn.hardware.estimate import Comparison, EnergyReport, estimate
from snn.hardware.ledger import LayerCounts, Ledger
from snn.hardware.page import (
    Headline,
    Section,
    build_page,
    figure_html,
    list_html,
    table_html,
    write_page,
)
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
    "Baseline",
    "BreakEven",
    "Comparison",
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
    "ann_baselines",
    "build_page",
    "count",
    "estimate",
    "figure_html",
    "find_target",
    "list_html",
    "register_target",
    "sram_access_pj",
    "table_html",
    "targets",
    "write_page",
]
