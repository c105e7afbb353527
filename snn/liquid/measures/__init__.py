"""Measures of a liquid: what it tells apart, what it remembers, how it fires; arrays and plain numbers out.

`snn.plot` draws them. Scores of a regression on a liquid's features are scikit-learn's: `r2_score` there is one per
output, then the mean.
"""

from __future__ import annotations

from snn.liquid.measures.chaos import ChaosMap, edge_of_chaos
from snn.liquid.measures.firing import FiringStatistics, firing_statistics
from snn.liquid.measures.memory import memory_capacity
from snn.liquid.measures.perturbed import perturbation
from snn.liquid.measures.ranks import generalisation_rank, kernel_rank, separation
from snn.liquid.spectral import spectral_radius

__all__ = [
    "ChaosMap",
    "FiringStatistics",
    "edge_of_chaos",
    "firing_statistics",
    "generalisation_rank",
    "kernel_rank",
    "memory_capacity",
    "perturbation",
    "separation",
    "spectral_radius",
]
