"""Describe a model in JSON and build it again: what a saved model is made from."""

from __future__ import annotations

from typing import Any

from snn.core.registry import Registry
from snn.nn.batch_norm import BatchNorm
from snn.nn.connections import DelayLinear, Linear
from snn.nn.conv import AdaptiveAvgPool2d, AvgPool2d, Conv2d, Flatten, MaxPool2d
from snn.nn.dropout import Dropout
from snn.nn.layer import Layer
from snn.nn.neurons import LIF, LeakyReadout, ReLU
from snn.nn.recurrent import RecurrentLIF
from snn.nn.residual import Residual
from snn.nn.sequential import Sequential

__all__ = ["from_config", "to_config"]

_KINDS: Registry[type[Layer]] = Registry(
    "layer kind",
    (
        (kind.__name__, kind)
        for kind in (
            Sequential,
            Residual,
            AdaptiveAvgPool2d,
            AvgPool2d,
            BatchNorm,
            Conv2d,
            DelayLinear,
            Dropout,
            Flatten,
            LIF,
            LeakyReadout,
            Linear,
            MaxPool2d,
            ReLU,
            RecurrentLIF,
        )
    ),
)


def to_config(model: Layer) -> dict[str, Any]:
    """Give a model's layers and their arguments as JSON values (not its weights).

    Raises:
        TypeError: It holds a layer that is not one of ours.
    """
    if isinstance(model, Sequential):
        return {"kind": "Sequential", "layers": [to_config(layer) for layer in model]}
    if isinstance(model, Residual):
        shortcut = None if model.shortcut is None else to_config(model.shortcut)
        return {"kind": "Residual", "body": to_config(model.body), "shortcut": shortcut, **model.config()}
    kind = type(model).__name__
    if kind not in _KINDS or _KINDS.find(kind) is not type(model):
        raise TypeError(f"layers of the model must be of {', '.join(_KINDS)}, got {kind}")
    return {"kind": kind, **model.config()}


def from_config(description: dict[str, Any]) -> Layer:
    """Build a model from what `to_config` gave; its weights are fresh.

    Raises:
        ValueError: An unknown kind, or arguments that do not fit.
    """
    arguments = dict(description)
    kind: str = arguments.pop("kind", "")
    if kind == "Sequential":
        return Sequential(*(from_config(layer) for layer in arguments["layers"]))
    if kind == "Residual":
        shortcut = arguments["shortcut"]
        around = None if shortcut is None else from_config(shortcut)
        return Residual(from_config(arguments["body"]), around, join=arguments["join"])
    layer = _KINDS.find(kind)
    try:
        return layer(**arguments)
    except TypeError as error:
        raise ValueError(f"layer {kind}: {error}") from error
