"""Cost a network on hardware: an integer ledger and price lists with sources."""

if __name__ == "hardware":
    raise ImportError("this folder is a part of snn: write `import snn.hardware`")

from importlib import import_module
from typing import TYPE_CHECKING, Any

from snn.hardware.ledger.count import count
from snn.hardware.ledger.ledger import LayerCounts, Ledger
from snn.hardware.ledger.step_ledger import LayerSteps, StepLedger
from snn.hardware.report.energy_report import EnergyReport
from snn.hardware.report.estimate import compare, estimate, rerun
from snn.hardware.report.page import Headline, Section, write_page
from snn.hardware.report.sweep import Sweep, sweep
from snn.hardware.report.target_table import TargetTable
from snn.hardware.targets.analog_reads import AnalogCircuit, AnalogEnergy, ReadCounts, analog_energy
from snn.hardware.targets.constant import Constant, Range
from snn.hardware.targets.dense_network import DenseNetwork
from snn.hardware.targets.digital import Horowitz45
from snn.hardware.targets.gpu import GpuPeak
from snn.hardware.targets.loihi import Loihi1, LoihiBoard
from snn.hardware.targets.memory import hierarchy_access, sram_access, sram_access_pj
from snn.hardware.targets.registry import find_target, register_target, targets
from snn.hardware.targets.rram import RramCrossbar
from snn.hardware.targets.spikesim import ConvShape, spikesim_energy_pj
from snn.hardware.targets.spinnaker import SpiNNaker
from snn.hardware.targets.target import EnergyRow, Target, Timed
from snn.hardware.targets.truenorth import TrueNorth

if TYPE_CHECKING:
    from snn.hardware.crossbar.array import (
        Crossbar,
        form_random_array,
        program_crossbar,
    )
    from snn.hardware.crossbar.array_figures import plot_adc_range, plot_conductances, plot_ir_drop
    from snn.hardware.crossbar.config import (
        ConverterConfig,
        CrossbarConfig,
        MappingConfig,
        TileConfig,
        WireConfig,
    )
    from snn.hardware.crossbar.converters import lossless_adc_bits
    from snn.hardware.crossbar.device import (
        CubicIV,
        DeviceConfig,
        FlickerNoise,
        Forming,
        LogRelaxation,
        PowerLawDrift,
        SigmaTable,
    )
    from snn.hardware.crossbar.device_presets import (
        DeviceRecord,
        device_preset,
        device_presets,
        device_record,
        register_device,
    )
    from snn.hardware.crossbar.diagnosis import (
        Diagnosis,
    )
    from snn.hardware.crossbar.hardware_aware import hardware_aware
    from snn.hardware.crossbar.ir_drop import (
        effective_conductance,
        input_conductance,
        row_column_mean_conductance,
    )
    from snn.hardware.crossbar.model import AnalogLayer, AnalogModel, AnalogState, to_crossbar
    from snn.hardware.crossbar.model_energy import LayerReads, ProgrammedCrossbars, reads_of
    from snn.hardware.crossbar.model_report import ModelDiagnosis
    from snn.hardware.crossbar.nodal import (
        NodalSolution,
        solve_nodes,
    )
    from snn.hardware.crossbar.placements import Placement, register_placement
    from snn.hardware.crossbar.read_counts import (
        count_reads,
    )
    from snn.hardware.ledger.count_steps import (
        count_steps,
    )
    from snn.hardware.ledger.ledger_builder import register_counter

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
    "effective_conductance",
    "estimate",
    "find_target",
    "form_random_array",
    "hardware_aware",
    "hierarchy_access",
    "input_conductance",
    "lossless_adc_bits",
    "plot_adc_range",
    "plot_conductances",
    "plot_ir_drop",
    "program_crossbar",
    "reads_of",
    "register_counter",
    "register_device",
    "register_placement",
    "register_target",
    "rerun",
    "row_column_mean_conductance",
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
    "lossless_adc_bits": "crossbar.converters",
    "AnalogLayer": "crossbar.model",
    "AnalogModel": "crossbar.model",
    "AnalogState": "crossbar.model",
    "to_crossbar": "crossbar.model",
    "ModelDiagnosis": "crossbar.model_report",
    "plot_adc_range": "crossbar.array_figures",
    "plot_conductances": "crossbar.array_figures",
    "plot_ir_drop": "crossbar.array_figures",
    "hardware_aware": "crossbar.hardware_aware",
    "register_counter": "ledger.ledger_builder",
    "Placement": "crossbar.placements",
    "LayerReads": "crossbar.model_energy",
    "ProgrammedCrossbars": "crossbar.model_energy",
    "reads_of": "crossbar.model_energy",
    "register_placement": "crossbar.placements",
    "Crossbar": "crossbar.array",
    "form_random_array": "crossbar.array",
    "program_crossbar": "crossbar.array",
    "ConverterConfig": "crossbar.config",
    "CrossbarConfig": "crossbar.config",
    "MappingConfig": "crossbar.config",
    "TileConfig": "crossbar.config",
    "WireConfig": "crossbar.config",
    "CubicIV": "crossbar.device",
    "DeviceConfig": "crossbar.device",
    "FlickerNoise": "crossbar.device",
    "Forming": "crossbar.device",
    "LogRelaxation": "crossbar.device",
    "PowerLawDrift": "crossbar.device",
    "SigmaTable": "crossbar.device",
    "Diagnosis": "crossbar.diagnosis",
    "row_column_mean_conductance": "crossbar.ir_drop",
    "effective_conductance": "crossbar.ir_drop",
    "input_conductance": "crossbar.ir_drop",
    "count_steps": "ledger.count_steps",
    "count_reads": "crossbar.read_counts",
    "NodalSolution": "crossbar.nodal",
    "solve_nodes": "crossbar.nodal",
    "DeviceRecord": "crossbar.device_presets",
    "device_preset": "crossbar.device_presets",
    "device_presets": "crossbar.device_presets",
    "device_record": "crossbar.device_presets",
    "register_device": "crossbar.device_presets",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"snn.hardware.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
