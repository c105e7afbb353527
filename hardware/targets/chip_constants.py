"""Hold published energy numbers of whole chips: neuromorphic ones and graphics processors."""

from __future__ import annotations

from snn.hardware.targets.constants import Constant

_DAVIES = (
    "M. Davies et al., Loihi: a neuromorphic manycore processor with on-chip learning, "
    "IEEE Micro 38(1), 2018, Table 2 (pre-silicon SPICE)"
)
_SANA_FE = (
    "J. A. Boyle et al., SANA-FE: simulating advanced neuromorphic architectures for fast exploration, "
    "2025, constants fitted to Loihi 1 boards; read in its released architecture file"
)
_TRUENORTH = (
    "P. Merolla et al., Science 345, 2014 and F. Akopyan et al., IEEE TCAD 34(10), 2015, rate sweep; "
    "the marginal part after a secondary analysis"
)
_HOPPNER = (
    "S. Höppner et al., Dynamic power management for neuromorphic many-core systems, IEEE TCAS-I 66(8), 2019; "
    "read in the device table of KerasSpiking"
)


def _loihi(name: str, value: float, unit: str, includes: str) -> Constant:
    return Constant(name, value, unit, "14 nm", "simulated", includes, _DAVIES, 0.75)


def _board(name: str, value: float, unit: str, includes: str) -> Constant:
    return Constant(name, value, unit, "14 nm", "fit", includes, _SANA_FE, 0.75)


LOIHI_SYNOP = _loihi(
    "loihi1_synop", 23.6, "pJ/synaptic event", "minimum per event; weight memory and accumulation"
)
LOIHI_ACTIVE = _loihi(
    "loihi1_update_active", 81.0, "pJ/neuron update", "update of a neuron with input, its memory"
)
LOIHI_INACTIVE = _loihi(
    "loihi1_update_inactive", 52.0, "pJ/neuron update", "update of a neuron at rest, its memory"
)
LOIHI_TILE_SPIKE = _loihi(
    "loihi1_tile_spike", 1.7, "pJ/spike message", "a spike inside its tile, without mesh hops"
)

BOARD_SYNOP = Constant(
    "loihi1_board_synop",
    33.6,
    "pJ/synaptic event",
    "14 nm",
    "fit",
    "sparse synapse; weight memory and accumulation, no static power",
    _SANA_FE,
    0.75,
    24.0,
    35.5,
    "the same fit: 24.0 for convolutional, 35.5 for dense synapses",
)
BOARD_ACCESS = _board(
    "loihi1_board_soma_access", 51.2, "pJ/neuron and step", "state access of every neuron at every step"
)
BOARD_UPDATE = _board("loihi1_board_soma_update", 21.6, "pJ/neuron update", "update of a neuron with input")
BOARD_FIRE = _board("loihi1_board_soma_fire", 69.3, "pJ/spike", "a neuron that fires")
BOARD_MESSAGE = _board(
    "loihi1_board_message", 111.0, "pJ/spike message", "one message to one core, without hops"
)
BOARD_SYNC = Constant(
    "loihi1_board_sync",
    0.6,
    "us/step",
    "14 nm",
    "fit",
    "barrier between time steps over one tile; no work inside the step",
    _SANA_FE,
    0.75,
    0.6,
    1.8,
    "the same file: 0.6 us over 1 tile, 1.8 us over 29",
)

TRUENORTH_SYNOP = Constant(
    "truenorth_marginal_synop",
    2.4,
    "pJ/synaptic event",
    "28 nm",
    "derived",
    "marginal cost of one more event; no static power, no update of the neurons",
    _TRUENORTH,
    0.8,
    2.3,
    2.5,
    "the same analysis",
)
TRUENORTH_HOP = Constant(
    "truenorth_hop", 2.3, "pJ/hop", "28 nm", "derived", "a spike from one router to the next", _TRUENORTH
)
TRUENORTH_STATIC = Constant(
    "truenorth_static",
    10.3,
    "nJ/core and ms",
    "28 nm",
    "measured",
    "42 mW of a chip over its 4096 cores: leakage, clock and idle neurons",
    _TRUENORTH,
    0.8,
)


def _spinnaker(name: str, value: float, unit: str, node: str, includes: str) -> Constant:
    return Constant(name, value, unit, node, "measured", includes, _HOPPNER)


_EVENT, _UPDATE = "pJ/synaptic event", "pJ/neuron update"
SPINNAKER1_SYNOP = _spinnaker(
    "spinnaker1_synop", 13_300.0, _EVENT, "130 nm", "software on the core, its memory"
)
SPINNAKER1_UPDATE = _spinnaker("spinnaker1_update", 26_000.0, _UPDATE, "130 nm", "software, every step")
SPINNAKER2_SYNOP = _spinnaker("spinnaker2_synop", 450.0, _EVENT, "28 nm prototype", "software, its memory")
SPINNAKER2_UPDATE = _spinnaker(
    "spinnaker2_update", 2_190.0, _UPDATE, "28 nm prototype", "software, every step"
)


def _gpu(name: str, value: float, node: str, power_w: int, rate: str, sheet: str) -> Constant:
    includes = f"{power_w} W of the board over {rate} dense operations per second, all of them used"
    return Constant(name, value, "pJ/op", node, "derived", includes, sheet)


_A100 = "NVIDIA A100 data sheet (peak rate and board power); a multiply-accumulate is two operations"
_H100 = "NVIDIA H100 SXM data sheet (peak rate and board power); a multiply-accumulate is two operations"
A100_INT8 = _gpu("a100_int8", 300 / 624, "7 nm", 300, "624e12 int8", _A100)
A100_BF16 = _gpu("a100_bf16", 400 / 312, "7 nm", 400, "312e12 bf16", _A100)
A100_FP32 = _gpu("a100_fp32", 400 / 19.5, "7 nm", 400, "19.5e12 fp32", _A100)
H100_BF16 = _gpu("h100_bf16", 700 / 989, "4 nm", 700, "989e12 bf16", _H100)
