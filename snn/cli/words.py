"""What `simulate` and `energy` share: a saved model or network, and the test words it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snn.core import Network
from snn.datasets import SpikeSet, shd
from snn.nn import Sequential, to_network
from snn.train import load, read_info

__all__ = ["Loaded", "load_file", "test_words"]


@dataclass(frozen=True)
class Loaded:
    """Hold what a file gave."""

    network: Network
    """To run by events."""
    model: Sequential | None
    """The torch model, if the file held one."""
    data: dict[str, Any]
    """How its data were read: arguments of `snn.datasets.shd`."""
    tail_steps: int
    """Silent steps that follow every sample."""


def load_file(path: str) -> Loaded:
    """Read a model (.safetensors) or a network (.h5).

    Raises:
        FileNotFoundError: Nothing is there.
        ValueError: Neither of the two, of another version, or a model of another recipe.
    """
    if Path(path).suffix in (".h5", ".hdf5"):
        network = Network.load(path)
        return Loaded(network, None, {"dt_ms": network.dt_ms}, _longest_path(network))
    model = load(path)
    about = read_info(path)
    if about.get("recipe") != "shd" or not isinstance(model, Sequential):
        raise ValueError(f"{path} does not say how its data are read; train it with `snn train shd`")
    data = {**about["data"], "seed": about["seed"]}
    return Loaded(to_network(model, data["dt_ms"]), model, data, model.tail_steps)


def _longest_path(network: Network) -> int:
    """Give the steps a spike may be under way to the last population: nothing late is cut."""
    late = {population.name: 0 for population in network.populations}
    for name in network.order:
        for projection in network.projections:
            if projection.pre == name and projection.post != name:
                delay = int(network.synapses(projection.name).delay_steps.max(initial=0))
                late[projection.post] = max(late[projection.post], late[name] + delay)
    return max(late.values())


def test_words(loaded: Loaded, data: str | None) -> SpikeSet:
    """Read the test words: from `data`, or from where the model was trained.

    Raises:
        ValueError: The words do not have the network's number of inputs, or bad data.
        FileNotFoundError: The data are not there.
    """
    given = dict(loaded.data)
    path = given.pop("data", None) if data is None else data
    source = loaded.network.populations[0]
    if loaded.model is None:
        given["group"] = 700 // source.size
    test = shd(None if data == "embedded" else path, **given)[2]
    if test.n_units != source.size:
        raise ValueError(f"the network has {source.size} inputs, the words have {test.n_units} channels")
    return test
