"""Tell whether a file of ours still holds the bytes that were written.

Our HDF5 files begin with a user block, 512 bytes that HDF5 and all its readers skip: a line of text, padded with
zeros. It is checked before HDF5 sees the file, because the library trusts what it reads: damaged files make it
loop for ever or end the process. The line is no seal: who wants to can compute it anew.

    snn file, sha256 of the following 13632 bytes: 64 hexadecimal digits
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import BinaryIO

SIZE = 512
"""Bytes of the block: the least that HDF5 allows."""

_MARK = b"snn file"
_LINE = re.compile(rb"snn file, sha256 of the following (\d{1,15}) bytes: ([0-9a-f]{64})\n(\0*)", re.DOTALL)
_PIECE = 1 << 20
"""Bytes that are read, and hashed, at a time."""


def user_block(content: bytes) -> bytes:
    """Make the block that goes ahead of what HDF5 wrote."""
    size, digest = len(content), hashlib.sha256(content).hexdigest()
    return f"snn file, sha256 of the following {size} bytes: {digest}\n".encode("ascii").ljust(SIZE, b"\0")


def has_user_block(path: Path) -> bool:
    """Tell whether a file begins as ours do, whole or not.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(_MARK)) == _MARK


def check_user_block(path: Path) -> None:
    """Refuse a file of which any byte is not as it was written.

    Raises:
        ValueError: It has no block (it was written by an early version, or by others), or it was changed, cut or
            added to.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        block = file.read(SIZE)
        line = _LINE.fullmatch(block)
        if line is None or len(block) < SIZE:
            raise ValueError(
                f"{path} must begin with the checksum that snn writes ahead of its HDF5 files, got none that is "
                "whole: it is damaged, of another program, or of a version of snn that wrote none"
            )
        size, digest = hash_rest(file)
    if (size, digest) != (int(line[1]), line[2].decode("ascii")):
        raise ValueError(
            f"{path} must hold the {int(line[1])} bytes that were written (sha256 {line[2].decode('ascii')}), got "
            f"{size} bytes of sha256 {digest}: it has been changed, cut or damaged since"
        )


def hash_rest(file: BinaryIO, before: bytes = b"") -> tuple[int, str]:
    """Give the number of bytes still to be read from an open file, and the sha256 of `before` and them."""
    found, size, piece = hashlib.sha256(before), 0, bytearray(_PIECE)
    while count := file.readinto(piece):  # type: ignore[attr-defined]
        found.update(memoryview(piece)[:count])
        size += count
    return size, found.hexdigest()
