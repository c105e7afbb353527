"""Odd values in every argument of every layer, and of what builds and reads models: taken as what, or refused."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import pytest
import torch
from odd_fields import answers, choice, flag, number, only, optional, sweep, whole

import snn.nn as nn

ERRORS = (ValueError, TypeError, MemoryError)
SIZE = whole(1, 2**53, refuses=ERRORS)
"""A size; no memory is taken here, but what no machine has is refused."""
SMALL = whole(1, 2**20, refuses=ERRORS)
"""A size that counts twice, as those of recurrent neurons do."""
PAIR, BORDER = whole(1, 2**31 - 1), whole(0, 2**14)
NEURON = {
    "tau": number(1),
    "decay_input": flag(),
    "v_th": number(above=0, named="v_"),
    "v_reset": number(-1e38, below=1),
    "reset": choice(),
    "fires": choice(),
    "detach_reset": flag(),
    "surrogate": choice(),
    "surrogate_alpha": optional(number(above=0)),
    "normalise_peak": flag(),
    "surrogate_gain": number(above=0),
    "leak": optional(number(0, 1, skips=("fractions",))),  # these are one per neuron
    "learn_threshold": flag(),
    "learn_leak": flag(),
    "v_leak": optional(number(-1e38, 1e38)),
    "reset_by": only("None"),
    "tau_syn": optional(number(1)),
    "syn_leak": optional(number(0, 1)),
    "t_ref": whole(0, 2**31 - 1),
    "adapt_by": only("0", named="adapt"),
    "tau_adapt": optional(number(1)),
    "spikes": choice(),
}
POOL = {
    "kernel_size": PAIR,
    "stride": optional(replace(PAIR, stands_for=None)),
    "padding": only("0", named="padding"),
}
NETWORK = {
    "in_channels": whole(1, 2**53, refuses=ERRORS),
    "classes": whole(1, 2**53, refuses=ERRORS),
    "dropout": number(0, below=1),
    "over": choice(),
    "neurons": only(skips=("class", "function")),
}
RULES: dict[str, dict[str, Any]] = {
    "LIF": NEURON,
    "RecurrentLIF": {
        "features": SMALL,
        "max_delay": whole(1, 2**24),
        "mode": choice(),
        "sharing": choice(),
        "tau": number(1),
        "receptor": only("None"),
    },
    "LeakyReadout": {
        "tau": number(1),
        "decay_input": flag(),
        "v_leak": number(-1e38, 1e38),
        "tau_syn": optional(number(1)),
        "syn_leak": optional(number(0, 1)),
    },
    "Linear": {"in_features": SIZE, "out_features": SIZE, "bias": flag()},
    "DelayLinear": {
        "in_features": SIZE,
        "out_features": SIZE,
        "max_delay": only("fraction without a fraction", "numpy float32", "numpy longdouble"),
        "mode": choice(),
        "kernel_count": whole(1, 2**20, refuses=ERRORS, skips=("2^31-1", "2^31", "2^32", "2^53")),
        "sharing": choice(),
    },
    "BatchNorm": {
        "num_features": SIZE,
        "over": choice(),
        "eps": number(above=0),
        "momentum": number(above=0, high=1),
    },
    "Conv2d": {
        "in_channels": SIZE,
        "out_channels": SIZE,
        "kernel_size": whole(1, 2**20, refuses=ERRORS),
        "stride": PAIR,
        "padding": BORDER,
        "dilation": PAIR,
        "groups": only("1", "3", "3.0", "numpy int8", "0-d int array", "0-d torch int64"),
        "bias": flag(),
    },
    "AvgPool2d": POOL,
    "MaxPool2d": POOL,
    "AdaptiveAvgPool2d": {"output_size": whole(1, 2**14)},
    "Dropout": {"p": number(0, below=1)},
    "Residual": {"body": only(), "shortcut": only("None"), "join": choice()},
    "Flatten": {},
    "ReLU": {},
    "Sequential": {},
    "Layer": {},
    "DelayedLayer": {},
    "vgg": {
        "plan": only("empty list", refuses=ERRORS),
        "features": whole(1, 2**14, refuses=ERRORS),
        "hidden": only("empty list", refuses=ERRORS),
        "bias": flag(),
        "head_bias": flag(),
        **NETWORK,
    },
    "resnet18": {"kind": choice(), "width": whole(1, 2**16, refuses=ERRORS), "join": choice(), **NETWORK},
    "to_network": {
        "model": only(),
        "dt_ms": number(low=1e-100, high=1e100),
        "shape": only("None", "array [1]", "torch int32 [2]"),
        "fold": only(skips=("class", "function")),
    },
    "to_config": {"model": only()},
    "from_config": {"description": only(), "allow": only("empty list", "list of texts")},
    "register_layer": {"kind": only()},
    "frozen": {"model": only(), "batch_norm": flag(), "neurons": flag()},
    "Session": {"model": only(), "batch": PAIR},
}
NEEDED: dict[str, dict[str, Any]] = {
    "RecurrentLIF": {"features": 3, "max_delay": 2},
    "Linear": {"in_features": 3, "out_features": 2},
    "DelayLinear": {"in_features": 3, "out_features": 2, "max_delay": 4},
    "BatchNorm": {"num_features": 3},
    "Conv2d": {"in_channels": 3, "out_channels": 3, "kernel_size": 1},
    "AvgPool2d": {"kernel_size": 1},
    "MaxPool2d": {"kernel_size": 1},
    "Residual": {"body": nn.ReLU()},
    "vgg": {"plan": (2, "A"), "in_channels": 2, "classes": 3},
    "resnet18": {"in_channels": 2, "classes": 3, "width": 2},
    "to_network": {"model": nn.Sequential(nn.Linear(3, 2), nn.LIF()), "dt_ms": 1.0},
    "from_config": {"description": {"kind": "ReLU"}},
    "frozen": {"model": nn.ReLU()},
    "Session": {"model": nn.ReLU().eval()},
}
LEARNED = {"decay_input": False, "detach_reset": True}
BESIDE = {("LIF", "leak"): LEARNED, ("LIF", "learn_threshold"): LEARNED, ("LIF", "learn_leak"): LEARNED}
"""What goes with an argument."""
PUBLIC = {
    name: made
    for name in nn.__all__
    if callable(made := getattr(nn, name)) and not (inspect.isclass(made) and issubclass(made, tuple))
}
"""All that is public but states, which the layers that are given them check."""


def test_every_argument_has_an_answer():
    assert not answers(RULES, PUBLIC)


def _made(name: str, given: dict[str, Any]) -> Any:
    arguments = {**NEEDED.get(name, {}), **given}
    if name == "frozen":
        with nn.frozen(**arguments):
            return None
    with torch.device("meta" if name not in ("to_network", "from_config") else "cpu"):  # no memory is taken
        return PUBLIC[name](**arguments)


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name, rules in RULES.items() for field in rules]
)
def test_odd_values_are_read_right_or_refused_by_name(name, field):
    assert not sweep(
        lambda **given: _made(name, BESIDE.get((name, field), {}) | given), field, RULES[name][field]
    )


def test_descriptions_of_layers_are_checked_whole():
    deep: Any = {"kind": "ReLU"}
    for _ in range(2000):
        deep = {"kind": "Sequential", "layers": [deep]}
    for description, message in (
        ({}, "description must be a dict with the kind"),
        ({"kind": 3}, "description must be"),
        ({"kind": "Sequential"}, "description must be of a Sequential"),
        ({"kind": "Sequential", "layers": 3}, "description must be of a Sequential"),
        ({"kind": "Sequential", "layers": [{"kind": "ReLU"}, None]}, r"description layers\[1\] must be"),
        ({"kind": "Residual", "body": {"kind": "ReLU"}}, "description must be of a Residual"),
        ({"kind": "Residual", "body": 1, "shortcut": None, "join": "add"}, "description body must be"),
        ({"kind": "ReLU", "sharp": 1}, "layer ReLU must be built from"),
        ({"kind": "Nothing"}, "layer kind"),
        (deep, "layers within 100 layers at most"),
    ):
        with pytest.raises(ValueError, match=message):
            nn.from_config(description)


def test_layers_that_would_not_fit_are_refused_before_they_are_made():
    for make in (
        lambda: nn.Linear(2**40, 2**10),
        lambda: nn.DelayLinear(2**40, 2**10, 4),
        lambda: nn.Conv2d(2**20, 2**20, 9),
        lambda: nn.RecurrentLIF(2**25, 4),
        lambda: nn.BatchNorm(2**50),
    ):
        with pytest.raises(MemoryError, match="the parameters .* GiB are free"):
            make()
