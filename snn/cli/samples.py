"""What `simulate` and `energy` share: a saved model or network, and the test samples it is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy.sparse.csgraph import connected_components

from snn.core import Network
from snn.datasets import EventCameraSet, ImageSet, SoundSet, SpikeSet, shd
from snn.datasets.formats.shd_file import CHANNELS
from snn.nn import to_network
from snn.recipes.saved import SavedModel, load_saved

__all__ = ["LoadedFile", "load_file", "test_samples"]


@dataclass(frozen=True)
class LoadedFile:
    """Hold what a file gave.

    Attributes:
        network: To run by events.
        saved: The torch model and how its data are read, if the file held one.
    """

    network: Network
    saved: SavedModel | None

    @property
    def tail_steps(self) -> int:
        """Silent steps that follow every sample."""
        return _longest_path(self.network) if self.saved is None else self.saved.model.tail_steps


def load_file(path: str) -> LoadedFile:
    """Read a model (.safetensors) or a network (.h5).

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Neither of the two, of another version, or a model that has no events to run by.
    """
    if Path(path).suffix in (".h5", ".hdf5"):
        return LoadedFile(Network.load(path), None)
    saved = load_saved(path)
    if saved.samples.inputs == "currents":
        what, first = "still images" if saved.shape else "sounds", type(saved.model[0]).__name__
        raise ValueError(
            f"{path} is given {what}, which are currents in its first layer ({first}) and no spikes: "
            "it cannot be run by events"
        )
    return LoadedFile(to_network(saved.model, saved.dt_ms, shape=saved.shape or None), saved)


def _longest_path(network: Network) -> int:
    """Give the most steps that a spike takes to the last population, so that nothing late is cut.

    Populations that reach each other form a loop, where spikes may go on for ever: it counts as gone through once.
    """
    delay = np.zeros((len(network.order), len(network.order)), dtype=np.int64)
    linked = np.zeros_like(delay, dtype=bool)
    for projection in network.projections:
        pre, post = network.place[projection.pre], network.place[projection.post]
        if pre != post:
            longest = int(network.synapses(projection.name).delay_steps.max(initial=0))
            delay[pre, post], linked[pre, post] = max(delay[pre, post], longest), True
    loops, loop_of = connected_components(linked, connection="strong")
    same = loop_of[:, None] == loop_of
    through = np.bincount(loop_of, np.where(same, delay, 0).max(axis=1, initial=0), minlength=loops)

    @cache
    def latest(loop: int) -> int:
        senders, receivers = np.nonzero(linked & ~same & (loop_of == loop))
        arrivals = (latest(int(loop_of[i])) + delay[i, j] for i, j in zip(senders, receivers, strict=True))
        return int(through[loop]) + int(max(arrivals, default=0))

    return max(map(latest, range(loops)))


def test_samples(loaded: LoadedFile, data: str | None) -> SpikeSet:
    """Read the test samples: from `data`, or from where the model was trained.

    Raises:
        ValueError: The samples do not have the network's number of inputs, or bad data.
        FileNotFoundError: The data are not there.
    """
    source = loaded.network.population("in")
    if loaded.saved is None:
        if source.size > CHANNELS:
            raise ValueError(
                f"inputs of a network file must be at most {CHANNELS}, the channels of SHD's layout, got "
                f"{source.size}; run its model.safetensors, which says how its data are read"
            )
        path = None if data == "embedded" else data
        test = shd(path, dt_ms=loaded.network.dt_ms, group=CHANNELS // source.size)[2]
    else:
        found = loaded.saved.test_set(data)
        assert not isinstance(found, ImageSet | SoundSet)  # load_file refuses their models
        test = found.read() if isinstance(found, EventCameraSet) else found
    if test.n_units != source.size:
        raise ValueError(f"samples must have {source.size} units, the network's inputs, got {test.n_units}")
    return test
