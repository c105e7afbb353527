"""Name the files of a long recording: a folder of parts, each some steps of the run.

`part-000000000100-000000000200.h5` holds steps 100 to 199, and `state-000000000200.h5` is where the run stands
after them. A part takes its name when it is complete, and is never written again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from snn.core.arrays import PathLike

_PART = re.compile(r"part-(\d{12})-(\d{12})\.h5")


@dataclass(frozen=True, slots=True)
class Part:
    """Name one file of a recording.

    Attributes:
        path: Where it is.
        start: First step.
        stop: Step after the last.
    """

    path: Path
    start: int
    stop: int


def part_of(folder: PathLike, start: int, stop: int) -> Part:
    """Name the part that holds the steps `start` to `stop` - 1."""
    return Part(Path(folder) / f"part-{start:012d}-{stop:012d}.h5", start, stop)


def parts_of(folder: PathLike) -> list[Part]:
    """List the parts in a folder, in the order of time; none where there is no folder.

    Raises:
        ValueError: A part is missing between two others.
    """
    names = sorted(Path(folder).glob("part-*.h5"))
    found = [(path, _PART.fullmatch(path.name)) for path in names]
    parts = [Part(path, int(match[1]), int(match[2])) for path, match in found if match]
    end = 0
    for part in parts:
        if part.start != end:
            raise ValueError(f"{folder}: the part with steps {end} to {part.start - 1} is missing")
        end = part.stop
    return parts


def state_path(folder: PathLike, step: int) -> Path:
    """Tell where the state after `step` steps is kept."""
    return Path(folder) / f"state-{step:012d}.h5"
