"""Check that a trained model and the event engine keep the same spikes, word for word."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch

from snn.core import Counts, Events, Network, Record, Recording, simulate
from snn.datasets import SpikeSet
from snn.nn import LIF, Sequential, stages, to_network

__all__ = ["Agreement", "compare", "run_words"]

TIE = 1e-9  # closer than this to the threshold, rounding decides: DESIGN §3


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a comparison found; `exact` when nothing differs that is not a tie."""

    words: int
    """Samples compared."""
    spikes: int
    """Hidden spikes the engine emitted over all samples."""
    differing_words: int
    """Samples in which some hidden spike differs between torch (float64) and the engine."""
    ties: int
    """Differing samples whose first difference stands within 1e-9 of the threshold."""
    differing_predictions: int
    """Samples whose predicted class differs between torch (float32) and the engine."""

    @property
    def exact(self) -> bool:
        """Tell whether every difference is a tie and every prediction is equal."""
        return self.differing_words == self.ties and self.differing_predictions == 0
