"""Cost a network on hardware: an integer ledger and price lists with sources."""

if __name__ == "hardware":
    raise ImportError("this folder is a part of snn: write `import snn.hardware`")

from importlib import import_module
from typing import TYPE_CHECKING, Any

from snn.hardware.ledger.count import count
from snn.hardware.ledger.ledger import ELEMENTWISE, LayerCounts, Ledger
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
    from snn.hardware.crossbar.array import Crossbar, form_random_array, program_crossbar, program_measured
    from snn.hardware.crossbar.array_figures import plot_adc_range, plot_conductances, plot_ir_drop
    from snn.hardware.crossbar.calibrate import calibrate
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
    from snn.hardware.crossbar.diagnosis import Diagnosis
    from snn.hardware.crossbar.export import crossbar_network
    from snn.hardware.crossbar.hardware_aware import hardware_aware
    from snn.hardware.crossbar.ir_drop import (
        effective_conductance,
        input_conductance,
        row_column_mean_conductance,
    )
    from snn.hardware.crossbar.model import AnalogLayer, AnalogModel, AnalogState, to_crossbar
    from snn.hardware.crossbar.model_energy import LayerReads, ProgrammedCrossbars, crossbar_energy, reads_of
    from snn.hardware.crossbar.model_report import ModelDiagnosis, crossbar_sections, diagnose
    from snn.hardware.crossbar.nodal import NodalSolution, solve_nodes
    from snn.hardware.crossbar.placements import Placement, register_placement
    from snn.hardware.crossbar.programmed import ProgrammedArray
    from snn.hardware.crossbar.read_counts import count_reads
    from snn.hardware.ledger.count_steps import (
        count_steps,
    )
    from snn.hardware.ledger.ledger_builder import LedgerBuilder, Signal, register_counter

__all__ = [
    "ELEMENTWISE",
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
    "LedgerBuilder",
    "LogRelaxation",
    "Loihi1",
    "LoihiBoard",
    "MappingConfig",
    "ModelDiagnosis",
    "NodalSolution",
    "Placement",
    "PowerLawDrift",
    "ProgrammedArray",
    "ProgrammedCrossbars",
    "Range",
    "ReadCounts",
    "RramCrossbar",
    "Section",
    "SigmaTable",
    "Signal",
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
    "calibrate",
    "compare",
    "count",
    "count_reads",
    "count_steps",
    "crossbar_energy",
    "crossbar_network",
    "crossbar_sections",
    "device_preset",
    "device_presets",
    "device_record",
    "diagnose",
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
    "program_measured",
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
    "AnalogLayer": "crossbar.model",
    "AnalogModel": "crossbar.model",
    "AnalogState": "crossbar.model",
    "ConverterConfig": "crossbar.config",
    "Crossbar": "crossbar.array",
    "CrossbarConfig": "crossbar.config",
    "CubicIV": "crossbar.device",
    "DeviceConfig": "crossbar.device",
    "DeviceRecord": "crossbar.device_presets",
    "Diagnosis": "crossbar.diagnosis",
    "FlickerNoise": "crossbar.device",
    "Forming": "crossbar.device",
    "LayerReads": "crossbar.model_energy",
    "LedgerBuilder": "ledger.ledger_builder",
    "LogRelaxation": "crossbar.device",
    "MappingConfig": "crossbar.config",
    "ModelDiagnosis": "crossbar.model_report",
    "NodalSolution": "crossbar.nodal",
    "Placement": "crossbar.placements",
    "PowerLawDrift": "crossbar.device",
    "ProgrammedArray": "crossbar.programmed",
    "ProgrammedCrossbars": "crossbar.model_energy",
    "SigmaTable": "crossbar.device",
    "Signal": "ledger.ledger_builder",
    "TileConfig": "crossbar.config",
    "WireConfig": "crossbar.config",
    "calibrate": "crossbar.calibrate",
    "count_reads": "crossbar.read_counts",
    "count_steps": "ledger.count_steps",
    "crossbar_energy": "crossbar.model_energy",
    "crossbar_network": "crossbar.export",
    "crossbar_sections": "crossbar.model_report",
    "device_preset": "crossbar.device_presets",
    "device_presets": "crossbar.device_presets",
    "device_record": "crossbar.device_presets",
    "diagnose": "crossbar.model_report",
    "effective_conductance": "crossbar.ir_drop",
    "form_random_array": "crossbar.array",
    "hardware_aware": "crossbar.hardware_aware",
    "input_conductance": "crossbar.ir_drop",
    "lossless_adc_bits": "crossbar.converters",
    "plot_adc_range": "crossbar.array_figures",
    "plot_conductances": "crossbar.array_figures",
    "plot_ir_drop": "crossbar.array_figures",
    "program_crossbar": "crossbar.array",
    "program_measured": "crossbar.array",
    "reads_of": "crossbar.model_energy",
    "register_counter": "ledger.ledger_builder",
    "register_device": "crossbar.device_presets",
    "register_placement": "crossbar.placements",
    "row_column_mean_conductance": "crossbar.ir_drop",
    "solve_nodes": "crossbar.nodal",
    "to_crossbar": "crossbar.model",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f"snn.hardware.{_LATER[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
