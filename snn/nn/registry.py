"""Name every kind of layer that a saved model is made from: ours, and those that a user registers."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

import torch
from torch.nn.utils.parametrize import is_parametrized

from snn.core.checks import refusal, shown
from snn.core.files.json_file import fields_of
from snn.core.registry import Registry
from snn.nn.batch_norm import BatchNorm
from snn.nn.connections import DelayLinear, Linear
from snn.nn.conv import AdaptiveAvgPool2d, AvgPool2d, Conv2d, Flatten, MaxPool2d
from snn.nn.dropout import Dropout
from snn.nn.layer import Layer, check_kind
from snn.nn.neurons import LIF, LeakyReadout, ReLU
from snn.nn.recurrent import RecurrentLIF
from snn.nn.residual import Residual
from snn.nn.sequential import Sequential
from snn.nn.without_memory import without_memory

__all__ = ["check_allowed", "check_rebuilds", "check_sizes", "from_config", "register_layer", "to_config"]

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

_DEEPEST = 100
"""Most layers that a described layer may lie within."""

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
    check_kind(kind)
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
        TypeError: It is no layer, or holds one that is neither ours nor registered.
        ValueError: What `config()` of a layer gives does not build it, or is no JSON value; the message names it.
    """
    kind = type(model)
    if not isinstance(model, Layer):
        raise TypeError(
            f"model must be a layer of snn.nn (torch.save keeps other modules), got {kind.__name__}"
        )
    if kind is Sequential:
        assert isinstance(model, Sequential)
        return {"kind": "Sequential", "layers": [to_config(layer) for layer in model]}
    if kind is Residual:
        assert isinstance(model, Residual)
        shortcut = None if model.shortcut is None else to_config(model.shortcut)
        return {"kind": "Residual", "body": to_config(model.body), "shortcut": shortcut, **model.config()}
    name = _name(kind)
    if name not in _KINDS and _REGISTERED.get(name) is not kind:
        if is_parametrized(model):
            raise TypeError(
                f"layers of the model must hold their parameters, got {kind.__name__}, which computes some: "
                "torch.nn.utils.parametrize.remove_parametrizations writes them into the layer"
            )
        if kind.__module__.startswith("snn."):
            raise TypeError(
                f"layers of the model must be of {', '.join(_KINDS)}, or of a class of your own, got "
                f"{kind.__name__}, which snn makes of another model: save that model"
            )
        raise TypeError(
            f"layers of the model must be of {', '.join(_KINDS)}, or of a class that is registered "
            f"(snn.nn.register_layer({kind.__qualname__})), got {kind.__name__}"
        )
    return {"kind": name, **_checked_config(model)}


def check_rebuilds(model: Layer, description: dict[str, Any]) -> None:
    """Build a model from its description, as a file gives it back, and compare names and shapes of its tensors.

    Random numbers of torch are drawn from a copy of the generator, so that saving changes no run.

    Raises:
        ValueError: The description builds nothing, or another model.
    """
    with torch.random.fork_rng(devices=[]):
        again = from_config(json.loads(json.dumps(description)))
    held = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    built = {name: list(tensor.shape) for name, tensor in again.state_dict().items()}
    for name in (*held, *built):
        if held.get(name) != built.get(name):
            pruned = name.removesuffix("_orig").removesuffix("_mask")
            hint = (
                "; torch.nn.utils.prune.remove writes pruned weights into the layer" if pruned != name else ""
            )
            raise ValueError(
                f"config of the model's layers must build its parameters and buffers: {name} is "
                f"{_shape(held.get(name))} in the model, got {_shape(built.get(name))}{hint}"
            )


def _shape(shape: list[int] | None) -> str:
    return "missing" if shape is None else f"of shape {shape}"


def from_config(description: dict[str, Any], allow: Collection[str] = ()) -> Layer:
    """Build a model from what `to_config` gave; its weights are fresh.

    Args:
        description: The layers.
        allow: Modules that may be imported for layers that are not registered in this process, by their full names.
            Importing a module runs it: name only what you trust.

    Raises:
        TypeError: `allow` is no tuple of names.
        ValueError: No description, one of layers within more than 100 others, an unknown kind, one whose module is
            not allowed, or arguments that do not fit.
        ImportError: An allowed module cannot be imported.
    """
    check_allowed(allow)
    return _build(description, allow, nullcontext, "description", 0)


def check_sizes(
    description: dict[str, Any], shapes: dict[str, list[int]], allow: Collection[str] = ()
) -> None:
    """Refuse a description whose model would have other tensors than these, before anything of its size is made.

    Layers are built on torch's device without memory, "meta", on which no random numbers are drawn. A user's layer
    that cannot be built there is left to `from_config`.

    Args:
        description: The layers, as for `from_config`.
        shapes: Shape of each tensor, by name.
        allow: As for `from_config`.

    Raises:
        TypeError, ValueError, ImportError: As `from_config`; or names or shapes differ.
    """
    check_allowed(allow)
    most = sum(map(math.prod, shapes.values())) + _SPARE_ELEMENTS
    try:
        built = _build(description, allow, partial(without_memory, most), "description", 0).state_dict()
    except ValueError:
        if _has_kind_of_user(description):
            return
        raise
    for name in (*built, *shapes):
        held = list(built[name].shape) if name in built else None
        if held != shapes.get(name):
            raise refusal(
                name, f"{_shape(held)}, as the description of the model says", _shape(shapes.get(name))
            )


_SPARE_ELEMENTS = 1 << 20
"""Elements that a layer may make beside those that it keeps in files."""


