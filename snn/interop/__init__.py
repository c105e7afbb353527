"""Run, read and write networks with other tools: NEST, on the same `Network`."""

from __future__ import annotations

from snn.interop import nest

__all__ = ["nest"]
