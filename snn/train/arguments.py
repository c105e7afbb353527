"""Check the arguments that the functions of training share."""

from __future__ import annotations

import os
from typing import Any

from torch import nn

from snn.core.checks import refusal, shown
from snn.nn import Layer
from snn.train.config import TrainConfig

__all__ = ["check_config", "check_functions", "check_layer", "check_module", "check_paths"]


def check_layer(model: Any) -> None:
    """Refuse what is no layer.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(model, Layer):
        raise ValueError(f"model must be a snn.nn.Layer, got {type(model).__name__}")


def check_module(model: Any) -> None:
    """Refuse what is no module of torch.

    Raises:
        TypeError: It is none.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a module of torch, got {shown(model)}")


def check_config(config: Any) -> None:
    """Refuse what is no `TrainConfig`.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(config, TrainConfig):
        raise refusal("config", "a TrainConfig", config)


def check_functions(**functions: Any) -> None:
    """Refuse what cannot be called, by the names of the arguments; None is nothing to call.

    Raises:
        ValueError: One cannot be called.
    """
    for name, function in functions.items():
        if function is not None and not callable(function):
            raise refusal(name, "a function", function)


def check_paths(**paths: Any) -> None:
    """Refuse what is no path, by the names of the arguments; None is no file.

    Raises:
        TypeError: One is none.
    """
    for name, path in paths.items():
        if path is not None and not isinstance(path, str | os.PathLike):
            raise TypeError(f"{name} must be a path, got {shown(path)}")