def _has_kind_of_user(description: Any) -> bool:
    """Tell whether a description names a class that is none of ours."""
    parts = description.values() if isinstance(description, dict) else description
    if isinstance(description, dict) and ":" in str(description.get("kind")):
        return True
    return any(_has_kind_of_user(part) for part in parts if isinstance(part, dict | list))


def _build(
    description: Any,
    allow: Collection[str],
    where: Callable[[], AbstractContextManager[None]],
    place: str,
    depth: int,
) -> Layer:
    """Build a layer, and those within it, from its description at `place`; constructors run within `where`."""
    if not isinstance(description, dict) or not isinstance(description.get("kind"), str):
        raise refusal(place, "a dict with the kind of a layer", description)
    if depth > _DEEPEST:
        raise ValueError(f"description must be of layers within {_DEEPEST} layers at most, got deeper ones")
    arguments = dict(description)
    kind: str = arguments.pop("kind")
    if kind == "Sequential":
        layers = arguments.get("layers")
        if not isinstance(layers, list | tuple) or len(arguments) != 1:
            raise refusal(place, "of a Sequential, {kind, layers: [...]}", description)
        inner = (_build(one, allow, where, f"{place} layers[{i}]", depth + 1) for i, one in enumerate(layers))
        return Sequential(*inner)
    if kind == "Residual":
        if set(arguments) != {"body", "shortcut", "join"}:
            raise refusal(place, "of a Residual, {kind, body, shortcut, join}", description)
        shortcut = arguments["shortcut"]
        around = None if shortcut is None else _build(shortcut, allow, where, f"{place} shortcut", depth + 1)
        body = _build(arguments["body"], allow, where, f"{place} body", depth + 1)
        return Residual(body, around, join=arguments["join"])
    layer = _find_registered(kind, allow) if ":" in kind else _KINDS.find(kind)
    try:
        with where():
            return layer(**arguments)
    except MemoryError:
        raise
    except Exception as error:  # the constructor may be a user's
        raise ValueError(
            f"layer {kind} must be built from {shown(arguments)}, got {type(error).__name__}: {error}"
        ) from error


def _arguments(kind: str, given: dict[str, Any], names: tuple[str, ...]) -> list[Any]:
    """Give the arguments of one of our containers in this order."""
    fields = fields_of(f"layer {kind}", given, names)
    return [fields[name] for name in names]


def check_allowed(allow: Any) -> None:
    """Refuse names of modules that are none.

    Raises:
        TypeError: `allow` is no tuple, list or set of strings.
        ValueError: A name is that of a class in a module.
    """
    if isinstance(allow, str):
        raise TypeError(f"allow must be a tuple of names of modules, got {allow!r}; write ({allow!r},)")
    if not isinstance(allow, tuple | list | set | frozenset):
        raise TypeError(f"allow must be a tuple of names of modules, got {shown(allow)}")
    for name in allow:
        if not isinstance(name, str):
            own = getattr(name, "__name__", None)
            hint = f"; write ({own!r},)" if isinstance(own, str) else ""
            raise TypeError(f"allow must be a tuple of names of modules, got {shown(name)} in it{hint}")
        if ":" in name:
            module = name.partition(":")[0]
            raise ValueError(f"allow must be a tuple of names of modules, got {name!r}; write ({module!r},)")


def _name(kind: type[Layer]) -> str:
    """Give the name by which a kind is stored: the short one of ours, "module:Class" of any other."""
    if kind.__name__ in _KINDS and _KINDS.find(kind.__name__) is kind:
        return kind.__name__
    return f"{kind.__module__}:{kind.__qualname__}"


def _find_registered(name: str, allow: Collection[str]) -> type[Layer]:
    """Find a user's kind: registered in this process, or in a module that may be imported for it."""
    module, _, path = name.partition(":")
    trusted = module in allow or module.startswith("snn.")  # rooms of ours above this one
    if name not in _REGISTERED and trusted and module != "__main__":
        # a decorator in it registers the kind, or it is done here
        found: Any = import_module(module)
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
            advice = (
                "it was in the script that saved it, which allow cannot import; load it there, or move it to a "
                "module of its own"
            )
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
            own = type(value)  # a number of numpy shows as Python's: say what it is
            rule = (
                "a JSON value"
                if own.__module__ == "builtins"
                else f"a JSON value, not {own.__module__}.{own.__name__}"
            )
            raise refusal(f"{name} in config() of {kind.__name__}", rule, value)
    if kind.__name__ not in _KINDS or _KINDS.find(kind.__name__) is not kind:
        _check_complete(kind, config)
    try:
        inspect.signature(kind).bind(**config)
    except TypeError as error:
        raise ValueError(
            f"config() of {kind.__name__} must give the arguments of its constructor, got {shown(config)}: {error}"
        ) from error
    return config


def _check_complete(kind: type[Layer], config: dict[str, Any]) -> None:
    """Refuse a description by a `config` that is inherited from a class whose constructor was another one.

    Such a config cannot know the arguments of the constructor, and defaults would take their place unseen.

    Raises:
        ValueError: It leaves arguments out.
    """
    builder = next(one for one in kind.__mro__ if "__init__" in vars(one))
    describer: type = Layer
    if kind.config is not Layer.config:
        describer = next(one for one in kind.__mro__ if "config" in vars(one))
    if builder is torch.nn.Module or issubclass(describer, builder):
        return
    missing = []
    for one in list(inspect.signature(vars(builder)["__init__"]).parameters.values())[1:]:
        stars = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        if one.name not in config and (not stars or describer is Layer):
            missing.append(stars + one.name)
    if missing:
        raise ValueError(
            f"config of {kind.__name__} must give its arguments ({', '.join(missing)}), got {shown(config)}"
        )


def _is_json(value: Any) -> bool:
    """Tell whether JSON can hold a value as it is (a tuple comes back as a list)."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int)
