"""The same network in other tools: NEST, NIR; models of torch, SpikingJelly, snnTorch as layers; recordings.

Each part loads when first used: some bring torch in.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from snn.interop import neo, nest, nir, nwb, pytorch, snntorch, sonata, spikingjelly

__all__ = ["neo", "nest", "nir", "nwb", "pytorch", "snntorch", "sonata", "spikingjelly"]


def __getattr__(name: str) -> Any:
    """Load a part at its first use."""
    if name in __all__:
        return import_module(f"snn.interop.{name}")
    raise AttributeError(f"module 'snn.interop' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
