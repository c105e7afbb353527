"""Recipes in one table: the commands need no more of a new one than a line in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import pytest

from snn.cli import main
from snn.recipes.recipe import Recipe, epoch_line
from snn.recipes.shd import ShdConfig, build_model
from snn.recipes.table import RECIPES
from snn.train import Progress, TrainConfig


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_are_whole(name):
    recipe = RECIPES.find(name)
    assert recipe.name == name and "\n" not in recipe.help and recipe.help.endswith(".")
    config = recipe.config()
    assert isinstance(config.train, TrainConfig)
    if recipe.samples is not None:
        assert {"data"} <= set(recipe.samples.fields) <= {setting.name for setting in fields(recipe.config)}
        assert recipe.samples.step_ms(config) > 0


@dataclass(frozen=True)
class CountConfig:
    """Count.

    Attributes:
        to: The last number.
        train: Not used.
    """

    to: int = 3
    train: TrainConfig = field(default_factory=TrainConfig)


def test_a_recipe_says_what_is_printed(tmp_path, monkeypatch, capsys):
    asked = {}

    def run(config, out, *, resume, init, torch_device, callback, log):
        asked.update(out=out, resume=resume, init=init, torch_device=torch_device, to=config.to)
        log("counting")
        for i in range(config.to):
            callback(Progress(i, config.to, 0, 0, 0.0, {"number": i + 1}))
        return config.to

    recipe = Recipe(
        name="count",
        help="Count to a number.",
        config=CountConfig,
        run=run,
        result_lines=lambda result: [f"counted to {result}", "done"],
        epoch_line=lambda progress: f"now {progress.metrics['number']}",
    )
    monkeypatch.setitem(RECIPES._entries, "count", recipe)
    out = str(tmp_path / "out")
    assert main(["train", "count", "--to", "2", "--out", out, "--init", "m.safetensors", "--resume"]) == 0
    assert capsys.readouterr().out.splitlines() == ["counting", "now 1", "now 2", "counted to 2", "done"]
    assert asked == {"out": out, "resume": True, "init": "m.safetensors", "torch_device": "cpu", "to": 2}
    assert main(["train", "count", "--torch-device", "cuda:3"]) == 0
    assert asked["out"] == str(Path("runs/count")) and asked["torch_device"] == "cuda:3"
    main(["train", "--help"])
    assert "  count     Count to a number." in capsys.readouterr().out


def test_an_epoch_in_a_line():
    metrics = {"train_loss": 0.5, "train_accuracy": 0.25, "valid_accuracy": 0.75, "rates": {"hid1": 0.125}}
    line = epoch_line(Progress(1, 10, 0, 0, 0.5, metrics))
    assert line == "epoch   2/10  loss 0.500  train 25.0%  valid 75.0%  firing hid1 12.5%"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"delays": "long"}, "delays must be one of 'learned', 'linear', 'fixed', 'none', got 'long'"),
        ({"hidden": ()}, r"hidden must be at least one size >= 1, got \(\)"),
        ({"hidden": (4, 0)}, r"hidden\[1\] must be a whole number >= 1, got 0"),
        ({"max_delay": 5}, "max_delay must be even, so that the taps have a middle, got 5"),
        ({"max_delay": 0}, "max_delay must be a whole number >= 2, got 0"),
        ({"kernel_count": 0}, "kernel_count must be a whole number >= 1, got 0"),
        ({"tau": 0.5}, "tau must be a finite number >= 1, got 0.5"),
        ({"dropout": 1.0}, "dropout must be a finite number >= 0 and < 1, got 1.0"),
        ({"surrogate_alpha": 0.0}, "surrogate_alpha must be a finite number > 0, got 0.0"),
    ],
)
def test_impossible_settings_are_refused_before_torch_is_there(settings, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        ShdConfig(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max_delay": 2, "kernel_count": 2, "tau": 1.0, "dropout": 0.0, "surrogate_alpha": 1e-3},
        {"delays": "none", "max_delay": 5, "recurrent": True},
        {"delays": "fixed", "recurrent": True},
        {"delays": "linear", "hidden": (1,)},
    ],
)
def test_settings_that_are_taken_make_a_model(settings):
    config = ShdConfig(**settings)
    assert len(build_model(config, 3, 2, seed=0)) == 4 * len(config.hidden) + 2
    assert asdict(config)["train"]["epochs"] == 40
