"""Read a model that a recipe saved, and the test samples that go with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snn.datasets import EventCameraSet, ImageSet, SpikeSet
from snn.datasets.sets.nmnist import NOMINAL_MS
from snn.nn import Sequential
from snn.recipes import images, nmnist, shd
from snn.recipes.experiment import Recipe
from snn.train import TrainConfig, load, read_info

__all__ = ["SavedModel", "load_saved"]

TestSet = SpikeSet | EventCameraSet | ImageSet

_ALL: tuple[Recipe[Any, Any], ...] = (shd.RECIPE, nmnist.RECIPE, images.RECIPE)
_RECIPES = {recipe.name: recipe for recipe in _ALL}


@dataclass(frozen=True, slots=True)
class SavedModel:
    """Hold a model and how it is used.

    Attributes:
        model: In evaluation mode.
        recipe: Name of the experiment that trained it: "shd", "nmnist" or "images".
        data: How its data are read: fields of the recipe's config; `data` is where from.
        seed: Seed of the run, which decides the validation split.
        loss: Name of its loss, which decides how its outputs are scored.
        shape: Axes of a step's input where it is an image, else ().
    """

    model: Sequential
    recipe: str
    data: dict[str, Any]
    seed: int
    loss: str
    shape: tuple[int, ...]

    @property
    def dt_ms(self) -> float:
        """Length of a step, ms; nominal where frames are parts of each recording, 1 for still images."""
        given = self.data.get("dt_ms")
        if self.recipe == "nmnist" and given is None:
            return NOMINAL_MS / int(self.data["steps"])
        return 1.0 if given is None else float(given)

    def sets(self, data: str | None = None) -> tuple[TestSet, TestSet, TestSet]:
        """Read training, validation and test samples as in training.

        Args:
            data: Where from; None: from where they were then; "embedded": the embedded words.

        Raises:
            FileNotFoundError: The data are not there.
            ValueError: They are of another layout, or damaged.
        """
        recipe = _RECIPES[self.recipe]
        where = self.data["data"] if data is None else None if data == "embedded" else data
        config = recipe.config(**{**self.data, "data": where}, train=TrainConfig(seed=self.seed))
        return recipe.load_data(config)

    def test_set(self, data: str | None = None) -> TestSet:
        """Read the test samples as in training; see `sets`."""
        return self.sets(data)[2]


def load_saved(path: str | Path) -> SavedModel:
    """Read a model file of a recipe.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: No model file, of another version, or not of a recipe.
    """
    model, about = load(path), read_info(path)
    recipe = about.get("recipe")
    if recipe not in _RECIPES or not isinstance(model, Sequential):
        names = ", ".join(f"`snn train {name}`" for name in _RECIPES)
        raise ValueError(f"{path} does not say how its data are read; train it with one of {names}")
    loss = about.get("loss", "softmax_sum")
    shape = tuple(about.get("shape", ()))
    return SavedModel(model.eval(), recipe, about["data"], about["seed"], loss, shape)
