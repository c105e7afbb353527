"""Cost a network on hardware: an integer ledger and price lists with sources."""

if __name__ == "hardware":
    raise ImportError("this folder is a part of snn: write `import snn.hardware`")

from importlib import import_module
from typing import TYPE_CHECKING, Any

from snn.hardware.chips import Loihi1, LoihiBoard, SpiNNaker, TrueNorth
from snn.hardware.compare import TargetTable, compare
from snn.hardware.constants import Constant, Range, hierarchy_access, sram_access, sram_access_pj
from snn.hardware.count import count
from snn.hardware.digital import Horowitz45
from snn.hardware.estimate import EnergyReport, estimate, rerun
from snn.hardware.ledger import LayerCounts, Ledger
from snn.hardware.page import Headline, Section, write_page
from snn.hardware.processors import DenseNetwork, GpuPeak
from snn.hardware.registry import find_target, register_target, targets
from snn.hardware.step_ledger import LayerSteps, StepLedger
from snn.hardware.sweep import Sweep, sweep
from snn.hardware.targets import EnergyRow, Target, Timed

if TYPE_CHECKING:
    from snn.hardware.flow import register_counter
    from snn.hardware.modules import count_steps

__all__ = [
    "Constant",
    "DenseNetwork",
    "EnergyReport",
    "EnergyRow",
    "GpuPeak",
    "Headline",
    "Horowitz45",
    "LayerCounts",
    "LayerSteps",
    "Ledger",
    "Loihi1",
    "LoihiBoard",
    "Range",
    "Section",
    "SpiNNaker",
    "StepLedger",
    "Sweep",
    "Target",
    "TargetTable",
    "Timed",
    "TrueNorth",
    "compare",
    "count",
    "count_steps",
    "estimate",
    "find_target",
    "hierarchy_access",
    "register_counter",
    "register_target",
    "rerun",
    "sram_access",
    "sram_access_pj",
    "sweep",
    "targets",
    "write_page",
]

_WITH_TORCH = {"count_steps": "snn.hardware.modules", "register_counter": "snn.hardware.flow"}


def __getattr__(name: str) -> Any:
    if name in _WITH_TORCH:  # pricing does not need it
        return getattr(import_module(_WITH_TORCH[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
