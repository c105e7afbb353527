"""Write files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from snn.core.arrays import PathLike


def write_whole(path: PathLike, content: bytes) -> None:
    """Write a file; one already there stays as it is until the new one is complete on disk.

    Raises:
        OSError: It could not be written (a full disk, say); the message names the path and says what is there now.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except OSError as error:
        left = "the file written before is untouched" if target.exists() else "nothing was left there"
        raise OSError(error.errno, f"could not write: {error.strerror}; {left}", str(target)) from error
    finally:
        draft.unlink(missing_ok=True)
