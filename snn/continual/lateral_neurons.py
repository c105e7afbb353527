"""How lateral neurons code what they see: by spikes in bursts."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from snn.core.checks import keep, number, whole

__all__ = ["SpikingLateral"]


@dataclass(frozen=True, slots=True)
class SpikingLateral:
    """Code a value by the signed number of spikes of one burst: y becomes S/T round(T clip(y, -S, S) / S).

    Within the scale the error is at most S / (2 T); a value that small alone is lost. Nothing dynamic is simulated.
    Source: Xiao et al., ICLR 2024, whose example these defaults are (their program's own are 1000 spikes).

    Attributes:
        scale: Largest value S that can be coded, > 0.
        spikes: Spikes T of a burst at most, >= 1.

    Raises:
        ValueError: A value is out of its range.
    """

    scale: float = 20.0
    spikes: int = 40

    def __post_init__(self) -> None:
        keep(self, number, "scale", above=0.0)
        keep(self, whole, "spikes", low=1)

    def __call__(self, y: Tensor) -> Tensor:
        """Give the coded values of y, any shape."""
        bursts = (y.clamp(-self.scale, self.scale) * (self.spikes / self.scale)).round()
        return bursts * (self.scale / self.spikes)
