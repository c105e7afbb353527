"""Save a model with what rebuilds it, and load it again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from snn.core.arrays import PathLike
from snn.nn import Layer, from_config, to_config
from snn.nn.registry import check_rebuilds
from snn.train.tensor_files import read_tensors, write_tensors

__all__ = ["load", "read_info", "save"]

KIND, VERSION = "snn.model", 2


def save(model: Layer, path: PathLike, info: dict[str, Any] | None = None) -> None:
    """Write a model: its layers, weights and, if given, JSON values about it (data settings, scores).

    Raises:
        TypeError: A layer is neither ours nor registered.
        ValueError: What a layer's `config()` gives does not build it, or builds other parameters.
        OSError: The file could not be written.
    """
    description = to_config(model)
    check_rebuilds(model, description)
    about = {"model": description, "about": info or {}}
    write_tensors(path, KIND, VERSION, dict(model.state_dict()), about)


def load(path: PathLike, model: Layer | None = None, *, allow: Collection[str] = ()) -> Layer:
    """Read a model written by `save`, in evaluation mode.

    Args:
        path: The file.
        model: A model to fill; None builds the one the file describes.
        allow: Modules that may be imported to find layers of your own, such as ``("my.module",)``. Layers that are
            registered in this process (`snn.nn.register_layer`) need none.

    Raises:
        FileNotFoundError: Nothing is there.
        TypeError: `allow` is no tuple of names.
        ValueError: Not a model file of this version, its weights do not fit the model, or it holds a layer whose
            module is not allowed; the message gives the line to add.
        ImportError: An allowed module cannot be imported.
    """
    tensors, info = read_tensors(path, KIND, VERSION)
    filled = from_config(info["model"], allow) if model is None else model
    try:
        filled.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"weights in {path} must fit the model, got: {error}") from error
    return filled.eval()


def read_info(path: PathLike) -> dict[str, Any]:
    """Read the JSON values that were saved with a model.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version.
    """
    about: dict[str, Any] = read_tensors(path, KIND, VERSION)[1]["about"]
    return about
