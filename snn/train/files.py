"""Keep models and checkpoints as safetensors with JSON beside the tensors: whole or not at all, never pickle."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from snn.nn import Layer, from_config, to_config

__all__ = ["load", "read", "read_info", "save", "write"]

MODEL, MODEL_VERSION = "snn.model", 1
HEADER = "snn"


def write(
    path: str | Path, kind: str, version: int, tensors: dict[str, Tensor], info: dict[str, Any]
) -> None:
    """Write tensors and JSON values into one file; a file already there stays whole until the new one is.

    Raises:
        OSError: It could not be written (a full disk, say); the message says what is still there.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    # one entry: safetensors writes several in no fixed order, and the same run is to give the same bytes
    metadata = {HEADER: json.dumps({"format": kind, "version": version, "info": info})}
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        with open(draft, "wb") as file:
            file.write(safetensors.torch.save(whole, metadata))
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except OSError as error:
        left = "the file written before is untouched" if target.exists() else "nothing was left there"
        raise OSError(f"could not write {target}: {error.strerror or error}; {left}") from error
    finally:
        draft.unlink(missing_ok=True)


def read(path: str | Path, kind: str, version: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write` wrote: tensors and JSON values.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a whole safetensors file, another format, or another version.
    """
    source = Path(path)
    if not source.is_file():
        raise FileNotFoundError(f"no file at {source}")
    try:
        with safetensors.safe_open(source, framework="pt") as file:
            info = _checked(source, file.metadata() or {}, kind, version)
            return {name: file.get_tensor(name) for name in list(file.keys())}, info
    except safetensors.SafetensorError as error:
        raise ValueError(f"{source} is not a whole safetensors file: {error}") from error


def _checked(path: Path, metadata: dict[str, str], kind: str, version: int) -> dict[str, Any]:
    header = json.loads(metadata.get(HEADER, "{}"))
    found = header.get("format")
    if found != kind:
        what = "names no format of ours" if found is None else f"is a {found!r} file"
        raise ValueError(f"{path} {what}; expected format {kind!r}")
    if header["version"] != version:
        raise ValueError(f"{path}: {kind} version {header['version']}; this release reads {version}")
    info: dict[str, Any] = header["info"]
    return info


def save(model: Layer, path: str | Path, info: dict[str, Any] | None = None) -> None:
    """Write a model: its layers, weights and, if given, JSON values about it (data settings, scores).

    Raises:
        TypeError: A layer is not one of ours.
        OSError: The file could not be written.
    """
    about = {"model": to_config(model), "about": info or {}}
    write(path, MODEL, MODEL_VERSION, dict(model.state_dict()), about)


def load(path: str | Path, model: Layer | None = None) -> Layer:
    """Read a model written by `save`, in evaluation mode.

    Args:
        path: The file.
        model: A model to fill; None builds the one the file describes.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version, or its weights do not fit the model.
    """
    tensors, info = read(path, MODEL, MODEL_VERSION)
    filled = from_config(info["model"]) if model is None else model
    try:
        filled.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(f"{path}: the weights do not fit the model: {error}") from error
    return filled.eval()


def read_info(path: str | Path) -> dict[str, Any]:
    """Read the JSON values that were saved with a model.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a model file of this version.
    """
    about: dict[str, Any] = read(path, MODEL, MODEL_VERSION)[1]["about"]
    return about
