"""Write files whole or not at all, and tell what can be read."""

from __future__ import annotations

import glob
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from snn.core.arrays import PathLike
from snn.core.checks import refusal, shown

_DRAFT = re.compile(r"\..+\.(\d+)\.part", re.DOTALL)


def write_whole(path: PathLike, *content: bytes | memoryview) -> None:
    """Write a file; one already there stays as it is until the new one is complete on disk.

    The new one grows beside it as `.NAME.PROCESS.part`. Such drafts of this name that were left by processes that
    were killed are removed.

    Args:
        path: The file.
        content: Its bytes, in one or more pieces.

    Raises:
        OSError: It could not be written (a full disk, say); the message names the path and says what is there now.
    """
    target = as_path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        remove_drafts(target.parent, target.name)
        with open(draft, "wb") as file:
            for piece in content:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except OSError as error:
        left = "the file written before is untouched" if os.path.lexists(target) else "nothing was left there"
        raise OSError(error.errno, f"could not write: {error.strerror}; {left}", str(target)) from error
    finally:
        with suppress(OSError):
            draft.unlink()


def remove_drafts(folder: Path, name: str | None = None) -> None:
    """Remove drafts that `write_whole` left in a folder when its process was killed.

    Args:
        folder: The folder; it need not be there.
        name: Of files of this name; None: of all.
    """
    pattern = f".{'*' if name is None else glob.escape(name)}.*.part"
    for draft in folder.glob(pattern):
        match = _DRAFT.fullmatch(draft.name)
        if match is not None and not _is_alive(int(match[1])):
            with suppress(OSError):  # another writer may have been first
                draft.unlink()


def as_path(path: Any) -> Path:
    """Give the path of a file.

    Raises:
        TypeError: It is no path.
        ValueError: No file can have that name.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path must be the path of a file, got {shown(path)}")
    made = Path(path)
    if not made.name or "\0" in str(made):
        raise refusal("path", "the path of a file", str(path))
    return made


def existing_file(path: Any) -> Path:
    """Give the path of a file that is there to be read.

    Raises:
        FileNotFoundError: Nothing is there.
        OSError: It is no ordinary file (a folder, say), or cannot be looked at.
        TypeError, ValueError: As `as_path`.
    """
    made = as_path(path)
    try:
        made.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"no file at {made}") from None
    if made.is_dir():
        raise IsADirectoryError(f"{made} must be a file, got a folder")
    if not made.is_file():
        raise OSError(f"{made} must be an ordinary file, got a device, pipe or socket")
    return made


def _is_alive(process: int) -> bool:
    """Tell whether a process of that number may be running."""
    if os.name != "posix":  # elsewhere to send it a signal of 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True
