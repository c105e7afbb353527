"""Draw: matplotlib figures, returned and never shown; arrays and core types only."""

from __future__ import annotations

from snn.plot.activity import membranes, raster, sample_activity
from snn.plot.frames import frames
from snn.plot.style import COLOURS
from snn.plot.tasks import accuracy_curves, accuracy_matrix
from snn.plot.training import confusion, delay_histogram, firing_rates, training_curves

__all__ = [
    "COLOURS",
    "accuracy_curves",
    "accuracy_matrix",
    "confusion",
    "delay_histogram",
    "firing_rates",
    "frames",
    "membranes",
    "raster",
    "sample_activity",
    "training_curves",
]
