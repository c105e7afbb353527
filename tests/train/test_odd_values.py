"""Odd values in every field of what trains, settings, functions and recipes: taken as what, or refused by name."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from odd_fields import choice, flag, number, only, optional, sweep, whole

from snn import nn, train
from snn.recipes.images import ImagesConfig
from snn.recipes.nmnist import NmnistConfig
from snn.recipes.shd import ShdConfig

TEXTS = ("'no'", "'3'", "numpy text")
FUNCTIONS = ("class", "function")
FIELDS: dict[str, Any] = {
    "epochs": whole(1, 2**53),
    "batch_size": whole(16),
    "accumulate": whole(1),
    "min_batch": whole(1, 128),
    "method": choice(),
    "k": optional(whole(1)),
    "rescale_k": flag(),
    "chunk": optional(whole(1)),
    "recompute": flag(),
    "amsgrad": flag(),
    "precision": choice(),
    "loss": choice(),
    "select": choice(),
    "scores": only("empty list"),
    "optimizer": choice(),
    "momentum": number(0, below=1),
    "betas": only(),
    "eps": number(above=0),
    "clip_norm": optional(number(above=0)),
    "schedule": choice(),
    "schedule_by": choice(),
    "warmup_steps": whole(0),
    "lr": number(above=0),
    "weight_decay": number(0),
    "delay_lr": number(above=0),
    "sigma_end": number(above=0),
    "rounded_epochs": whole(0, 40),
    "seed": whole(0),
}
STEP_LOSS = {"loss": "step_cross_entropy"}
BESIDE = {
    "batch_size": {"min_batch": 16},
    "k": {"method": "sltt", **STEP_LOSS},
    "chunk": STEP_LOSS,
    "recompute": {"chunk": 5, **STEP_LOSS},
}
NET = {
    "valid_fraction": number(above=0, below=1),
    "tau": number(1),
    "dropout": number(0, below=1),
    "train": only(),
}
DATA = optional(only(*TEXTS))
RECIPES: dict[type, dict[str, Any]] = {
    ShdConfig: {
        "data": DATA,
        "dt_ms": number(above=0),
        "group": whole(1, 700),
        "binning": choice(),
        "max_ms": optional(number(above=0)),
        "split_by": choice(),
        "delays": choice(),
        "max_delay": only("fraction without a fraction", "2^31", "2^32", "2^53", "2^63", "10^400", "1e308",
                          "numpy float32", "numpy longdouble", "numpy uint64"),
        "kernel_count": whole(1),
        "recurrent": flag(),
        "hidden": only("list with 10^400"),
        "surrogate_alpha": number(above=0),
        "augment": only(),
        **NET,
    },
    ImagesConfig: {
        "data": DATA,
        "steps": whole(1),
        "max_train": optional(whole(1)),
        "channels": only("list with 10^400"),
        "shift": whole(0, 2**31 - 1),
        "mirror": flag(),
        **NET,
    },
    NmnistConfig: {
        "data": DATA,
        "steps": whole(1),
        "frames": choice(),
        "dt_ms": optional(number(0.001)),
        "channels": only("list with 10^400"),
        "shift": whole(0, 2**31 - 1),
        **NET,
    },
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
def test_settings_of_training(field):
    made = lambda **given: train.TrainConfig(**{**BESIDE.get(field, {}), **given})  # noqa: E731
    assert not sweep(made, field, FIELDS[field])


@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, rules in RECIPES.items() for field in rules]
)
def test_settings_of_recipes(kind, field):
    assert not sweep(kind, field, RECIPES[kind][field])


def test_every_setting_has_an_answer():
    for kind, rules in {train.TrainConfig: FIELDS, **RECIPES}.items():
        assert {field.name for field in dataclasses.fields(kind)} == set(rules), kind


MODEL = nn.Sequential(nn.Linear(3, 4), nn.LIF(decay_input=False), nn.Linear(4, 2), nn.LeakyReadout())
X = np.ones((5, 4, 3), np.float32)


class Given(NamedTuple):
    x: Any = X
    lengths: Any = np.full(4, 5)
    label: Any = np.array([0, 1, 1, 0])


DATA_SET = [Given()]
CONFIG = train.TrainConfig(epochs=1)
MADE = {"model": MODEL, "train": DATA_SET, "valid": DATA_SET, "config": CONFIG}
EPOCHS = {"epoch": 0, "epochs": 10}
CALLS: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "one_cycle": (
        train.one_cycle,
        {**EPOCHS, "peak": 1.0},
        {"epoch": whole(0, 10), "epochs": whole(1, 2**53), "peak": number(above=0)},
    ),
    "delay_learning_rate": (
        train.delay_learning_rate,
        {**EPOCHS, "start": 1.0},
        {"epoch": whole(0, 10), "epochs": whole(1, 2**53), "start": number(above=0)},
    ),
    "sigma_at": (
        train.sigma_at,
        {**EPOCHS, "start": 2.0, "end": 1.0},
        {"epoch": whole(0, 10), "epochs": whole(1, 2**53), "start": number(above=0), "end": number(above=0)},
    ),
    "learning_rate": (
        train.learning_rate,
        {"done": 0, "config": CONFIG, "total": 10},
        {"done": whole(0, 10), "config": only(), "total": optional(whole(1, 2**53))},
    ),
    "evaluate": (
        train.evaluate,
        {"model": MODEL, "data": DATA_SET},
        {
            "model": only(),
            "data": only(),
            "loss": choice(),
            "batch_size": whole(1),
            "scores": only("empty list"),
        },
    ),
    "fit": (
        train.fit,
        MADE,
        {
            "model": only(),
            "train": only(),
            "valid": only(),
            "config": only(),
            "out": only("None", skips=(*TEXTS, "empty text")),
            "resume": only(),
            "callback": only("None", skips=FUNCTIONS),
            "on_gradients": only("None", skips=FUNCTIONS),
            "optimizer": only("None", skips=FUNCTIONS),
            "init": only("None", skips=(*TEXTS, "empty text")),
        },
    ),
    "convert": (
        train.convert,
        {"model": nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), "x": torch.ones(2, 3)},
        {
            "model": only(),
            "x": only(),
            "steps": whole(
                1,
                100,
                skips=("2^31-1", "2^31", "2^32", "2^53", "2^63-1", "2^63", "10^400", "1e308", "numpy uint64"),
            ),
            "percentile": number(above=0, high=100),
            "neuron": only("None", "dict"),
        },
    ),
    "reduce_steps": (
        train.reduce_steps,
        {"model": MODEL, "data": lambda n: (DATA_SET, DATA_SET), "config": CONFIG},
        {
            "model": only(),
            "data": only(skips=FUNCTIONS),
            "config": only(),
            "steps": only(skips=("list with 10^400",)),
            "out": only("None", skips=(*TEXTS, "empty text")),
            "resume": only(),
            "callback": only("None", skips=FUNCTIONS),
        },
    ),
    "prepare": (train.prepare, {"batch": Given(), "model": MODEL}, {"batch": only(), "model": only()}),
    "backward": (
        train.backward,
        {
            "model": MODEL,
            "x": torch.ones(5, 2, 3),
            "lengths": torch.full((2,), 5),
            "label": torch.zeros(2).long(),
            "config": CONFIG,
        },
        {
            "model": only(),
            "config": only(),
            "share": number(0),
            "per_step": only("None", skips=("True", "numpy True", "0-d torch True")),
        },
    ),
    "register_loss": (
        train.register_loss,
        {"name": "", "loss": train.Loss(of_steps=len)},
        {"name": only(skips=TEXTS, named="loss"), "loss": only()},
    ),
    "register_score": (
        train.register_score,
        {"name": "", "score": len},
        {"name": only(skips=TEXTS, named="score"), "score": only(skips=FUNCTIONS)},
    ),
    "Loss": (train.Loss, {"of_steps": len}, {"score": only(*FUNCTIONS), "of_steps": only(*FUNCTIONS)}),
    "check_method": (
        train.check_method,
        {"model": MODEL, "config": CONFIG},
        {"model": only(), "config": only()},
    ),
    "parameter_groups": (
        train.parameter_groups,
        {"model": MODEL, "config": CONFIG},
        {"model": only(), "config": only()},
    ),
    "fold_batch_norm": (train.fold_batch_norm, {}, {"model": only()}),
}


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, call in CALLS.items() for field in call[2]]
)
def test_arguments_of_functions(name, field):
    call, needed, rules = CALLS[name]
    assert not sweep(lambda **given: call(**{**needed, **given}), field, rules[field])
