"""Read a model that a recipe saved, and the test samples that go with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from snn.core.arrays import PathLike
from snn.core.checks import choice, refusal, shown, whole
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import typed
from snn.datasets import EventCameraSet, ImageSet, SoundSet, SpikeSet
from snn.nn import Sequential
from snn.recipes.recipe import Reading, Recipe
from snn.recipes.table import RECIPES
from snn.train import LOSSES, TrainConfig, load, read_info

__all__ = ["SavedModel", "load_saved", "recipe_of"]

TestSet = SpikeSet | EventCameraSet | ImageSet | SoundSet


@dataclass(frozen=True, slots=True)
class SavedModel:
    """Hold a model and how it is used.

    Attributes:
        model: In evaluation mode.
        recipe: The experiment that trained it.
        samples: How its samples are read.
        data: How its data are read: fields of the recipe's config; `data` is where from.
        seed: Seed of the run, which decides the validation split.
        loss: Name of its loss, which decides how its outputs are scored.
        shape: Axes of a step's input where it is an image, else ().
        classes: Names of the classes that the outputs stand for; () where the file does not say.
    """

    model: Sequential
    recipe: Recipe[Any, Any]
    samples: Reading[Any]
    data: dict[str, Any]
    seed: int
    loss: str
    shape: tuple[int, ...]
    classes: tuple[str, ...] = ()

    @property
    def dt_ms(self) -> float:
        """Length of a step, ms; nominal where frames are parts of each recording, 1 for still images."""
        return float(self.samples.step_ms(self._config(self.data["data"])))

    def _config(self, where: str | None) -> Any:
        """Make the recipe's settings that read the data as in training, from `where`."""
        return self.recipe.config(**{**self.data, "data": where}, train=TrainConfig(seed=self.seed))

    def sets(self, data: str | None = None) -> tuple[TestSet, TestSet, TestSet]:
        """Read training, validation and test samples as in training.

        Args:
            data: Where from; None: from where they were then; "embedded": the embedded words.

        Raises:
            FileNotFoundError: The data are not there.
            ValueError: They are of another layout, of other classes, or damaged.
        """
        where = self.data["data"] if data is None else None if data == "embedded" else data
        sets: tuple[TestSet, TestSet, TestSet] = self.samples.load(self._config(where))
        found = tuple(sets[2].classes)
        if self.classes and found != self.classes:
            rule = f"those of the model, {shown(self.classes)}"
            raise refusal(f"classes of {sets[2].name}", rule, found)
        return sets

    def test_set(self, data: str | None = None) -> TestSet:
        """Read the test samples as in training; see `sets`."""
        return self.sets(data)[2]


def recipe_of(path: PathLike) -> Recipe[Any, Any]:
    """Give the recipe that saved a model file.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: No model file, of another version, or not of a recipe.
    """
    return _recipe(path, read_info(path))


def load_saved(path: PathLike) -> SavedModel:
    """Read a model file of a recipe.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: No model file, of another version, or not of a recipe.
    """
    about = read_info(path)
    recipe, model = _recipe(path, about), load(path)
    if recipe.samples is None or not isinstance(model, Sequential):
        raise _without_recipe(path)
    with naming(path):
        data = typed("data", about.get("data"), dict, "how its data are read")
        if data.get("data") is not None:
            typed("data.data", data.get("data"), str, "where its data are, or null")
        seed = whole("seed", about.get("seed"))
        loss = choice("loss", about.get("loss", "softmax_sum"), tuple(LOSSES))
        shape = tuple(
            whole("shape", n, low=1) for n in typed("shape", about.get("shape", []), list, "a list")
        )
        classes = tuple(typed("classes", about.get("classes", []), list, "names of classes"))
        saved = SavedModel(model, recipe, recipe.samples, {"data": None, **data}, seed, loss, shape, classes)
        saved.dt_ms  # noqa: B018 - refuses settings that its recipe does not have
    return saved


def _recipe(path: PathLike, about: dict[str, Any]) -> Recipe[Any, Any]:
    """Give the recipe that a model file names."""
    name = about.get("recipe", "")
    if not isinstance(name, str) or name not in RECIPES:
        raise _without_recipe(path)
    return RECIPES.find(name)


def _without_recipe(path: PathLike) -> ValueError:
    names = ", ".join(f"`snn train {name}`" for name in RECIPES if RECIPES.find(name).samples is not None)
    return ValueError(f"{path} does not say how its data are read; train it with one of {names}")
