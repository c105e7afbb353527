"""Save a model with what rebuilds it, and load it again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from torch import Tensor, nn

from snn.core.arrays import PathLike
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import fields_of, typed
from snn.nn import Layer, from_config, to_config
from snn.nn.registry import check_allowed, check_rebuilds, check_sizes
from snn.train.tensor_files import TensorFile, open_tensors, write_tensors

__all__ = ["fill", "load", "open_model", "read_info", "save"]

KIND, VERSION = "snn.model", 3
"""3 has a checksum; 1 calls `RecurrentLIF` by another name."""


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
    check_allowed(allow)
    file = open_model(path)
    with naming(path):
        if model is None:
            check_sizes(file.info["model"], file.shapes, allow)
            model = from_config(file.info["model"], allow)
    fill(model, file.tensors(), f"weights in {path}")
    return model.eval()


def read_info(path: PathLike) -> dict[str, Any]:
    """Read the JSON values that were saved with a model.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version.
    """
    about: dict[str, Any] = open_model(path).info["about"]
    return about


def open_model(path: PathLike) -> TensorFile:
    """Read what a model file says before its weights are read; its `info` has the fields `model` and `about`.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version.
    """
    file = open_tensors(path, KIND, VERSION)
    with naming(path):
        for name, values in fields_of("info", file.info, ("model", "about")).items():
            typed(name, values, dict, "a group of fields")
    return file


def fill(model: nn.Module, tensors: dict[str, Tensor], what: str) -> None:
    """Give a model tensors by name.

    Raises:
        ValueError: They are not those of the model; the message begins with `what`.
    """
    for name, held in model.state_dict().items():
        given = tensors.get(name)
        if given is not None and (given.is_floating_point(), given.is_complex()) != (
            held.is_floating_point(),
            held.is_complex(),
        ):
            raise ValueError(f"{what} must fit the model, got: {name} of {given.dtype}, not {held.dtype}")
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{what} must fit the model, got: {error}") from error
