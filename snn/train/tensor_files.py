"""Keep tensors as safetensors with JSON values beside them: whole or not at all, never pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from snn.core.arrays import PathLike
from snn.core.files.whole import write_whole

__all__ = ["read_tensors", "write_tensors"]

HEADER = "snn"


def write_tensors(
    path: PathLike, kind: str, version: int, tensors: dict[str, Tensor], info: dict[str, Any]
) -> None:
    """Write tensors and JSON values into one file; a file already there stays whole until the new one is.

    Args:
        path: The file.
        kind: Name of the format, such as "snn.model".
        version: Version of the format, which `read_tensors` asks for.
        tensors: Tensors by name, of any shape and device.
        info: Values that JSON can hold.

    Raises:
        OSError: It could not be written (a full disk, say); the message says what is still there.
    """
    # one entry: safetensors writes several in no fixed order, and the same run is to give the same bytes
    metadata = {HEADER: json.dumps({"format": kind, "version": version, "info": info})}
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_whole(path, safetensors.torch.save(held, metadata))


def read_tensors(path: PathLike, kind: str, version: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote: tensors and JSON values.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a whole safetensors file, another format, or another version.
    """
    source = Path(path)
    if not source.is_file():
        raise FileNotFoundError(f"no file at {source}")
    try:
        with safetensors.safe_open(source, framework="pt") as file:
            info = _checked_info(source, file.metadata() or {}, kind, version)
            return {name: file.get_tensor(name) for name in list(file.keys())}, info
    except safetensors.SafetensorError as error:
        raise ValueError(f"{source} must be a whole safetensors file, got: {error}") from error


def _checked_info(path: Path, metadata: dict[str, str], kind: str, version: int) -> dict[str, Any]:
    """Give the JSON values of a file of this format and version."""
    header = json.loads(metadata.get(HEADER, "{}"))
    found = header.get("format")
    if found != kind:
        raise ValueError(
            f"{path} must be a file of format {kind!r}, got "
            f"{'one that names no format of ours' if found is None else repr(found)}"
        )
    if header["version"] != version:
        raise ValueError(
            f"{path} must be a {kind!r} file of version {version}, got version {header['version']}: it was written "
            "by another release; train again, or read it with that one"
        )
    info: dict[str, Any] = header["info"]
    return info
