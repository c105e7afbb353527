"""Read and write networks as NIR, the Neuromorphic Intermediate Representation: exactly, or refused by name."""

from __future__ import annotations

from snn.interop.nir.describe import describe
from snn.interop.nir.layers import layers
from snn.interop.nir.network import NirNetwork, read
from snn.interop.nir.write import write

__all__ = ["NirNetwork", "describe", "layers", "read", "write"]
