"""Spikes and edges in SONATA's HDF5 files, the format of bmtk and libsonata: exactly, or refused by name."""

from __future__ import annotations

from snn.interop.sonata.describe import describe
from snn.interop.sonata.edges import SonataEdges, read_edges, write_edges
from snn.interop.sonata.spikes import SonataSpikes, read_spikes, write_spikes

__all__ = [
    "SonataEdges",
    "SonataSpikes",
    "describe",
    "read_edges",
    "read_spikes",
    "write_edges",
    "write_spikes",
]
