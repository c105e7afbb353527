"""Models of SpikingJelly as layers of `snn.nn`, and layers as its modules, with the same spikes."""

from __future__ import annotations

from snn.interop.spikingjelly.modules_in import convert
from snn.interop.spikingjelly.modules_out import to_spikingjelly

__all__ = ["convert", "to_spikingjelly"]
