"""Images and spoken digits matched across classes: settings, senses, and the run."""

from __future__ import annotations

from snn.recipes.zeroshot.config import ZeroShotConfig
from snn.recipes.zeroshot.train import RECIPE, run

__all__ = ["RECIPE", "ZeroShotConfig", "run"]
