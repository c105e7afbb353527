"""Start a run from the weights of a saved model: `fit(..., init=PATH)`."""

from __future__ import annotations

import json

from snn.core.arrays import PathLike
from snn.nn import Layer, to_config
from snn.train.model_files import fill, open_model
from snn.train.run_identity import first_difference
from snn.train.tensor_files import TensorFile

__all__ = ["check_initial_weights", "load_initial_weights"]


def load_initial_weights(path: PathLike, model: Layer) -> str:
    """Fill a model with the weights of a file written by `save`, which must describe the same model.

    Returns:
        The checksum of the file.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version, or its model differs; the message names the first difference.
    """
    file = _open(path, model)
    fill(model, file.tensors(), f"weights in {path}")
    return file.sha256


def check_initial_weights(path: PathLike, model: Layer) -> str:
    """Do what `load_initial_weights` does, but for filling the model."""
    return _open(path, model).sha256


def _open(path: PathLike, model: Layer) -> TensorFile:
    file = open_model(path)
    found = first_difference(file.info["model"], json.loads(json.dumps(to_config(model))))
    if found is not None:
        place, saved, given = found
        raise ValueError(
            f"{place or 'kind'} of the model must be {saved} to start from the weights in {path}, got {given}"
        )
    held = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    if held != file.shapes:
        name, saved, given = first_difference(file.shapes, held) or ("", "", "")
        raise ValueError(
            f"{name} of the model must be {saved} to start from the weights in {path}, got {given}"
        )
    return file
