"""Spiking Speech Commands: SHD's layout with a file of its own for validation."""

from __future__ import annotations

from snn.core.arrays import PathLike
from snn.core.checks import choice
from snn.datasets.formats.locate import locate
from snn.datasets.known_folders import need
from snn.datasets.sets.shd import check_same_classes, checked_grid, read_set
from snn.datasets.sets.shd_binning import Binning
from snn.datasets.spike_set import SpikeSet

__all__ = ["SSC_SPLITS", "ssc"]

SSC_SPLITS = ("train", "valid", "test")


def ssc(
    path: PathLike | None = None,
    *,
    dt_ms: float = 10.0,
    group: int = 5,
    binning: Binning = "fixed",
    max_ms: float | None = None,
) -> tuple[SpikeSet, SpikeSet, SpikeSet]:
    """Read words for training, validation and test, each from a file of its own.

    Args:
        path: A folder or zip with a *train*, a *valid* and a *test* file in SHD's layout (.h5 or .h5.gz), or
            one of the three files; None looks in $SNN_DATA and ~/.cache/snn.
        dt_ms: Length of a step, ms.
        group: Neighbouring channels summed into one unit; divides 700.
        binning: How times become steps, see `to_steps`: "fixed", "first_spike" or "restart".
        max_ms: Spikes later than this are dropped (and counted in `dropped_spikes`); None keeps all.

    Returns:
        Training, validation and test set; each says in `.name` what its data really are.

    Raises:
        FileNotFoundError: The data are not there.
        DataError: A file is damaged or holds an impossible value, or the files name different classes.
        MemoryError: The spikes do not fit: making a set takes 52 bytes for each, keeping it 16.
        ValueError: An argument is impossible; the message names it.
    Source: Cramer et al., 2020.
    """
    dt_ms, group, max_ms = checked_grid(dt_ms, group, max_ms)
    choice("binning", binning, Binning)
    sources = locate(need("ssc") if path is None else path, SSC_SPLITS)
    sets = {split: read_set(sources[split], dt_ms, group, binning, max_ms) for split in SSC_SPLITS}
    check_same_classes(sets, sources)
    return sets["train"], sets["valid"], sets["test"]
