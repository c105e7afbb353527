"""One entry for all native files of event cameras: what a file begins with, or its ending, says what it is."""

from __future__ import annotations

import re
from collections.abc import Callable

from snn.core.arrays import PathLike
from snn.core.checks import flag
from snn.datasets.errors import DataError
from snn.datasets.formats.aedat import read_aedat2
from snn.datasets.formats.aedat3 import read_aedat3
from snn.datasets.formats.aedat4 import read_aedat4
from snn.datasets.formats.atis_bin import read_atis_bin
from snn.datasets.formats.camera_events import CameraEvents
from snn.datasets.formats.dat import read_dat
from snn.datasets.formats.evt import read_evt
from snn.datasets.formats.locate import Source, existing
from snn.datasets.formats.stmnist_mat import read_stmnist_mat

__all__ = ["EVENT_ENDINGS", "read_events", "read_native"]

_BY_START: dict[bytes, Callable[..., CameraEvents]] = {
    b"#!AER-DAT2.": read_aedat2,
    b"#!AER-DAT3.": read_aedat3,
    b"#!AER-DAT4.": read_aedat4,
    b"MATLAB 5.0 ": read_stmnist_mat,
}
_BY_ENDING: dict[str, Callable[..., CameraEvents]] = {
    ".bin": read_atis_bin,
    ".raw": read_evt,
    ".dat": read_dat,
}
EVENT_ENDINGS = (".aedat", ".aedat4", ".bin", ".dat", ".mat", ".raw")
"""What names of native files end in."""


def read_events(path: PathLike, *, sort: bool = False) -> CameraEvents:
    """Read the events of one native file of an event camera, checking every one.

    AEDAT 2.0, 3.1 and 4.0 and ST-MNIST's .mat are known by what they begin with; N-MNIST's and N-Caltech101's .bin,
    EVT 2.0 and 3.0 (.raw) and DAT (.dat) by their ending, which may be followed by .gz, .bz2 or .xz. What each does
    with overflows, clocks that start again and what is no event: docs/event-files.md.

    Args:
        path: The file.
        sort: Put events in order of time where they are not, rather than refuse them; those of one microsecond keep
            their order.

    Returns:
        Times by the clock of the file, us, columns, rows and polarities, [E] each.

    Raises:
        FileNotFoundError: Nothing is there.
        OSError: It cannot be read.
        DataError: It is of no known format, cut short or damaged, or holds an impossible value; the message names
            the file and the place.
    """
    return read_native(Source(existing(path)), sort=flag("sort", sort))


def read_native(source: Source, *, sort: bool = False) -> CameraEvents:
    """Read the events of one file, also inside a zip; see `read_events`."""
    with source.opened() as file:
        start = file.read(16)
    for mark, read in _BY_START.items():
        if start.startswith(mark):
            return read(source, sort=sort)
    name = re.sub(r"\.(gz|bz2|xz)$", "", source.name.lower())
    for ending, read in _BY_ENDING.items():
        if name.endswith(ending):
            return read(source, sort=sort)
    known = "AEDAT 2.0, 3.1 or 4.0, a .mat of ST-MNIST, or end in .bin, .raw (EVT 2.0 and 3.0) or .dat"
    raise DataError(f"{source} must be {known}, got a file that begins with {start[:11]!r}")
