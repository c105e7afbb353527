"""Write spikes of one's own in SHD's layout, for `shd`, `ssc` and other programs to read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from snn.core import Events
from snn.core.arrays import PathLike
from snn.core.checks import instance, refusal
from snn.core.files.whole import as_path, write_whole
from snn.core.timed_events import times_of
from snn.datasets.formats.shd_file import CHANNELS
from snn.datasets.samples import check_classes, one_per_sample

__all__ = ["write_shd"]


def write_shd(
    path: PathLike,
    events: Events,
    labels: ArrayLike,
    classes: Sequence[str],
    *,
    speakers: ArrayLike | None = None,
) -> None:
    """Write labelled spikes; times are float32 seconds, off by 30 ns at 1 s, where SHD's own are off by 0.2 ms.

    Args:
        path: The file, which ends in .h5 and has train, valid or test in its name for `shd` and `ssc` to find it.
        events: The samples, of at most 700 units; each has a spike, as the layout wants. Steps after the
            last spike are not kept.
        labels: Class of each sample, from 0, [B].
        classes: Names of the classes.
        speakers: Speaker of each sample, >= 0, [B]; None writes none.

    Raises:
        ValueError: A sample is silent, there are too many units, or labels do not fit; the message names it.
        OSError: The file cannot be written.
    """
    import h5py  # slow to import

    instance("events", events, Events)
    if events.n_units > CHANNELS:
        raise refusal("events", f"of at most {CHANNELS} units, as SHD's layout has", events)
    sizes = np.diff(events.offsets)
    if not len(sizes) or not sizes.all():
        where = f" in sample {int((sizes == 0).argmax())}" if len(sizes) else ""
        raise refusal(f"spikes{where}", "at least 1", 0)
    names = check_classes(tuple(classes) if isinstance(classes, list) else classes)
    own = one_per_sample("labels", labels, len(events), high=len(names) - 1)
    of_whom = None if speakers is None else one_per_sample("speakers", speakers, len(events), high=2**16 - 1)
    times, bounds = (times_of(events) / 1000.0).astype(np.float32), events.offsets[1:-1]
    with h5py.File(as_path(path).name, "w", driver="core", backing_store=False) as file:
        for name, column in (("times", times), ("units", events.unit.astype(np.uint16))):
            rows = file.create_dataset(f"spikes/{name}", (len(events),), h5py.vlen_dtype(column.dtype))
            for b, row in enumerate(np.split(column, bounds)):
                rows[b] = row
        file["labels"] = own.astype(np.uint16)
        file["extra/keys"] = np.array([name.encode() for name in names])
        if of_whom is not None:
            file["extra/speaker"] = of_whom.astype(np.uint16)
        file.flush()
        image = file.id.get_file_image()
    write_whole(path, image)
