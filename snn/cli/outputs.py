"""Find out before the work whether its results can be written."""

from __future__ import annotations

import tempfile
from pathlib import Path

from snn.core.checks import refusal

__all__ = ["check_file", "check_folder"]


def check_file(name: str, path: str) -> Path:
    """Refuse a file that could not be written.

    Args:
        name: Name of the option.
        path: The file, whose folder must be there.

    Raises:
        ValueError: It is a folder, or no path.
        OSError: Its folder is not there, or nothing can be written into it.
    """
    file = Path(path)
    if not path or file.is_dir():
        raise refusal(name, "a file", path)
    _try_to_write(name, file.parent)
    return file


def check_folder(name: str, path: str) -> Path:
    """Refuse a folder that could not be made or written into; nothing is made.

    Raises:
        ValueError: It is no path.
        OSError: Nothing can be written there.
    """
    if not path:
        raise refusal(name, "a folder", path)
    folder = Path(path)
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    _try_to_write(name, there)
    return folder


def _try_to_write(name: str, folder: Path) -> None:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise OSError(error.errno, f"{name} cannot be written to: {error.strerror}", str(folder)) from error
