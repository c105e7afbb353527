"""Start a run from the weights of a saved model: `fit(..., init=PATH)`."""

from __future__ import annotations

import json

from torch import Tensor

from snn.core.arrays import PathLike
from snn.nn import Layer, to_config
from snn.train.model_files import KIND, VERSION
from snn.train.run_identity import first_difference
from snn.train.tensor_files import read_tensors

__all__ = ["load_initial_weights", "read_initial_weights"]


def load_initial_weights(path: PathLike, model: Layer) -> None:
    """Fill a model with the weights of a file written by `save`, which must describe the same model.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version, or its model differs; the message names the first difference.
    """
    model.load_state_dict(read_initial_weights(path, model))


def read_initial_weights(path: PathLike, model: Layer) -> dict[str, Tensor]:
    """Read the weights of a file written by `save`, which must describe the same model.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version, or its model differs; the message names the first difference.
    """
    tensors, info = read_tensors(path, KIND, VERSION)
    found = first_difference(info["model"], json.loads(json.dumps(to_config(model))))
    if found is not None:
        place, saved, given = found
        raise ValueError(
            f"{place or 'kind'} of the model must be {saved} to start from the weights in {path}, got {given}"
        )
    return tensors
