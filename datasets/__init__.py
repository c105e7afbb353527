"""Spike data sets: readers that check what they read, the embedded set, batches in numpy."""

if __name__ == "datasets":
    raise ImportError("this folder is a part of snn: write `import snn.datasets`")

from snn.datasets.augment import Augment, Augmented
from snn.datasets.binning import to_steps
from snn.datasets.errors import DataError
from snn.datasets.folds import folds, hold_out
from snn.datasets.images import ImageSet, images
from snn.datasets.nmnist import nmnist
from snn.datasets.recordings import Framing, Recordings
from snn.datasets.registry import fetch, find, list_sets, verify
from snn.datasets.shd import shd
from snn.datasets.shift import Shift, Shifted
from snn.datasets.spike_set import Batch, SpikeSet

__all__ = [
    "Augment",
    "Augmented",
    "Batch",
    "DataError",
    "Framing",
    "ImageSet",
    "Recordings",
    "Shift",
    "Shifted",
    "SpikeSet",
    "fetch",
    "find",
    "folds",
    "hold_out",
    "images",
    "list_sets",
    "nmnist",
    "shd",
    "to_steps",
    "verify",
]
