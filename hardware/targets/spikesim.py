"""Reproduce the released energy estimator of SpikeSim: a fixed number of cycles, whatever the spikes.

Source: A. Moitra et al., SpikeSim: an end-to-end compute-in-memory hardware evaluation tool for benchmarking
spiking neural networks, IEEE TCAD 42(11), 2023, and the constants in its released code, which states no node. It
prices a processing-element cycle once and counts cycles from layer shapes: a network without a spike costs as much.
Kept to check published totals, not as a target.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from snn.core.checks import whole
from snn.hardware.targets.constant import ALONE, Constant

__all__ = ["SPIKESIM_CONSTANTS", "ConvShape", "spikesim_energy_pj"]

_SOURCE = "SpikeSim (Moitra et al., IEEE TCAD 2023), constants of its released estimator"


_COLUMNS_PER_ADC, _SUBTRACTIONS = 8, 16


def _constant(name: str, value: float, includes: str) -> Constant:
    return Constant(
        f"spikesim_{name}", value, "pJ/use", "not stated", "simulated", includes, _SOURCE, range_source=ALONE
    )


SPIKESIM_CONSTANTS = {
    "array": _constant("array", 1.76423, "one read of a 64 x 64 resistive array"),
    "adc": _constant("adc", 2.03084, "one conversion; 8 columns share a converter"),
    "mux": _constant("mux", 0.094245, "one use of a column multiplexer"),
    "subtract": _constant("subtract", 1.15e-6, "one shift and subtract"),
    "h_tree": _constant("h_tree", 19.64 * 8, "one use of the tree between elements of a tile"),
    "tile_buffer": _constant("tile_buffer", 397.0, "one use of the tile's buffer"),
    "column_buffer": _constant("column_buffer", 0.2, "one use of a column's buffer"),
    "fetch": _constant("fetch", 4.64, "one fetch from memory"),
    "neuron": _constant("neuron", 1.274 * 4, "one update of the neuron unit"),
}


@dataclass(frozen=True, slots=True)
class ConvShape:
    """Describe one convolution.

    Attributes:
        in_channels: Channels of its input.
        out_channels: Channels of its output.
        out_size: Height and width of its output.

    Raises:
        ValueError: A size is not a whole number >= 1.
    """

    in_channels: int
    out_channels: int
    out_size: int

    def __post_init__(self) -> None:
        for name in ("in_channels", "out_channels", "out_size"):
            object.__setattr__(self, name, whole(name, getattr(self, name), low=1))


def spikesim_energy_pj(
    layers: Sequence[ConvShape], steps: int, *, array_size: int = 64, kernel: int = 3
) -> tuple[float, ...]:
    """Give the energy of each layer as the released estimator does, pJ.

    Args:
        layers: Convolutions.
        steps: Time steps.
        array_size: Rows and columns of an array.
        kernel: Height and width of every kernel.

    Returns:
        pJ per layer and inference.

    Raises:
        ValueError: `steps`, `array_size` or `kernel` is below 1.
    """
    whole("steps", steps, low=1)
    whole("array_size", array_size, low=1)
    whole("kernel", kernel, low=1)
    price = {name: constant.value for name, constant in SPIKESIM_CONSTANTS.items()}
    converters = array_size / _COLUMNS_PER_ADC
    element = kernel**2 * price["array"] + converters * (price["adc"] + price["mux"])
    cycle = price["h_tree"] + price["fetch"] + price["neuron"] + price["tile_buffer"]
    cycle += converters * (element + _SUBTRACTIONS * price["subtract"] + price["column_buffer"])
    return tuple(
        math.ceil(layer.out_channels / array_size)
        * math.ceil(layer.in_channels / array_size)
        * layer.out_size**2
        * cycle
        * steps
        for layer in layers
    )
