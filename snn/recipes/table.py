"""All recipes by name: what `snn train`, `snn simulate` and `snn energy` know."""

from __future__ import annotations

from typing import Any

from snn.core.registry import Registry
from snn.recipes import continual, dvs, gsc, images, liquid, nmnist, shd, ssc, text, zeroshot
from snn.recipes.recipe import Recipe

__all__ = ["RECIPES"]

_ALL: tuple[Recipe[Any, Any], ...] = (
    shd.RECIPE,
    ssc.RECIPE,
    gsc.RECIPE,
    nmnist.RECIPE,
    dvs.RECIPE,
    images.RECIPE,
    continual.RECIPE,
    text.RECIPE,
    liquid.RECIPE,
    zeroshot.RECIPE,
)
RECIPES: Registry[Recipe[Any, Any]] = Registry("NAME", ((recipe.name, recipe) for recipe in _ALL))
"""The recipes, in the order in which the commands list them."""
