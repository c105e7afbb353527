"""Save a model with what rebuilds it, and load it again."""

from __future__ import annotations

import json
from typing import Any

from snn.core.arrays import PathLike
from snn.core.checks import refusal
from snn.nn import Layer, from_config, to_config
from snn.train.tensor_files import read_tensors, write_tensors

__all__ = ["load", "load_weights", "read_info", "save"]

KIND, VERSION = "snn.model", 2


def save(model: Layer, path: PathLike, info: dict[str, Any] | None = None) -> None:
    """Write a model: its layers, weights and, if given, JSON values about it (data settings, scores).

    Raises:
        TypeError: A layer is not one of ours.
        OSError: The file could not be written.
    """
    about = {"model": to_config(model), "about": info or {}}
    write_tensors(path, KIND, VERSION, dict(model.state_dict()), about)


def load(path: PathLike, model: Layer | None = None) -> Layer:
    """Read a model written by `save`, in evaluation mode.

    Args:
        path: The file.
        model: A model to fill; None builds the one the file describes.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version, or its weights do not fit the model.
    """
    tensors, info = read_tensors(path, KIND, VERSION)
    filled = from_config(info["model"]) if model is None else model
    try:
        filled.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"weights in {path} must fit the model, got: {error}") from error
    return filled.eval()


def load_weights(path: PathLike, model: Layer) -> None:
    """Fill a model with the weights of a file written by `save`, which must describe the same model.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version, or one of another model.
    """
    tensors, info = read_tensors(path, KIND, VERSION)
    given = json.loads(json.dumps(to_config(model)))
    if given != info["model"]:
        raise refusal("model", f"as described in {path} to start from the weights there", given)
    model.load_state_dict(tensors)


def read_info(path: PathLike) -> dict[str, Any]:
    """Read the JSON values that were saved with a model.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version.
    """
    about: dict[str, Any] = read_tensors(path, KIND, VERSION)[1]["about"]
    return about
