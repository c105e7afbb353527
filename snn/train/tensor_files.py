"""Keep tensors as safetensors with JSON values beside them: whole or not at all, never pickle.

The values stand in one entry of the metadata, `snn`, behind a checksum: the sha256 of the whole file with zeros in
the place of its 64 digits. It is checked before the tensors are read; safetensors itself sees no changed number.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import safetensors
import safetensors.torch
from torch import Tensor

from snn.core import memory
from snn.core.arrays import PathLike
from snn.core.checks import refusal, shown
from snn.core.files.hdf5 import naming
from snn.core.files.json_file import fields_of, parse_json, typed
from snn.core.files.user_block import hash_rest
from snn.core.files.whole import existing_file, write_whole

__all__ = ["TensorFile", "open_tensors", "read_tensors", "write_tensors"]

HEADER = "snn"
_NO_DIGEST = "0" * 64
_LONGEST_HEADER = 1 << 28
"""Bytes of the longest header that is read: of some million tensors."""


class TensorFile(NamedTuple):
    """Hold what a file says before its tensors are read.

    Attributes:
        path: The file.
        info: The JSON values.
        shapes: Shape of each tensor, by name.
        sha256: Its checksum, which tells it from any other file.
    """

    path: Path
    info: dict[str, Any]
    shapes: dict[str, list[int]]
    sha256: str

    def tensors(self) -> dict[str, Tensor]:
        """Read the tensors.

        Raises:
            ValueError: The file is not what it says.
            MemoryError: They would not fit.
        """
        memory.check(self.path.stat().st_size, f"the tensors in {self.path}")
        try:
            with naming(self.path), safetensors.safe_open(self.path, framework="pt") as file:
                return {name: file.get_tensor(name) for name in list(file.keys())}
        except safetensors.SafetensorError as error:
            raise _not_whole(self.path, str(error)) from error


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
    values = {"sha256": _NO_DIGEST, "format": kind, "version": version, "info": info}
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    content = memoryview(safetensors.torch.save(held, {HEADER: json.dumps(values)}))
    size = 8 + int.from_bytes(content[:8], "little")
    digest = hashlib.sha256(content).hexdigest()
    head = bytes(content[:size]).replace(_NO_DIGEST.encode(), digest.encode(), 1)
    write_whole(path, head, content[size:])


def read_tensors(path: PathLike, kind: str, version: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote: tensors and JSON values.

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Not a whole safetensors file, another format, or another version.
    """
    found = open_tensors(path, kind, version)
    return found.tensors(), found.info


def open_tensors(path: PathLike, kind: str, version: int) -> TensorFile:
    """Read what a file of `write_tensors` holds beside its tensors, and check every byte of it.

    Raises:
        FileNotFoundError: Nothing is there.
        OSError: It cannot be read.
        ValueError: Not a whole safetensors file, another format, or another version.
    """
    source = existing_file(path)
    with source.open("rb") as file:
        size = file.read(8)
        length = int.from_bytes(size, "little")
        if not 2 <= length <= min(_LONGEST_HEADER, source.stat().st_size - 8):
            raise _not_whole(source, f"a header of {length} bytes in a file of {source.stat().st_size}")
        text = file.read(length)
        try:
            header = typed("header", parse_json(text, "header"), dict, "a group of tensors")
        except ValueError as error:
            raise _not_whole(source, str(error)) from None
        metadata = header.pop("__metadata__", {})
        values = _checked_values(source, metadata, kind, version)
        digest = values["sha256"]
        head = (size + text).replace(digest.encode(), _NO_DIGEST.encode(), 1)
        _, found = hash_rest(file, head)
    if found != digest:
        raise ValueError(
            f"{source} must hold the bytes that were written (sha256 {digest}), got others ({found}): it has been "
            "changed, cut or damaged since"
        )
    with naming(source):
        info = typed("info", values["info"], dict, "a group of values")
        shapes = {name: _shape(name, about) for name, about in header.items()}
    return TensorFile(source, info, shapes, digest)


def _checked_values(path: Path, metadata: Any, kind: str, version: int) -> dict[str, Any]:
    """Give the values of a file of this format and version."""
    text = metadata.get(HEADER, "{}") if isinstance(metadata, dict) else "{}"
    values = parse_json(text, f"{path}: metadata {HEADER!r}", constants=True) if isinstance(text, str) else {}
    found = values.get("format") if isinstance(values, dict) else None
    if found != kind:
        raise ValueError(
            f"{path} must be a file of format {kind!r}, got "
            f"{'one that names no format of ours' if found is None else shown(found)}"
        )
    if not (type(values.get("version")) is int and values["version"] == version):
        raise ValueError(
            f"{path} must be a {kind!r} file of version {version}, got version {shown(values.get('version'))}: "
            "it was written by another release; train again, or read it with that one"
        )
    with naming(path):
        fields_of(f"metadata {HEADER!r}", values, ("sha256", "format", "version", "info"))
        digest = typed("sha256", values["sha256"], str, "64 hexadecimal digits")
        if len(digest) != len(_NO_DIGEST):
            raise refusal("sha256", "64 hexadecimal digits", digest)
    return values


def _shape(name: str, about: Any) -> list[int]:
    """Give the shape of a tensor as the header has it."""
    shape = about.get("shape") if isinstance(about, dict) else None
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise refusal(f"shape of {name!r}", "a list of whole numbers >= 0", shape)
    return shape


def _not_whole(path: Path, what: str) -> ValueError:
    return ValueError(f"{path} must be a whole safetensors file, got: {what}")
