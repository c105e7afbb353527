"""Draw: matplotlib figures, returned and never shown; arrays and core types only."""

from __future__ import annotations

from snn.plot.activity import membranes, raster, sample_activity
from snn.plot.frames import frames
from snn.plot.liquid import (
    class_features,
    liquid_activity,
    memory_curve,
    parameter_map,
    perturbation_curve,
)
from snn.plot.style import COLOURS
from snn.plot.tasks import accuracy_curves, accuracy_matrix
from snn.plot.training import confusion, delay_histogram, firing_rates, training_curves

__all__ = [
    "COLOURS",
    "accuracy_curves",
    "accuracy_matrix",
    "class_features",
    "confusion",
    "delay_histogram",
    "firing_rates",
    "frames",
    "liquid_activity",
    "membranes",
    "memory_curve",
    "parameter_map",
    "perturbation_curve",
    "raster",
    "sample_activity",
    "training_curves",
]
