"""Spike data sets: readers that check what they read, the embedded set, batches in numpy."""

if __name__ == "datasets":
    raise ImportError("this folder is a part of snn: write `import snn.datasets`")

from snn.datasets.augment import Augment, Augmented
from snn.datasets.binning import to_steps
from snn.datasets.errors import DataError
from snn.datasets.registry import fetch, find, list_sets, verify
from snn.datasets.shd import shd
from snn.datasets.spike_set import Batch, SpikeSet

__all__ = [
    "Augment",
    "Augmented",
    "Batch",
    "DataError",
    "SpikeSet",
    "fetch",
    "find",
    "list_sets",
    "shd",
    "to_steps",
    "verify",
]
