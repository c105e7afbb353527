"""A liquid and its readout on spoken words or recordings: settings, data and liquids, and the run."""

from __future__ import annotations

from snn.recipes.liquid.config import LiquidConfig
from snn.recipes.liquid.train import RECIPE, count_saved, run

__all__ = ["RECIPE", "LiquidConfig", "count_saved", "run"]
