"""Name every kind of layer that a saved model is made from: ours, and those that a user registers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Collection
from importlib import import_module
from typing import Any, TypeVar

from snn.core.checks import refusal, shown
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

__all__ = ["from_config", "register_layer", "to_config"]

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

_REGISTERED: dict[str, type[Layer]] = {}
"""Kinds of users by "module:Class"."""

K = TypeVar("K", bound=type[Layer])


def register_layer(kind: K) -> K:
    """Let models that hold layers of your own be saved, loaded and described; also as a decorator of the class.

    The class is stored by its name, "module:Class", and its layers are built as ``kind(**layer.config())``. A class
    that is defined again under the same name (a cell of a notebook) takes the place of the one before.

    A class of a script that is run is stored as "__main__:Class": that script itself can load it again, and so can
    any program once it has registered a class of that name. In a module of its own it is found from everywhere, see
    `snn.train.load`.

    Args:
        kind: A subclass of `Layer` at the top level of a module, or within such a class.

    Returns:
        The class.

    Raises:
        TypeError: It is no subclass of `Layer`.
        ValueError: It is one of ours, or it is defined in a function, where no other program finds it.
    """
    if not (isinstance(kind, type) and issubclass(kind, Layer)):
        raise TypeError(f"kind must be a subclass of snn.nn.Layer, got {shown(kind)}")
    name = _name(kind)
    if name == kind.__name__:
        raise refusal("kind", "a class of your own", name)
    if "<locals>" in name:
        raise refusal(
            "kind", "a class at the top level of a module, so that it can be found by its name", name
        )
    _REGISTERED[name] = kind
    return kind


def to_config(model: Layer) -> dict[str, Any]:
    """Give a model's layers and their arguments as JSON values (not its weights).

    Raises:
        TypeError: It holds a layer that is neither ours nor registered.
        ValueError: What `config()` of a layer gives does not build it, or is no JSON value; the message names it.
    """
    kind = type(model)
    if kind is Sequential:
        assert isinstance(model, Sequential)
        return {"kind": "Sequential", "layers": [to_config(layer) for layer in model]}
    if kind is Residual:
        assert isinstance(model, Residual)
        shortcut = None if model.shortcut is None else to_config(model.shortcut)
        return {"kind": "Residual", "body": to_config(model.body), "shortcut": shortcut, **model.config()}
    name = _name(kind)
    if name not in _KINDS and _REGISTERED.get(name) is not kind:
        raise TypeError(
            f"layers of the model must be of {', '.join(_KINDS)}, or of a class that is registered "
            f"(snn.nn.register_layer({kind.__qualname__})), got {kind.__name__}"
        )
    return {"kind": name, **_checked_config(model)}


def from_config(description: dict[str, Any], allow: Collection[str] = ()) -> Layer:
    """Build a model from what `to_config` gave; its weights are fresh.

    Args:
        description: The layers.
        allow: Modules that may be imported for layers that are not registered in this process, by their full names.
            Importing a module runs it: name only what you trust.

    Raises:
        TypeError: `allow` is one string.
        ValueError: An unknown kind, one whose module is not allowed, or arguments that do not fit.
        ImportError: An allowed module cannot be imported.
    """
    if isinstance(allow, str):
        raise TypeError(f"allow must be a tuple of names of modules, got {allow!r}; write ({allow!r},)")
    arguments = dict(description)
    kind: str = arguments.pop("kind", "")
    if kind == "Sequential":
        return Sequential(*(from_config(layer, allow) for layer in arguments["layers"]))
    if kind == "Residual":
        shortcut = arguments["shortcut"]
        around = None if shortcut is None else from_config(shortcut, allow)
        return Residual(from_config(arguments["body"], allow), around, join=arguments["join"])
    layer = _find_registered(kind, allow) if ":" in kind else _KINDS.find(kind)
    try:
        return layer(**arguments)
    except TypeError as error:
        raise ValueError(f"layer {kind}: {error}") from error


def _name(kind: type[Layer]) -> str:
    """Give the name by which a kind is stored: the short one of ours, "module:Class" of any other."""
    if kind.__name__ in _KINDS and _KINDS.find(kind.__name__) is kind:
        return kind.__name__
    return f"{kind.__module__}:{kind.__qualname__}"


def _find_registered(name: str, allow: Collection[str]) -> type[Layer]:
    """Find a user's kind: registered in this process, or in a module that may be imported for it."""
    module, _, path = name.partition(":")
    if name not in _REGISTERED and module in allow:
        found: Any = import_module(
            module
        )  # a decorator in it has registered the kind by now, or it is done here
        for part in path.split("."):
            found = getattr(found, part, None)
        if not (isinstance(found, type) and issubclass(found, Layer)):
            raise ValueError(f"module {module} must define the layer {path}, got {shown(found)} of that name")
        _REGISTERED.setdefault(name, found)
    if name not in _REGISTERED:
        names = ", ".join(f'"{one}"' for one in (*allow, module))
        line = f"snn.train.load(path, allow=({names},))"
        advice = f"to import {module}, if you trust it: {line}"
        if module == "__main__":
            advice = "it was in the script that saved it; load it there, or move it to a module of its own"
        raise ValueError(f"layer kind must be registered in this process, got {name!r}; {advice}")
    return _REGISTERED[name]


def _checked_config(layer: Layer) -> dict[str, Any]:
    """Give a layer's arguments, of which it can be built after they were written as JSON."""
    kind, config = type(layer), layer.config()
    if not isinstance(config, dict):
        raise refusal(f"config() of {kind.__name__}", "a dict of JSON values", config)
    for name, value in config.items():
        if name == "kind":
            raise ValueError(f"config() of {kind.__name__} must have no argument named 'kind', got one")
        if not _is_json(value):
            raise refusal(f"{name} in config() of {kind.__name__}", "a JSON value", value)
    try:
        inspect.signature(kind).bind(**config)
    except TypeError as error:
        raise ValueError(
            f"config() of {kind.__name__} must give the arguments of its constructor, got {shown(config)}: {error}"
        ) from error
    return config


def _is_json(value: Any) -> bool:
    """Tell whether JSON can hold a value as it is (a tuple comes back as a list)."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)
