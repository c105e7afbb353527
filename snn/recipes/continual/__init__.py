"""Tasks one after another: settings, their streams and learners, and the run."""

from __future__ import annotations

from snn.recipes.continual.config import DATA_FIELDS, ContinualConfig, load_data
from snn.recipes.continual.train import RECIPE, run

__all__ = ["DATA_FIELDS", "RECIPE", "ContinualConfig", "load_data", "run"]
