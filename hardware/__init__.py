"""Cost a network on hardware: an integer ledger and price lists with sources."""

if __name__ == "hardware":
    raise ImportError("this folder is a part of snn: write `import snn.hardware`")

from importlib import import_module
from typing import TYPE_CHECKING, Any

from snn.hardware.analog_energy import AnalogCircuit, AnalogEnergy, ReadCounts, analog_energy
from snn.hardware.analog_target import RramCrossbar
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
from snn.hardware.spikesim import ConvShape, spikesim_energy_pj
from snn.hardware.step_ledger import LayerSteps, StepLedger
from snn.hardware.sweep import Sweep, sweep
from snn.hardware.targets import EnergyRow, Target, Timed

if TYPE_CHECKING:
    from snn.hardware.analog import AnalogLayer, AnalogModel, AnalogState, to_crossbar
    from snn.hardware.analog_report import ModelDiagnosis
    from snn.hardware.array_figures import plot_adc_range, plot_conductances, plot_ir_drop
    from snn.hardware.aware import hardware_aware
    from snn.hardware.converters import lossless_adc_bits
    from snn.hardware.crossbar import (
        Crossbar,
        form,
        program,
    )
    from snn.hardware.crossbar_config import (
        ConverterConfig,
        CrossbarConfig,
        MappingConfig,
        TileConfig,
        WireConfig,
    )
    from snn.hardware.device import (
        CubicIV,
        DeviceConfig,
        FlickerNoise,
        Forming,
        LogRelaxation,
        PowerLawDrift,
        SigmaTable,
    )
    from snn.hardware.diagnosis import (
        Diagnosis,
    )
    from snn.hardware.flow import register_counter
    from snn.hardware.ir_drop import (
        dmr_conductance,
        effective_conductance,
        input_conductance,
    )
    from snn.hardware.modules import (
        count_steps,
    )
    from snn.hardware.nodal import (
        NodalSolution,
        solve_nodes,
    )
    from snn.hardware.placements import Placement, register_placement
    from snn.hardware.presets import (
        DeviceRecord,
        device_preset,
        device_presets,
        device_record,
        register_device,
    )
    from snn.hardware.programmed import LayerReads, ProgrammedCrossbars, reads_of
    from snn.hardware.read_counts import (
        count_reads,
    )

__all__ = [
    "AnalogCircuit",
    "AnalogEnergy",
    "AnalogLayer",
    "AnalogModel",
    "AnalogState",
    "Constant",
    "ConvShape",
    "ConverterConfig",
    "Crossbar",
    "CrossbarConfig",
    "CubicIV",
    "DenseNetwork",
    "DeviceConfig",
    "DeviceRecord",
    "Diagnosis",
    "EnergyReport",
    "EnergyRow",
    "FlickerNoise",
    "Forming",
    "GpuPeak",
    "Headline",
    "Horowitz45",
    "LayerCounts",
    "LayerReads",
    "LayerSteps",
    "Ledger",
    "LogRelaxation",
    "Loihi1",
    "LoihiBoard",
    "MappingConfig",
    "ModelDiagnosis",
    "NodalSolution",
    "Placement",
    "PowerLawDrift",
    "ProgrammedCrossbars",
    "Range",
    "ReadCounts",
    "RramCrossbar",
    "Section",
    "SigmaTable",
    "SpiNNaker",
    "StepLedger",
    "Sweep",
    "Target",
    "TargetTable",
    "TileConfig",
    "Timed",
    "TrueNorth",
    "WireConfig",
    "analog_energy",
    "compare",
    "count",
    "count_reads",
    "count_steps",
    "device_preset",
    "device_presets",
    "device_record",
    "dmr_conductance",
    "effective_conductance",
    "estimate",
    "find_target",
    "form",
    "hardware_aware",
    "hierarchy_access",
    "input_conductance",
    "lossless_adc_bits",
    "plot_adc_range",
    "plot_conductances",
    "plot_ir_drop",
    "program",
    "reads_of",
    "register_counter",
    "register_device",
    "register_placement",
    "register_target",
    "rerun",
    "solve_nodes",
    "spikesim_energy_pj",
    "sram_access",
    "sram_access_pj",
    "sweep",
    "targets",
    "to_crossbar",
    "write_page",
]

_LATER = {  # bring torch or scipy in, which pricing does not need
    "lossless_adc_bits": "converters",
    "AnalogLayer": "analog",
    "AnalogModel": "analog",
    "AnalogState": "analog",
    "to_crossbar": "analog",
    "ModelDiagnosis": "analog_report",
    "plot_adc_range": "array_figures",
    "plot_conductances": "array_figures",
    "plot_ir_drop": "array_figures",
    "hardware_aware": "aware",
    "register_counter": "flow",
    "Placement": "placements",
    "LayerReads": "programmed",
    "ProgrammedCrossbars": "programmed",
    "reads_of": "programmed",
    "register_placement": "placements",
    "Crossbar": "crossbar",
    "form": "crossbar",
    "program": "crossbar",
    "ConverterConfig": "crossbar_config",
    "CrossbarConfig": "crossbar_config",
    "MappingConfig": "crossbar_config",
    "TileConfig": "crossbar_config",
    "WireConfig": "crossbar_config",
    "CubicIV": "device",
    "DeviceConfig": "device",
    "FlickerNoise": "device",
    "Forming": "device",
    "LogRelaxation": "device",
    "PowerLawDrift": "device",
    "SigmaTable": "device",
    "Diagnosis": "diagnosis",
    "dmr_conductance": "ir_drop",
    "effective_conductance": "ir_drop",
    "input_conductance": "ir_drop",
    "count_steps": "modules",
    "count_reads": "read_counts",
    "NodalSolution": "nodal",
    "solve_nodes": "nodal",
    "DeviceRecord": "presets",
    "device_preset": "presets",
    "device_presets": "presets",
    "device_record": "presets",
    "register_device": "presets",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"snn.hardware.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
