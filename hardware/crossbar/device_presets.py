"""Keep device statistics that others published, each with its process node and source."""

from __future__ import annotations

from dataclasses import dataclass

from snn.core.checks import choice, refusal
from snn.core.registry import Registry
from snn.hardware.crossbar.device import (
    CubicIV,
    DeviceConfig,
    FlickerNoise,
    Forming,
    PowerLawDrift,
    SigmaTable,
)
from snn.hardware.targets.constant import Kind

__all__ = ["DeviceRecord", "device_preset", "device_presets", "device_record", "register_device"]


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """Record the statistics of a device with their provenance.

    Attributes:
        name: Identifier in the registry.
        device: The statistics.
        unit: Unit of its conductances; the code computes in ``"uS"``, and no other is accepted.
        node: Process technology, e.g. ``"130 nm"``.
        kind: How the numbers were obtained: measured, simulated, fit or derived.
        includes: What is and is not inside the numbers.
        source: The publication, and where it was read if not in the original.

    Raises:
        ValueError: A text is missing, `kind` is unknown, or the unit is another.
    """

    name: str
    device: DeviceConfig
    unit: str
    node: str
    kind: Kind
    includes: str
    source: str

    def __post_init__(self) -> None:
        for field in ("name", "unit", "node", "includes", "source"):
            text = getattr(self, field)
            if not isinstance(text, str) or not text.strip():
                raise refusal(field, "a text that is not empty", text)
        choice("kind", self.kind, Kind)
        choice("unit", self.unit, ("uS",))


_DAY = 86_400.0

PCM_IBM = DeviceRecord(
    "pcm_ibm",
    DeviceConfig(
        g_max_us=25.0,
        sigma_us=(0.26348, 1.9650, -1.1731),
        read_noise=FlickerNoise(0.0088, 0.65, 0.2, 250e-9),
        t0_s=20.0,
        drift=PowerLawDrift((-0.0155, 0.0244), (0.049, 0.1), (-0.0125, -0.0059), (0.008, 0.045)),
    ),
    "uS",
    "90 nm (recalled, not checked)",
    "fit",
    "programming, drift and 1/f read noise of single devices; used as differential pairs; no faults, no wires",
    "V. Joshi et al., Accurate deep neural network inference using computational phase-change memory, "
    "Nature Communications 11, 2020 (one million devices); fits as released with the IBM analog hardware kit",
)

RRAM_WAN = DeviceRecord(
    "rram_wan2022",
    DeviceConfig(
        g_max_us=40.0,
        read_noise=0.01,
        t0_s=1.0,
        drift=SigmaTable(
            (1.0, _DAY, 2 * _DAY),
            (
                (0.348, 16.03, -43.853, 45.393, -16.815),
                (0.701, 22.086, -50.773, 47.095, -16.458),
                (0.782, 20.274, -43.507, 37.062, -11.934),
            ),
        ),
    ),
    "uS",
    "130 nm",
    "fit",
    "spread around the target 1 s, 1 day and 2 days after iterative writing; read noise about 1 %; no faults",
    "W. Wan et al., A compute-in-memory chip based on resistive random-access memory, Nature 608, 2022; fits as "
    "released with the IBM analog hardware kit",
)

RRAM_MILO = DeviceRecord(
    "rram_milo2021",
    DeviceConfig(
        g_min_us=50.0,
        g_max_us=225.0,
        sigma_us=(4.782, -0.009107 * 225.0),
        iv=CubicIV(
            (0.007063, 0.005711, 0.001541, 0.0001388), (1.2968e-3, 6.7919e-4, 8.8710e-5), (50.0, 225.0), 0.5
        ),
    ),
    "uS",
    "250 nm (recalled, not checked)",
    "fit",
    "spread after multi-pulse writing; I-V fitted to four states of 62.5 to 110 uS and taken as linear at 225 uS; "
    "no drift, no read noise, no faults",
    "V. Milo et al., Optimized programming algorithms for multilevel RRAM in hardware neural networks, IRPS "
    "2021, figures 1 and 4 (4-kbit HfO2 array); fits as released with CrossSim",
)

RRAM_RANDOM = DeviceRecord(
    "rram_random_40nm",
    DeviceConfig(
        g_max_us=18.8,
        read_noise=0.02,
        forming=Forming(3.433, 3.433, 0.114, 12.35, 1.86, 7.6, 18.8),
    ),
    "uS",
    "40 nm",
    "measured",
    "statistics from a sister paper: breakdown voltage of 400 cells, formed conductances of 50 x 50 cells (unit "
    "not stated there, read as uS: scale the four conductances if you know better), read noise per access",
    "open data of S. Wang et al., Echo state graph neural networks with analogue random resistive memory arrays, "
    "Nature Machine Intelligence 5, 2023, of the family of 40 nm 1T1R arrays of the resistive-memory zero-shot "
    "liquid state machine",
)

_DEVICES: Registry[DeviceRecord] = Registry(
    "device", ((record.name, record) for record in (PCM_IBM, RRAM_WAN, RRAM_MILO, RRAM_RANDOM))
)


def device_presets() -> tuple[str, ...]:
    """List the names of the registered devices."""
    return tuple(_DEVICES)


def device_record(name: str) -> DeviceRecord:
    """Give a registered device with its provenance.

    Raises:
        ValueError: Unknown name; the message lists the known ones.
    """
    return _DEVICES.find(name)


def device_preset(name: str) -> DeviceConfig:
    """Give the statistics of a registered device; change them with `dataclasses.replace`.

    Raises:
        ValueError: Unknown name; the message lists the known ones.
    """
    return device_record(name).device


def register_device(record: DeviceRecord) -> None:
    """Add a device, so that `device_preset` finds it.

    Raises:
        ValueError: The name is taken.
    """
    _DEVICES.add(record.name, record)
