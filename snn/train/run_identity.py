"""What a run is: its model, data, settings and functions of one's own; compared when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from snn.core.checks import refusal, whole
from snn.core.files.json_file import fields_of, typed
from snn.nn import Layer, Residual, Sequential, to_config
from snn.train.batches import Data
from snn.train.config import TrainConfig
from snn.train.data_loaders import LoadedBatches
from snn.train.fingerprint import fingerprint

__all__ = [
    "check_identity",
    "check_named",
    "check_same_run",
    "describe_data",
    "first_difference",
    "identity",
    "qualified_name",
]

_PLAIN = (bool, int, float, str, type(None))


def identity(
    model: Layer,
    data: dict[str, Any],
    config: TrainConfig,
    on_gradients: Callable[..., Any] | None,
    optimizer: Callable[..., Any] | None,
    init: str | None = None,
) -> dict[str, Any]:
    """Say what a run is, in JSON values; a run is resumed only as what it was.

    Args:
        model: The model, before the first epoch.
        data: What tells the run's data from other data, from `describe_data`.
        config: How it trains.
        on_gradients: Known by its qualified name (that of its class, if it is an object).
        optimizer: Known by its qualified name.
        init: Checksum of the file whose weights it begins with, if any.
    """
    named = {"on_gradients": on_gradients, "optimizer": optimizer}
    whole = {
        "data": data,
        "config": asdict(config),
        **{name: None if made is None else qualified_name(made) for name, made in named.items()},
        "model": _describe_model(model),
        "init": init,
    }
    plain: dict[str, Any] = json.loads(json.dumps(whole))  # tuples are lists, as they come from a file
    return plain


def _describe_model(model: Layer) -> dict[str, Any]:
    layers = _describe_module(model)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    tensors = {
        name: f"{list(tensor.shape)} {tensor.dtype}{', trained' if name in trained else ''}"
        for name, tensor in model.state_dict().items()
    }
    return {"layers": layers, "tensors": tensors}


def _describe_module(module: nn.Module) -> Any:
    """Describe a module as `to_config` does, and each part that it cannot describe by what can be seen of it.

    A layer that nobody registered, or whose `config()` does not build it, is known by its class, what JSON can hold
    of its `config()`, and its parts; a module of torch's by its class, what it prints of itself, and its parts.
    """
    if type(module) is Sequential:
        return {"kind": "Sequential", "layers": [_describe_module(layer) for layer in module]}
    if type(module) is Residual:
        shortcut = None if module.shortcut is None else _describe_module(module.shortcut)
        body = _describe_module(module.body)
        return {"kind": "Residual", "body": body, "shortcut": shortcut, **module.config()}
    if isinstance(module, Layer):
        try:
            return to_config(module)
        except (TypeError, ValueError, NotImplementedError):
            about = {"config": _in_json(module)}
    else:
        about = {"settings": module.extra_repr()}
    parts = {name: _describe_module(part) for name, part in module.named_children()}
    return {"class": qualified_name(type(module)), **about, "parts": parts}


def _in_json(layer: Layer) -> Any:
    """Give what JSON can hold of a layer's `config()`; of other values in it, the class."""
    try:
        text = json.dumps(layer.config(), default=lambda value: qualified_name(type(value)), skipkeys=True)
    except NotImplementedError:
        return None
    return json.loads(text, parse_constant=str)  # NaN is not equal to itself


def describe_data(train: Data, valid: Data) -> dict[str, Any]:
    """Say what tells the data of a run from other data, as JSON values."""
    sets = {"train": train, "valid": valid}
    found: dict[str, Any] = {f"{name}_samples": len(data) for name, data in sets.items()}
    for name, data in sets.items():
        if isinstance(data, LoadedBatches):
            collate = getattr(data.loader, "collate_fn", None)
            made = None if collate is None else qualified_name(collate)
            found[f"{name}_loader"] = {**data.describe(), "collate": made}
        found[f"{name}_fingerprint"] = fingerprint(data.loader if isinstance(data, LoadedBatches) else data)
    return found


def check_identity(values: Any) -> None:
    """Refuse what `identity` cannot have given: part of a file.

    Raises:
        ValueError: A part is missing or of another kind.
    """
    parts = fields_of("identity", values, ("data", "config", "on_gradients", "optimizer", "model", "init"))
    for name in ("data", "config", "model"):
        typed(f"identity {name}", parts[name], dict, "a group of fields")
    whole("identity config epochs", parts["config"].get("epochs"), low=1)


def check_same_run(old: dict[str, Any], new: dict[str, Any], out: Path) -> None:
    """Refuse to go on with a run that was another; more epochs than it had are no difference.

    Raises:
        ValueError: Something differs; the message says what, what it was and what came.
    """
    was, wanted = old["config"]["epochs"], new["config"]["epochs"]
    if wanted < was:
        raise refusal("config epochs", f">= {was} to resume {out}", wanted)
    if new["init"] not in (None, old["init"]) and old["init"] is not None:
        raise refusal(
            "init", f"the file of sha256 {old['init']}, with which the run in {out} began", new["init"]
        )
    same = {**new, "config": {**new["config"], "epochs": was}}
    for part in ("data", "config", "on_gradients", "optimizer", "model"):
        found = first_difference(old.get(part), same[part])
        if found is not None:
            place, before, now = found
            raise ValueError(
                f"{f'{part} {place}'.strip()} must be {before} to resume {out}, got {now}; "
                "resume with the same settings or choose another folder"
            )


def first_difference(old: Any, new: Any) -> tuple[str, str, str] | None:
    """Find the first place where two trees of JSON values differ: the place and both values, in words."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in (*old, *(key for key in new if key not in old)):
            if key not in old or key not in new:
                there = [repr(side[key]) if key in side else "nothing" for side in (old, new)]
                return key, there[0], there[1]
            inner = first_difference(old[key], new[key])
            if inner is not None:
                return _place(key, inner[0]), inner[1], inner[2]
        return None
    if isinstance(old, list) and isinstance(new, list):
        for i, (a, b) in enumerate(zip(old, new, strict=False)):
            inner = first_difference(a, b)
            if inner is not None:
                return _place(f"[{i}]", inner[0]), inner[1], inner[2]
        return None if len(old) == len(new) else ("", f"of {len(old)} entries", f"{len(new)}")
    return None if old == new else ("", repr(old), repr(new))


def _place(outer: str, inner: str) -> str:
    return f"{outer}{'' if not inner or inner.startswith('[') else '.'}{inner}"


def qualified_name(made: Callable[..., Any]) -> str:
    """Name a function or class as `module:name`, an object by its class, a partial with its arguments."""
    if isinstance(made, partial):
        given = [*map(repr, made.args), *(f"{key}={value!r}" for key, value in made.keywords.items())]
        return f"{qualified_name(made.func)}({', '.join(given)})"
    named: Any = made if hasattr(made, "__qualname__") else type(made)
    return f"{named.__module__}:{named.__qualname__}"


def check_named(name: str, made: Callable[..., Any] | None) -> None:
    """Refuse a function whose name does not tell it from others, where a run is to be resumed.

    Raises:
        ValueError: It is a lambda, or a partial with arguments other than numbers, strings and tuples of them.
    """
    if isinstance(made, partial):
        check_named(name, made.func)
        for value in (*made.args, *made.keywords.values()):
            if not all(isinstance(v, _PLAIN) for v in (value if isinstance(value, tuple) else (value,))):
                raise refusal(f"{name} (a partial)", "made with numbers and strings to resume", value)
    elif getattr(made, "__name__", "") == "<lambda>":
        raise refusal(name, "a function or class with a name to resume", made)
