"""Language models: settings, the run, its reports and counts, and models that it saved."""

from __future__ import annotations

from snn.recipes.text.config import DATA_FIELDS, TextConfig, build_model, load_data
from snn.recipes.text.train import RECIPE, run

__all__ = ["DATA_FIELDS", "RECIPE", "TextConfig", "build_model", "load_data", "run"]
